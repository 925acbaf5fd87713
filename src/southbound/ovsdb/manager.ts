import type { BridgeContent, Isolation } from '../../model/desired.ts';
import { ChainstitchError } from '../../model/errors.ts';
import type { Dpid, InstanceId, OfPort } from '../../model/ids.ts';
import type { BridgePorts, ManagedBridge, TlsCredentials } from '../../model/interfaces.ts';
import type { Log } from '../log.ts';
import { type BridgeRow, bridgeRepairs, oneBridge, protocolsProblem } from './bridges.ts';
import { OvsdbClient } from './client.ts';
import { isolatedPorts, isolationRepairs, mtusOf } from './isolation.ts';
import { additions, ourPorts, passesThrough, presenceOf, removals } from './ports.ts';
import type { Tables } from './tables.ts';
import { type Operation, textOf } from './values.ts';

export type OvsdbManagerOptions = {
  /**
   * What a bridge is to have among its controllers. `localAddress` is this host's address as the bridge's
   * host sees it, if that is another one.
   */
  readonly controllerTarget: (localAddress: string | undefined) => string;
  /** As in SouthboundOptions. */
  readonly identity: string;
  readonly log: Log;
  /** A problem came or went, or the tables changed. */
  readonly changed: () => void;
  /** How long a switch may take to follow a change of its configuration. */
  readonly patienceMs?: number;
  /** For servers at `ssl:` addresses. */
  readonly tls?: TlsCredentials;
};

const RETRY_MS = 1000;
/** What waits for a server while the controller stops does not wait longer. */
const HURRIED_MS = 1500;
const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Bumps the number that tells when ovs-vswitchd has followed a transaction. */
const NEXT_CONFIGURATION: readonly Operation[] = [
  { op: 'mutate', table: 'Open_vSwitch', where: [], mutations: [['next_cfg', '+=', 1]] },
  { op: 'select', table: 'Open_vSwitch', where: [], columns: ['next_cfg'] },
];

const NO_MTUS: ReadonlyMap<OfPort, number> = new Map();

/** Takes care of bridges by OVSDB; one client for each server, shared. */
export class OvsdbManager implements BridgePorts {
  readonly #options: OvsdbManagerOptions;
  #patienceMs: number;
  readonly #clients = new Map<string, OvsdbClient>();
  /** Clients of which ports are being asked for, and how often at once. */
  readonly #uses = new Map<OvsdbClient, number>();
  readonly #managed = new Map<Dpid, ManagedBridge>();
  readonly #problems = new Map<Dpid, string>();
  readonly #repairing = new Set<Dpid>();
  readonly #mtus = new Map<
    Dpid,
    { readonly tables: Tables; readonly wiring: number; readonly mtus: ReadonlyMap<OfPort, number> }
  >();
  /** How each port of a bridge was last confirmed to be. */
  readonly #isolation = new Map<Dpid, ReadonlyMap<OfPort, Isolation>>();
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: OvsdbManagerOptions) {
    this.#options = options;
    this.#patienceMs = options.patienceMs ?? 10_000;
  }

  /** The bridges to keep as they must be; the others are not looked at any more. */
  manage(bridges: readonly ManagedBridge[]): void {
    this.#managed.clear();
    for (const bridge of bridges) this.#managed.set(bridge.dpid, bridge);
    for (const known of [this.#problems, this.#isolation, this.#mtus])
      for (const dpid of known.keys()) if (!this.#managed.has(dpid)) known.delete(dpid);
    const addresses = new Set(bridges.map(({ ovsdb }) => ovsdb));
    for (const [address, client] of this.#clients) {
      // What is being done through one is finished first; the next turn closes it.
      if (addresses.has(address) || this.#uses.has(client)) continue;
      this.#clients.delete(address);
      client.close();
    }
    // Not `changed` by itself: whoever hears of it asks again what is to be managed.
    this.#keepAll();
  }

  /** Why a managed bridge is not as it must be. */
  problem(dpid: Dpid): string | undefined {
    return this.#problems.get(dpid);
  }

  /** What the bridge is like now; undefined while that cannot be known. */
  bridge(dpid: Dpid): BridgeContent | undefined {
    const managed = this.#managed.get(dpid);
    const tables = managed && this.#clients.get(managed.ovsdb)?.tables;
    const bridge = tables && oneBridge(tables, dpid);
    if (tables === undefined || bridge === undefined || 'problem' in bridge) return undefined;
    const failMode = textOf(bridge.row.get('fail_mode')) === 'secure' ? 'secure' : 'standalone';
    return {
      failMode,
      isolated: isolatedPorts(tables, bridge, 'all'),
      untagged: isolatedPorts(tables, bridge, 'tagged'),
    };
  }

  /** The MTU of each port, where it is known; the same object while nothing changes. */
  mtus(dpid: Dpid): ReadonlyMap<OfPort, number> {
    const managed = this.#managed.get(dpid);
    const tables = managed && this.#clients.get(managed.ovsdb)?.tables;
    const known = this.#mtus.get(dpid);
    // What was known before the server went away is the best that can be said.
    if (tables === undefined) return known?.mtus ?? NO_MTUS;
    if (known?.tables === tables && known.wiring === tables.wiring) return known.mtus;
    const bridge = oneBridge(tables, dpid);
    const mtus = 'problem' in bridge ? NO_MTUS : mtusOf(tables, bridge);
    this.#mtus.set(dpid, { tables, wiring: tables.wiring, mtus });
    return mtus;
  }

  /** Whether `isolate` would change something; undefined while that cannot be known. */
  needsIsolation(dpid: Dpid, wanted: ReadonlyMap<OfPort, Isolation>): boolean | undefined {
    const managed = this.#managed.get(dpid);
    const tables = managed && this.#clients.get(managed.ovsdb)?.tables;
    if (tables === undefined) return undefined;
    try {
      const bridge = oneBridge(tables, dpid);
      return 'problem' in bridge ? undefined : isolationRepairs(tables, bridge, wanted).length > 0;
    } catch {
      return undefined;
    }
  }

  /**
   * Keeps NORMAL off ports or gives them back; resolves when the switch has followed. It
   * waits for the first attempt to reach the server, and not for one that is away: what was confirmed before
   * stands, for the rest it fails.
   */
  async isolate(dpid: Dpid, wanted: ReadonlyMap<OfPort, Isolation>): Promise<void> {
    const managed = this.#managed.get(dpid);
    if (managed === undefined) {
      if ([...wanted.values()].every((isolation) => isolation === 'none')) return;
      throw new ChainstitchError('ovsdb-failed', `no OVSDB server is known for the switch ${dpid}`);
    }
    const client = this.#client(managed.ovsdb);
    await client.attempted;
    const confirmed = this.#isolation.get(dpid);
    if (client.tables === undefined && [...wanted].every(([port, value]) => confirmed?.get(port) === value))
      return;
    const tables = this.#tables(client);
    const bridge = oneBridge(tables, dpid);
    if ('problem' in bridge)
      throw new ChainstitchError('ovsdb-failed', `${managed.ovsdb}: ${bridge.problem}`);
    const operations = isolationRepairs(tables, bridge, wanted);
    if (operations.length > 0) await this.#configure(client, operations);
    this.#isolation.set(dpid, new Map([...(confirmed ?? []), ...wanted]));
  }

  add(bridge: ManagedBridge, devices: readonly string[], owner: InstanceId): Promise<void> {
    return this.#using(bridge.ovsdb, (client) => this.#add(client, bridge, devices, owner));
  }

  async #add(
    client: OvsdbClient,
    bridge: ManagedBridge,
    devices: readonly string[],
    owner: InstanceId,
  ): Promise<void> {
    const row = await this.#bridge(client, bridge.dpid);
    const operations = additions(this.#tables(client), row, devices, owner);
    if (operations.length > 0) await client.transact(operations);
    try {
      await client.until(`port numbers for ${devices.join(', ')}`, this.#patienceMs, (tables) => {
        const now = oneBridge(tables, bridge.dpid);
        if ('problem' in now) return undefined;
        const presences = devices.map((device) => ({ device, ...presenceOf(tables, now, device) }));
        const failed = presences.find((presence) => presence.state === 'failed');
        if (failed?.state === 'failed')
          throw new ChainstitchError(
            'ovsdb-failed',
            `${bridge.ovsdb}: port ${failed.device}: ${failed.reason}`,
          );
        return presences.every(({ state }) => state === 'present') || undefined;
      });
    } catch (error) {
      // All or nothing: half an instance on the bridge would be of no use to anyone.
      if (operations.length > 0) await this.remove(bridge, devices).catch(() => {});
      throw error;
    }
  }

  async remove(bridge: ManagedBridge, devices: readonly string[]): Promise<void> {
    await this.#using(bridge.ovsdb, async (client) => {
      const row = await this.#bridge(client, bridge.dpid);
      const operations = removals(this.#tables(client), row, devices);
      if (operations.length > 0) await this.#configure(client, operations);
    });
  }

  passes(bridge: ManagedBridge, devices: readonly string[]): boolean | undefined {
    const tables = this.#clients.get(bridge.ovsdb)?.tables;
    if (tables === undefined) return undefined;
    const found = oneBridge(tables, bridge.dpid);
    return 'problem' in found ? undefined : passesThrough(tables, found, devices);
  }

  async list(bridge: ManagedBridge): Promise<readonly string[]> {
    return this.#using(bridge.ovsdb, async (client) => {
      const row = await this.#bridge(client, bridge.dpid);
      return ourPorts(this.#tables(client), row);
    });
  }

  async #using<T>(address: string, work: (client: OvsdbClient) => Promise<T>): Promise<T> {
    const client = this.#client(address);
    this.#uses.set(client, (this.#uses.get(client) ?? 0) + 1);
    try {
      return await work(client);
    } finally {
      const left = (this.#uses.get(client) ?? 1) - 1;
      if (left === 0) this.#uses.delete(client);
      else this.#uses.set(client, left);
    }
  }

  /** The controller stops: what it still wants to change must not wait long for a server that is away. */
  hurry(): void {
    this.#patienceMs = Math.min(this.#patienceMs, HURRIED_MS);
    for (const client of this.#clients.values()) client.hurry(HURRIED_MS);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }

  #client(address: string): OvsdbClient {
    if (this.#closed) throw new ChainstitchError('ovsdb-failed', 'the controller is stopping');
    const known = this.#clients.get(address);
    if (known !== undefined) return known;
    const { log, tls } = this.#options;
    const secured = tls === undefined ? {} : { tls };
    const client = new OvsdbClient({ address, log, ...secured, changed: () => this.#keep() });
    this.#clients.set(address, client);
    return client;
  }

  #tables(client: OvsdbClient): Tables {
    if (client.tables === undefined)
      throw new ChainstitchError('ovsdb-failed', `${client.address}: no connection: ${client.problem}`);
    return client.tables;
  }

  /** The bridge, waiting for the connection and for the bridge to appear. */
  async #bridge(client: OvsdbClient, dpid: Dpid): Promise<BridgeRow> {
    return client.until(`a bridge with the datapath id ${dpid}`, this.#patienceMs, (tables) => {
      const found = oneBridge(tables, dpid);
      return 'problem' in found ? undefined : found;
    });
  }

  /** Makes a change and waits until ovs-vswitchd has followed it. */
  async #configure(client: OvsdbClient, operations: readonly Operation[]): Promise<void> {
    const results = await client.transact([...operations, ...NEXT_CONFIGURATION]);
    const selected = results[operations.length + 1] as
      | { rows?: readonly { next_cfg?: unknown }[] }
      | undefined;
    const target = selected?.rows?.[0]?.next_cfg;
    if (typeof target !== 'number') return;
    await client.until('ovs-vswitchd to follow', this.#patienceMs, (tables) => {
      return tables.configured >= target || undefined;
    });
  }

  /** The tables of a server changed, or its connection came or went. */
  #keep(): void {
    this.#keepAll();
    if (!this.#closed) this.#options.changed();
  }

  /** Looks at every managed bridge and repairs what is not as it must be. */
  #keepAll(): void {
    if (this.#closed) return;
    for (const managed of this.#managed.values()) this.#keepOne(managed);
  }

  #keepOne({ dpid, ovsdb }: ManagedBridge): void {
    if (this.#repairing.has(dpid)) return;
    try {
      const client = this.#client(ovsdb);
      if (client.tables === undefined) throw new Error(`${ovsdb}: ${client.problem}`);
      const bridge = oneBridge(client.tables, dpid);
      if ('problem' in bridge) throw new Error(`${ovsdb}: ${bridge.problem}`);
      const protocols = protocolsProblem(bridge.row);
      if (protocols === undefined) this.#problems.delete(dpid);
      else this.#problems.set(dpid, protocols);
      const { controllerTarget, identity } = this.#options;
      const claim = { target: controllerTarget(client.localAddress), identity };
      const operations = bridgeRepairs(client.tables, bridge, claim);
      if (operations.length > 0) void this.#repair(dpid, client, operations);
    } catch (error) {
      this.#problems.set(dpid, reasonOf(error));
    }
  }

  async #repair(dpid: Dpid, client: OvsdbClient, operations: readonly Operation[]): Promise<void> {
    this.#repairing.add(dpid);
    this.#options.log.info({ dpid, ovsdb: client.address }, 'correcting fail mode or controller of a bridge');
    try {
      await client.transact(operations);
      // The update that tells of it has come before the answer, or comes at once; then it is looked at again.
    } catch (error) {
      if (this.#closed) return;
      this.#problems.set(dpid, reasonOf(error));
      this.#options.log.warn({ dpid, reason: reasonOf(error) }, 'could not correct a bridge');
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.#keep(), RETRY_MS);
    } finally {
      this.#repairing.delete(dpid);
    }
    if (!this.#problems.has(dpid)) this.#keep();
  }
}
