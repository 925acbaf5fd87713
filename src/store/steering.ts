/**
 * Steering records as rows, written as a difference.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { Json } from '../model/declared.ts';
import type { InstanceId, OwnerId, PathId } from '../model/ids.ts';
import { sameJson } from '../model/json.ts';
import { SortedMap, sorted } from '../model/sorted-map.ts';
import type { InstanceRecord, Member, PathRecord, Steering } from '../model/steering.ts';
import { deepFreeze } from './freeze.ts';

/** What has to be written to get from one map to another, and the map that results. */
type Difference<K, V> = {
  readonly removed: readonly K[];
  readonly put: readonly (readonly [K, V])[];
  readonly result: ReadonlyMap<K, V>;
};

export type SteeringChange = {
  readonly owners: Difference<number, OwnerId>;
  readonly paths: Difference<PathId, PathRecord>;
  readonly instances: Difference<InstanceId, InstanceRecord>;
  readonly members: Difference<string, Member>;
  readonly result: Steering;
};

/** What `next` changes in `current`; undefined where they are the same. */
export function steeringChange(current: Steering, next: Steering): SteeringChange | undefined {
  const owners = difference(current.owners, next.owners);
  const paths = difference(current.paths, next.paths);
  const instances = difference(current.instances, next.instances);
  const members = difference(current.members, next.members);
  const { nextOwner, nextPath, nextInstance } = next;
  const isSame =
    [owners, paths, instances, members].every(({ removed, put }) => removed.length + put.length === 0) &&
    nextOwner === current.nextOwner &&
    nextPath === current.nextPath &&
    nextInstance === current.nextInstance;
  if (isSame) return undefined;
  const result: Steering = Object.freeze({
    owners: owners.result,
    paths: paths.result,
    instances: instances.result,
    members: members.result,
    nextOwner,
    nextPath,
    nextInstance,
  });
  return { owners, paths, instances, members, result };
}

type OwnerRow = { uid: number; owner: OwnerId };
type RecordRow<K> = { id: K; record: string };
type CounterRow = { nextOwner: number; nextPath: number; nextInstance: number };

export function loadSteering(db: DatabaseSync): Steering {
  const all = <R>(sql: string): R[] => db.prepare(sql).all() as R[];
  const owners = all<OwnerRow>('SELECT uid, owner FROM owners ORDER BY uid');
  const paths = all<RecordRow<PathId>>('SELECT id, record FROM paths ORDER BY id');
  const instances = all<RecordRow<InstanceId>>('SELECT id, record FROM instances ORDER BY id');
  const members = all<RecordRow<string>>('SELECT id, record FROM members ORDER BY id');
  const [counters] = all<CounterRow>(
    'SELECT next_owner AS nextOwner, next_path AS nextPath, next_instance AS nextInstance FROM steering_counters',
  );
  return Object.freeze({
    owners: SortedMap.from(owners.map(({ uid, owner }) => [uid, owner])),
    paths: SortedMap.from(paths.map(({ id, record }) => [id, deepFreeze(JSON.parse(record) as PathRecord)])),
    instances: SortedMap.from(
      instances.map(({ id, record }) => [id, deepFreeze(JSON.parse(record) as InstanceRecord)]),
    ),
    members: SortedMap.from(members.map(({ id, record }) => [id, deepFreeze(JSON.parse(record) as Member)])),
    ...(counters as CounterRow),
  });
}

/** Writes a change; the caller has a transaction open. */
export function writeSteering(db: DatabaseSync, change: SteeringChange): void {
  const { owners, paths, instances, members, result } = change;
  apply(db, 'owners', 'uid', 'owner', owners, (owner) => owner);
  apply(db, 'paths', 'id', 'record', paths, (record) => JSON.stringify(record));
  apply(db, 'instances', 'id', 'record', instances, (record) => JSON.stringify(record));
  apply(db, 'members', 'id', 'record', members, (record) => JSON.stringify(record));
  db.prepare('UPDATE steering_counters SET next_owner = ?, next_path = ?, next_instance = ?').run(
    result.nextOwner,
    result.nextPath,
    result.nextInstance,
  );
}

function apply<K extends number | string, V>(
  db: DatabaseSync,
  table: 'owners' | 'paths' | 'instances' | 'members',
  key: 'uid' | 'id',
  column: 'owner' | 'record',
  { removed, put }: Difference<K, V>,
  encode: (value: V) => number | string,
): void {
  const remove = db.prepare(`DELETE FROM ${table} WHERE ${key} = ?`);
  for (const id of removed) remove.run(id);
  const upsert = db.prepare(`INSERT OR REPLACE INTO ${table} (${key}, ${column}) VALUES (?, ?)`);
  for (const [id, value] of put) upsert.run(id, encode(value));
}

/** What is new in `next` is frozen where it stands: it belongs to the store from now on. */
function difference<K extends number | string, V extends number | PathRecord | InstanceRecord | Member>(
  current: ReadonlyMap<K, V>,
  next: ReadonlyMap<K, V>,
): Difference<K, V> {
  const removed: K[] = [];
  const put: [K, V][] = [];
  const kept = new Map<K, V>();
  const wanted = sorted(next);
  for (const key of wanted.changedSince(sorted(current))) {
    const [before, value] = [current.get(key), wanted.get(key)];
    if (value === undefined) removed.push(key);
    else if (before !== undefined && sameJson(before as Json, value as Json)) kept.set(key, before);
    else put.push([key, deepFreeze(value)]);
  }
  const isSame = removed.length + put.length === 0;
  return { removed, put, result: isSame ? current : wanted.withAll(kept) };
}
