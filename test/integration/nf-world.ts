/**
 * What the tests of nf stand in: a private Open vSwitch, a run directory, the real images and emulator. Import
 * ovs-netns.ts first.
 */
import { type ChildProcess, type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Test } from 'tap';
import type { Isolation, JsonObject, OwnFunctionSpec } from '../../src/model/declared.ts';
import type { WantedInstance } from '../../src/model/desired.ts';
import type { InstanceFact } from '../../src/model/facts.ts';
import type { Dpid, InstanceId, Mac } from '../../src/model/ids.ts';
import { createInstances, type InstancesOptions, type RunningInstances } from '../../src/nf/index.ts';
import { findByArgument, onlyChild } from '../../src/nf/process.ts';
import { OvsdbManager } from '../../src/southbound/ovsdb/manager.ts';
import { type Ovs, startOvs } from '../harness/ovs.ts';

const unikernels = resolve(import.meta.dirname, '../../unikernels');
export const imageDir = join(unikernels, 'build');
export const dpid = '00000000000000f1' as Dpid;
export const BRIDGE = 'brnf';

/** What the frames that are sent through the guests are known by: one for experiments, IEEE Std 802, section 9.2.3. */
const ETHERTYPE = '88b5';

const marked = (port: string): string => `in_port=${port},dl_type=0x${ETHERTYPE}`;

const EXPECTED = [
  // Nobody listens where the bridge is told to find its controller.
  /rconn\|/,
  // Who spoke to the database has been killed.
  /(jsonrpc|reconnect)\|WARN\|unix#\d+: (receive error|connection dropped).*Connection reset by peer/,
];

export function functionSpec(name: string, isolation: Isolation = 'vm'): OwnFunctionSpec {
  const spec = JSON.parse(readFileSync(join(unikernels, `functions/${name}/function.json`), 'utf8'));
  return { ...spec, isolation };
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };

export type LogLine = { readonly level: string; readonly message: string; readonly fields: object };

export class World {
  readonly ovs: Ovs;
  readonly runDir = mkdtempSync(join(tmpdir(), 'csnf-'));
  readonly log: LogLine[] = [];
  readonly ports: OvsdbManager;
  /** What its instances are kept in, unless a test says otherwise. */
  readonly isolation: Isolation;

  constructor(ovs: Ovs, isolation: Isolation = 'vm') {
    this.ovs = ovs;
    this.isolation = isolation;
    this.ports = newManager();
  }

  /** An instance of this number; it has the same devices and addresses every time. */
  wanted(number: number, change: Partial<WantedInstance> = {}): WantedInstance {
    const { isolation } = this;
    return wantedInstance(this.ovs.ovsdb, number, {
      function: functionSpec('counter', isolation),
      ...change,
    });
  }

  start(options: Partial<InstancesOptions> = {}): RunningInstances {
    return createInstances({
      runDir: this.runDir,
      imageDir,
      listDir: this.runDir,
      ports: this.ports,
      wake: () => {},
      log: this.logTo(this.log),
      ...options,
    });
  }

  logTo(lines: LogLine[]): InstancesOptions['log'] {
    const to = (level: string) => (fields: object, message: string) => {
      lines.push({ level, message, fields });
    };
    return { debug: to('debug'), info: to('info'), warn: to('warn'), error: to('error') };
  }

  /** Messages that ask for an operator's attention. */
  warnings(): readonly string[] {
    return this.log
      .filter(({ level }) => level === 'warn' || level === 'error')
      .map(({ message, fields }) => `${message} ${JSON.stringify(fields)}`);
  }

  /** Guests that belong to this run directory. */
  guests(): readonly number[] {
    const processes = findByArgument(`${this.runDir}/instances/`).map(({ pid }) => pid);
    return this.isolation === 'vm' ? processes : processes.map((pid) => onlyChild(pid) ?? pid);
  }

  /** TAP devices of this network namespace. */
  taps(): readonly string[] {
    const devices: { ifname: string }[] = JSON.parse(ip('-json', 'link', 'show', 'type', 'tun') || '[]');
    return devices
      .map(({ ifname }) => ifname)
      .filter((name) => name.startsWith('cs'))
      .sort();
  }

  async bridgePorts(): Promise<readonly string[]> {
    return (await this.ovs.vsctl('list-ports', BRIDGE)).split('\n').filter((name) => name !== '');
  }

  async ofport(port: string): Promise<string> {
    return this.ovs.vsctl('get', 'interface', port, 'ofport');
  }

  /** Sends a frame out of a port, into the guest behind it; whether it comes out at the other side is counted. */
  async send(port: string, payload = 'chainstitch'): Promise<void> {
    const far = port.endsWith('l') ? port.replace(/l$/, 'r') : port.replace(/r$/, 'l');
    await this.ovs.ofctl('-O', 'OpenFlow13', 'add-flow', BRIDGE, `${marked(far)},actions=drop`);
    const hex = `020000009999020000008888${ETHERTYPE}${Buffer.from(payload.padEnd(46)).toString('hex')}`;
    await this.ovs.ofctl(
      '-O',
      'OpenFlow13',
      'packet-out',
      BRIDGE,
      `in_port=LOCAL,packet=${hex},actions=output:${port}`,
    );
  }

  /**
   * How many of the sent frames came out of the guest behind this port. It lags behind by a second or so, as the switch's
   * flow statistics do; the port's own would count the continuity checks too.
   */
  async received(port: string): Promise<number> {
    const text = await this.ovs.ofctl('-O', 'OpenFlow13', 'dump-flows', BRIDGE, marked(port));
    return Number(/n_packets=(\d+)/.exec(text)?.[1]);
  }

  /** Starts a controller in a process of its own; resolves when all of this is ready. */
  async startElsewhere(wanted: readonly WantedInstance[]): Promise<Controller> {
    const controller = this.#spawn(wanted);
    while (controller.facts.filter(({ phase }) => phase === 'ready').length < wanted.length)
      await controller.tells();
    return controller;
  }

  /**
   * Starts a controller in a process of its own and kills it when its facts have changed so many times, or do
   * not change any more.
   */
  async crashAfter(changes: number, wanted: readonly WantedInstance[]): Promise<void> {
    const controller = this.#spawn(wanted);
    const quiet = (): Promise<'quiet'> => new Promise((resolve) => setTimeout(resolve, 700, 'quiet'));
    for (let told = 0; told < changes; told++)
      if ((await Promise.race([controller.tells(), quiet()])) === 'quiet') break;
    await controller.crash();
  }

  #spawn(wanted: readonly WantedInstance[]): Controller {
    const script = join(import.meta.dirname, 'nf-controller.ts');
    const args = ['--no-warnings', script, this.runDir, JSON.stringify(wanted)];
    // It goes with the test, also when that is killed.
    const program = ['--pdeathsig', 'KILL', process.execPath, ...args];
    return new Controller(spawn('setpriv', program, { stdio: ['ignore', 'pipe', 'ignore'] }));
  }

  isEmpty(): boolean {
    return (
      !existsSync(join(this.runDir, 'instances')) && this.taps().length === 0 && this.guests().length === 0
    );
  }

  async close(): Promise<void> {
    for (const pid of this.guests()) process.kill(pid, 'SIGKILL');
    this.ports.close();
    await this.ovs.stop();
    for (const tap of this.taps()) ip('link', 'delete', tap);
    rmSync(this.runDir, { recursive: true, force: true });
  }
}

/** A controller in another process. */
export class Controller {
  facts: readonly InstanceFact[] = [];
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(child: ChildProcessByStdio<null, Readable, null>) {
    this.#child = child;
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  }

  /** Resolves when it has told its facts again. */
  async tells(): Promise<void> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error('the controller has ended');
    this.facts = JSON.parse(value);
  }

  pidOf(number: number): number | undefined {
    return this.facts.find(({ id }) => id === `i${number}`)?.pid;
  }

  async crash(): Promise<void> {
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}

export const newManager = (): OvsdbManager =>
  new OvsdbManager({
    controllerTarget: () => 'tcp:127.0.0.1:1',
    identity: 'test',
    log: silent,
    changed: () => {},
  });

export function wantedInstance(
  ovsdb: string,
  number: number,
  change: Partial<WantedInstance> = {},
): WantedInstance {
  const mac = (side: number): Mac => `02:00:00:00:${number.toString(16).padStart(2, '0')}:0${side}` as Mac;
  return {
    id: `i${number}` as InstanceId,
    function: functionSpec('counter'),
    config: {},
    revision: 1,
    bridge: { dpid, ovsdb },
    left: { port: `cs${number}l`, mac: mac(1) },
    right: { port: `cs${number}r`, mac: mac(2) },
    ...change,
  };
}

/** The same instance as a firewall. */
export function firewall(wanted: WantedInstance, revision: number, config: JsonObject): WantedInstance {
  return { ...wanted, function: functionSpec('firewall', wanted.function.isolation), revision, config };
}

/** A test in a world of its own, in which Open vSwitch may have nothing to complain of. */
export function testInWorld(
  t: Test,
  name: string,
  body: (t: Test, world: World) => Promise<void>,
  { expected = [], isolation = 'vm' }: { expected?: readonly RegExp[]; isolation?: Isolation } = {},
): void {
  t.test(name, async (t) => {
    const ovs = await startOvs();
    const world = new World(ovs, isolation);
    t.teardown(() => world.close());
    await ovs.addBridge(BRIDGE, { dpid });
    await body(t, world);
    t.strictSame(
      await ovs.unexpectedLogLines([...EXPECTED, ...expected]),
      [],
      'Open vSwitch does not complain',
    );
  });
}

/** The same, once for each thing that an instance may be kept in. */
export function testInBothWorlds(
  t: Test,
  name: string,
  body: (t: Test, world: World) => Promise<void>,
): void {
  for (const isolation of ['vm', 'process'] as const)
    testInWorld(t, `${name}, ${isolation}`, body, { isolation });
}

/** Makes the images that are not there. */
export function makeImages(...names: string[]): void {
  const missing = names
    .flatMap((name) => [`build/${name}.elf`, `build/${name}.sandbox`])
    .filter((path) => !existsSync(join(unikernels, path)));
  if (missing.length > 0) execFileSync('make', ['-s', '-C', unikernels, ...missing], { stdio: 'ignore' });
}

export function ip(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8' });
}

export function factOf(running: RunningInstances, number: number): InstanceFact | undefined {
  return running.instances.facts().get(`i${number}` as InstanceId);
}
