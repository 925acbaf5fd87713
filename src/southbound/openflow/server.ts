import net from 'node:net';
import type { MessageOf } from 'ts-openflow';
import type { Dpid } from '../../model/ids.ts';
import type { TlsCredentials } from '../../model/interfaces.ts';
import type { Log } from '../log.ts';
import { Channel } from './channel.ts';
import type { SessionLimits } from './session.ts';
import { tlsListener } from './tls-listener.ts';

export type ServerEvents = {
  /** A switch has told who it is and which ports it has. */
  connected(dpid: Dpid, channel: Channel): void;
  ports(dpid: Dpid): void;
  packetIn(dpid: Dpid, message: MessageOf<'packetIn'>): void;
  disconnected(dpid: Dpid, reason: string): void;
  /** Another switch said that it has the datapath id of one that is connected, and was sent away. */
  doubled(dpid: Dpid, peer: string): void;
  /** So many packets that a switch sent were thrown away unread. */
  flood?(dropped: number): void;
};

export type ServerOptions = {
  readonly host: string;
  readonly port: number;
  readonly now: () => number;
  readonly log: Log;
  readonly events: ServerEvents;
  readonly limits?: Partial<SessionLimits>;
  /** Where there are some, switches connect by TLS and have to show a certificate. */
  readonly tls?: TlsCredentials;
  /** How long a connected switch has to show that it lives when another one claims its datapath id. */
  readonly proofMs?: number;
};

/** Connections that have not said yet who they are; one more closes the oldest of them. */
const MAX_STRANGERS = 256;

export const dpidText = (dpid: bigint): Dpid => dpid.toString(16).padStart(16, '0') as Dpid;

/** Takes connections of switches: at most one for each datapath id. */
export class OpenFlowServer {
  readonly #options: ServerOptions;
  readonly #listener: net.Server;
  readonly #dropHandshakes: () => void = () => undefined;
  readonly #strangers = new Set<Channel>();
  readonly #switches = new Map<Dpid, Channel>();

  constructor(options: ServerOptions) {
    this.#options = options;
    const accept = (socket: net.Socket): void => this.#accept(socket);
    if (options.tls === undefined) {
      this.#listener = net.createServer({ allowHalfOpen: false }, accept);
    } else {
      const { server, drop } = tlsListener(options.tls, options.log, accept);
      this.#listener = server;
      this.#dropHandshakes = drop;
    }
  }

  async listen(): Promise<net.AddressInfo> {
    await new Promise<void>((resolve, reject) => {
      this.#listener.once('error', reject);
      this.#listener.listen(this.#options.port, this.#options.host, resolve);
    });
    return this.#listener.address() as net.AddressInfo;
  }

  channel(dpid: Dpid): Channel | undefined {
    return this.#switches.get(dpid);
  }

  async close(): Promise<void> {
    const channels = [...this.#strangers, ...this.#switches.values()];
    // Forgotten first, so that their end is no news.
    this.#strangers.clear();
    this.#switches.clear();
    // Not cut off: what a switch has sent is read first, and it sees an end of the connection and no reset.
    for (const channel of channels) channel.close('the controller stops');
    this.#dropHandshakes();
    await new Promise<void>((resolve) => this.#listener.close(() => resolve()));
  }

  #accept(socket: net.Socket): void {
    const { now, log, limits } = this.#options;
    const channel = new Channel({
      socket,
      now,
      log,
      ...(limits === undefined ? {} : { limits }),
      events: {
        ready: (ready) => void this.#ready(ready),
        ports: ({ dpid }) => this.#options.events.ports(dpidText(dpid)),
        packetIn: ({ dpid }, message) => this.#options.events.packetIn(dpidText(dpid), message),
        closed: (closed, reason) => this.#closed(closed, reason),
        flood: (dropped) => this.#options.events.flood?.(dropped),
      },
    });
    this.#strangers.add(channel);
    const [oldest] = this.#strangers;
    if (this.#strangers.size > MAX_STRANGERS) oldest?.destroy('too many connections that say nothing');
  }

  /**
   * A second connection with one datapath id is either the same switch, whose first connection died without
   * a word, or another switch. So the first one is asked for a sign of life: if it gives none, the newcomer
   * takes its place; if it does, the newcomer is sent away, for two switches cannot be told apart.
   */
  async #ready(channel: Channel): Promise<void> {
    const dpid = dpidText(channel.dpid);
    // The older one wins while it lives: were it the newer, two switches with one id would take the place from
    // each other for ever.
    const { events, log, proofMs = 2000 } = this.#options;
    const before = this.#switches.get(dpid);
    if (before !== undefined) {
      if (await before.alive(proofMs)) {
        events.doubled(dpid, channel.peer);
        channel.close('the datapath id is taken');
        return;
      }
      before.destroy('replaced by a newer connection');
      // Two newcomers may have waited for the same proof: one of them has the place now.
      if (channel.closed) return;
      if (this.#switches.has(dpid)) return channel.close('the datapath id is taken');
    }
    this.#strangers.delete(channel);
    this.#switches.set(dpid, channel);
    log.info({ dpid, peer: channel.peer, version: channel.version }, 'switch connected');
    events.connected(dpid, channel);
  }

  #closed(channel: Channel, reason: string): void {
    if (this.#strangers.delete(channel)) {
      this.#options.log.debug({ peer: channel.peer, reason }, 'a connection ended before it was a switch');
      return;
    }
    const dpid = dpidText(channel.dpid);
    if (this.#switches.get(dpid) !== channel) return;
    this.#switches.delete(dpid);
    this.#options.log.warn({ dpid, peer: channel.peer, reason }, 'switch disconnected');
    this.#options.events.disconnected(dpid, reason);
  }
}
