/** What control made of a chain, as it is shown. Pure. */
import { flowText } from '../compiler/flow.ts';
import type { DesiredSwitch } from '../model/desired.ts';
import type { SwitchFact } from '../model/facts.ts';
import type { Dpid } from '../model/ids.ts';
import type { ChainFlows, RemainingPath, Store } from '../model/interfaces.ts';
import type { Steering } from '../model/steering.ts';

export function chainFlows(
  uid: number,
  store: Pick<Store, 'declared' | 'steering'>,
  desired: readonly DesiredSwitch[],
  facts: ReadonlyMap<Dpid, SwitchFact>,
): readonly ChainFlows[] {
  const owner = store.steering().owners.get(uid);
  if (owner === undefined) return [];
  const specs = [...store.declared().switches.values()].map(({ spec }) => spec);
  return desired.flatMap(({ dpid, flows, owners }) => {
    const name = specs.find((spec) => spec.dpid === dpid)?.name;
    const own = flows.filter((flow) => flow.owner === owner).map(flowText);
    if (name === undefined || own.length === 0) return [];
    const applied = facts.get(dpid)?.applied?.owners.get(owner);
    return [{ switch: name, confirmed: applied !== undefined && applied === owners.get(owner), flows: own }];
  });
}

export function remainsOf(uid: number, steering: Steering): readonly RemainingPath[] {
  const owner = steering.owners.get(uid);
  return [...steering.paths.values()]
    .filter((path) => owner !== undefined && path.owner === owner)
    .map(({ id, switch: where, state, hops }) => ({
      path: id,
      switch: where,
      phase: state.phase,
      instances: hops.map(({ instance }) => instance),
    }));
}
