/** What has changed in what is seen, for the journal. Pure. */
import type { Declared } from '../model/declared.ts';
import type { Facts } from '../model/facts.ts';
import type { Name } from '../model/ids.ts';
import type { ChainStatus } from '../model/status.ts';
import type { Observation } from '../model/store.ts';

/** The states at one moment, by kind and name. */
export type Seen = ReadonlyMap<string, Observation>;

export function see(declared: Declared, statuses: ReadonlyMap<Name, ChainStatus>, facts: Facts): Seen {
  const seen = new Map<string, Observation>();
  const add = (observation: Observation): void => {
    seen.set(`${observation.kind}/${observation.name}`, observation);
  };
  for (const [name, { uid, observedGeneration, phase, conditions }] of statuses) {
    const problem = conditions.find(({ status }) => !status);
    const because = problem === undefined ? {} : { reason: problem.reason, message: problem.message };
    add({ kind: 'chains', name, uid, generation: observedGeneration, data: { phase, ...because } });
  }
  for (const { uid, generation, spec } of declared.switches.values()) {
    const connection = facts.switches.get(spec.dpid)?.connection ?? 'disconnected';
    add({ kind: 'switches', name: spec.name, uid, generation, data: { connection } });
  }
  for (const { id, phase, problem } of facts.instances.values()) {
    const because = problem === undefined ? {} : { message: problem };
    add({ kind: 'instances', name: id, uid: 0, generation: 0, data: { phase, ...because } });
  }
  return seen;
}

/** What is to be told of `after`. A message that alone is different tells nothing new. */
export function newsOf(before: Seen, after: Seen): readonly Observation[] {
  const changed = [...after].filter(([key, now]) => {
    const was = before.get(key);
    return was === undefined || stateOf(was) !== stateOf(now);
  });
  const gone = [...before.values()].filter(
    ({ kind, name }) => kind === 'instances' && !after.has(`${kind}/${name}`),
  );
  return [...changed.map(([, now]) => now), ...gone.map((was) => ({ ...was, data: { phase: 'gone' } }))];
}

const stateOf = ({ uid, generation, data }: Observation): string =>
  JSON.stringify([uid, generation, data['phase'], data['connection'], data['reason']]);
