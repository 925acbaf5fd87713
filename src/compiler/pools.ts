/**
 * Which instance of a pool a subscriber is pinned to.
 *
 * Rendezvous hashing: each instance has a number for each subscriber, and the highest wins. So with an instance
 * fewer only its own subscribers move, each to where it would have been without. A subscriber that has an
 * instance keeps it as long as that is there, also when others join the pool: its flows are known there.
 */
import type { Appliance, FailPolicy, PoolSpec, Stored } from '../model/declared.ts';
import type { InstanceFact } from '../model/facts.ts';
import type { SharedHop } from '../model/hops.ts';
import type { InstanceId, Name } from '../model/ids.ts';
import type { PooledInstance } from '../model/steering.ts';

export type Candidate = {
  readonly record: PooledInstance;
  /** Its share is proportional to it. */
  readonly weight: number;
  /** `new`: not ready for the first time yet, or not known yet; nobody has lost anything. */
  readonly health: 'ready' | 'new' | 'lost';
  /** It is to go, or to be empty. */
  readonly leaving: boolean;
  /** It is to be there, also with nobody on it. */
  readonly wanted: boolean;
};
export type Pool = { readonly switch: Name; readonly candidates: readonly Candidate[] };

/** @param settled whether what an earlier run left has been found or had its time: before that nothing is lost */
export function healthOf(fact: InstanceFact | undefined, settled: boolean): Candidate['health'] {
  if (fact?.phase === 'ready') return 'ready';
  if (!fact || !settled || (fact.phase === 'starting' && fact.restarts === 0)) return 'new';
  return 'lost';
}

/** What of a pool's spec says of a record whether it is to be there, and which share it has. */
const isWanted = (spec: PoolSpec, record: PooledInstance, place: number): boolean =>
  spec.external === undefined ? place < spec.instances : applianceOf(spec, record) !== undefined;
const weightOf = (spec: PoolSpec, record: PooledInstance): number => applianceOf(spec, record)?.weight ?? 1;
const applianceOf = ({ external }: PoolSpec, record: PooledInstance): Appliance | undefined =>
  external?.find(({ name }) => name === record.external?.name);

/** Those that a pool has too many are the drained ones and then the newest; of others' machines, those it no longer names. */
export function poolOf(
  { spec }: Stored<'pools'>,
  records: readonly PooledInstance[],
  health: (id: InstanceId) => Candidate['health'],
): Pool {
  const drained = new Set(spec.drain ?? []);
  const byAge = records.toSorted((a, b) => numberOf(a) - numberOf(b));
  const inOrder = [
    ...byAge.filter(({ id }) => !drained.has(id)),
    ...byAge.filter(({ id }) => drained.has(id)),
  ];
  return {
    switch: spec.switch,
    candidates: inOrder.map((record, place) => ({
      record,
      weight: weightOf(spec, record),
      health: health(record.id),
      leaving: drained.has(record.id) || !isWanted(spec, record, place),
      wanted: isWanted(spec, record, place),
    })),
  };
}

const numberOf = ({ id }: PooledInstance): number => Number(id.slice(1));

/** @returns undefined where the pool has no instance at all */
export function pin(
  { candidates }: Pool,
  subscriber: Name,
  kept: InstanceId | undefined,
  onFailure: FailPolicy,
): InstanceId | undefined {
  const staying = candidates.filter(({ leaving }) => !leaving);
  const ready = staying.filter(({ health }) => health === 'ready');
  const present = candidates.find(({ record }) => record.id === kept);
  if (present && !present.leaving) {
    const moves = present.health === 'lost' && onFailure === 'another' && ready.length > 0;
    return moves ? highest(ready, subscriber) : present.record.id;
  }
  const hopeful = staying.filter(({ health }) => health !== 'lost');
  return highest(hopeful.length > 0 ? hopeful : staying, subscriber) ?? present?.record.id;
}

function highest(candidates: readonly Candidate[], subscriber: Name): InstanceId | undefined {
  let best: Candidate | undefined;
  let bestScore = Number.NEGATIVE_INFINITY;
  const seed = hash(subscriber, 0);
  for (const candidate of candidates) {
    const score = scoreOf(candidate, seed);
    if (score > bestScore) [best, bestScore] = [candidate, score];
  }
  return best?.record.id;
}

/** Weighted: with a number u between 0 and 1 drawn for each, the highest -weight / ln(u) wins with weight's share. */
function scoreOf({ record, weight }: Candidate, seed: number): number {
  const drawn = (hash(record.id, seed) + 0.5) / 2 ** 32;
  return -weight / Math.log(drawn);
}

/** FNV-1a of 32 bits, its bits then mixed as MurmurHash3 does at the end: names that differ little end far apart. */
function hash(text: string, seed: number): number {
  let h = 0x811c9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A hop of a pool with the instance that one subscriber has of it. */
export type PinnedHop = SharedHop & { readonly instance: InstanceId };
