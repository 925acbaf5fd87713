import type { Declared } from '../model/declared.ts';
import type { DesiredSwitch } from '../model/desired.ts';
import type { Facts } from '../model/facts.ts';
import { type Dpid, type OwnerId, SWITCH_OWNER } from '../model/ids.ts';
import type { Steering } from '../model/steering.ts';

/**
 * Tells whether all that is wanted for an owner is in force: every switch that one of its paths is on has
 * answered the barrier for the owner's flows and for the switch's own, which every path needs. A switch that
 * is not connected has answered nothing.
 */
export function installation(
  declared: Declared,
  steering: Steering,
  facts: Facts,
  desired: ReadonlyMap<Dpid, DesiredSwitch>,
): (owner: OwnerId) => boolean {
  const switchesOf = new Map<OwnerId, Set<Dpid>>();
  for (const path of steering.paths.values()) {
    const dpid = declared.switches.get(path.switch)?.spec.dpid;
    if (dpid === undefined) continue;
    const known = switchesOf.get(path.owner);
    if (known) known.add(dpid);
    else switchesOf.set(path.owner, new Set([dpid]));
  }
  return (owner) =>
    [...(switchesOf.get(owner) ?? [])].every((dpid) => {
      const wanted = desired.get(dpid)?.owners;
      const applied = facts.switches.get(dpid)?.applied?.owners;
      return (
        wanted !== undefined &&
        applied !== undefined &&
        [owner, SWITCH_OWNER].every((id) => applied.get(id) === wanted.get(id))
      );
    });
}
