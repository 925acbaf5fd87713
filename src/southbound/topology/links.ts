import { randomBytes } from 'node:crypto';
import { groups, type MessageOf, macToBigint, noBuffer, ports } from 'ts-openflow';
import { COOKIE_MARK, COOKIE_MARK_MASK, LLDP_GROUP, LLDP_TYPE } from '../../model/desired.ts';
import type { LinkFact, PortFact, SwitchFact } from '../../model/facts.ts';
import type { Dpid, OfPort } from '../../model/ids.ts';
import type { Edges } from '../../model/interfaces.ts';
import type { Log } from '../log.ts';
import { type Channel, Disconnected, Refused } from '../openflow/channel.ts';
import type { Request } from '../openflow/session.ts';
import { Discovery } from './discovery.ts';

export type LinksOptions = {
  /** Milliseconds that only grow. */
  readonly now: () => number;
  readonly log: Log;
  /** Links, or which ports listen, are others now. */
  readonly changed: () => void;
};

const ADVICE = {
  forged: 'it was not sent by this controller: another controller, or somebody who wants to be a link',
  replayed: 'it was seen before or is too old: somebody repeats frames, or a device between copies them',
  'unknown-sender': 'the port that it was sent from is gone or was declared since',
  flood: 'there are too many to read; links of this switch are kept as they are meanwhile',
} as const;

/** Runs the discovery of links over the connections of switches. */
export class Links {
  readonly #options: LinksOptions;
  readonly #discovery = new Discovery(randomBytes(32));
  readonly #channels = new Map<Dpid, Channel>();
  /** Switches that have not said yet what an earlier run has left. */
  readonly #asking = new Set<Dpid>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: LinksOptions) {
    this.#options = options;
  }

  get links(): readonly LinkFact[] {
    // The clock of the states starts with the process.
    return this.#discovery.links.map((link) => ({
      ...link,
      since: Math.round(performance.timeOrigin + link.since),
    }));
  }

  /** How far the search at this switch is; undefined where links are not looked for. */
  state(dpid: Dpid): SwitchFact['discovery'] {
    return this.#asking.has(dpid) ? 'asking' : this.#discovery.state(dpid);
  }

  listening(dpid: Dpid): ReadonlySet<string> {
    return this.#discovery.listening(dpid);
  }

  /** The switches to look at, each with the ports where no switch can be. */
  manage(switches: ReadonlyMap<Dpid, Edges>): void {
    this.#discovery.manage(switches, this.#options.now());
    this.#act();
  }

  connected(dpid: Dpid, channel: Channel, facts: ReadonlyMap<string, PortFact>): void {
    this.#channels.set(dpid, channel);
    this.#asking.add(dpid);
    this.ports(dpid, facts);
    void this.#askWhetherReady(dpid, channel);
  }

  /** These are the ports of a connected switch. */
  ports(dpid: Dpid, facts: ReadonlyMap<string, PortFact>): void {
    if (!this.#channels.has(dpid)) return;
    this.#discovery.observe(dpid, facts.values(), this.#options.now());
    this.#act();
  }

  /** The switch holds the flow that hands probes in. */
  ready(dpid: Dpid): void {
    this.#discovery.ready(dpid, this.#options.now());
    this.#act();
  }

  packetIn(dpid: Dpid, { match, data }: MessageOf<'packetIn'>): void {
    const inPort = match.find(({ field }) => field === 'in_port');
    if (inPort?.field !== 'in_port') return;
    this.#discovery.received(dpid, Number(inPort.value), data, this.#options.now());
    this.#act();
  }

  disconnected(dpid: Dpid): void {
    this.#channels.delete(dpid);
    this.#asking.delete(dpid);
    this.#discovery.disconnected(dpid, this.#options.now());
    this.#act();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #act(): void {
    if (this.#closed) return;
    const probes = new Map<Dpid, Request[]>();
    let isChanged = false;
    for (const output of this.#discovery.drain()) {
      if (output.kind === 'changed') isChanged = true;
      else if (output.kind === 'refused') {
        const { dpid, port, cause } = output;
        this.#options.log.warn({ dpid, port, cause, advice: ADVICE[cause] }, 'LLDP that shows no link');
      } else {
        const known = probes.get(output.dpid);
        if (known) known.push(packetOut(output.port, output.frame));
        else probes.set(output.dpid, [packetOut(output.port, output.frame)]);
      }
    }
    for (const [dpid, requests] of probes) void this.#send(dpid, requests);
    clearTimeout(this.#timer);
    const { wakeAt } = this.#discovery;
    if (Number.isFinite(wakeAt)) {
      this.#timer = setTimeout(() => this.#tick(), Math.max(1, wakeAt - this.#options.now()));
      this.#timer.unref();
    }
    if (isChanged) this.#options.changed();
  }

  #tick(): void {
    this.#discovery.tick(this.#options.now());
    this.#act();
  }

  /** A port may go while a probe is under way to it: the switch's complaint is no news. */
  async #send(dpid: Dpid, requests: readonly Request[]): Promise<void> {
    const channel = this.#channels.get(dpid);
    if (!channel) return;
    try {
      const { done } = await channel.tell(requests);
      await channel.ask({ type: 'barrierRequest' }).finally(done);
    } catch (error) {
      if (!(error instanceof Disconnected)) throw error;
    }
  }

  /** A switch that an earlier run has filled hands probes in from the first moment on. */
  async #askWhetherReady(dpid: Dpid, channel: Channel): Promise<void> {
    const isPrepared = await holdsOurFlow(channel);
    if (this.#channels.get(dpid) !== channel) return;
    this.#asking.delete(dpid);
    if (isPrepared) this.ready(dpid);
    this.#options.changed();
  }
}

async function holdsOurFlow(channel: Channel): Promise<boolean> {
  try {
    const answer = await channel.ask({
      type: 'flowDescRequest',
      flags: 0,
      table: 0,
      outPort: ports.controller,
      outGroup: groups.any,
      cookie: COOKIE_MARK,
      cookieMask: COOKIE_MARK_MASK,
      match: [
        { field: 'eth_dst', value: macToBigint(LLDP_GROUP) },
        { field: 'eth_type', value: LLDP_TYPE },
      ],
    });
    return (answer as MessageOf<'flowDescReply'>).flows.length > 0;
  } catch (error) {
    if (error instanceof Disconnected || error instanceof Refused) return false;
    throw error;
  }
}

const packetOut = (port: OfPort, data: Uint8Array): Request => ({
  type: 'packetOut',
  bufferId: noBuffer,
  match: [{ field: 'in_port', value: ports.controller }],
  actions: [{ type: 'output', port, maxLen: 0 }],
  data,
});
