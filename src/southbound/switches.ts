import { bigintToMac, type MessageOf, portState, type Version, version15 } from 'ts-openflow';
import type { Counted } from '../model/counters.ts';
import type { DesiredSwitch, SwitchContent } from '../model/desired.ts';
import { ChainstitchError } from '../model/errors.ts';
import type { LinkFact, PortFact, Reconciled, SwitchFact } from '../model/facts.ts';
import type { Dpid, Mac, OfPort, OwnerId } from '../model/ids.ts';
import type { HandedIn, ManagedSwitch, Switches } from '../model/interfaces.ts';
import type { Meters } from '../model/meters.ts';
import type { Log } from './log.ts';
import type { Channel } from './openflow/channel.ts';
import type { Port } from './openflow/exchange.ts';
import { handedIn, sendThrough } from './openflow/packets.ts';
import type { ServerEvents } from './openflow/server.ts';
import type { OvsdbManager } from './ovsdb/manager.ts';
import { SwitchKeeper } from './reconcile/keeper.ts';
import { Links } from './topology/links.ts';

export type SwitchBookOptions = {
  readonly ovsdb: OvsdbManager;
  readonly auditIntervalMs: number;
  /** Milliseconds that only grow. */
  readonly now: () => number;
  readonly wake: () => void;
  /** A flow of ours has handed in a packet. */
  readonly handedIn: (packet: HandedIn) => void;
  readonly log: Log;
  readonly meters: Meters;
};

/** How long the operator is told of a second switch with one datapath id after it last tried. */
const DOUBLE_REMEMBERED_MS = 30_000;

type Entry = {
  readonly keeper: SwitchKeeper;
  channel: Channel | undefined;
  desired: DesiredSwitch | undefined;
  /** As they were last seen; they outlast the connection. */
  ports: ReadonlyMap<string, PortFact>;
  /** The same with what OVSDB says of each port's MTU. */
  measured?: {
    readonly from: Entry['ports'];
    readonly mtus: ReadonlyMap<OfPort, number>;
    readonly ports: ReadonlyMap<string, PortFact>;
  };
  version: Version | undefined;
  doubled: { readonly peer: string; readonly forget: NodeJS.Timeout } | undefined;
};

/** All switches that are wanted, managed or connected, and what is known of each. */
export class SwitchBook implements Switches, ServerEvents {
  readonly #options: SwitchBookOptions;
  readonly #entries = new Map<Dpid, Entry>();
  readonly #managed = new Set<Dpid>();

  readonly #links: Links;

  constructor(options: SwitchBookOptions) {
    this.#options = options;
    this.#links = new Links({ now: options.now, log: options.log, changed: options.wake });
  }

  facts(): ReadonlyMap<Dpid, SwitchFact> {
    return new Map([...this.#entries].map(([dpid, entry]) => [dpid, this.#fact(dpid, entry)]));
  }

  links(): readonly LinkFact[] {
    return this.#links.links;
  }

  want(switches: readonly DesiredSwitch[]): void {
    const wanted = new Map(switches.map((desired) => [desired.dpid, desired]));
    for (const [dpid, entry] of this.#entries) {
      const desired = wanted.get(dpid);
      if (desired === undefined) this.#want(entry, undefined);
    }
    for (const [dpid, desired] of wanted) this.#want(this.#entry(dpid), desired);
    this.#forget();
  }

  manage(switches: readonly ManagedSwitch[]): void {
    const known = new Set(this.#managed);
    this.#managed.clear();
    for (const { dpid } of switches) {
      this.#managed.add(dpid);
      this.#entry(dpid);
    }
    this.#options.ovsdb.manage(switches);
    this.#links.manage(
      new Map(switches.flatMap(({ dpid, edges }) => (edges === undefined ? [] : [[dpid, edges]]))),
    );
    for (const [dpid, { channel, ports }] of this.#entries) {
      if (channel === undefined || !this.#managed.has(dpid)) continue;
      if (known.has(dpid)) this.#links.ports(dpid, ports);
      else this.#links.connected(dpid, channel, ports);
    }
    this.#forget();
  }

  async reconcile(dpid: Dpid): Promise<Reconciled> {
    return this.#known(dpid).keeper.reconcile();
  }

  counters(): { readonly counted: readonly Counted[]; readonly at?: string } {
    const keepers = [...this.#entries.values()].map(({ keeper }) => keeper);
    const read = keepers.flatMap(({ countedAt }) => countedAt ?? []);
    return {
      counted: keepers.flatMap(({ counts }) => counts.all),
      ...(read.length === 0 ? {} : { at: new Date(Math.min(...read)).toISOString() }),
    };
  }

  retainCounters(owners: ReadonlySet<OwnerId>): void {
    for (const { keeper } of this.#entries.values()) keeper.counts.retain(owners);
  }

  async read(dpid: Dpid): Promise<SwitchContent> {
    const content = await this.#known(dpid).keeper.read();
    return { ...content, bridge: this.#options.ovsdb.bridge(dpid) };
  }

  #known(dpid: Dpid): Entry {
    const entry = this.#entries.get(dpid);
    if (entry === undefined)
      throw new ChainstitchError('switch-not-connected', `switch ${dpid} is not connected`);
    return entry;
  }

  connected(dpid: Dpid, channel: Channel): void {
    const entry = this.#entry(dpid);
    entry.channel = channel;
    entry.version = channel.version;
    entry.ports = portFacts(channel.ports);
    entry.keeper.connected(channel);
    this.#links.connected(dpid, channel, entry.ports);
    this.#options.wake();
  }

  ports(dpid: Dpid): void {
    const entry = this.#entries.get(dpid);
    if (entry?.channel === undefined) return;
    entry.ports = portFacts(entry.channel.ports);
    this.#links.ports(dpid, entry.ports);
    this.#options.wake();
  }

  packetIn(dpid: Dpid, message: MessageOf<'packetIn'>): void {
    const packet = handedIn(dpid, message);
    if (packet === undefined) this.#links.packetIn(dpid, message);
    else this.#options.handedIn(packet);
  }

  putBack(dpid: Dpid, packets: readonly Pick<HandedIn, 'port' | 'frame'>[]): void {
    const channel = this.#entries.get(dpid)?.channel;
    if (channel !== undefined) void sendThrough(channel, packets);
  }

  countedAt(): ReadonlyMap<Dpid, number> {
    return new Map(
      [...this.#entries].flatMap(([dpid, { keeper }]) =>
        keeper.countedAt === undefined ? [] : [[dpid, keeper.countedAt] as const],
      ),
    );
  }

  disconnected(dpid: Dpid): void {
    const entry = this.#entries.get(dpid);
    if (entry === undefined) return;
    entry.channel = undefined;
    entry.keeper.disconnected();
    this.#links.disconnected(dpid);
    this.#forget();
    this.#options.wake();
  }

  doubled(dpid: Dpid, peer: string): void {
    const entry = this.#entry(dpid);
    // It tries again every second or so: once is enough to say.
    if (entry.doubled === undefined)
      this.#options.log.warn({ dpid, peer }, 'refused a second switch with the same datapath id');
    clearTimeout(entry.doubled?.forget);
    const forget = setTimeout(() => {
      entry.doubled = undefined;
      this.#options.wake();
    }, DOUBLE_REMEMBERED_MS);
    entry.doubled = { peer, forget };
    this.#options.wake();
  }

  /**
   * The OVSDB side changed: perhaps a stranger gave NORMAL a port that it is to be kept off, or what failed
   * for want of OVSDB works now.
   */
  lookAtIsolation(): void {
    for (const [dpid, { channel, keeper, desired }] of this.#entries) {
      if (channel === undefined || !keeper.wanted) continue;
      if (
        keeper.problem !== undefined ||
        this.#options.ovsdb.needsIsolation(dpid, desired?.isolated ?? new Map())
      )
        keeper.look();
    }
  }

  close(): void {
    this.#links.close();
    for (const { keeper, doubled } of this.#entries.values()) {
      clearTimeout(doubled?.forget);
      keeper.close();
    }
    this.#entries.clear();
  }

  #want(entry: Entry, desired: DesiredSwitch | undefined): void {
    entry.desired = desired;
    entry.keeper.want(desired);
  }

  #entry(dpid: Dpid): Entry {
    const known = this.#entries.get(dpid);
    if (known !== undefined) return known;
    const keeper = new SwitchKeeper({
      log: this.#options.log,
      meters: this.#options.meters,
      auditIntervalMs: this.#options.auditIntervalMs,
      isolate: (ports) => this.#options.ovsdb.isolate(dpid, ports),
      changed: () => {
        if (keeper.applied !== undefined) this.#links.ready(dpid);
        this.#options.wake();
      },
    });
    const entry: Entry = {
      keeper,
      channel: undefined,
      desired: undefined,
      ports: new Map(),
      version: undefined,
      doubled: undefined,
    };
    this.#entries.set(dpid, entry);
    return entry;
  }

  /** A switch that nobody declares is remembered only while it is connected: anyone may invent ids. */
  #forget(): void {
    for (const [dpid, { keeper, channel, doubled }] of this.#entries) {
      if (channel !== undefined || keeper.wanted || this.#managed.has(dpid)) continue;
      clearTimeout(doubled?.forget);
      keeper.close();
      this.#entries.delete(dpid);
    }
  }

  #fact(dpid: Dpid, entry: Entry): SwitchFact {
    const { keeper, channel, version, doubled } = entry;
    const problem =
      this.#options.ovsdb.problem(dpid) ??
      keeper.problem ??
      (doubled &&
        `another switch with this datapath id, or this one a second time, was refused at ${doubled.peer}: give it another id, or remove the controller that this one has twice`);
    const discovery = this.#managed.has(dpid) ? this.#links.state(dpid) : undefined;
    return {
      dpid,
      connection: channel === undefined ? 'disconnected' : 'connected',
      ...(version === undefined ? {} : { protocol: version === version15 ? 'OpenFlow 1.5' : 'OpenFlow 1.3' }),
      ports: this.#portFacts(dpid, entry),
      ...(discovery === undefined ? {} : { discovery }),
      ...(keeper.applied === undefined ? {} : { applied: keeper.applied }),
      rejections: keeper.rejections,
      ...(problem === undefined ? {} : { problem }),
    };
  }

  #portFacts(dpid: Dpid, entry: Entry): Entry['ports'] {
    const { ports, measured } = entry;
    const mtus = this.#options.ovsdb.mtus(dpid);
    // There may be very many ports, and this is asked at each turn of the control loop.
    if (measured?.from !== ports || measured.mtus !== mtus)
      entry.measured = { from: ports, mtus, ports: withMtus(ports, mtus) };
    const known = entry.measured?.ports ?? ports;
    const listening = this.#links.listening(dpid);
    if (listening.size === 0) return known;
    return new Map(
      [...known].map(([name, port]) => [name, listening.has(name) ? { ...port, listening: true } : port]),
    );
  }
}

const withMtus = (ports: Entry['ports'], mtus: ReadonlyMap<OfPort, number>): Entry['ports'] =>
  mtus.size === 0
    ? ports
    : new Map(
        [...ports].map(([name, port]) => {
          const mtu = mtus.get(port.ofport);
          return [name, mtu === undefined ? port : { ...port, mtu }];
        }),
      );

function portFacts(ports: ReadonlyMap<number, Port>): ReadonlyMap<string, PortFact> {
  return new Map(
    [...ports.values()].map(({ name, port, hwAddr, state }) => [
      name,
      {
        name,
        ofport: port as OfPort,
        mac: bigintToMac(hwAddr) as Mac,
        linkUp: (state & portState.linkDown) === 0,
      },
    ]),
  );
}
