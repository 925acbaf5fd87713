/**
 * The side of the switches: OpenFlow sessions, OVSDB, and keeping each switch equal to what is desired.
 */
import type { BridgePorts, HandedIn, Switches, TlsCredentials, Wake } from '../model/interfaces.ts';
import { type Meters, UNMETERED } from '../model/meters.ts';
import type { Log } from './log.ts';
import { OpenFlowServer } from './openflow/server.ts';
import type { SessionLimits } from './openflow/session.ts';
import { OvsdbManager } from './ovsdb/manager.ts';
import { SwitchBook } from './switches.ts';

export type { Log } from './log.ts';

export type SouthboundOptions = {
  /** Where switches connect to; port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** What bridges are told to connect to, as OVSDB writes it; default: the address that is
   * listened on, or one that leads to it. */
  readonly controllerTarget?: string;
  /**
   * Tells this controller from others that care for the same bridge, and is the same after a restart: a
   * target that it left in a bridge at an earlier address is known by it and removed.
   */
  readonly identity: string;
  /** Milliseconds between two looks at a switch that nothing has changed on. */
  readonly auditIntervalMs?: number;
  /** Called when facts have changed. */
  readonly wake: Wake;
  /** Called with each packet that a flow hands in; by default nobody has use for one. */
  readonly handedIn?: (packet: HandedIn) => void;
  readonly log: Log;
  readonly meters?: Meters;
  /** Milliseconds that only grow; for tests. */
  readonly clock?: { now(): number };
  readonly limits?: Partial<SessionLimits>;
  /** Where there are some, switches connect by TLS, and OVSDB servers can be reached by it. */
  readonly tls?: TlsCredentials;
};

export type Southbound = {
  readonly switches: Switches;
  readonly ports: BridgePorts;
  /** Where switches can connect to. */
  readonly address: { readonly host: string; readonly port: number };
  /** Says that `close` is near: from now on nothing waits long for an OVSDB server that is away. */
  hurry(): void;
  /** Ends all connections. The flows stay in the switches. */
  close(): Promise<void>;
};

const DEFAULT_AUDIT_MS = 10_000;

/**
 * `tcp:host:port` or `ssl:host:port` as a switch can use it. "Any address" is none that can be connected to: a switch on another
 * host gets the address at which its OVSDB server talks to us, one on this host the loopback address.
 */
export function targetOf(
  scheme: 'tcp' | 'ssl',
  { host, port }: { readonly host: string; readonly port: number },
  localAddress: string | undefined,
): string {
  const any = host === '0.0.0.0' || host === '::';
  const reachable = any ? (localAddress ?? '127.0.0.1').replace(/^::ffff:/, '') : host;
  return `${scheme}:${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

/** Starts to listen for switches. @throws what listening fails with, such as EADDRINUSE */
export async function createSouthbound(options: SouthboundOptions): Promise<Southbound> {
  const { log, wake, listen, clock = performance, meters = UNMETERED } = options;
  // Nothing happens on this object before the port is known, which the target may depend on.
  let book: SwitchBook | undefined;
  const secured = options.tls === undefined ? {} : { tls: options.tls };
  const scheme = options.tls === undefined ? 'tcp' : 'ssl';
  const server = new OpenFlowServer({
    ...listen,
    log,
    now: () => clock.now(),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...secured,
    events: {
      connected: (dpid, channel) => book?.connected(dpid, channel),
      ports: (dpid) => book?.ports(dpid),
      packetIn: (dpid, message) => book?.packetIn(dpid, message),
      disconnected: (dpid) => book?.disconnected(dpid),
      doubled: (dpid, peer) => book?.doubled(dpid, peer),
      flood: (dropped) => meters.packetInsDropped(dropped),
    },
  });
  const { address, port } = await server.listen();
  const bound = { host: address, port };
  const ovsdb = new OvsdbManager({
    controllerTarget: (localAddress) => options.controllerTarget ?? targetOf(scheme, bound, localAddress),
    identity: options.identity,
    ...secured,
    log,
    changed: () => {
      book?.lookAtIsolation();
      wake();
    },
  });
  const auditIntervalMs = options.auditIntervalMs ?? DEFAULT_AUDIT_MS;
  const { handedIn = () => {} } = options;
  const now = (): number => clock.now();
  const switches = new SwitchBook({ ovsdb, auditIntervalMs, now, wake, handedIn, log, meters });
  book = switches;
  return {
    switches,
    ports: ovsdb,
    address: bound,
    hurry: () => ovsdb.hurry(),
    async close() {
      book = undefined;
      switches.close();
      ovsdb.close();
      await server.close();
    },
  };
}
