/** A switch with many subscribers, each with a hop of its own, to compile again and again. */
import { planSteering } from '../src/compiler/plan.ts';
import type { CompileInput } from '../src/compiler/view.ts';
import type { Declared, Stored, SubscriberSpec } from '../src/model/declared.ts';
import type { PortFact } from '../src/model/facts.ts';
import type { InstanceId, Mac, Name, OfPort } from '../src/model/ids.ts';
import { EMPTY_STEERING } from '../src/model/steering.ts';
import { chain, DPID, declare, factsOf, hop } from '../test/unit/world.ts';

const hex = (n: number): string => n.toString(16).padStart(2, '0');
const port = (name: string, ofport: number): [string, PortFact] => [
  name,
  { name, ofport: ofport as OfPort, mac: '02:00:00:00:00:01' as Mac, linkUp: true },
];

export function manySubscribers(subscribers: number): CompileInput {
  const specs = Array.from(
    { length: subscribers },
    (_, i): SubscriberSpec => ({
      name: `n${i}` as Name,
      attachment: { switch: 's1' as Name, port: `p${i}` },
      mac: `02:00:00:${hex((i >> 16) & 255)}:${hex((i >> 8) & 255)}:${hex(i & 255)}` as Mac,
      ipv4: [`10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}` as never],
    }),
  );
  const one = chain([hop('firewall')], { uid: 1 }, ['n0']);
  const all = {
    ...one,
    spec: { name: one.spec.name, hops: one.spec.hops, subscribers: specs.map(({ name }) => name) },
  };
  const declared: Declared = declare([all as Stored<'chains'>], { subscribers: specs });
  const steering = planSteering({
    declared,
    steering: EMPTY_STEERING,
    instances: new Map(),
    settled: true,
    confirmed: new Set(),
    now: 0,
    drainTime: 0,
  });
  const base = factsOf({ ...steering, instances: new Map() });
  const fact = base.switches.get(DPID);
  if (!fact) throw new Error('there is no switch');
  const ready = [...steering.instances.keys()].map(
    (id) => [id, { id, phase: 'ready', revision: 1, ports: { left: '', right: '' }, restarts: 0 }] as const,
  );
  const ports = new Map([
    ...fact.ports,
    ...specs.map((_, i) => port(`p${i}`, 10 + 3 * i)),
    ...[...steering.instances.keys()].flatMap((id: InstanceId, i) => [
      port(`cs${id.slice(1)}l`, 11 + 3 * i),
      port(`cs${id.slice(1)}r`, 12 + 3 * i),
    ]),
  ]);
  const facts = { ...base, instances: new Map(ready), switches: new Map([[DPID, { ...fact, ports }]]) };
  return { declared, steering, facts: facts as never, interfacePrefix: 'cs', rejected: new Set<never>() };
}
