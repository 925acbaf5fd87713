/**
 * Proves, on the tables that switches really hold, that every packet of every chained subscriber meets its hops
 * in order or is dropped. From each port packets can come in at, all of them are sent through the tables at
 * once; each effect on a set of them is held against what the paths allow. What comes out of an instance may be
 * anything, so its port is a beginning like any other: no walk is longer than one pass through a switch, and
 * the work grows with the flows that the packets can reach.
 *
 * A generator, because the work may be long: who runs it may do other things between its steps.
 */
import { type FieldName, fullMask, type Match, matchField, printMatch } from 'ts-openflow';
import type { Finding, FindingKind, PassedOver } from '../../model/audit-report.ts';
import type { SwitchContent } from '../../model/desired.ts';
import type { Name, OfPort, PathId } from '../../model/ids.ts';
import { flowText } from '../flow.ts';
import { stopsOf } from '../legs.ts';
import { type Direction, decodePlace } from '../metadata.ts';
import { ANYTHING, type Cube, contains, exactly } from '../packets/cube.ts';
import { type AnyFlow, FlowTables } from '../packets/flow-table.ts';
import { exclude, Packets } from '../packets/packets.ts';
import { type Effect, type Event, run } from '../packets/run.ts';
import { isPassedOver } from '../steer.ts';
import type { ChainedView, SwitchView } from '../view.ts';
import { likePorts } from './like-ports.ts';
import { allows, type End, type Return, type Share, sharesOf, tagCube, Wires } from './wires.ts';

export type SwitchAudit = {
  readonly findings: readonly Finding[];
  readonly passedOver: readonly PassedOver[];
  readonly subscribers: number;
  readonly classes: number;
};

/** One switch. @param chainName what a chain is called, by its owner number */
export function* auditSwitch(
  view: SwitchView,
  held: SwitchContent,
  names: { readonly chain: (owner: number) => Name; readonly hop: (instance: string) => string },
): Generator<void, SwitchAudit> {
  const auditor = new Auditor(view, held, names);
  auditor.bridge();
  for (const origin of auditor.origins()) {
    auditor.from(origin);
    yield;
  }
  return auditor.result();
}

/** Frames by which switches find each other; the controller alone gets them. */
const LLDP = 0x88ccn;
/** The VLAN that ports are isolated by. */
const ISOLATION = tagCube(4095);

/** Where packets come in, which of them, and what is there. */
type Origin = {
  readonly port: OfPort;
  readonly packets: Packets;
  readonly end: End | undefined;
  /** Of what comes out of an instance on a path. */
  readonly back?: Return;
};
type Whose = { readonly subscriber?: Name; readonly direction?: Direction };
type Found = Event<AnyFlow>;

class Auditor {
  readonly #view: SwitchView;
  readonly #held: SwitchContent;
  readonly #names: Parameters<typeof auditSwitch>[2];
  readonly #tables: FlowTables<AnyFlow>;
  readonly #wires: Wires;
  readonly #doors: ReadonlySet<PathId>;
  readonly #ports: ReadonlyMap<OfPort, string>;
  readonly #findings: Finding[] = [];
  readonly #shares = new Map<string, readonly Share[]>();
  #classes = 0;

  constructor(view: SwitchView, held: SwitchContent, names: Parameters<typeof auditSwitch>[2]) {
    this.#view = view;
    this.#held = held;
    this.#names = names;
    this.#tables = new FlowTables<AnyFlow>(held.flows, held.groups);
    this.#wires = new Wires(view);
    this.#doors = new Set(view.paths.filter(({ door }) => door !== 'open').map(({ record }) => record.id));
    this.#ports = new Map(view.outsidePorts.map(({ ofport, name }) => [ofport, name]));
  }

  /** All ports that mean something, and one of each kind of the others. */
  *origins(): Generator<Origin> {
    const { ends, returns } = this.#wires;
    const { fresh } = this.#tables;
    const comingIn = (port: OfPort): Packets =>
      Packets.all(new Map([...fresh, ['in_port', exactly('in_port', BigInt(port))]]));
    const isRejoined = ({ kind }: End): boolean => kind === 'instance' || kind === 'link';
    for (const [port, end] of ends) if (!isRejoined(end)) yield { port, end, packets: comingIn(port) };
    const others = this.#view.outsidePorts.map(({ ofport }) => ofport).filter((port) => !ends.has(port));
    for (const port of likePorts(this.#held.flows, others))
      yield { port, end: undefined, packets: comingIn(port) };
    const known = new Map<OfPort, Cube[]>();
    for (const back of returns) {
      const { port, tag } = back;
      const cube = tag === undefined ? ANYTHING : tagCube(tag);
      known.set(port, [...(known.get(port) ?? []), cube]);
      const packets = comingIn(port).within(cube);
      if (packets !== undefined) yield { port, end: ends.get(port), back, packets };
    }
    // What is on no path may come out of an instance too, and may go nowhere; over a link it is unchained.
    for (const [port, end] of ends) {
      const rest = isRejoined(end) ? comingIn(port).without(exclude(known.get(port) ?? [])) : undefined;
      if (rest?.example() !== undefined) yield { port, end, packets: rest };
    }
  }

  result(): SwitchAudit {
    return {
      findings: this.#findings,
      passedOver: this.#view.paths
        .filter(({ record }) => record.state.phase === 'current')
        .flatMap(({ record, record: { subscriber, chain }, hops }) =>
          hops
            .filter((hop, i) => stopsOf(record)[i + 1] === this.#view.spec.name && isPassedOver(hop))
            .map(({ instance }) => ({
              ...(subscriber ? { subscriber } : {}),
              chain,
              hop: this.#names.hop(instance),
            })),
        ),
      subscribers: this.#view.chained.length,
      classes: this.#classes,
    };
  }

  /** What is not said by flows. */
  bridge(): void {
    const { bridge } = this.#held;
    if (this.#view.chained.length + this.#view.paths.length === 0) return;
    if (bridge === undefined) {
      this.#find('unknown', {}, 'its OVSDB server cannot be asked how the bridge and its ports are');
      return;
    }
    if (bridge.failMode !== 'secure')
      this.#find(
        'exposed',
        {},
        `fail_mode is ${bridge.failMode}: without a controller the bridge would become a learning switch`,
      );
    for (const [port, end] of this.#wires.ends) {
      if (end.kind === 'uplink' || bridge.isolated.has(port)) continue;
      if (end.kind === 'link') {
        if (this.#view.paths.length === 0 || bridge.untagged.has(port)) continue;
        const detail = `NORMAL may bring frames with the labels of chains to ${this.#place(port)}`;
        this.#find('cross-talk', {}, detail);
        continue;
      }
      const whose = end.kind === 'subscriber' ? { subscriber: end.chained.spec.name } : {};
      const detail = `NORMAL may bring frames to ${this.#place(port)}`;
      this.#find('bypass', { ...whose, direction: 'downstream' }, detail);
    }
  }

  from(origin: Origin): void {
    for (const event of run(this.#tables, origin.packets).events) {
      this.#classes++;
      const { effect, packets } = event;
      if (effect.kind === 'drop') continue;
      if (effect.kind === 'controller' && packets.valueOf('eth_type') === LLDP) continue;
      if (effect.kind === 'controller' && this.#isAtDoor(event)) continue;
      if (origin.end?.kind === 'subscriber') this.#fromSubscriber(origin.end.chained, event);
      else if (origin.end?.kind === 'instance') this.#fromInstance(origin.end, origin.back, event);
      else if (origin.back !== undefined) this.#fromLink(origin.back, event);
      else this.#fromOutside(origin, event);
    }
  }

  /** Whether packets are at the beginning of a path that does not take them in now. */
  #isAtDoor({ hits }: Found): boolean {
    const { path, hopsDone } = decodePlace(hits.at(-1)?.metadata ?? 0n);
    return hopsDone === 0 && this.#doors.has(path);
  }

  #fromSubscriber(chained: ChainedView, event: Found): void {
    const { effect, packets } = event;
    if (effect.kind === 'output') {
      this.#entering(chained, 'upstream', effect.port as OfPort, packets, event);
      return;
    }
    const whose = { subscriber: chained.spec.name, direction: 'upstream' } as const;
    this.#find(kindOf(effect), whose, this.#does(effect), event);
  }

  /** Every chain that has a share in these packets must allow that they go there first. */
  #entering(chained: ChainedView, direction: Direction, to: OfPort, packets: Packets, event: Found): void {
    const { name } = chained.spec;
    for (const { chain, cubes, before } of this.#sharesOf(chained, direction)) {
      if (allows(this.#wires.first(chained, chain, direction), to, packets, event.failedOver)) continue;
      const part = partOf(packets, cubes, before);
      if (part === undefined) continue;
      const belongs = chain === undefined ? 'no chain' : `chain ${this.#names.chain(chain.owner)}`;
      this.#find(
        this.#isOfAnother(to, name) ? 'cross-talk' : 'bypass',
        { subscriber: name, direction },
        `what belongs to ${belongs} goes to ${this.#place(to)}, and its path does not begin there`,
        event,
        part,
      );
    }
  }

  #isOfAnother(port: OfPort, name: Name): boolean {
    const end = this.#wires.ends.get(port);
    if (end?.kind !== 'instance') return false;
    return !this.#wires.returns.some(
      ({ instance, subscriber }) => instance === end.instance && (subscriber ?? name) === name,
    );
  }

  #fromInstance(end: Extract<End, { kind: 'instance' }>, back: Return | undefined, event: Found): void {
    const { effect, packets } = event;
    if (
      effect.kind === 'output' &&
      allows(back?.nexts ?? [], effect.port as OfPort, packets, event.failedOver)
    )
      return;
    const whose = {
      ...(back?.subscriber === undefined ? {} : { subscriber: back.subscriber }),
      direction: end.side === 'right' ? 'upstream' : 'downstream',
    } as const;
    const tag = back?.tag === undefined ? '' : `, tag ${back.tag}`;
    const from = `what comes out of ${this.#names.hop(end.instance)} (${end.instance}, ${end.side}${tag})`;
    this.#find(kindOf(effect), whose, `${from} ${this.#does(effect)}`, event);
  }

  #fromLink({ port, tag, direction, subscriber, nexts }: Return, event: Found): void {
    const { effect, packets } = event;
    if (effect.kind === 'output' && allows(nexts, effect.port as OfPort, packets, event.failedOver)) return;
    const whose = { ...(subscriber === undefined ? {} : { subscriber }), direction };
    const from = `what comes over the link at ${this.#place(port)} with label ${tag}`;
    this.#find(kindOf(effect), whose, `${from} ${this.#does(effect)}`, event);
  }

  /** From the uplink, and from ports that no chain is about. */
  #fromOutside(origin: Origin, event: Found): void {
    const { effect, packets } = event;
    switch (effect.kind) {
      case 'output':
        this.#intoWire(origin, effect.port as OfPort, event);
        return;
      case 'normal':
        this.#switched(origin, event);
        return;
      case 'flood':
        for (const chained of this.#view.chained)
          this.#find('bypass', downstreamOf(chained), this.#does(effect), event);
        return;
      case 'unknown':
        for (const [chained, some] of this.#mayBeFor(packets))
          this.#find('unknown', downstreamOf(chained), this.#does(effect), event, some);
        return;
      default:
    }
  }

  /** Each subscriber that some of the packets are for, with an example of those. */
  #mayBeFor(packets: Packets): ReadonlyMap<ChainedView, Cube> {
    const found = new Map<ChainedView, Cube>();
    for (const { chained, cube } of this.#wires.addressees(packets)) {
      const some = found.has(chained) ? undefined : packets.within(cube)?.example();
      if (some !== undefined) found.set(chained, some);
    }
    return found;
  }

  #intoWire({ port: from, end }: Origin, to: OfPort, event: Found): void {
    const reached = this.#wires.ends.get(to);
    if (reached === undefined || reached.kind === 'uplink') return;
    // Without a label it is on no path there.
    if (reached.kind === 'link' && event.packets.valueOf('vlan_vid') === 0n) return;
    const detail = `what comes in at ${this.#place(from)} goes to ${this.#place(to)}`;
    const left = end === undefined ? event.packets : this.#withoutExternal(to, event);
    if (left === undefined) return;
    if (reached.kind === 'subscriber') {
      if (end?.kind !== 'uplink') this.#find('bypass', downstreamOf(reached.chained), detail, event);
      else this.#entering(reached.chained, 'downstream', to, left, event);
      return;
    }
    if (end?.kind !== 'uplink') {
      this.#find('cross-talk', { direction: 'downstream' }, detail, event);
      return;
    }
    const cubes: Cube[] = [];
    for (const { chained, cube } of this.#wires.addressees(left)) {
      const packets = left.within(cube);
      if (packets?.example() === undefined) continue;
      cubes.push(cube);
      this.#entering(chained, 'downstream', to, packets, event);
    }
    const others = left.without(exclude(cubes)).example();
    const whose = { direction: 'downstream' } as const;
    if (others !== undefined)
      this.#find('cross-talk', whose, `${detail}, and is for nobody in a chain`, event, others);
  }

  /** Looks after those that are for an address that a function is known by. @returns the others, if there are any */
  #withoutExternal(to: OfPort, event: Found): Packets | undefined {
    const cubes: Cube[] = [];
    for (const { chained, chain, cube } of this.#wires.externals(event.packets)) {
      const packets = event.packets.within(cube);
      const some = packets?.example();
      if (packets === undefined || some === undefined) continue;
      cubes.push(cube);
      if (allows(this.#wires.first(chained, chain, 'downstream'), to, packets, event.failedOver)) continue;
      const { name } = chained.spec;
      this.#find(
        this.#isOfAnother(to, name) ? 'cross-talk' : 'bypass',
        downstreamOf(chained),
        `what is for an address of chain ${this.#names.chain(chain.owner)} goes to ${this.#place(to)}, and its path does not begin there`,
        event,
        some,
      );
    }
    if (cubes.length === 0) return event.packets;
    const left = event.packets.without(exclude(cubes));
    return left.example() === undefined ? undefined : left;
  }

  /**
   * NORMAL brings a frame to the port where it learned the address, whatever VLANs the port is in; what it
   * floods goes to an isolated port only in the VLAN of isolation.
   */
  #switched({ port }: Origin, event: Found): void {
    const { packets } = event;
    const at = `what comes in at ${this.#place(port)}`;
    const inIsolation = packets.within(ISOLATION)?.example();
    if (inIsolation !== undefined && this.#view.chained.length > 0)
      this.#find('bypass', {}, `${at} reaches isolated ports through NORMAL`, event, inIsolation);
    for (const { chained, cube } of this.#wires.addressees(packets)) {
      // Where it is attached, all that is switched to it is kept off its port.
      if (chained.spec.attachment.switch !== this.#view.spec.name) continue;
      // The rest of its identity is sent to everybody, and so never learned.
      if (!contains(TO_ONE, cube)) continue;
      const some = packets.within(cube)?.example();
      if (some === undefined) continue;
      const { name } = chained.spec;
      this.#find('bypass', downstreamOf(chained), `${at} may reach ${name} through NORMAL`, event, some);
    }
  }

  #does(effect: Effect): string {
    switch (effect.kind) {
      case 'output':
        return `goes to ${this.#place(effect.port as OfPort)}`;
      case 'normal':
        return 'is switched as a learning bridge does';
      case 'flood':
        return 'is flooded';
      case 'controller':
        return 'goes to a controller';
      case 'drop':
        return 'is dropped';
      case 'unknown':
        return `meets what cannot be followed: ${effect.what}`;
    }
  }

  #sharesOf(chained: ChainedView, direction: Direction): readonly Share[] {
    const key = `${chained.spec.name} ${direction}`;
    const known = this.#shares.get(key);
    if (known !== undefined) return known;
    const shares = sharesOf(chained, direction);
    this.#shares.set(key, shares);
    return shares;
  }

  #place(port: OfPort): string {
    const end = this.#wires.ends.get(port);
    if (end?.kind !== 'instance') return `port ${this.#ports.get(port) ?? port}`;
    return `${this.#names.hop(end.instance)} (${end.instance}, ${end.side})`;
  }

  #find(
    kind: FindingKind,
    whose: Whose,
    detail: string,
    event?: Found,
    packets: Cube | undefined = event?.packets.example(),
  ): void {
    this.#findings.push({
      kind,
      switch: this.#view.spec.name,
      ...whose,
      detail,
      ...(packets === undefined ? {} : { packets: cubeText(packets) }),
      flows: (event?.hits ?? []).flatMap(({ flow }) => (flow === undefined ? [] : [flowText(flow)])),
    });
  }
}

/** Frames to one receiver: the lowest bit of the first byte says that they are for several (IEEE 802, 8.2). */
const TO_ONE: Cube = new Map([['eth_dst', { value: 0n, mask: 1n << 40n }]]);

const kindOf = ({ kind }: Effect): FindingKind => (kind === 'unknown' ? 'unknown' : 'bypass');
const downstreamOf = ({ spec }: ChainedView): Whose => ({ subscriber: spec.name, direction: 'downstream' });

/** Some of the packets that are of a share; undefined if none is. */
function partOf(
  packets: Packets,
  cubes: readonly Cube[] | undefined,
  before: readonly Cube[],
): Cube | undefined {
  const left = before.length === 0 ? packets : packets.without(exclude(before));
  if (cubes === undefined) return left.example();
  for (const cube of cubes) {
    const found = left.within(cube)?.example();
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What packets carry within the switch alone is no news to anybody. */
const isInner = (field: FieldName): boolean => field === 'metadata' || field.startsWith('reg');

function cubeText(cube: Cube): string {
  const match: Match = [...cube]
    .filter(([field]) => !isInner(field))
    .map(([field, { value, mask }]) =>
      mask === fullMask(field) ? matchField(field, value) : matchField(field, value, mask),
    );
  return printMatch(match);
}
