/** A backup that is asked for while a transaction is open waits for it, and one that can't be written says so. */
import { existsSync, mkdirSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import type { Change } from '../../../src/model/store.ts';
import { copyStore } from '../../../src/store/backup.ts';
import { openStore } from '../../../src/store/store.ts';

const put = (n: number): Change =>
  ({
    op: 'put',
    kind: 'subscribers',
    spec: { name: `s${n}`, attachment: { switch: 's1', port: `p${n}` }, mac: '02:00:00:00:00:01' },
  }) as never;

/** A database with one row, and one more in a transaction that is open. */
function inTransaction(dir: string): DatabaseSync {
  const db = new DatabaseSync(`${dir}/live.db`);
  db.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (n); INSERT INTO t VALUES (1)');
  db.exec('BEGIN IMMEDIATE; INSERT INTO t VALUES (2)');
  return db;
}

t.test('a transaction that is open when the first step is taken is waited for', async (t) => {
  const dir = t.testdir();
  const db = inTransaction(dir);
  const made = copyStore(db, `${dir}/copy.db`);
  for (let n = 0; n < 10; n++) await sleep(2);
  db.exec('COMMIT');
  await made;
  db.close();
  const copy = new DatabaseSync(`${dir}/copy.db`);
  t.same(copy.prepare('SELECT n FROM t').all(), [{ n: 1 }, { n: 2 }]);
  copy.close();
});

t.test('one that does not end is told', async (t) => {
  const dir = t.testdir();
  const db = inTransaction(dir);
  await t.rejects(copyStore(db, `${dir}/copy.db`), {
    code: 'store-unusable',
    message: /copy\.db could not be written: the store was in the midst of a write each time/,
  });
  t.notOk(existsSync(`${dir}/copy.db`));
  db.close();
});

t.test('one transaction after the other', async (t) => {
  const dir = t.testdir();
  const store = openStore(`${dir}/live.db`);
  t.teardown(() => store.close());
  let isDone = false;
  const made = store.backup(`${dir}/copy.db`).finally(() => {
    isDone = true;
  });
  let written = 0;
  while (!isDone) {
    await store.commit({ changes: Array.from({ length: 50 }, () => put(written++)) });
    await turn();
  }
  await made;
  const copy = openStore(`${dir}/copy.db`);
  const { revision, subscribers } = copy.declared();
  t.equal(subscribers.size, revision * 50, 'whole transactions');
  copy.close();
});

t.test('what has nothing to do with a transaction is told at once', async (t) => {
  const dir = t.testdir();
  const store = openStore(`${dir}/live.db`);
  await t.rejects(store.backup(`${dir}/none/copy.db`), { code: 'ENOENT' });
  mkdirSync(`${dir}/there`);
  await t.rejects(store.backup(`${dir}/there`), { code: 'EEXIST' });
  store.close();
  await t.rejects(store.backup(`${dir}/copy.db`), { code: 'store-unusable' });
  t.notOk(existsSync(`${dir}/copy.db`));
});
