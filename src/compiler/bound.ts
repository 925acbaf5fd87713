/** The instances of a switch that frames are bound for, and their groups. */
import { groupNumber } from '../model/desired.ts';
import { type InstanceId, type OwnerId, SWITCH_OWNER } from '../model/ids.ts';
import { instanceNumber, type Side } from './metadata.ts';
import type { InstanceView, SwitchView } from './view.ts';

/** An instance that frames are bound for, and whose flows lead there. */
export type EgressInstance = {
  readonly hop: InstanceView;
  readonly owner: OwnerId;
  /** Whether there may be a path that passes it over. */
  readonly failsOver: boolean;
};

export function boundInstances(view: SwitchView): readonly EgressInstance[] {
  const instances = new Map<string, EgressInstance>();
  for (const { record, hops } of view.paths) {
    for (const hop of hops)
      if (hop.here && hop.tags === undefined && !view.sleeping.has(hop.instance)) {
        const failsOver = hop.onFailure === 'open' || instances.get(hop.instance)?.failsOver === true;
        instances.set(hop.instance, { hop, owner: record.owner, failsOver });
      }
  }
  // Whether one of a pool's is passed over depends on who is on it, and that does not change what is the pool's.
  for (const hop of view.pooled) instances.set(hop.instance, { hop, owner: SWITCH_OWNER, failsOver: false });
  return [...instances.values()].sort(
    (a, b) => instanceNumber(a.hop.instance) - instanceNumber(b.hop.instance),
  );
}

/** Instances with larger numbers have no group: the controller alone passes them over. */
const MOST = 1 << 23;

/** The group for a side of an instance; undefined where the switch does not act by itself. */
export function groupOf({ hop, failsOver }: EgressInstance, side: Side): number | undefined {
  const number = instanceNumber(hop.instance);
  const isFit = failsOver && hop.ready && hop[side] !== undefined && number < MOST;
  return isFit ? groupNumber((number << 1) | (side === 'right' ? 1 : 0)) : undefined;
}

/** Whose frames a group of ours takes. */
export const instanceOfGroup = (group: number): { readonly instance: InstanceId; readonly side: Side } => ({
  instance: `i${(group & 0xffffff) >> 1}` as InstanceId,
  side: group & 1 ? 'right' : 'left',
});
