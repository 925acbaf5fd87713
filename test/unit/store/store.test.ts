import { chmodSync, statSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import type { SubscriberSpec } from '../../../src/model/declared.ts';
import { ChainstitchError } from '../../../src/model/errors.ts';
import type { InstanceId, Mac, Name, OwnerId, PathId } from '../../../src/model/ids.ts';
import {
  EMPTY_STEERING,
  type InstanceRecord,
  type PathRecord,
  type Steering,
} from '../../../src/model/steering.ts';
import { SCHEMA_VERSION } from '../../../src/store/schema.ts';
import { openStore } from '../../../src/store/store.ts';

const name = (text: string): Name => text as Name;

function subscriber(called: string, labels: Record<string, string> = {}): SubscriberSpec {
  return {
    name: name(called),
    attachment: { switch: name('s1'), port: 'p1' },
    mac: '00:00:00:00:00:01' as Mac,
    labels,
  };
}

function path(id: number, phase: 'staged' | 'current' = 'current'): PathRecord {
  return {
    id: id as PathId,
    owner: 1 as OwnerId,
    chain: name('c'),
    subscriber: name('alice'),
    switch: name('s1'),
    hops: [{ instance: `i${id}` as InstanceId, onFailure: 'closed' }],
    state: { phase },
  };
}

function instance(id: number): InstanceRecord {
  return {
    id: `i${id}` as InstanceId,
    chain: name('c'),
    subscriber: name('alice'),
    switch: name('s1'),
    hop: 'firewall-1',
    function: name('firewall'),
    config: { default: 'deny' },
    revision: 1,
  };
}

const fails = (code: string) => ({ name: 'ChainstitchError', code });

t.test('create, replace and remove', async (t) => {
  const store = openStore(':memory:');
  const made = store.create('subscribers', subscriber('alice'));
  t.match(made, { kind: 'subscribers', uid: 1, generation: 1, spec: subscriber('alice') });
  t.equal(made.createdAt, made.updatedAt);
  t.throws(() => store.create('subscribers', subscriber('alice')), fails('already-exists'));

  const changed = store.replace('subscribers', subscriber('alice', { plan: 'gold' }));
  t.match(changed, { uid: 1, generation: 2, createdAt: made.createdAt, spec: { labels: { plan: 'gold' } } });
  t.throws(() => store.replace('subscribers', subscriber('bob')), fails('not-found'));

  store.remove('subscribers', name('alice'));
  t.throws(() => store.remove('subscribers', name('alice')), fails('not-found'));
  t.equal(store.create('subscribers', subscriber('alice')).uid, 2, 'a uid is never given out twice');
});

t.test('a snapshot stays what it was', async (t) => {
  const store = openStore(':memory:');
  const empty = store.declared();
  t.equal(store.declared(), empty, 'the same object until something is written');
  const spec = subscriber('alice', { a: '1' });
  store.create('subscribers', spec);
  const one = store.declared();
  t.equal(empty.subscribers.size, 0);
  t.equal(one.revision, empty.revision + 1);
  t.equal(one.chains, empty.chains, 'kinds that did not change are shared');

  Object.assign(spec.labels ?? {}, { a: 'changed by the caller' });
  t.match(one.subscribers.get(spec.name)?.spec, { labels: { a: '1' } });
  t.throws(() => Object.assign(one.subscribers.get(spec.name)?.spec.labels ?? {}, { a: '2' }), TypeError);
  t.throws(() => (one.subscribers as Map<Name, unknown>).clear(), TypeError);
  t.throws(() => Object.assign(one, { revision: 0 }), TypeError);
});

t.test('a spec that says the same is not a change', async (t) => {
  const store = openStore(':memory:');
  const made = store.create('subscribers', subscriber('alice', { a: '1', b: '2' }));
  const before = store.declared();
  t.equal(store.replace('subscribers', subscriber('alice', { b: '2', a: '1' })), made);
  t.equal(store.declared(), before);
});

t.test('snapshots list names in the alphabet', async (t) => {
  const store = openStore(':memory:');
  for (const called of ['m', 'z', 'a']) store.create('subscribers', subscriber(called));
  t.same([...store.declared().subscribers.keys()], ['a', 'm', 'z']);
});

/** Maps of any kind as Maps. */
const plain = (steering: Steering): object =>
  Object.fromEntries(
    Object.entries(steering).map(([key, value]) => [
      key,
      typeof value === 'number' ? value : new Map<unknown, unknown>(value),
    ]),
  );

t.test('steering is written as a difference', async (t) => {
  const store = openStore(':memory:');
  t.same(plain(store.steering()), plain(EMPTY_STEERING));
  const first: Steering = {
    owners: new Map([[7, 1 as OwnerId]]),
    paths: new Map([1, 2].map((id) => [id as PathId, path(id)])),
    instances: new Map([1, 2].map((id) => [`i${id}` as InstanceId, instance(id)])),
    members: new Map([['1 bob', { owner: 1 as OwnerId, subscriber: name('bob'), path: 2 as PathId }]]),
    nextOwner: 2,
    nextPath: 3,
    nextInstance: 3,
  };
  store.saveSteering(first);
  const saved = store.steering();
  t.same(plain(saved), plain(first));
  t.ok(Object.isFrozen(first.paths.get(1 as PathId)), 'nothing that is saved can be changed any more');

  store.saveSteering(structuredClone(first));
  t.equal(store.steering(), saved, 'the same object while nothing differs');

  const next = { ...first, paths: new Map([[2 as PathId, path(2, 'staged')]]), nextPath: 4 };
  store.saveSteering(next);
  t.same(plain(store.steering()), plain(next));
  t.equal(store.steering().instances, saved.instances, 'what did not change is shared');
  t.equal(store.declared().revision, 0, 'declared objects are another matter');
});

t.test('all of it is there again after opening', async (t) => {
  const file = `${t.testdir()}/new/directory/state.db`;
  const store = openStore(file);
  store.create('subscribers', subscriber('z'));
  store.create('subscribers', subscriber('a', { plan: 'gold' }));
  store.replace('subscribers', subscriber('z', { plan: 'silver' }));
  store.remove('subscribers', name('a'));
  store.create('subscribers', subscriber('b'));
  const steering: Steering = { ...EMPTY_STEERING, paths: new Map([[9 as PathId, path(9)]]), nextPath: 10 };
  store.saveSteering(steering);
  const before = store.declared();
  store.close();
  store.close();

  const again = openStore(file);
  t.same(again.declared(), before);
  t.same([...again.declared().subscribers.keys()], [...before.subscribers.keys()]);
  t.same(plain(again.steering()), plain(steering));
  t.throws(() => Object.assign(again.steering().paths.get(9 as PathId) ?? {}, { chain: 'x' }), TypeError);
  again.close();
});

t.test('a write that fails leaves no trace', async (t) => {
  const file = `${t.testdir()}/state.db`;
  const store = openStore(file);
  store.create('subscribers', subscriber('alice'));
  const before = store.declared();
  const cyclic = { name: 'x', self: {} };
  cyclic.self = cyclic;
  t.throws(() => store.create('functions', cyclic as never), fails('store-unusable'));
  t.equal(store.declared(), before);
  t.equal(store.create('subscribers', subscriber('bob')).generation, 1, 'the next write goes on');
  store.close();
  const again = openStore(file);
  t.same([...again.declared().subscribers.keys()], ['alice', 'bob']);
  again.close();
});

t.test('files that are no store of ours are refused', async (t) => {
  const dir = t.testdir({ text: 'this is not a database, though it is long enough to look at', folder: {} });
  t.throws(() => openStore(`${dir}/text`), fails('store-unusable'));
  t.throws(() => openStore(`${dir}/folder`), fails('store-unusable'));
  t.throws(() => openStore(`${dir}/text/state.db`), ChainstitchError, 'where no directory can be made');

  const foreign = new DatabaseSync(`${dir}/foreign.db`);
  foreign.exec('CREATE TABLE others (name TEXT)');
  foreign.close();
  t.throws(() => openStore(`${dir}/foreign.db`), { message: /database of some other program/ });

  openStore(`${dir}/newer.db`).close();
  const newer = new DatabaseSync(`${dir}/newer.db`);
  newer.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
  newer.close();
  t.throws(() => openStore(`${dir}/newer.db`), { message: /schema version \d+ and this program knows/ });

  if (process.getuid?.() !== 0) {
    writeFileSync(`${dir}/secret.db`, '');
    chmodSync(`${dir}/secret.db`, 0o000);
    t.throws(() => openStore(`${dir}/secret.db`), fails('store-unusable'));
  }
});

t.test('the store belongs to one process at a time', async (t) => {
  const file = `${t.testdir()}/state.db`;
  const store = openStore(file);
  t.throws(() => openStore(file), { code: 'store-unusable', message: /is a controller running already/ });
  t.equal(statSync(file).mode & 0o077, 0, 'and to one user');
  store.close();
  openStore(file).close();
});

t.test('who has the file leads, until it is closed', async (t) => {
  const file = `${t.testdir()}/state.db`;
  const store = openStore(file);
  const { lost } = await store.lead();
  t.throws(
    () => openStore(file),
    { code: 'store-unusable', message: /another process has it open/ },
    'nobody else',
  );
  t.notOk(lost.aborted);
  store.close();
  t.ok(lost.aborted);
  await t.rejects(store.lead(), { code: 'store-unusable' });
});
