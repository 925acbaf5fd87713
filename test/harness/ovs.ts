/**
 * A private Open vSwitch for one test: its own database, sockets, logs and daemons in a temporary
 * directory, so that it never meets a system OVS or another test's.
 *
 *     const ovs = await startOvs();                       // userspace datapath; import ovs-netns.ts first
 *     const ovs = await startOvs({ datapath: 'dummy' });  // no devices at all, needs no root
 *     t.teardown(() => ovs.stop());
 *     await ovs.addBridge('br1', { dpid: '0000000000000001', controller: `tcp:127.0.0.1:${port}` });
 *     ...
 *     t.strictSame(await ovs.unexpectedLogLines(), []);
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { inPrivateNamespace } from './ovs-namespace.ts';

const run = promisify(execFile);

export type OvsOptions = {
  /** `netdev`: the userspace datapath, real devices. `dummy`: every device is made up, packets come by hand. */
  readonly datapath?: 'netdev' | 'dummy';
  /** Run ovs-vswitchd in this named network namespace (`ip netns`) instead of the test's own. */
  readonly netns?: string;
};

export type BridgeOptions = {
  readonly dpid?: string;
  readonly controller?: string;
  /** As in `OpenFlow13,OpenFlow15`; unset leaves the default of Open vSwitch. */
  readonly protocols?: string;
  readonly failMode?: 'secure' | 'standalone';
  /** More columns of the bridge, as ovs-vsctl takes them. */
  readonly set?: readonly string[];
};

/** Warnings that say something about the machine and nothing about the test. */
const ALWAYS_EXPECTED: readonly RegExp[] = [
  // No CPU affinity or memory locking inside containers.
  /dpif_netdev\|WARN\|There's no available \(non-isolated\) numa node/,
  // On two busy cores a poll interval may be late.
  /timeval(\([^)]*\))?\|WARN\|(Unreasonably long|context switches|faults|disk)/,
  /poll_loop(\([^)]*\))?\|/,
  // A short-lived client, such as ovs-vsctl, has gone before the last update reached it.
  /(jsonrpc|reconnect)\|WARN\|unix#\d+: (send error|receive error|connection dropped).*(Broken pipe|reset by peer)/,
  // A continuity check that was lost with its guest, or was late on two busy cores.
  /cfm(\([^)]*\))?\|WARN\|.*detected sequence numbers which indicate possible connectivity problems/,
];

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`Open vSwitch: waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const ended = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

export class Ovs {
  /** Holds the database, the sockets and the logs. */
  readonly dir: string;
  readonly datapath: 'netdev' | 'dummy';
  readonly #netns: string | undefined;
  readonly #env: NodeJS.ProcessEnv;
  #ovsdb: ChildProcess | undefined;
  #vswitchd: ChildProcess | undefined;

  constructor(dir: string, options: OvsOptions) {
    this.dir = dir;
    this.datapath = options.datapath ?? 'netdev';
    this.#netns = options.netns;
    this.#env = { ...process.env, OVS_RUNDIR: dir, OVS_DBDIR: dir, OVS_LOGDIR: dir };
  }

  /** Where the OVSDB server listens, in the form that a switch declares. */
  get ovsdb(): string {
    return `unix:${this.dir}/db.sock`;
  }

  /** Process ids of the daemons, for a test that freezes or kills one. */
  get pids(): { readonly ovsdb: number; readonly vswitchd: number } {
    const ovsdb = this.#ovsdb?.pid;
    const vswitchd = this.#vswitchd?.pid;
    if (ovsdb === undefined || vswitchd === undefined) throw new Error('Open vSwitch does not run');
    return { ovsdb, vswitchd };
  }

  async #exec(program: string, args: readonly string[]): Promise<string> {
    const { stdout } = await run(program, args, { env: this.#env, maxBuffer: 1 << 28 });
    return stdout;
  }

  /** Runs ovs-vsctl against this instance and gives what it printed. It waits for ovs-vswitchd to follow. */
  async vsctl(...args: readonly string[]): Promise<string> {
    return (await this.#exec('ovs-vsctl', ['--timeout=20', `--db=${this.ovsdb}`, ...args])).trim();
  }

  /** Runs ovs-ofctl; a bridge is named as usual. */
  async ofctl(...args: readonly string[]): Promise<string> {
    return (await this.#exec('ovs-ofctl', ['--timeout=20', ...args])).trim();
  }

  /** Runs ovs-appctl against ovs-vswitchd. */
  async appctl(...args: readonly string[]): Promise<string> {
    return (await this.#exec('ovs-appctl', ['-t', `${this.dir}/vswitchd.ctl`, ...args])).trim();
  }

  /** Runs ovs-appctl against ovsdb-server. */
  async ovsdbctl(...args: readonly string[]): Promise<string> {
    return (await this.#exec('ovs-appctl', ['-t', `${this.dir}/ovsdb.ctl`, ...args])).trim();
  }

  /** The flows of a bridge as `ovs-ofctl dump-flows` prints them, one per line, without the heading. */
  async dumpFlows(bridge: string, options: { stats?: boolean; version?: string } = {}): Promise<string[]> {
    const stats = options.stats === true ? [] : ['--no-stats'];
    const text = await this.ofctl('-O', options.version ?? 'OpenFlow15', ...stats, 'dump-flows', bridge);
    return text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !/^(OFPST|NXST)_FLOW reply/.test(line));
  }

  async addBridge(name: string, options: BridgeOptions = {}): Promise<void> {
    const set = [`fail_mode=${options.failMode ?? 'secure'}`, ...(options.set ?? [])];
    if (this.datapath === 'netdev') set.push('datapath_type=netdev');
    if (options.dpid !== undefined) set.push(`other-config:datapath-id=${options.dpid}`);
    if (options.protocols !== undefined) set.push(`protocols=${options.protocols}`);
    // Out of band, or the bridge gets hidden flows that let ARP and TCP to the controller's address pass.
    const controller =
      options.controller === undefined
        ? []
        : [
            '--',
            'set-controller',
            name,
            options.controller,
            '--',
            'set',
            'controller',
            name,
            'connection_mode=out-of-band',
          ];
    await this.vsctl('add-br', name, '--', 'set', 'bridge', name, ...set, ...controller);
  }

  /** Lines of both daemons' logs at WARN or above that neither this list nor the standing one allows. */
  async unexpectedLogLines(allowed: readonly RegExp[] = []): Promise<string[]> {
    const expected = [...ALWAYS_EXPECTED, ...allowed];
    const logs = await Promise.all(
      ['ovsdb-server', 'ovs-vswitchd'].map((daemon) => readFile(`${this.dir}/${daemon}.log`, 'utf8')),
    );
    return logs
      .flatMap((log) => log.split('\n'))
      .filter((line) => /\|(WARN|ERR|EMER)\|/.test(line) && !expected.some((re) => re.test(line)));
  }

  #spawn(program: string, args: readonly string[], netns?: string): ChildProcess {
    const where = netns === undefined ? [] : ['ip', 'netns', 'exec', netns];
    const log = [`--log-file=${this.dir}/${program}.log`, '-vconsole:off', '--no-chdir'];
    // The daemons go with the test, also when it is killed.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...where, program, ...args, ...log], {
      env: this.#env,
      stdio: 'ignore',
    });
    child.on('error', () => {});
    return child;
  }

  async startOvsdb(): Promise<void> {
    const args = [
      `${this.dir}/conf.db`,
      `--remote=punix:${this.dir}/db.sock`,
      // As packages start it, so that `ovs-vsctl set-ssl` is all that TLS takes.
      '--private-key=db:Open_vSwitch,SSL,private_key',
      '--certificate=db:Open_vSwitch,SSL,certificate',
      '--ca-cert=db:Open_vSwitch,SSL,ca_cert',
      `--unixctl=${this.dir}/ovsdb.ctl`,
    ];
    const child = this.#spawn('ovsdb-server', args);
    this.#ovsdb = child;
    await until('ovsdb-server', () => {
      if (ended(child)) throw new Error('ovsdb-server ended at once');
      return existsSync(`${this.dir}/db.sock`) && existsSync(`${this.dir}/ovsdb.ctl`);
    });
  }

  async startVswitchd(): Promise<void> {
    const dummy = this.datapath === 'dummy' ? ['--enable-dummy=override'] : [];
    const args = [this.ovsdb, `--unixctl=${this.dir}/vswitchd.ctl`, ...dummy];
    const child = this.#spawn('ovs-vswitchd', args, this.#netns);
    this.#vswitchd = child;
    await until('ovs-vswitchd', () => {
      if (ended(child)) throw new Error('ovs-vswitchd ended at once');
      return existsSync(`${this.dir}/vswitchd.ctl`);
    });
  }

  async #end(child: ChildProcess | undefined, control: string, ...args: readonly string[]): Promise<void> {
    if (child === undefined || ended(child)) return;
    await run('ovs-appctl', ['-T', '5', '-t', control, 'exit', ...args]).catch(() => child.kill('SIGKILL'));
    const deadline = Date.now() + 5000;
    while (!ended(child)) {
      if (Date.now() > deadline) child.kill('SIGKILL');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Lets the OVSDB server listen for TLS on a free port of 127.0.0.1, and gives its address. */
  async listenSsl(): Promise<string> {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await this.ovsdbctl('ovsdb-server/add-remote', `pssl:${port}:127.0.0.1`);
    return `ssl:127.0.0.1:${port}`;
  }

  /** Ends ovs-vswitchd; with `cleanup`, its devices and flows go too. */
  async stopVswitchd(cleanup = true): Promise<void> {
    await this.#end(this.#vswitchd, `${this.dir}/vswitchd.ctl`, ...(cleanup ? ['--cleanup'] : []));
    await rm(`${this.dir}/vswitchd.ctl`, { force: true });
  }

  async stopOvsdb(): Promise<void> {
    await this.#end(this.#ovsdb, `${this.dir}/ovsdb.ctl`);
    await rm(`${this.dir}/ovsdb.ctl`, { force: true });
  }

  /** Ends the daemons, removes their devices and the directory. Harmless when done twice. */
  async stop(): Promise<void> {
    await this.stopVswitchd();
    await this.stopOvsdb();
    await rm(this.dir, { recursive: true, force: true });
  }
}

/** Starts a private Open vSwitch without any bridge. */
export async function startOvs(options: OvsOptions = {}): Promise<Ovs> {
  const datapath = options.datapath ?? 'netdev';
  if (datapath === 'netdev' && options.netns === undefined && !inPrivateNamespace()) {
    throw new Error("the userspace datapath needs a namespace: import '../harness/ovs-netns.ts' first");
  }
  const ovs = new Ovs(await mkdtemp(path.join(tmpdir(), 'cs-ovs-')), options);
  try {
    await run('ovsdb-tool', ['create', `${ovs.dir}/conf.db`, schemaFile()]);
    await ovs.startOvsdb();
    await ovs.vsctl('--no-wait', 'init');
    await ovs.startVswitchd();
  } catch (error) {
    await ovs.stop();
    throw error;
  }
  return ovs;
}

function schemaFile(): string {
  const found = ['/usr/share/openvswitch', '/usr/local/share/openvswitch']
    .map((dir) => `${dir}/vswitch.ovsschema`)
    .find((file) => existsSync(file));
  if (found === undefined) throw new Error('vswitch.ovsschema not found: is Open vSwitch installed?');
  return found;
}
