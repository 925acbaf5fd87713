/**
 * The whole controller on a private Open vSwitch: one bridge with the ports of three subscribers and of the
 * uplink, and more if a test wants them. Import ovs-netns.ts first.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { findByArgument, onlyChild } from '../../src/nf/process.ts';
import { type Ovs, startOvs } from './ovs.ts';
import { eventually } from './ovs-eventually.ts';
import type { Ask, Tell } from './site-controller.ts';
import type { Host } from './site-wire.ts';

/** What the names of instances' ports begin with. */
export const PREFIX = 'ct';
export const DPID = '0000000000000001';
const AUDIT_MS = 300;
/** Longer than the test's own programs are ever held up on a busy machine. */
const DRAIN_MS = 500;
const PORTS = ['s1-eth1', 's1-eth2', 's1-eth3', 's1-eth4'] as const;
export const UPLINK = 's1-eth3';
/** The far ends of the ports, where subscribers and the server are. */
export const ENDS = PORTS.map((port) => `${port}p`);

export const HOSTS = {
  alice: { mac: '00:00:00:00:00:01', ip: '10.0.0.1', port: 's1-eth1' },
  bob: { mac: '00:00:00:00:00:02', ip: '10.0.0.2', port: 's1-eth2' },
  carol: { mac: '00:00:00:00:00:03', ip: '10.0.0.3', port: 's1-eth4' },
  server: { mac: '00:00:00:00:00:64', ip: '10.0.0.100', port: UPLINK },
} as const satisfies Record<string, Host & { port: string }>;

export type Answer = { readonly status: number; readonly body: Record<string, unknown> };
export type InstanceShown = {
  readonly id: string;
  readonly chain: string;
  readonly subscriber: string;
  readonly hop: string;
  readonly status: { readonly phase: string; readonly pid?: number; readonly restarts: number };
};

/** Of the switches s1 to s9. */
export const dpidOf = (name: string): string => name.slice(1).padStart(16, '0');

type Controller = { readonly child: ChildProcess; readonly api: string; readonly ended: Promise<unknown> };

const PROGRAM = fileURLToPath(new URL('./site-controller.ts', import.meta.url));

export class Site {
  readonly ovs: Ovs;
  readonly #dir = mkdtempSync(`${tmpdir()}/cs-site-`);
  readonly warnings: string[] = [];
  /** Every line of the controller's log. */
  readonly log: string[] = [];
  /** Every instance that there ever was, by its id. */
  readonly stations = new Map<string, { subscriber: string; hop: string }>();
  readonly #bridges = ['s1'];
  #controller: Controller | undefined;
  /** Kept over a restart: the switch has to find the controller again. */
  #openflowPort = 0;
  #desired: ((flows: readonly string[]) => void)[] = [];

  /** Arguments of the controller besides those that every site has. */
  readonly #settings: readonly string[];

  private constructor(ovs: Ovs, settings: readonly string[]) {
    this.ovs = ovs;
    this.#settings = settings;
  }

  /**
   * @param protocols as Open vSwitch writes them; undefined leaves its own default
   * @param settings further arguments of the controller
   */
  static async open(t: Test, protocols?: string, settings: readonly string[] = []): Promise<Site> {
    const ovs = await startOvs();
    const site = new Site(ovs, settings);
    t.teardown(() => site.close());
    await ovs.addBridge('s1', {
      dpid: DPID,
      failMode: 'standalone',
      ...(protocols ? { protocols } : {}),
    });
    for (const port of PORTS) {
      execFileSync('ip', ['link', 'add', port, 'type', 'veth', 'peer', 'name', `${port}p`]);
      for (const device of [port, `${port}p`]) {
        execFileSync('ip', ['link', 'set', device, 'addrgenmode', 'none', 'up']);
      }
      await ovs.vsctl('add-port', 's1', port);
    }
    await site.start();
    return site;
  }

  /** One more switch, joined by patch ports to others. */
  async addSwitch(name: string, ...others: readonly string[]): Promise<void> {
    await this.ovs.addBridge(name, { dpid: dpidOf(name), failMode: 'standalone' });
    this.#bridges.push(name);
    for (const other of others) {
      const [near, far] = [`${name}to${other}`, `${other}to${name}`];
      const add = (bridge: string, port: string, peer: string): readonly string[] => [
        ...['add-port', bridge, port],
        '--',
        ...['set', 'interface', port, 'type=patch', `options:peer=${peer}`],
      ];
      await this.ovs.vsctl(...add(name, near, far), '--', ...add(other, far, near));
    }
  }

  /** Has a switch leave its controller, by an id that nobody has declared, or come back. It forwards on. */
  async identify(name: string, how: 'as declared' | 'as nobody'): Promise<void> {
    const dpid = how === 'as declared' ? dpidOf(name) : dpidOf(name).replace(/^0000/, 'c5c5');
    await this.ovs.vsctl('set', 'bridge', name, `other-config:datapath-id=${dpid}`);
  }

  get openflowPort(): number {
    return this.#openflowPort;
  }

  get apiPort(): number {
    return Number(new URL(this.#running.api).port);
  }

  get #running(): Controller {
    if (!this.#controller) throw new Error('the controller does not run');
    return this.#controller;
  }

  async start(): Promise<void> {
    const argv = [
      '--api-port=0',
      `--openflow-port=${this.#openflowPort}`,
      `--state-dir=${this.#dir}/state`,
      `--run-dir=${this.#dir}/run`,
      `--interface-prefix=${PREFIX}`,
      `--audit-interval=${AUDIT_MS}`,
      `--drain-time=${DRAIN_MS}`,
      ...this.#settings,
    ];
    const child = spawn(process.execPath, ['--no-warnings=ExperimentalWarning', PROGRAM, ...argv], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    if (child.stderr) createInterface(child.stderr).on('line', (line) => this.#hear(line));
    const api = await new Promise<string>((resolve, reject) => {
      child.once('exit', () => reject(new Error(`the controller ended: ${this.warnings.at(-1)}`)));
      child.on('message', (message: Tell) => {
        if (message.tell === 'up') {
          this.#openflowPort = message.openflowPort;
          resolve(message.api);
        } else if (message.tell === 'desired') {
          this.#desired.shift()?.(message.flows);
        } else {
          this.stations.set(message.id, { subscriber: message.subscriber, hop: message.hop });
        }
      });
    });
    this.#controller = { child, api, ended };
  }

  #hear(line: string): void {
    this.log.push(line);
    try {
      if ((JSON.parse(line) as { level: string }).level === 'info') return;
    } catch {
      // Not a line of the log at all, such as the stack of a crash.
    }
    this.warnings.push(line);
  }

  /** In good order, as a service manager stops it. */
  async stop(onStop: 'keep' | 'remove' = 'remove'): Promise<void> {
    const running = this.#controller;
    this.#controller = undefined;
    if (running === undefined) return;
    running.child.send({ ask: 'stop', onStop } satisfies Ask);
    await running.ended;
    if (running.child.exitCode !== 0) {
      this.warnings.push(`the controller ended with ${running.child.exitCode ?? running.child.signalCode}`);
    }
  }

  /** kill -9. */
  async kill(): Promise<void> {
    const running = this.#running;
    this.#controller = undefined;
    running.child.kill('SIGKILL');
    await running.ended;
  }

  /** Resident memory of the controller in kilobytes. */
  memory(): number {
    return Number(
      execFileSync('ps', ['-o', 'rss=', '-p', `${this.#running.child.pid}`], { encoding: 'utf8' }),
    );
  }

  async close(): Promise<void> {
    // One that was killed has left its instances, which only another one finds.
    if (this.#controller === undefined && this.guests().length > 0) await this.start();
    await this.stop();
    await this.ovs.stop();
    for (const port of PORTS) execFileSync('ip', ['link', 'del', port]);
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async call(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(`${this.#running.api}${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? {} : JSON.parse(text) };
  }

  /** The switch, the uplink and two subscribers, or more. */
  async declareLab(t: Test, ...more: 'carol'[]): Promise<void> {
    const at = (port: string) => ({ attachment: { switch: 's1', port } });
    const made = [
      await this.call('POST', '/v1/switches', {
        name: 's1',
        dpid: DPID,
        unchained: 'normal',
        ovsdb: this.ovs.ovsdb,
      }),
      await this.call('POST', '/v1/uplinks', { name: 'core', ...at(UPLINK) }),
    ];
    for (const name of ['alice', 'bob', ...more] as const) {
      const { mac, ip, port } = HOSTS[name];
      made.push(await this.call('POST', '/v1/subscribers', { name, ...at(port), mac, ipv4: [ip] }));
    }
    t.strictSame(
      made.map(({ status }) => status),
      made.map(() => 201),
      'the lab is declared',
    );
  }

  async instances(): Promise<readonly InstanceShown[]> {
    return (await this.call('GET', '/v1/instances')).body['items'] as InstanceShown[];
  }

  async phase(chain: string): Promise<string | undefined> {
    const { body } = await this.call('GET', `/v1/chains/${chain}`);
    return (body['status'] as { phase: string } | undefined)?.phase;
  }

  /** The flows that are wanted and those that the switch holds, ours alone, each as sorted text. */
  async compare(): Promise<{ wanted: readonly string[]; held: readonly string[] }> {
    const wanted = await new Promise<readonly string[]>((resolve) => {
      this.#desired.push(resolve);
      this.#running.child.send({ ask: 'desired' } satisfies Ask);
    });
    const held = (await this.dump()).filter((flow) => flow.startsWith('cookie=0xc5c5'));
    return { wanted, held: held.sort() };
  }

  /** Waits until it is known of every port where it leads. */
  async listened(t: Pick<Test, 'pass' | 'fail'>): Promise<void> {
    await eventually(t, 'no port listens for another switch any more', async () => {
      const { body } = await this.call('GET', '/v1/switches/s1');
      const { applied, ports } = body['status'] as { applied: boolean; ports: { listening: boolean }[] };
      return applied && !ports.some(({ listening }) => listening);
    });
  }

  async dump(): Promise<string[]> {
    const versions = (await this.ovs.vsctl('get', 'bridge', 's1', 'protocols')).includes('OpenFlow13');
    const version = versions ? 'OpenFlow13' : 'OpenFlow15';
    return (await Promise.all(this.#bridges.map((name) => this.ovs.dumpFlows(name, { version })))).flat();
  }

  /** What is wanted is there, and all of it together lets no packet around a hop. */
  async equal(t: Pick<Test, 'pass' | 'fail' | 'comment'>): Promise<void> {
    await eventually(t, 'the switch holds what is wanted, and nothing else of ours', async () => {
      const { wanted, held } = await this.compare();
      return wanted.length > 0 && wanted.join('\n') === held.join('\n');
    });
    let last: unknown;
    let passed = false;
    await eventually(t, 'the audit proves that nothing gets around a hop', async () => {
      const { body } = await this.call('POST', '/v1/audit');
      last = body;
      passed = body['result'] === 'proven';
      return passed;
    });
    if (!passed) t.comment(JSON.stringify(last));
  }

  async clean(t: Test, allowed: { controller?: readonly RegExp[]; ovs?: readonly RegExp[] } = {}) {
    t.strictSame(
      this.warnings.filter((line) => !allowed.controller?.some((pattern) => pattern.test(line))),
      [],
      'the controller warned of nothing',
    );
    t.strictSame(await this.ovs.unexpectedLogLines(allowed.ovs), [], 'Open vSwitch warned of nothing');
  }

  /** Process ids of the guests that this site's controllers started. */
  guests(): readonly number[] {
    const started = findByArgument(`${this.#dir}/run/instances/`).map(({ pid }) => pid);
    // One in a sandbox is the child of its keeper.
    return started.map((pid) => onlyChild(pid) ?? pid);
  }

  /** Ports of the bridge and TAP devices of the namespace that are instances', sorted. */
  async leftPorts(): Promise<{ readonly bridge: readonly string[]; readonly devices: readonly string[] }> {
    const bridge = (await this.ovs.vsctl('list-ports', 's1')).split('\n');
    const shown = execFileSync('ip', ['-json', 'link', 'show', 'type', 'tun'], { encoding: 'utf8' });
    const devices = (JSON.parse(shown || '[]') as { ifname: string }[]).map(({ ifname }) => ifname);
    const ours = (names: readonly string[]): readonly string[] =>
      names.filter((name) => name.startsWith(PREFIX)).sort();
    return { bridge: ours(bridge), devices: ours(devices) };
  }
}
