/**
 * What the paths of a switch allow: from where packets come, where they may go. It is said from the paths
 * alone and not from the flows that the compiler makes of them.
 */
import { vlanPresent } from 'ts-openflow';
import type { InstanceId, Name, OfPort, OwnerId, PathId } from '../../model/ids.ts';
import { addressedTo, identitiesOf } from '../flow.ts';
import { arrival, crossingsOf, exitOf, passages } from '../legs.ts';
import type { Direction, Side } from '../metadata.ts';
import { type Cube, cubeOf, exactly } from '../packets/cube.ts';
import { type AnyFlow, FlowTable } from '../packets/flow-table.ts';
import { exclude, type Packets } from '../packets/packets.ts';
import { isPassedOver, tapsAt } from '../steer.ts';
import type { ChainedView, ChainView, HopView, PathView, SwitchView } from '../view.ts';

/** What is behind a port. */
export type End =
  | { readonly kind: 'subscriber'; readonly chained: ChainedView }
  | { readonly kind: 'uplink' }
  /** Another switch; what comes from there with a label is on a path. */
  | { readonly kind: 'link' }
  | { readonly kind: 'instance'; readonly instance: InstanceId; readonly side: Side };

/** Where packets may go. */
export type Next = {
  readonly port: OfPort;
  /** The tag that they must carry there; absent where it does not matter. */
  readonly tag?: number;
  /** What they must be, all of them; absent for anything. */
  readonly only?: readonly Cube[];
  /** It is behind a hop that fails open and is ready: only a switch that finds the hop's port dead may send there. */
  readonly failedOver?: boolean;
};

/** Where packets come out of an instance or over a link, and where they may go from there. */
export type Return = {
  readonly port: OfPort;
  /** Absent where it is a link. */
  readonly instance?: InstanceId;
  readonly direction: Direction;
  /** The tags that packets with these ways carry; absent where the port is enough. */
  readonly tag?: number;
  /** Whose they are; absent where several share the path. */
  readonly subscriber?: Name;
  readonly nexts: readonly Next[];
};

/** The traffic that one chain takes, in one direction: what it matches, but for what chains before it match. */
export type Share = {
  readonly chain: ChainView | undefined;
  /** Undefined for everything else. */
  readonly cubes: readonly Cube[] | undefined;
  readonly before: readonly Cube[];
};

export const tagCube = (tag: number): Cube =>
  new Map([['vlan_vid', exactly('vlan_vid', BigInt(vlanPresent | tag))]]);

const hopsOf = (path: PathView, direction: Direction): readonly HopView[] =>
  direction === 'upstream' ? path.hops : path.hops.toReversed();

/** What tells that packets from the uplink are for a subscriber. */
export const identityCubes = ({ spec }: Pick<ChainedView, 'spec'>): readonly Cube[] =>
  identitiesOf(spec).flatMap((match) => cubeOf(match) ?? []);

/** Whether packets that are put out of a port go where they may. */
export const allows = (
  nexts: readonly Next[],
  port: OfPort,
  packets: Packets,
  failedOver: boolean,
): boolean =>
  nexts.some(
    (next) =>
      next.port === port &&
      (failedOver || next.failedOver !== true) &&
      (next.tag === undefined || packets.valueOf('vlan_vid') === BigInt(vlanPresent | next.tag)) &&
      (next.only === undefined || packets.without(exclude(next.only)).example() === undefined),
  );

type Identity = AnyFlow & { readonly chained: ChainedView };
type External = Identity & { readonly chain: ChainView };

export class Wires {
  readonly ends: ReadonlyMap<OfPort, End>;
  readonly returns: readonly Return[];
  readonly #view: SwitchView;
  readonly #deliveries = new Map<PathId, Next[]>();
  /** The paths of a subscriber on a chain, all versions: while one takes over, packets may be on either. */
  readonly #versions = new Map<string, PathView[]>();
  readonly #identities = new FlowTable<Identity>();
  readonly #externals = new FlowTable<External>();

  constructor(view: SwitchView) {
    this.#view = view;
    const byId = new Map(view.paths.map((path) => [path.record.id, path]));
    const version = (owner: OwnerId, subscriber: Name, path: PathView): void => {
      const key = `${owner} ${subscriber}`;
      const others = this.#versions.get(key);
      if (others === undefined) this.#versions.set(key, [path]);
      else if (!others.includes(path)) others.push(path);
    };
    for (const path of view.paths) {
      const { owner, subscriber } = path.record;
      if (subscriber !== undefined) version(owner, subscriber, path);
    }
    for (const { spec, port, paths } of view.deliveries) {
      for (const path of paths) {
        const others = this.#deliveries.get(path.id);
        const delivery = { port, only: identityCubes({ spec }) };
        // There may be very many on one path.
        if (others === undefined) this.#deliveries.set(path.id, [delivery]);
        else others.push(delivery);
        const on = byId.get(path.id);
        if (on) version(path.owner, spec.name, on);
      }
    }
    for (const chained of view.chained)
      for (const { owner, path } of chained.chains) if (path) version(owner, chained.spec.name, path);
    for (const chained of view.expected)
      for (const { owner, path } of chained.chains) if (path) version(owner, chained.spec.name, path);
    const unsaid = { table: 0, priority: 0, cookie: 0n, instructions: [] };
    for (const chained of new Map(
      [...view.chained, ...view.expected].map((one) => [one.spec, one]),
    ).values()) {
      for (const match of identitiesOf(chained.spec)) this.#identities.add({ ...unsaid, match, chained });
      for (const chain of chained.chains)
        for (const match of chain.path?.external === undefined ? [] : addressedTo(chain.path.external))
          this.#externals.add({ ...unsaid, match, chained, chain });
    }
    this.returns = this.#returnsOf();
    this.ends = this.#endsOf();
  }

  /** Subscribers that some of the packets are for, each with what says so. */
  *addressees(packets: Packets): Generator<{ readonly chained: ChainedView; readonly cube: Cube }> {
    for (const { flow, cube } of this.#identities.near(packets.cube)) yield { chained: flow.chained, cube };
  }

  /** Chains that a function makes known by an address of its own, which some of the packets from the uplink are for. */
  *externals(
    packets: Packets,
  ): Generator<{ readonly chained: ChainedView; readonly chain: ChainView; readonly cube: Cube }> {
    for (const { flow, cube } of this.#externals.near(packets.cube))
      yield { chained: flow.chained, chain: flow.chain, cube };
  }

  /** Where packets may go first, at the beginning of a direction. */
  first({ spec, port }: ChainedView, chain: ChainView | undefined, direction: Direction): readonly Next[] {
    if (chain === undefined) {
      const end = direction === 'upstream' ? this.#view.uplink : port;
      return end === undefined ? [] : [{ port: end }];
    }
    const versions = this.#versions.get(`${chain.owner} ${spec.name}`) ?? [];
    const beginsHere = ({ record }: PathView): boolean =>
      this.#view.spec.name === (direction === 'upstream' ? record.switch : exitOf(record));
    return versions.filter(beginsHere).flatMap((path) => this.#nextAfter(path, direction, 0));
  }

  /**
   * The next hop of those that have met so many, or the link to it, and what is beyond the hop where it fails
   * open now.
   */
  #nextAfter(path: PathView, direction: Direction, hopsDone: number): readonly Next[] {
    const { name } = this.#view.spec;
    const hops = hopsOf(path, direction);
    const nexts: Next[] = [];
    let failedOver = false;
    const push = (next: Next): void => void nexts.push(failedOver ? { ...next, failedOver } : next);
    for (let done = hopsDone; done <= hops.length; done++) {
      // What a tap gives back has no place to go on from, so its ports are no returns.
      for (const tap of tapsAt(path, direction, done)) {
        const port = direction === 'upstream' ? tap.left : tap.right;
        if (port !== undefined) push({ port });
      }
      const link = passages(path.record, direction, done).find(({ from }) => from.switch === name);
      if (link) {
        const port = this.#view.numbers.get(link.from.port);
        if (port !== undefined) push({ port, tag: link.label });
        return nexts;
      }
      if (arrival(path.record, direction, done) !== name) return nexts;
      const hop = hops[done];
      if (hop === undefined) break;
      const port = direction === 'upstream' ? hop.left : hop.right;
      const tag = hop.tags?.[direction];
      if (port !== undefined) push({ port, ...(tag === undefined ? {} : { tag }) });
      if (isPassedOver(hop)) continue;
      if (hop.onFailure !== 'open' || !hop.here) return nexts;
      failedOver = true;
    }
    for (const end of this.#endOf(path, direction)) push(end);
    return nexts;
  }

  #endOf({ record, uplink, subscriber }: PathView, direction: Direction): readonly Next[] {
    if (direction === 'upstream') return uplink === undefined ? [] : [{ port: uplink }];
    if (record.subscriber === undefined) return this.#deliveries.get(record.id) ?? [];
    return subscriber === undefined ? [] : [{ port: subscriber }];
  }

  #returnsOf(): readonly Return[] {
    const returns = new Map<string, Return>();
    for (const path of this.#view.paths)
      for (const direction of ['upstream', 'downstream'] as const)
        for (const [i, { instance, left, right, tags }] of hopsOf(path, direction).entries()) {
          const tag = tags?.[direction];
          const port = direction === 'upstream' ? right : left;
          if (port === undefined) continue;
          const key = `${port} ${tag}`;
          const nexts = [...(returns.get(key)?.nexts ?? []), ...this.#nextAfter(path, direction, i + 1)];
          const { subscriber } = path.record;
          returns.set(key, {
            port,
            instance,
            direction,
            ...(tag === undefined ? {} : { tag }),
            ...(subscriber === undefined ? {} : { subscriber }),
            nexts,
          });
        }
    return [...returns.values(), ...this.#view.paths.flatMap((path) => this.#arrivalsOf(path))];
  }

  /** Where packets of a path come over a link. */
  #arrivalsOf(path: PathView): readonly Return[] {
    const { subscriber, hops } = path.record;
    const arrivals: Return[] = [];
    for (const direction of ['upstream', 'downstream'] as const)
      for (let done = 0; done <= hops.length; done++)
        for (const { to, label } of passages(path.record, direction, done)) {
          const port = to.switch === this.#view.spec.name ? this.#view.numbers.get(to.port) : undefined;
          if (port === undefined) continue;
          const nexts = this.#nextAfter(path, direction, done);
          const whose = subscriber === undefined ? {} : { subscriber };
          arrivals.push({ port, direction, tag: label, ...whose, nexts });
        }
    return arrivals;
  }

  #endsOf(): ReadonlyMap<OfPort, End> {
    const ends = new Map<OfPort, End>();
    for (const { name, ofport } of this.#view.outsidePorts)
      if (this.#view.linkPorts.has(name)) ends.set(ofport, { kind: 'link' });
    for (const { record } of this.#view.paths)
      for (const { from, to } of crossingsOf(record))
        for (const at of [from, to]) {
          const port = at.switch === this.#view.spec.name ? this.#view.numbers.get(at.port) : undefined;
          if (port !== undefined) ends.set(port, { kind: 'link' });
        }
    for (const chained of this.#view.chained)
      if (chained.port !== undefined) ends.set(chained.port, { kind: 'subscriber', chained });
    if (this.#view.uplink !== undefined) ends.set(this.#view.uplink, { kind: 'uplink' });
    const instances = [
      ...this.#view.paths.flatMap(({ hops, taps }) => [...hops, ...taps]),
      ...this.#view.pooled,
    ];
    for (const { instance, left, right } of instances) {
      if (left !== undefined) ends.set(left, { kind: 'instance', instance, side: 'left' });
      if (right !== undefined) ends.set(right, { kind: 'instance', instance, side: 'right' });
    }
    return ends;
  }
}

/** How the traffic of a subscriber is shared out among its chains; what is left has a share without a chain. */
export function sharesOf({ chains }: ChainedView, direction: Direction): readonly Share[] {
  const shares: Share[] = [];
  const before: Cube[] = [];
  for (const chain of chains) {
    if (chain.service === undefined) {
      shares.push({ chain, cubes: undefined, before: [...before] });
      return shares;
    }
    // Fragments that nobody can tell whose they are belong to nobody, and may only be dropped.
    const cubes = chain.service.flows[direction]
      .filter(({ fragments }) => !fragments)
      .flatMap(({ match }) => cubeOf(match) ?? []);
    shares.push({ chain, cubes, before: [...before] });
    before.push(...cubes);
  }
  return [...shares, { chain: undefined, cubes: undefined, before: [...before] }];
}
