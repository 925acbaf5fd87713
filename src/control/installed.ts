import type { Declared } from '../model/declared.ts';
import type { DesiredSwitch } from '../model/desired.ts';
import type { Facts } from '../model/facts.ts';
import { type Dpid, type OwnerId, SWITCH_OWNER } from '../model/ids.ts';
import type { Steering } from '../model/steering.ts';

/** Whether all flows of an owner that are wanted on every switch, or on one, are confirmed by a barrier. */
export type Installed = (owner: OwnerId, only?: Dpid) => boolean;

/**
 * Tells whether all that is wanted for an owner is in force: every switch that one of its paths is on has
 * answered the barrier for the owner's flows, for those that its subscribers need besides, and for what everybody
 * needs. What is put in for other chains meanwhile is not waited for. A switch that is not connected has answered
 * nothing.
 */
export function installation(
  declared: Declared,
  steering: Steering,
  facts: Facts,
  desired: ReadonlyMap<Dpid, DesiredSwitch>,
): Installed {
  const switchesOf = new Map<OwnerId, Set<Dpid>>();
  for (const path of steering.paths.values()) {
    const dpid = declared.switches.get(path.switch)?.spec.dpid;
    if (dpid === undefined) continue;
    const known = switchesOf.get(path.owner);
    if (known) known.add(dpid);
    else switchesOf.set(path.owner, new Set([dpid]));
  }
  return (owner, only) =>
    [...(switchesOf.get(owner) ?? [])].every((dpid) => {
      if (only !== undefined && dpid !== only) return true;
      const wanted = desired.get(dpid);
      const applied = facts.switches.get(dpid)?.applied;
      return (
        wanted !== undefined &&
        applied !== undefined &&
        [owner, SWITCH_OWNER].every(
          (id) =>
            applied.needs.get(id) === wanted.needs.get(id) &&
            applied.owners.has(id) === wanted.owners.has(id),
        )
      );
    });
}
