/**
 * Several bridges of one ovs-vswitchd, joined by patch ports, under a controller in this process: all of it
 * but the API and the unikernels. Instances are stand-ins: two made-up ports each, ready at once, through
 * which a test carries packets by hand. Needs no root.
 */
import { readFile } from 'node:fs/promises';
import type { Test } from 'tap';
import { flowText } from '../../src/compiler/flow.ts';
import { portName } from '../../src/compiler/view.ts';
import { systemClock } from '../../src/control/clock.ts';
import { type Control, createControl } from '../../src/control/control.ts';
import type { ChainSpec, FunctionSpec, Kind, Specs, Stored } from '../../src/model/declared.ts';
import type { WantedInstance } from '../../src/model/desired.ts';
import type { InstanceFact, LinkFact } from '../../src/model/facts.ts';
import type { Dpid, InstanceId, Mac, Name } from '../../src/model/ids.ts';
import type { BridgePorts, Instances } from '../../src/model/interfaces.ts';
import { withObject } from '../../src/model/object-map.ts';
import type { Plan } from '../../src/model/plan.ts';
import type { Condition } from '../../src/model/status.ts';
import type { InstanceRecord } from '../../src/model/steering.ts';
import { createSouthbound, type Log, type Southbound } from '../../src/southbound/index.ts';
import { openStore } from '../../src/store/store.ts';
import { type Ovs, startOvs } from './ovs.ts';
import { eventually } from './ovs-eventually.ts';

export const PREFIX = 'ct';
const name = (text: string): Name => text as Name;
export const switchName = (n: number): Name => name(`s${n}`);
export const dpidOf = (n: number): Dpid => n.toString(16).padStart(16, '0') as Dpid;
/** The port of switch `a` that leads to switch `b`; `nth` tells parallel links apart. */
export const toward = (a: number, b: number, nth = 1): string => `s${a}to${b}${nth > 1 ? `n${nth}` : ''}`;

export const COUNTER: FunctionSpec = {
  name: name('counter'),
  image: 'counter.elf',
  vlanTransparent: true,
  contract: 1,
  memoryMiB: 2,
  transparent: true,
  configSchema: {},
};

const RETRY_MS = 200;

/** Instances without anything running: ready as soon as their ports are on the bridge. */
class StandIns implements Instances {
  readonly #ports: BridgePorts;
  readonly #facts = new Map<InstanceId, InstanceFact>();
  readonly #wanted = new Map<InstanceId, WantedInstance>();
  readonly #wake: () => void;

  /** Lets a test see what leaves by these ports. */
  readonly #watch: (ports: readonly string[]) => Promise<void>;

  constructor(ports: BridgePorts, wake: () => void, watch: (ports: readonly string[]) => Promise<void>) {
    this.#ports = ports;
    this.#wake = wake;
    this.#watch = watch;
  }

  facts(): ReadonlyMap<InstanceId, InstanceFact> {
    return new Map(this.#facts);
  }

  want(instances: readonly WantedInstance[]): void {
    const ids = new Set(instances.map(({ id }) => id));
    for (const [id, { bridge, left, right }] of this.#wanted) {
      if (ids.has(id)) continue;
      this.#wanted.delete(id);
      this.#facts.delete(id);
      void this.#ports.remove(bridge, [left.port, right.port]).catch(() => {});
    }
    for (const wanted of instances) {
      const known = this.#facts.get(wanted.id);
      if (known?.phase === 'ready' && known.revision !== wanted.revision) {
        this.#facts.set(wanted.id, { ...known, revision: wanted.revision });
        this.#wake();
      }
      if (this.#wanted.has(wanted.id)) continue;
      this.#wanted.set(wanted.id, wanted);
      void this.#start(wanted);
    }
  }

  async #start({ id, bridge, left, right, revision }: WantedInstance): Promise<void> {
    const fact = { id, ports: { left: left.port, right: right.port }, restarts: 0 };
    this.#facts.set(id, { ...fact, phase: 'starting' });
    try {
      await this.#ports.add(bridge, [left.port, right.port], id);
      await this.#watch([left.port, right.port]);
      if (this.#wanted.has(id)) this.#facts.set(id, { ...fact, phase: 'ready', revision });
    } catch {
      // The switch may be away, or the whole is being closed; a later `want` tries again.
      this.#wanted.delete(id);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
    this.#wake();
  }

  /** From now on one takes no packets, or does so again. */
  turn(id: InstanceId, phase: 'ready' | 'backoff'): void {
    const fact = this.#facts.get(id);
    if (fact?.phase !== 'ready' && fact?.phase !== 'backoff') return;
    this.#facts.set(id, { ...fact, phase });
    this.#wake();
  }

  async counters(): Promise<never> {
    throw new Error('nothing runs here');
  }
}

export type FabricOptions = {
  /** How many switches there are; they are called s1, s2 and so on. */
  readonly switches: number;
  readonly links: readonly (readonly [number, number])[];
  readonly unchained?: 'normal' | 'drop';
  readonly protocols?: string;
  readonly drainTime?: number;
};

type Running = { readonly southbound: Southbound; readonly control: Control; readonly standIns: StandIns };

export class Fabric {
  readonly ovs: Ovs;
  readonly store = openStore(':memory:');
  readonly warnings: string[] = [];
  /** Switches that do not speak with their controller. */
  readonly away = new Set<number>();
  readonly #options: FabricOptions;
  #running: Running | undefined;
  #port = 0;

  private constructor(ovs: Ovs, options: FabricOptions) {
    this.ovs = ovs;
    this.#options = options;
  }

  /** Starts everything and declares the switches. */
  static async open(t: Test, options: FabricOptions): Promise<Fabric> {
    const ovs = await startOvs({ datapath: 'dummy' });
    const fabric = new Fabric(ovs, options);
    t.teardown(async () => {
      await fabric.stop();
      await ovs.stop();
    });
    const { switches, links, unchained = 'normal', protocols } = options;
    for (let n = 1; n <= switches; n++) {
      await ovs.addBridge(switchName(n), { dpid: dpidOf(n), ...(protocols ? { protocols } : {}) });
    }
    for (const [a, b] of links) await fabric.join(a, b);
    await fabric.start();
    for (let n = 1; n <= switches; n++) {
      fabric.declare('switches', { name: switchName(n), dpid: dpidOf(n), unchained, ovsdb: ovs.ovsdb });
    }
    return fabric;
  }

  get control(): Control {
    if (!this.#running) throw new Error('the controller does not run');
    return this.#running.control;
  }

  get links(): readonly LinkFact[] {
    return this.control.links();
  }

  /** A controller with the same store; it knows nothing else of an earlier one. */
  async start(): Promise<void> {
    let control: Control | undefined;
    const wake = (): void => control?.wake();
    const log = this.#log();
    const southbound = await createSouthbound({
      listen: { host: '127.0.0.1', port: this.#port },
      identity: 'fabric',
      auditIntervalMs: 500,
      wake,
      log,
    });
    this.#port = southbound.address.port;
    const standIns = new StandIns(southbound.ports, wake, (ports) => this.#watch(ports));
    control = createControl({
      store: this.store,
      switches: southbound.switches,
      instances: standIns,
      builtIns: [COUNTER],
      interfacePrefix: PREFIX,
      drainTime: this.#options.drainTime ?? 200,
      settleTime: 5000,
      clock: systemClock,
      log,
    });
    this.#running = { southbound, control, standIns };
    control.wake();
  }

  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    running?.control.close();
    await running?.southbound.close();
  }

  #log(): Log {
    const keep = (detail: object, message: string) =>
      void this.warnings.push(`${message} ${JSON.stringify(detail)}`);
    return { debug() {}, info() {}, warn: keep, error: keep };
  }

  declare<K extends Kind>(kind: K, spec: Specs[K]): void {
    if (this.store.declared()[kind].has(spec.name)) this.store.replace(kind, spec);
    else this.store.create(kind, spec);
    this.control.wake();
  }

  /** What would come of it, if this were declared too. */
  planned(kind: Kind, spec: object): Plan {
    const stored = { kind, spec, uid: 1_000_000, generation: 1, createdAt: '', updatedAt: '' };
    return this.control.whatIf(withObject(this.store.declared(), stored as unknown as Stored<Kind>));
  }

  remove(kind: Kind, what: string): void {
    this.store.remove(kind, name(what));
    this.control.wake();
  }

  async join(a: number, b: number, nth = 1): Promise<void> {
    const [near, far] = [toward(a, b, nth), toward(b, a, nth)];
    const port = (at: number, own: string, peer: string): string[] => [
      '--',
      ...['add-port', switchName(at), own],
      '--',
      ...['set', 'interface', own, 'type=patch', `options:peer=${peer}`],
    ];
    await this.ovs.vsctl(...port(a, near, far).slice(1), ...port(b, far, near));
  }

  /** Joins two switches by devices that have an MTU, which patch ports have not. */
  async wire(a: number, b: number, nth = 1): Promise<void> {
    const socket = `${this.ovs.dir}/${toward(a, b, nth)}.sock`;
    for (const [at, port, option] of [
      [a, toward(a, b, nth), `pstream=punix:${socket}`],
      [b, toward(b, a, nth), `stream=unix:${socket}`],
    ] as const) {
      const options = ['type=dummy', `options:${option}`];
      await this.ovs.vsctl('add-port', switchName(at), port, '--', 'set', 'interface', port, ...options);
    }
  }

  /** @param mtu bytes; undefined for what is usual */
  async setMtu(port: string, mtu?: number): Promise<void> {
    await this.ovs.vsctl('set', 'interface', port, `mtu_request=${mtu ?? 1500}`);
  }

  async cut(a: number, b: number, nth = 1): Promise<void> {
    const port = (at: number, own: string): string[] => ['del-port', switchName(at), own];
    await this.ovs.vsctl(...port(a, toward(a, b, nth)), '--', ...port(b, toward(b, a, nth)));
  }

  /** A switch goes away from its controller and forwards on, under an id that nobody has declared. */
  async lose(at: number): Promise<void> {
    this.away.add(at);
    await this.#identify(at, at + 0x1000);
  }

  async regain(at: number): Promise<void> {
    this.away.delete(at);
    await this.#identify(at, at);
  }

  async #identify(at: number, as: number): Promise<void> {
    await this.ovs.vsctl('set', 'bridge', switchName(at), `other-config:datapath-id=${dpidOf(as)}`);
  }

  /** An instance takes no packets any more, or does again. */
  turn(instance: InstanceId, phase: 'ready' | 'backoff'): void {
    this.#running?.standIns.turn(instance, phase);
  }

  /** A port of a switch at which packets can be put in and taken out by hand. */
  async addPort(at: number, port: string): Promise<void> {
    const options = ['type=dummy', `options:tx_pcap=${this.ovs.dir}/${port}.pcap`];
    await this.ovs.vsctl('add-port', switchName(at), port, '--', 'set', 'interface', port, ...options);
  }

  async #watch(ports: readonly string[]): Promise<void> {
    const set = (port: string): string[] => [
      'set',
      'interface',
      port,
      `options:tx_pcap=${this.ovs.dir}/${port}.pcap`,
    ];
    await this.ovs.vsctl(...ports.flatMap((port) => ['--', ...set(port)]).slice(1));
  }

  /** Puts a frame, as hex, in at a port; once it is back, all that comes of it has left. */
  async send(port: string, frame: string): Promise<void> {
    await this.ovs.appctl('netdev-dummy/receive', port, frame);
    // One thread serves these requests and forwards, in turn.
    for (let turn = 0; turn < 2; turn++) await this.ovs.appctl('version');
  }

  /** Every frame that has left by a port so far, as hex. */
  async left(port: string): Promise<readonly string[]> {
    const file = await readFile(`${this.ovs.dir}/${port}.pcap`);
    const frames: string[] = [];
    for (let at = 24; at + 16 <= file.length; ) {
      const length = file.readUInt32LE(at + 8);
      frames.push(file.subarray(at + 16, at + 16 + length).toString('hex'));
      at += 16 + length;
    }
    return frames;
  }

  async subscriber(at: number, who: string, host: number): Promise<void> {
    await this.addPort(at, who);
    this.declare('subscribers', {
      name: name(who),
      attachment: { switch: switchName(at), port: who },
      mac: macOf(host),
      ipv4: [`10.0.0.${host}` as never],
    });
  }

  async uplink(at: number, called = `core${at}`): Promise<void> {
    await this.addPort(at, called);
    this.declare('uplinks', { name: name(called), attachment: { switch: switchName(at), port: called } });
  }

  chain(called: string, subscribers: readonly string[], hops: ChainSpec['hops']): void {
    this.declare('chains', { name: name(called), subscribers: subscribers.map(name), hops });
  }

  /** The two ends of each link, as text, in order. */
  linksSeen(state: LinkFact['state'] = 'up'): readonly string[] {
    return this.links
      .filter((link) => link.state === state)
      .map(({ a, b }) => `${a.port} ${b.port}`)
      .sort();
  }

  /** Waits until all switches hold what is wanted of them, and that is all they hold of ours. */
  async equal(t: Pick<Test, 'pass' | 'fail'>): Promise<void> {
    await eventually(t, 'every switch holds what is wanted, and nothing else of ours', async () => {
      for (const { dpid, flows } of this.control.desired()) {
        const number = Number.parseInt(dpid, 16);
        if (this.away.has(number)) continue;
        const bridge = switchName(number);
        const held = (await this.dump(bridge)).filter((flow) => flow.startsWith('cookie=0xc5c5'));
        if (held.sort().join('\n') !== flows.map(flowText).sort().join('\n')) return false;
      }
      return true;
    });
  }

  dump(bridge: string): Promise<string[]> {
    const version = this.#options.protocols?.includes('OpenFlow13') ? 'OpenFlow13' : 'OpenFlow15';
    return this.ovs.dumpFlows(bridge, { version });
  }

  /** The ports that the path of a chain leaves switches by, upstream. */
  crossed(chain: string): readonly string[] {
    const paths = [...this.store.steering().paths.values()];
    const path = paths.find((one) => one.chain === chain && one.state.phase === 'current');
    return path?.route?.legs.flat().map(({ from }) => from.port) ?? [];
  }

  /** What keeps a chain from being active. */
  problem(chain: string): Condition | undefined {
    return this.control.chainStatus(name(chain))?.conditions.find(({ status }) => !status);
  }

  /** Whether the controller has looked at all that is declared. */
  observesAll(): boolean {
    return this.control.observedRevision() === this.store.declared().revision;
  }

  phase(chain: string): string | undefined {
    return this.control.chainStatus(name(chain))?.phase;
  }

  async active(t: Pick<Test, 'pass' | 'fail'>, chain: string): Promise<void> {
    await eventually(t, `${chain} is active`, () => this.phase(chain) === 'active');
  }

  instances(): readonly InstanceRecord[] {
    return [...this.store.steering().instances.values()];
  }

  /** What the names of the ports of a subscriber's own instances begin with, hop by hop. */
  stationsOf(subscriber: string): readonly string[] {
    const own = this.instances().filter(
      (record) => record.pool === undefined && record.subscriber === subscriber,
    );
    return own.map(({ id }) => this.instancePort(id, 'left').slice(0, -1));
  }

  /** The ports of all instances that are there. */
  stations(): readonly string[] {
    return this.instances().flatMap(({ id }) => [
      this.instancePort(id, 'left'),
      this.instancePort(id, 'right'),
    ]);
  }

  instancePort(instance: InstanceId, side: 'left' | 'right'): string {
    return portName(PREFIX, instance, side);
  }
}

export const macOf = (host: number): Mac => `00:00:00:00:00:${host.toString(16).padStart(2, '0')}` as Mac;
