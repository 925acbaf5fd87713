/**
 * Finds out which ports of our switches are joined, as a state machine: what is managed, what is seen and the
 * time go in; probes to be sent and refusals to be said come out.
 *
 * Each port that is nobody's declared edge sends a probe now and then. A probe that another port hands in
 * shows one direction of a link. Each is taken once, at one place, soon after it was sent; so neither a copy
 * nor an old one makes a link.
 *
 * A port is `listening` until its switch has had time to hear of a neighbour there. A ring that has just been
 * closed is thereby known before anything is flooded around it.
 */
import type { LinkFact } from '../../model/facts.ts';
import type { Dpid, Mac, OfPort } from '../../model/ids.ts';
import type { Edges } from '../../model/interfaces.ts';
import { readProbe, writeProbe } from './lldp.ts';

export type DiscoveryPort = {
  readonly name: string;
  readonly ofport: OfPort;
  readonly mac: Mac;
  readonly linkUp: boolean;
};

/** Why a frame that bears our mark shows no link. */
export type RefusalCause = 'forged' | 'replayed' | 'unknown-sender' | 'flood';

export type DiscoveryOutput =
  | { readonly kind: 'probe'; readonly dpid: Dpid; readonly port: OfPort; readonly frame: Buffer }
  /** Comes once for each port and cause, until the port goes down. */
  | { readonly kind: 'refused'; readonly dpid: Dpid; readonly port: string; readonly cause: RefusalCause }
  /** Links, or which ports listen, are others now. */
  | { readonly kind: 'changed' };

/** All in milliseconds. */
export const DISCOVERY_TIMES = {
  /** Between two probes of a port; shorter while it is new. */
  interval: 2_000,
  firstInterval: 100,
  /** From the last probe heard to the end of a link, while both its switches are connected. */
  timeout: 10_000,
  /** How long a port listens once its switch hands probes in. */
  listen: 1_000,
} as const;

/** Port numbers from here up are reserved; the bridge's own port is one (OpenFlow 1.5.1, section 7.2.1). */
const OFPP_MAX = 0xffffff00;
/** Probes of one port that may be on their way at once. */
const MAX_UNDERWAY = 16;
/** LLDP frames that one port may hand in at once, and again in each second. */
const MAX_FRAMES = 32;

type PortState = {
  readonly key: string;
  readonly dpid: Dpid;
  port: DiscoveryPort;
  readonly upSince: number;
  nextProbe: number;
  underway: readonly { readonly serial: bigint; readonly at: number }[];
  /** When probes of other ports, by their keys, were last handed in here. */
  readonly heard: Map<string, number>;
  readonly said: Set<RefusalCause>;
  /** Whether it is known by now where the port leads. */
  listened: boolean;
  budget: { tokens: number; at: number; overdrawn: number };
};

type SwitchState = {
  edges: Edges;
  connected: boolean;
  /** When it was first known to hand in probes, on this connection. */
  readySince: number | undefined;
  readonly ports: Map<string, PortState>;
};

const keyOf = (dpid: Dpid, port: string): string => `${dpid}/${port}`;

export class Discovery {
  readonly #key: Uint8Array;
  readonly #switches = new Map<Dpid, SwitchState>();
  readonly #ports = new Map<string, PortState>();
  /** When each pair of ports was first seen, and whether as a link in both directions. */
  readonly #since = new Map<string, { readonly isJoined: boolean; readonly at: number }>();
  #serial = 0n;
  #outputs: DiscoveryOutput[] = [];
  #links: readonly LinkFact[] = [];
  #published = '';
  #wakeAt = Number.POSITIVE_INFINITY;

  /** @param key secret, of this run of the controller alone */
  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** The links as they were when time last went on. */
  get links(): readonly LinkFact[] {
    return this.#links;
  }

  /** When `tick` is due at the latest. */
  get wakeAt(): number {
    return this.#wakeAt;
  }

  /** Takes what is to be done now, in order. */
  drain(): readonly DiscoveryOutput[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  /** The switches to look at, each with the names of the ports where no switch of ours can be. */
  manage(switches: ReadonlyMap<Dpid, Edges>, now: number): void {
    for (const [dpid, known] of this.#switches) {
      if (switches.has(dpid)) continue;
      for (const state of known.ports.values()) this.#forget(state);
      this.#switches.delete(dpid);
    }
    for (const [dpid, edges] of switches) {
      const known = this.#switches.get(dpid);
      if (known) known.edges = edges;
      else this.#switches.set(dpid, { edges, connected: false, readySince: undefined, ports: new Map() });
    }
    this.tick(now);
  }

  /** A switch is connected and has these ports. */
  observe(dpid: Dpid, ports: Iterable<DiscoveryPort>, now: number): void {
    const known = this.#switches.get(dpid);
    if (!known) return;
    const returns = !known.connected;
    known.connected = true;
    const up = new Map(
      [...ports]
        .filter(({ name, ofport, linkUp }) => linkUp && ofport < OFPP_MAX && !known.edges.has(name))
        .map((port) => [port.name, port]),
    );
    for (const state of [...known.ports.values()])
      if (up.get(state.port.name)?.ofport !== state.port.ofport) this.#remove(known, state);
    for (const [name, port] of up) {
      const state = known.ports.get(name);
      if (state) state.port = port;
      else this.#add(known, dpid, port, now);
    }
    // What could not be heard while it was away is not held against its links.
    if (returns) {
      for (const state of this.#ports.values()) {
        for (const sender of state.heard.keys()) {
          if (state.dpid === dpid || this.#ports.get(sender)?.dpid === dpid) state.heard.set(sender, now);
        }
      }
    }
    this.tick(now);
  }

  /** The switch hands in what its ports hear; ask for it again after each connection. */
  ready(dpid: Dpid, now: number): void {
    const known = this.#switches.get(dpid);
    if (!known?.connected || known.readySince !== undefined) return;
    known.readySince = now;
    // What was sent to this switch before was not handed in.
    for (const state of this.#ports.values()) hasten(state, now);
    this.tick(now);
  }

  /** What it forwards goes on as it was: nothing is known to have changed. */
  disconnected(dpid: Dpid, now: number): void {
    const known = this.#switches.get(dpid);
    if (!known) return;
    known.connected = false;
    known.readySince = undefined;
    this.tick(now);
  }

  /** A switch hands in a frame that one of its ports has received. */
  received(dpid: Dpid, ofport: number, frame: Uint8Array, now: number): void {
    const known = this.#switches.get(dpid);
    const state = [...(known?.ports.values() ?? [])].find(({ port }) => port.ofport === ofport);
    if (!state) return;
    const sender = this.#senderOf(state, frame, now);
    if (typeof sender === 'string') this.#refuse(state, sender);
    if (typeof sender !== 'object') return;
    const isNews = !state.heard.has(sender.key);
    state.heard.set(sender.key, now);
    // The other direction need not wait for its turn.
    if (isNews && !sender.heard.has(state.key)) hasten(state, now);
    this.tick(now);
  }

  /** Whose probe it is, which is taken by that; or why it is none, undefined where that is no matter. */
  #senderOf(receiver: PortState, frame: Uint8Array, now: number): PortState | RefusalCause | undefined {
    if (!hasBudget(receiver, now)) return 'flood';
    const read = readProbe(this.#key, frame);
    if (read.kind !== 'probe') return read.kind === 'forged' ? 'forged' : undefined;
    const { dpid, port, serial } = read.probe;
    const sender = this.#ports.get(keyOf(dpid, port));
    if (!sender) return 'unknown-sender';
    const sent = sender.underway.find((one) => one.serial === serial);
    if (!sent || now - sent.at > DISCOVERY_TIMES.timeout) return 'replayed';
    sender.underway = sender.underway.filter((one) => one !== sent);
    return sender;
  }

  /** How far the search is; undefined for a switch that is not to be looked at. */
  state(dpid: Dpid): 'idle' | 'listening' | 'done' | undefined {
    const known = this.#switches.get(dpid);
    if (!known) return undefined;
    if (this.listening(dpid).size === 0) return 'done';
    return known.connected && known.readySince === undefined ? 'idle' : 'listening';
  }

  /** Ports of which it is not known yet where they lead. */
  listening(dpid: Dpid): ReadonlySet<string> {
    const ports = [...(this.#switches.get(dpid)?.ports.values() ?? [])];
    return new Set(ports.filter((state) => !state.listened).map(({ port }) => port.name));
  }

  tick(now: number): void {
    for (const known of this.#switches.values()) {
      for (const state of known.ports.values()) {
        for (const [sender, at] of state.heard) {
          const from = this.#ports.get(sender);
          // What cannot be heard is not held against a link.
          const isAudible = known.connected && this.#isConnected(from) && !isFlooded(known, now);
          if (!from || (isAudible && now - at >= DISCOVERY_TIMES.timeout)) state.heard.delete(sender);
        }
        if (!known.connected) continue;
        if (now >= state.nextProbe) this.#probe(state, now);
        if (known.readySince !== undefined && now >= listensUntil(state.upSince, known.readySince))
          state.listened = true;
      }
    }
    this.#publish(now);
    this.#wakeAt = this.#nextDeadline(now);
  }

  #nextDeadline(now: number): number {
    const deadlines = [...this.#switches.values()].flatMap(({ connected, readySince, ports }) =>
      [...ports.values()].flatMap(({ nextProbe, upSince, heard, listened }) => [
        ...(connected ? [nextProbe] : []),
        ...(readySince === undefined || listened ? [] : [listensUntil(upSince, readySince)]),
        ...[...heard.values()].map((last) => last + DISCOVERY_TIMES.timeout),
      ]),
    );
    return deadlines.filter((at) => at > now).reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  }

  #isConnected(state: PortState | undefined): boolean {
    return state !== undefined && this.#switches.get(state.dpid)?.connected === true;
  }

  #add(known: SwitchState, dpid: Dpid, port: DiscoveryPort, now: number): void {
    const key = keyOf(dpid, port.name);
    const state: PortState = {
      key,
      dpid,
      port,
      upSince: now,
      nextProbe: now,
      underway: [],
      heard: new Map(),
      said: new Set(),
      listened: false,
      budget: { tokens: MAX_FRAMES, at: now, overdrawn: Number.NEGATIVE_INFINITY },
    };
    known.ports.set(port.name, state);
    this.#ports.set(key, state);
  }

  #remove(known: SwitchState, state: PortState): void {
    known.ports.delete(state.port.name);
    this.#forget(state);
  }

  #forget({ key }: PortState): void {
    this.#ports.delete(key);
    for (const { heard } of this.#ports.values()) heard.delete(key);
  }

  #probe(state: PortState, now: number): void {
    const { dpid, port } = state;
    const probe = { dpid, port: port.name, serial: this.#serial++ };
    state.underway = [...state.underway.slice(1 - MAX_UNDERWAY), { serial: probe.serial, at: now }];
    const { interval, firstInterval, timeout } = DISCOVERY_TIMES;
    state.nextProbe = now + Math.min(interval, Math.max(firstInterval, now - state.upSince));
    const frame = writeProbe(this.#key, probe, port.mac, timeout / 1000);
    this.#outputs.push({ kind: 'probe', dpid, port: port.ofport, frame });
  }

  #refuse(state: PortState, cause: RefusalCause): void {
    if (state.said.has(cause)) return;
    state.said.add(cause);
    this.#outputs.push({ kind: 'refused', dpid: state.dpid, port: state.port.name, cause });
  }

  #publish(now: number): void {
    const pairs = new Map<string, { readonly a: PortState; readonly b: PortState }>();
    for (const receiver of this.#ports.values()) {
      for (const heard of receiver.heard.keys()) {
        const sender = this.#ports.get(heard);
        if (!sender) continue;
        const [a, b] = sender.key < receiver.key ? [sender, receiver] : [receiver, sender];
        pairs.set(`${a.key} ${b.key}`, { a, b });
      }
    }
    for (const pair of this.#since.keys()) if (!pairs.has(pair)) this.#since.delete(pair);
    this.#links = [...pairs]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([pair, { a, b }]) => {
        const state = this.#stateOf(a, b, now);
        const isJoined = state !== 'oneWay';
        const known = this.#since.get(pair);
        const since = known?.isJoined === isJoined ? known : { isJoined, at: now };
        this.#since.set(pair, since);
        return { a: endOf(a), b: endOf(b), state, since: since.at };
      });
    const listening = [...this.#ports.values()].filter(({ listened }) => !listened).map(({ key }) => key);
    const summary = this.#links.map(({ a, b, state }) => [a, b, state]);
    const published = JSON.stringify([summary, listening.sort()]);
    if (published === this.#published) return;
    this.#published = published;
    this.#outputs.push({ kind: 'changed' });
  }

  #stateOf(a: PortState, b: PortState, now: number): LinkFact['state'] {
    // A port that hears of several, or of itself, leads to no one port.
    const isAlone = ({ heard }: PortState, other: PortState): boolean =>
      heard.size === 1 && heard.has(other.key);
    if (a === b || !isAlone(a, b) || !isAlone(b, a)) return 'oneWay';
    const last = Math.min(a.heard.get(b.key) ?? now, b.heard.get(a.key) ?? now);
    return now - last >= DISCOVERY_TIMES.timeout ? 'stale' : 'up';
  }
}

const endOf = ({ dpid, port }: PortState): LinkFact['a'] => ({ dpid, port: port.name });

/** Lets a port not wait for its turn, and yet send no more often than a new one does. */
function hasten(state: PortState, now: number): void {
  const last = state.underway.at(-1)?.at ?? Number.NEGATIVE_INFINITY;
  state.nextProbe = Math.min(state.nextProbe, Math.max(now, last + DISCOVERY_TIMES.firstInterval));
}

const listensUntil = (upSince: number, readySince: number): number =>
  Math.max(upSince, readySince) + DISCOVERY_TIMES.listen;

/** A bucket of tokens: what a port floods costs no work beyond it. */
function hasBudget(state: PortState, now: number): boolean {
  const { tokens, at, overdrawn } = state.budget;
  const had = Math.min(MAX_FRAMES, tokens + ((now - at) * MAX_FRAMES) / 1000);
  state.budget = { tokens: Math.max(0, had - 1), at: now, overdrawn: had < 1 ? now : overdrawn };
  return had >= 1;
}

/** Whether one port hands in so much that the switch may have had no room for what the others heard. */
const isFlooded = ({ ports }: SwitchState, now: number): boolean =>
  [...ports.values()].some(({ budget }) => now - budget.overdrawn < DISCOVERY_TIMES.timeout);
