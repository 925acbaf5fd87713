/** What is so of instances that are somebody else's machines: the switch says whether their ports have a link. Pure. */
import type { Declared } from '../model/declared.ts';
import type { InstanceFact, PortFact, SwitchFact } from '../model/facts.ts';
import type { Dpid, InstanceId, Name } from '../model/ids.ts';
import type { InstanceRecord, PooledInstance, Steering } from '../model/steering.ts';

type External = PooledInstance & { readonly external: NonNullable<PooledInstance['external']> };
const isExternal = (record: InstanceRecord): record is External => record.external !== undefined;

const found = new WeakMap<Steering['instances'], readonly External[]>();

/** There may be very many instances, and the records stay the same for many turns. */
function externalOf({ instances }: Steering): readonly External[] {
  const known = found.get(instances);
  if (known !== undefined) return known;
  const external = [...instances.values()].filter(isExternal);
  found.set(instances, external);
  return external;
}

/** With the facts of those that the controller runs, those of all. */
export function withExternal(
  instances: ReadonlyMap<InstanceId, InstanceFact>,
  steering: Steering,
  { switches: declared }: Pick<Declared, 'switches'>,
  switches: ReadonlyMap<Dpid, SwitchFact>,
): ReadonlyMap<InstanceId, InstanceFact> {
  const external = externalOf(steering);
  if (external.length === 0) return instances;
  return new Map([
    ...instances,
    ...external.map((record): [InstanceId, InstanceFact] => {
      const dpid = declared.get(record.switch)?.spec.dpid;
      return [record.id, factOf(record, dpid === undefined ? undefined : switches.get(dpid)?.ports)];
    }),
  ]);
}

function factOf(
  { id, switch: at, revision, external: { left, right } }: External,
  ports: ReadonlyMap<string, PortFact> | undefined,
): InstanceFact {
  const fact = { id, ports: { left, right }, restarts: 0 };
  // The bridge's own port is always there: without any, they are not known yet.
  if (ports === undefined || ports.size === 0) return { ...fact, phase: 'starting' };
  const problem = [left, right].map((port) => faultOf(port, at, ports)).find((fault) => fault !== undefined);
  return problem === undefined
    ? { ...fact, phase: 'ready', revision }
    : { ...fact, phase: 'backoff', problem };
}

function faultOf(port: string, at: Name, ports: ReadonlyMap<string, PortFact>): string | undefined {
  const fact = ports.get(port);
  if (fact === undefined) return `port ${port} is not on switch ${at}`;
  return fact.linkUp ? undefined : `port ${port} has no link`;
}
