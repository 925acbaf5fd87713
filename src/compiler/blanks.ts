/**
 * Instances that are booted before it is known for whom: those of sleeping hops, with the function's blank config. A
 * path that wakes takes one that is up, and gives its own, which is not, to the hop that it was kept for.
 */
import type { Declared } from '../model/declared.ts';
import { BLANK_REVISION } from '../model/desired.ts';
import type { Facts, InstanceFact, InstancePhase } from '../model/facts.ts';
import type { InstanceId, Name } from '../model/ids.ts';
import { type Steering, sleepersOf } from '../model/steering.ts';

/** How many of each function are kept booted on each switch that has hops asleep. */
export type WarmPool = ReadonlyMap<Name, number>;

/** Of one that sleeps, the phases before it is up. */
const BOOTING: ReadonlySet<InstancePhase> = new Set(['waiting', 'starting', 'backoff']);

export const isBlank = ({ phase, revision }: InstanceFact): boolean =>
  phase === 'ready' && revision === BLANK_REVISION;

type BlanksInput = {
  readonly declared: Declared;
  readonly steering: Steering;
  readonly facts: Pick<Facts, 'instances'>;
  readonly warmPool?: WarmPool;
};

/** The sleepers that are to run blank: first those that do, so that none is stopped for another. */
export function blanksOf({ declared, steering, facts, warmPool }: BlanksInput): ReadonlySet<InstanceId> {
  const blanks = new Set<InstanceId>();
  if (warmPool === undefined || warmPool.size === 0) return blanks;
  const sleepers = sleepersOf(steering);
  const taken = new Map<string, number>();
  const take = (id: InstanceId): void => {
    const record = steering.instances.get(id);
    if (record === undefined) return;
    const most = warmPool.get(record.function);
    if (most === undefined || declared.functions.get(record.function)?.spec.blank === undefined) return;
    const where = `${record.switch} ${record.function}`;
    const others = taken.get(where) ?? 0;
    if (others >= most) return;
    taken.set(where, others + 1);
    blanks.add(id);
  };
  for (const fact of facts.instances.values()) {
    // What has had a subscriber's config has had its traffic, and ends before it is anybody else's.
    const isFresh = isBlank(fact) || BOOTING.has(fact.phase);
    if (isFresh && sleepers.has(fact.id)) take(fact.id);
  }
  for (const id of sleepers) if (!facts.instances.has(id)) take(id);
  return blanks;
}
