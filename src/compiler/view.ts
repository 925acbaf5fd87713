/**
 * One switch as the tables need it: names resolved to port numbers, paths with the state of their hops.
 */
import type { Declared, FailPolicy, Stored, SubscriberSpec, SwitchSpec } from '../model/declared.ts';
import type { Facts, PortFact } from '../model/facts.ts';
import type { Dpid, InstanceId, Ipv4, Name, OfPort, OwnerId, PathId } from '../model/ids.ts';
import type { Edges } from '../model/interfaces.ts';
import { objectMap } from '../model/object-map.ts';
import { externalAddress } from '../model/rewriting.ts';
import {
  DOWNSTREAM_TAG,
  type Door,
  doorOf,
  type InstanceRecord,
  type Member,
  memberKey,
  type PathRecord,
  type Steering,
  sleepersOf,
} from '../model/steering.ts';
import type { WarmPool } from './blanks.ts';
import { endsOf, exitOf, isRouted, type RoutedPath, switchesOf } from './legs.ts';
import { type Direction, instanceNumber, type Side } from './metadata.ts';
import { selection } from './selection.ts';
import { type ServiceFlows, serviceFlows } from './service.ts';
import { linkKey, NO_TREE, type UnchainedTree } from './tree.ts';

export type CompileInput = {
  readonly declared: Declared;
  readonly steering: Steering;
  readonly facts: Facts;
  /** What the names of instances' ports begin with. */
  readonly interfacePrefix: string;
  /** Paths that a switch refused. They get no flows; a subscriber whose current path it is gets nothing through. */
  readonly rejected: ReadonlySet<PathId>;
  /** The links that unchained traffic may use; absent for none. */
  readonly tree?: UnchainedTree;
  /** Paths that hold more packets than they may: what else comes is dropped by the switch. */
  readonly overfull?: ReadonlySet<PathId>;
  /** By default no instance is booted before it is needed. */
  readonly warmPool?: WarmPool;
};

export type InstanceView = {
  readonly instance: InstanceId;
  /** Whether it is at this switch. */
  readonly here: boolean;
  readonly ready: boolean;
  /** Absent while the port is not on the switch. */
  readonly left: OfPort | undefined;
  readonly right: OfPort | undefined;
};
export type HopView = InstanceView & {
  /** The hop's name. */
  readonly hop: string;
  readonly onFailure: FailPolicy;
  /** VLAN ids that tell the path from others at the instance, and its directions where that has one arm. */
  readonly tags: Readonly<Record<Direction, number>> | undefined;
  /** Where the instance sleeps or is being woken: what becomes of packets that come before it is ready. */
  readonly unwoken: 'hold' | 'pass' | undefined;
};

/** An instance at this switch that gets copies behind so many hops, in the upstream order. */
export type TapView = InstanceView & { readonly hop: string; readonly after: number };

export type PathView = {
  readonly record: RoutedPath;
  readonly door: Door | 'shut';
  readonly hops: readonly HopView[];
  readonly taps: readonly TapView[];
  /** Where the path ends upstream; absent while the port is not on the switch, and where it ends on another. */
  readonly uplink: OfPort | undefined;
  /** Absent as `uplink`, and on a shared path. */
  readonly subscriber: OfPort | undefined;
  /** The address that the path is known by at the uplink, where a function on it rewrites. */
  readonly external: Ipv4 | undefined;
};

/** A subscriber that gets what comes down these shared paths. */
export type DeliveryView = {
  readonly member: Member;
  readonly spec: SubscriberSpec;
  readonly port: OfPort;
  readonly paths: readonly PathRecord[];
};

/** A chain as one subscriber has it. `path` is absent where none can be: the traffic is dropped. */
export type ChainView = {
  readonly owner: OwnerId;
  /** Absent for the chain that takes everything else. */
  readonly service: { readonly priority: number; readonly flows: ServiceFlows } | undefined;
  readonly path: PathView | undefined;
};

/** A subscriber whom chains select, in the order in which a frame asks them. */
export type ChainedView = {
  readonly spec: SubscriberSpec;
  readonly port: OfPort | undefined;
  readonly chains: readonly ChainView[];
};

export type SwitchView = {
  readonly spec: SwitchSpec;
  /** Whether it is a view of what a switch has once, and not of one subscriber or port alone. */
  readonly isCommon: boolean;
  readonly uplink: OfPort | undefined;
  /** Every port that is not an instance's, the bridge's own among them. */
  readonly outsidePorts: readonly PortFact[];
  /** Those of them where another switch of ours may be. */
  readonly openPorts: readonly PortFact[];
  /** Of ports that lead to another switch, whether NORMAL may use the link. */
  readonly linkPorts: ReadonlyMap<string, 'open' | 'closed'>;
  /** Whether NORMAL may use the uplink. */
  readonly isUplinkOpen: boolean;
  /** Those attached here. */
  readonly chained: readonly ChainedView[];
  /** Those who have something to come in at this uplink. */
  readonly expected: readonly ChainedView[];
  /** Number of each port by its name. */
  readonly numbers: { get(name: string): OfPort | undefined };
  /** Names of the ports at which paths cross links. */
  readonly crossed: ReadonlySet<string>;
  /** Every path on the switch: staged, current and draining, in this order. */
  readonly paths: readonly PathView[];
  /** Instances of pools, whether a path uses them or not. */
  readonly pooled: readonly InstanceView[];
  readonly deliveries: readonly DeliveryView[];
  /** Instances that are on demand and not demanded; they may be on any switch. */
  readonly sleeping: ReadonlySet<InstanceId>;
};

/** The name that the port of an instance has: prefix, number, `l` or `r`; at most 15 characters. */
export const portName = (prefix: string, instance: InstanceId, side: Side): string =>
  `${prefix}${instanceNumber(instance)}${side === 'left' ? 'l' : 'r'}`;

/** Names of the ports of an instance; one name where it has one arm. */
export const portsOf = (prefix: string, record: InstanceRecord): Readonly<Record<Side, string>> =>
  record.external ?? {
    left: portName(prefix, record.id, 'left'),
    right: portName(prefix, record.id, 'right'),
  };

export const isInstancePort = (prefix: string, name: string): boolean =>
  name.startsWith(prefix) && /^[0-9]+[lr]$/.test(name.slice(prefix.length));

/** Port numbers from here up are reserved; the bridge's own port is one (OpenFlow 1.5.1, section 7.2.1). */
export const OFPP_MAX = 0xffffff00;

/** Names of the ports of a switch where no other switch is: those of subscribers, uplinks and instances. */
export function edgesOf(
  { declared, steering, interfacePrefix }: Pick<CompileInput, 'declared' | 'steering' | 'interfacePrefix'>,
  name: Name,
): Edges {
  const ports = new Set<string>();
  for (const { spec } of declared.uplinks.values())
    if (spec.attachment.switch === name) ports.add(spec.attachment.port);
  for (const record of steering.instances.values()) {
    if (record.switch !== name) continue;
    const { left, right } = portsOf(interfacePrefix, record);
    ports.add(left).add(right);
  }
  // There may be a hundred thousand of these, and few are asked for.
  const subscribers = objectMap(declared, 'subscribers');
  return {
    has: (port) => ports.has(port) || subscribers.by(`port ${name}/${port}`).next().done === false,
  };
}

const PHASE_ORDER = { staged: 0, current: 1, draining: 2 } as const;

/** @returns undefined while the ports of the switch are not known */
export function viewSwitch(
  input: CompileInput,
  spec: SwitchSpec,
  openUplinks: ReadonlySet<Name>,
): SwitchView | undefined {
  const ports = input.facts.switches.get(spec.dpid)?.ports;
  if (!ports || ports.size === 0) return undefined;
  const numberOf = (name: string | undefined): OfPort | undefined =>
    name === undefined ? undefined : ports.get(name)?.ofport;

  const uplinkSpec = [...input.declared.uplinks.values()].find((u) => u.spec.attachment.switch === spec.name);
  const uplink = numberOf(uplinkSpec?.spec.attachment.port);

  const instanceView = (instance: InstanceId): InstanceView => {
    const record = input.steering.instances.get(instance);
    const here = record?.switch === spec.name;
    const ports = here ? portsOf(input.interfacePrefix, record) : undefined;
    return {
      instance,
      here,
      ready: input.facts.instances.get(instance)?.phase === 'ready',
      left: numberOf(ports?.left),
      right: numberOf(ports?.right),
    };
  };
  const hopView = (
    { instance, onFailure, shared, onDemand }: PathRecord['hops'][number],
    { demand }: PathRecord,
  ): HopView => {
    const record = input.steering.instances.get(instance);
    const hasOneArm = record?.external && record.external.left === record.external.right;
    return {
      ...instanceView(instance),
      hop: shared?.hop ?? record?.hop ?? instance,
      onFailure,
      tags: shared && {
        upstream: shared.tag,
        downstream: shared.tag + (hasOneArm ? DOWNSTREAM_TAG : 0),
      },
      unwoken: demand?.phase === 'awake' ? undefined : onDemand?.firstPacket,
    };
  };
  const viewDoor = (path: PathRecord): PathView['door'] => {
    const door = doorOf(path);
    return door === 'hold' && input.overfull?.has(path.id) ? 'shut' : door;
  };
  const subscriberPort = (name: Name): OfPort | undefined => {
    const attachment = input.declared.subscribers.get(name)?.spec.attachment;
    return attachment?.switch === spec.name ? numberOf(attachment.port) : undefined;
  };

  const paths = [...input.steering.paths.values()]
    .filter(isRouted)
    .filter(({ id, route }) => !input.rejected.has(id) && input.declared.uplinks.has(route.uplink))
    .filter((record) => switchesOf(record).includes(spec.name))
    .sort((a, b) => PHASE_ORDER[a.state.phase] - PHASE_ORDER[b.state.phase] || a.id - b.id)
    .map((record) => ({
      record,
      door: viewDoor(record),
      hops: record.hops.map((hop) => hopView(hop, record)),
      taps: (record.taps ?? [])
        .map(({ instance, hop, after }) => ({ ...instanceView(instance), hop, after }))
        .filter(({ here }) => here),
      uplink: exitOf(record) === spec.name ? uplink : undefined,
      subscriber: record.subscriber === undefined ? undefined : subscriberPort(record.subscriber),
      external: externalOfPath(input, record),
    }));

  const pooled = [...input.steering.instances.values()].filter(
    (record) => record.pool !== undefined && record.switch === spec.name,
  );
  const external = new Set(pooled.flatMap((record) => [record.external?.left, record.external?.right]));
  const outsidePorts = [...ports.values()]
    .filter((port) => !isInstancePort(input.interfacePrefix, port.name) && !external.has(port.name))
    .sort((a, b) => a.ofport - b.ofport);
  const edges = edgesOf(input, spec.name);
  const byId = new Map(paths.map((path) => [path.record.id, path]));
  const alone = new Map(
    paths.flatMap((path) => {
      const { owner, subscriber, state } = path.record;
      return subscriber !== undefined && state.phase === 'current'
        ? [[memberKey(owner, subscriber), path] as const]
        : [];
    }),
  );
  const pathOf = (owner: OwnerId, subscriber: Name): PathView | undefined => {
    const key = memberKey(owner, subscriber);
    const id = input.steering.members.get(key)?.path;
    return id === undefined ? alone.get(key) : byId.get(id);
  };
  const deliveries = [...input.steering.members.values()].flatMap((member): DeliveryView[] => {
    const { path, leaving } = member;
    const port = subscriberPort(member.subscriber);
    const subscriber = input.declared.subscribers.get(member.subscriber)?.spec;
    if (port === undefined || !subscriber) return [];
    const on = [path, leaving?.path].flatMap((id) => (id === undefined ? [] : (byId.get(id)?.record ?? [])));
    return [
      { member, spec: subscriber, port, paths: on.filter((record) => record.subscriber === undefined) },
    ];
  });
  const { chained, expected } = subscribersAt();
  return {
    spec,
    isCommon: true,
    uplink,
    outsidePorts,
    openPorts: outsidePorts.filter(({ name, ofport }) => ofport < OFPP_MAX && !edges.has(name)),
    linkPorts: linkPortsOf(input, spec.dpid),
    isUplinkOpen: uplinkSpec !== undefined && openUplinks.has(uplinkSpec.spec.name),
    chained,
    expected,
    numbers: { get: numberOf },
    crossed: crossedAt(input.steering, spec.name),
    paths,
    pooled: pooled.map(({ id }) => instanceView(id)),
    deliveries,
    sleeping: sleepersOf(input.steering),
  };

  function subscribersAt(): Pick<SwitchView, 'chained' | 'expected'> {
    const chained: ChainedView[] = [];
    const expected: ChainedView[] = [];
    for (const { subscriber, chains } of selection(input.declared).values()) {
      const { name, attachment } = subscriber;
      const isHere = attachment.switch === spec.name;
      if (!isHere && uplink === undefined) continue;
      const views = chains.map((chain) => {
        const owner = ownerOf(input.steering, chain);
        return { owner, service: serviceOf(chain), path: pathOf(owner, name) };
      });
      const port = isHere ? numberOf(attachment.port) : undefined;
      const all = { spec: subscriber, port, chains: views };
      if (isHere) chained.push(all);
      if (uplink === undefined) continue;
      const coming = views.every(endsHere) ? all : { ...all, chains: views.map(comingIn) };
      if (isHere || coming.chains.some(({ path }) => path)) expected.push(coming);
    }
    return { chained, expected };
  }
}

const endsHere = ({ path }: ChainView): boolean => path === undefined || path.uplink !== undefined;
/** What belongs at another uplink has no business at this one. */
const comingIn = (chain: ChainView): ChainView => (endsHere(chain) ? chain : { ...chain, path: undefined });

function crossedAt({ paths }: Steering, name: Name): ReadonlySet<string> {
  const ports = new Set<string>();
  for (const path of paths.values())
    for (const at of endsOf(path)) if (at.switch === name) ports.add(at.port);
  return ports;
}

/** Of the instances as they are configured now, the address of the one nearest to the uplink that has one. */
function externalOfPath({ declared, steering }: CompileInput, { hops }: PathRecord): Ipv4 | undefined {
  for (const { instance } of hops.toReversed()) {
    const record = steering.instances.get(instance);
    const spec = record && declared.functions.get(record.function)?.spec;
    const address = spec && externalAddress(spec, record.config);
    if (address !== undefined) return address;
  }
  return undefined;
}

function linkPortsOf({ facts, tree = NO_TREE }: CompileInput, dpid: Dpid): SwitchView['linkPorts'] {
  const ports = new Map<string, 'open' | 'closed'>();
  for (const link of facts.links) {
    for (const end of [link.a, link.b]) {
      if (end.dpid !== dpid || ports.get(end.port) === 'closed') continue;
      ports.set(end.port, tree.open.has(linkKey(link)) ? 'open' : 'closed');
    }
  }
  return ports;
}

const servicesOf = new WeakMap<Stored<'chains'>, NonNullable<ChainView['service']>>();

/** The same object for all subscribers of the chain. */
function serviceOf(chain: Stored<'chains'>): ChainView['service'] {
  const { service, priority = 0 } = chain.spec;
  if (!service) return undefined;
  const known = servicesOf.get(chain);
  if (known) return known;
  const made = { priority, flows: serviceFlows(service) };
  servicesOf.set(chain, made);
  return made;
}

function ownerOf(steering: Steering, chain: Stored<'chains'>): OwnerId {
  const owner = steering.owners.get(chain.uid);
  if (owner === undefined) throw new Error(`chain ${chain.spec.name} is compiled before it is planned`);
  return owner;
}
