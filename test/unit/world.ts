/** A small network to compile: switch s1, an uplink, alice and bob; chains as the test says. */
import { planSteering } from '../../src/compiler/plan.ts';
import { portsOf } from '../../src/compiler/view.ts';
import type {
  Appliance,
  ChainSpec,
  Declared,
  DedicatedHopSpec,
  FunctionSpec,
  Kind,
  OwnFunctionSpec,
  PoolSpec,
  SharedHopSpec,
  Specs,
  Stored,
  SubscriberSpec,
} from '../../src/model/declared.ts';
import type { Facts, InstanceFact, PortFact } from '../../src/model/facts.ts';
import type { Dpid, InstanceId, Mac, Name, OfPort } from '../../src/model/ids.ts';
import { EMPTY_STEERING, type Steering } from '../../src/model/steering.ts';

export const DPID = '0000000000000001' as Dpid;
export const name = (text: string): Name => text as Name;

export const firewall: OwnFunctionSpec & { transparent: true } = {
  name: name('firewall'),
  image: 'firewall.elf',
  contract: 1,
  memoryMiB: 2,
  transparent: true,
  configSchema: {},
};
export const counter: FunctionSpec = {
  ...firewall,
  name: name('counter'),
  image: 'counter.elf',
  vlanTransparent: true,
};

/** Run by somebody else. */
export const foreign: FunctionSpec = {
  name: name('foreign'),
  external: true,
  transparent: true,
  vlanTransparent: true,
};

export const alice: SubscriberSpec = {
  name: name('alice'),
  attachment: { switch: name('s1'), port: 's1-eth1' },
  mac: '00:00:00:00:00:01' as Mac,
  ipv4: ['10.0.0.1' as never],
  labels: { plan: 'gold' },
};
export const bob: SubscriberSpec = {
  name: name('bob'),
  attachment: { switch: name('s1'), port: 's1-eth2' },
  mac: '00:00:00:00:00:02' as Mac,
  ipv4: ['10.0.0.2' as never],
};

export type ChainOptions = {
  readonly uid?: number;
  readonly generation?: number;
  /** More members of the spec, or others. */
  readonly more?: Pick<Partial<ChainSpec>, 'name' | 'service' | 'priority'>;
};

export function chain(
  hops: ChainSpec['hops'],
  options: ChainOptions = {},
  subscribers = ['alice'],
): Stored<'chains'> {
  const spec: ChainSpec = {
    name: name(`${subscribers.join('-')}-protected`),
    subscribers: subscribers.map(name),
    hops,
    ...options.more,
  };
  return stored('chains', spec, options);
}

export const hop = (fn: string, more: Partial<DedicatedHopSpec> = {}): DedicatedHopSpec => ({
  function: name(fn),
  ...more,
});
export const shared = (pool: string, more: Partial<SharedHopSpec> = {}): SharedHopSpec => ({
  pool: name(pool),
  ...more,
});

export const pool = (
  text: string,
  instances: number,
  more: Partial<Extract<PoolSpec, { instances: number }>> = {},
): Stored<'pools'> =>
  stored(
    'pools',
    { name: name(text), function: name('counter'), switch: name('s1'), instances, ...more },
    { uid: 1000 + text.charCodeAt(0) },
  );

/** Of machines of somebody else's. */
export const machines = (text: string, external: readonly Appliance[]): Stored<'pools'> =>
  stored(
    'pools',
    { name: name(text), function: name('foreign'), switch: name('s1'), external },
    { uid: 1000 + text.charCodeAt(0) },
  );

function stored<K extends Kind>(
  kind: K,
  spec: Specs[K],
  { uid = 1, generation = 1 }: ChainOptions = {},
): Stored<K> {
  const at = '2026-01-01T00:00:00.000Z';
  return { kind, uid, generation, createdAt: at, updatedAt: at, spec };
}

const byName = <K extends Kind>(list: readonly Stored<K>[]): ReadonlyMap<Name, Stored<K>> =>
  new Map(list.map((one) => [one.spec.name, one]));

export function declare(
  chains: readonly Stored<'chains'>[],
  options: {
    unchained?: 'normal' | 'drop';
    subscribers?: readonly SubscriberSpec[];
    uplink?: boolean;
    pools?: readonly Stored<'pools'>[];
  } = {},
): Declared {
  const { unchained = 'normal', subscribers = [alice, bob], uplink = true, pools = [] } = options;
  const attachment = { switch: name('s1'), port: 's1-eth3' };
  return {
    revision: 1,
    switches: byName([
      stored('switches', { name: name('s1'), dpid: DPID, unchained, ovsdb: 'unix:/db.sock' }),
    ]),
    uplinks: byName(uplink ? [stored('uplinks', { name: name('core'), attachment })] : []),
    subscribers: byName(subscribers.map((spec) => stored('subscribers', spec))),
    functions: byName([firewall, counter, foreign].map((spec) => stored('functions', spec))),
    pools: byName(pools),
    chains: byName(chains),
    webhooks: byName<'webhooks'>([]),
  };
}

const port = (ofport: number, portName: string): [string, PortFact] => [
  portName,
  { name: portName, ofport: ofport as OfPort, mac: '00:00:00:00:01:00' as Mac, linkUp: true },
];

/**
 * Facts in which every instance of `steering` has its ports (instance n at 10n and 10n+1) and is ready,
 * but for those that `notReady` names.
 */
export function factsOf(steering: Steering, notReady: readonly string[] = []): Facts {
  const ports = new Map([
    port(1, 's1-eth1'),
    port(2, 's1-eth2'),
    port(3, 's1-eth3'),
    ...[...steering.instances.values()].flatMap((record) => {
      const n = Number(record.id.slice(1));
      const { left, right } = portsOf('cs', record);
      return [port(n * 10, left), ...(left === right ? [] : [port(n * 10 + 1, right)])];
    }),
  ]);
  const instances = [...steering.instances.values()].map((record): [InstanceId, InstanceFact] => [
    record.id,
    {
      id: record.id,
      phase: notReady.includes(record.id) ? 'starting' : 'ready',
      ...(notReady.includes(record.id) ? {} : { revision: record.revision }),
      ports: portsOf('cs', record),
      restarts: 0,
    },
  ]);
  return {
    switches: new Map([[DPID, { dpid: DPID, connection: 'connected', ports, rejections: [] }]]),
    instances: new Map(instances),
    links: [],
  };
}

/** What follows where every instance is ready and every switch has confirmed all; by default from nothing, and none drains. */
export const planOf = (declared: Declared, steering = EMPTY_STEERING, drainTime = 0): Steering =>
  planSteering({
    declared,
    steering,
    instances: factsOf(steering).instances,
    confirmed: new Set(steering.paths.keys()),
    settled: true,
    now: 0,
    drainTime,
  });
