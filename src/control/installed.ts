import { entrancesOf, switchesOf } from '../compiler/legs.ts';
import type { Declared } from '../model/declared.ts';
import type { DesiredSwitch } from '../model/desired.ts';
import type { Facts } from '../model/facts.ts';
import { type Dpid, type Name, type OwnerId, type PathId, SWITCH_OWNER } from '../model/ids.ts';
import type { Steering } from '../model/steering.ts';

/** Whether all flows of an owner that are wanted on a switch are confirmed by a barrier. */
export type Installed = (owner: OwnerId, at: Name) => boolean;

/**
 * A switch holds what is wanted for an owner once it has answered the barrier for the owner's flows, for those that
 * its subscribers need besides, and for what everybody needs. What is put in for other chains meanwhile is not
 * waited for. A switch that is not connected has answered nothing.
 */
export function installation(
  declared: Declared,
  facts: Facts,
  desired: ReadonlyMap<Dpid, DesiredSwitch>,
): Installed {
  const known = new Map<Name, Map<OwnerId, boolean>>();
  return (owner, at) => {
    const here = known.get(at) ?? new Map<OwnerId, boolean>();
    known.set(at, here);
    const asked = here.get(owner) ?? isInstalled(owner, at);
    here.set(owner, asked);
    return asked;
  };

  function isInstalled(owner: OwnerId, at: Name): boolean {
    const dpid = declared.switches.get(at)?.spec.dpid;
    if (dpid === undefined) return false;
    const wanted = desired.get(dpid);
    const applied = facts.switches.get(dpid)?.applied;
    return (
      wanted !== undefined &&
      applied !== undefined &&
      [owner, SWITCH_OWNER].every(
        (id) =>
          applied.needs.get(id) === wanted.needs.get(id) && applied.owners.has(id) === wanted.owners.has(id),
      )
    );
  }
}

/** Paths that have flows, which every switch that they are on has confirmed. */
export function confirmedPaths(
  { paths }: Steering,
  compiled: ReadonlySet<PathId>,
  isInstalled: Installed,
): ReadonlySet<PathId> {
  const confirmed = new Set<PathId>();
  for (const path of paths.values())
    if (compiled.has(path.id) && switchesOf(path).every((at) => isInstalled(path.owner, at)))
      confirmed.add(path.id);
  return confirmed;
}

/** Draining paths that no switch sends anything new on. */
export function leftPaths(
  { paths }: Steering,
  { switches }: Declared,
  isInstalled: Installed,
): ReadonlySet<PathId> {
  const left = new Set<PathId>();
  for (const path of paths.values()) {
    if (path.state.phase !== 'draining') continue;
    // Nothing is known of what a switch does that is declared no more, and nothing can be done.
    if (entrancesOf(path).every((at) => !switches.has(at) || isInstalled(path.owner, at))) left.add(path.id);
  }
  return left;
}
