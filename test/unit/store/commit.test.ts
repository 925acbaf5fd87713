/** The one write of the store: all or nothing, with its journal, and not twice. */
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import type { SubscriberSpec } from '../../../src/model/declared.ts';
import type { Change, Expectation } from '../../../src/model/store.ts';
import { openStore } from '../../../src/store/store.ts';

const spec = (name: string, labels: Record<string, string> = {}): SubscriberSpec =>
  ({ name, attachment: { switch: 's1', port: name }, mac: '02:00:00:00:00:01', labels }) as never;
const put = (name: string, labels = {}, expect?: Expectation): Change => ({
  op: 'put',
  kind: 'subscribers',
  spec: spec(name, labels),
  ...(expect === undefined ? {} : { expect }),
});
const remove = (name: string, expect?: Expectation): Change => ({
  op: 'remove',
  kind: 'subscribers',
  name: name as never,
  ...(expect === undefined ? {} : { expect }),
});

t.test('many changes are one, and each says what came of it', async (t) => {
  const store = openStore(':memory:');
  await store.commit({ changes: [put('a'), put('b')] });
  const { revision, outcomes } = await store.commit({
    changes: [put('a'), put('b', { x: '1' }), remove('a'), put('a', { x: '2' }), put('c')],
  });
  t.equal(revision, 2);
  t.match(outcomes, [
    { name: 'a', action: 'unchanged', uid: 1, generation: 1 },
    { name: 'b', action: 'replaced', uid: 2, generation: 2 },
    { name: 'a', action: 'deleted', uid: 1 },
    { name: 'a', action: 'created', uid: 3, generation: 1 },
    { name: 'c', action: 'created', uid: 4 },
  ]);
  t.same([...store.declared().subscribers.keys()], ['a', 'b', 'c']);
  const { entries } = store.journal.read(2, 100);
  t.match(
    entries.map(({ seq, revision: at, type, name }) => [seq, at, type, name]),
    [
      [3, 2, 'replaced', 'b'],
      [4, 2, 'deleted', 'a'],
      [5, 2, 'created', 'a'],
      [6, 2, 'created', 'c'],
    ],
  );
});

t.test('one change that cannot be made keeps all from being made', async (t) => {
  const file = `${t.testdir()}/state.db`;
  const store = openStore(file);
  await store.commit({ changes: [put('a')] });
  const before = store.declared();
  const cases: [Change, string][] = [
    [remove('nobody'), 'not-found'],
    [put('a', { x: '1' }, 'absent'), 'precondition-failed'],
    [put('c', {}, 'present'), 'precondition-failed'],
    [put('a', {}, { uid: 1, generation: 2 }), 'precondition-failed'],
    [remove('a', { uid: 2, generation: 1 }), 'precondition-failed'],
  ];
  for (const [change, code] of cases) {
    const once = { key: 'k', fingerprint: 'f' };
    await t.rejects(store.commit({ changes: [put('b'), change], once }), { code });
    t.equal(store.declared(), before);
    t.equal(store.journal.newest, 1);
    t.equal(store.remembered('k'), undefined);
  }
  await store.commit({ changes: [put('a', { x: '1' }, { uid: 1, generation: 1 })] });
  t.equal((await store.commit({ changes: [put('d')] })).outcomes[0]?.uid, 2, 'no uid was used up');
  store.close();
  const again = openStore(file);
  t.same([...again.declared().subscribers.keys()], ['a', 'd']);
  again.close();
});

t.test('a change that was judged against an older snapshot is not made', async (t) => {
  const store = openStore(':memory:');
  const basis = store.declared();
  await store.commit({ changes: [put('a')], basis });
  await t.rejects(store.commit({ changes: [put('b')], basis }), { code: 'stale-snapshot' });
  t.same([...store.declared().subscribers.keys()], ['a']);
});

t.test('what a key did is known over a restart, for a day', async (t) => {
  const file = `${t.testdir()}/state.db`;
  const store = openStore(file);
  const once = { key: 'k', fingerprint: 'f' };
  const committed = await store.commit({ changes: [put('a')], once });
  await store.commit({ changes: [put('a')], once: { key: 'same', fingerprint: 'f' } });
  t.same(store.remembered('k'), { ...once, ...committed });
  t.match(store.remembered('same'), { outcomes: [{ action: 'unchanged' }] });
  store.close();
  const db = new DatabaseSync(file);
  db.exec(`UPDATE remembered SET at = at - ${24 * 3_600_000} WHERE key = 'same'`);
  db.close();
  const again = openStore(file);
  t.same(again.remembered('k'), { ...once, ...committed });
  t.equal(again.remembered('same'), undefined);
  again.close();
});

t.test('there are only so many keys: the oldest go', async (t) => {
  const file = `${t.testdir()}/state.db`;
  openStore(file).close();
  const db = new DatabaseSync(file);
  const insert = db.prepare('INSERT INTO remembered (key, fingerprint, committed, at) VALUES (?, ?, ?, ?)');
  db.exec('BEGIN');
  for (let i = 0; i < 10_050; i++)
    insert.run(`k${i}`, 'f', '{"revision":0,"outcomes":[]}', Date.now() - 20_000 + i);
  db.exec('COMMIT');
  db.close();
  const store = openStore(file);
  await store.commit({ changes: [put('a')], once: { key: 'new', fingerprint: 'f' } });
  t.equal(store.remembered('k0'), undefined);
  t.ok(store.remembered('k10049'));
  t.ok(store.remembered('new'));
  store.close();
});

t.test('the journal tells, is bounded, and gives no number twice', async (t) => {
  const file = `${t.testdir()}/state.db`;
  const store = openStore(file, { journalEntries: 10 });
  let woken = 0;
  const stop = store.journal.watch(() => {
    woken++;
  });
  await store.commit({ changes: [put('a')], cause: { request: 'r', actor: 'me' } });
  store.journal.observe([{ kind: 'chains', name: 'c', uid: 7, generation: 1, data: { phase: 'active' } }]);
  t.equal(woken, 2);
  stop();
  const { entries, next } = store.journal.read(0, 100);
  t.equal(next, 2);
  t.match(entries, [
    { seq: 1, type: 'created', cause: { request: 'r', actor: 'me' }, data: { spec: spec('a') } },
    { seq: 2, type: 'changed', kind: 'chains', uid: 7, revision: 1, data: { phase: 'active' } },
  ]);
  t.match(store.journal.read(0, 100, { kind: 'chains' }), { entries: { length: 1 }, next: 2 });
  t.same(store.journal.read(0, 1), { entries: [entries[0]], next: 1 });
  for (let i = 0; i < 200; i++) await store.commit({ changes: [put('a', { i: String(i) })] });
  t.equal(woken, 2, 'who does not watch any more is left alone');
  const { newest, horizon } = store.journal;
  t.ok(newest === 202 && newest - horizon >= 10 && newest - horizon < 130, `${horizon} to ${newest}`);
  t.throws(() => store.journal.read(horizon - 1, 10), { code: 'events-gone' });
  t.equal(store.journal.read(horizon, 1000).entries[0]?.seq, horizon + 1);
  t.equal(store.journal.history('subscribers', 'a', 1e9, 5).entries[0]?.seq, 202);
  store.close();
  const db = new DatabaseSync(file);
  db.exec('DELETE FROM journal');
  db.close();
  const again = openStore(file);
  t.match([again.journal.newest, again.journal.horizon], [202, 202], 'where all of it is gone');
  await again.commit({ changes: [put('b')] });
  t.equal(again.journal.newest, 203);
  again.close();
});
