/**
 * When paths with hops on demand sleep and wake. Pure: what is known of their traffic is a value.
 */
import type { InstanceId, PathId } from '../model/ids.ts';
import type { Demand, InstanceRecord, PathRecord } from '../model/steering.ts';

export type Traffic = {
  /** Paths that a packet has come for while they took none in. */
  readonly called: ReadonlySet<PathId>;
  /** Paths on which nothing has come for as long as their hops say. */
  readonly idle: ReadonlySet<PathId>;
  /** Whether the switch has both ports of an instance. */
  readonly isAttached: (instance: InstanceRecord) => boolean;
};

export const NO_TRAFFIC: Traffic = { called: new Set(), idle: new Set(), isAttached: () => true };

export type DemandInput = {
  readonly traffic: Traffic;
  /** Whether an instance takes packets, or has failed to. */
  readonly isUp: (instance: InstanceId) => boolean;
  readonly now: number;
  readonly drainTime: number;
};

/** The state that follows; the same object where nothing changes. */
export function nextDemand(path: PathRecord, demand: Demand, input: DemandInput): Demand {
  const { traffic, isUp, now, drainTime } = input;
  const wake = (): Demand =>
    path.hops.every(({ instance, onDemand }) => !onDemand || isUp(instance))
      ? { phase: 'awake' }
      : { phase: 'waking' };
  switch (demand.phase) {
    case 'asleep':
      return traffic.called.has(path.id) ? wake() : demand;
    case 'waking': {
      const next = wake();
      return next.phase === 'waking' ? demand : next;
    }
    case 'awake':
      return traffic.idle.has(path.id) ? { phase: 'dozing', until: now + drainTime } : demand;
    case 'dozing':
      if (traffic.called.has(path.id)) return wake();
      return now >= demand.until ? { phase: 'asleep' } : demand;
  }
}
