/**
 * Starts real functions, in a real QEMU or as sandboxed processes, between two TAP devices in a network namespace
 * of the test's own.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';

const unikernels = resolve(import.meta.dirname, '../../unikernels');

export const MACS = { left: '02:00:00:00:00:01', right: '02:00:00:00:00:02' };
export const DEVICES = { left: 'ukleft', right: 'ukright' };

/** Nobody's, as far as the machine that runs the tests knows. */
const FIRST_USER = 1_900_000_000;

/** Long enough for a loaded machine; nothing waits this long unless it fails. */
const PATIENCE_MS = 10_000;

export function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

let namespaces = 0;

/** A namespace; without IPv6 the kernel says nothing in it on its own. */
export function createNamespace({ ipv6 = false } = {}): string {
  const name = `uk-${process.pid}-${++namespaces}`;
  ip('netns', 'add', name);
  const off = ipv6 ? 0 : 1;
  execFileSync('ip', [
    ...['netns', 'exec', name, 'sysctl', '-q', '-w'],
    ...[`net.ipv6.conf.all.disable_ipv6=${off}`, `net.ipv6.conf.default.disable_ipv6=${off}`],
  ]);
  return name;
}

export function createTaps(namespace: string): void {
  for (const device of Object.values(DEVICES)) {
    ip('-n', namespace, 'tuntap', 'add', device, 'mode', 'tap');
    ip('-n', namespace, 'link', 'set', device, 'up');
  }
}

export type Isolation = 'vm' | 'process';
export const ISOLATIONS = ['vm', 'process'] as const;

export type MachineOptions = {
  /** Default `vm`. */
  readonly isolation?: Isolation;
  /** Default `firewall`. */
  readonly function?: string;
  /** Where the function has been built; by default here. */
  readonly buildDir?: string;
  /** Further files of the contract, by their names behind `opt/chainstitch/`. */
  readonly files?: { readonly [name: string]: string };
  /** What the function looks things up in. */
  readonly data?: Buffer;
  readonly id?: string;
  readonly macs?: { readonly left: string; readonly right: string };
  readonly append?: string;
  /** null leaves the file out. */
  readonly config?: unknown;
  readonly revision?: string | null;
  readonly machineType?: string;
  readonly global?: string;
  readonly memoryMiB?: number;
  /** The bus of each network card; null leaves the card out. */
  readonly buses?: { readonly left: number | null; readonly right: number | null };
  readonly extra?: readonly string[];
};

const MACHINE = 'microvm,acpi=off,pic=off,pit=on,rtc=off,isa-serial=on,auto-kernel-cmdline=off';

function commandLine(options: MachineOptions): string {
  const macs = options.macs ?? MACS;
  return (
    options.append ??
    `chainstitch.id=${options.id ?? 'test-1'} chainstitch.left=${macs.left} chainstitch.right=${macs.right}`
  );
}

/** The files of the contract, by name. */
function bootFiles(options: MachineOptions): { readonly [name: string]: string } {
  const config = options.config ?? { default: 'allow' };
  return {
    ...(options.config !== null && { config: typeof config === 'string' ? config : JSON.stringify(config) }),
    ...(options.revision !== null && { revision: options.revision ?? '1' }),
    ...options.files,
  };
}

const built = (options: MachineOptions, suffix: string): string =>
  join(options.buildDir ?? join(unikernels, 'build'), `${options.function ?? 'firewall'}.${suffix}`);

function launch(directory: string, options: MachineOptions): string[] {
  const files = Object.entries(bootFiles(options)).map(([name, content]) => {
    const path = join(directory, name);
    writeFileSync(path, content);
    return { name: `opt/chainstitch/${name}`, path };
  });
  const data = join(directory, 'data');
  if (options.data) writeFileSync(data, options.data);
  if ((options.isolation ?? 'vm') === 'vm')
    return [
      'qemu-system-x86_64',
      ...qemuArguments(directory, options),
      ...files.flatMap(({ name, path }) => ['-fw_cfg', `name=${name},file=${path}`]),
      ...(options.data ? ['-fw_cfg', `name=opt/chainstitch/data,file=${data}`] : []),
    ];
  return [
    built(options, 'sandbox'),
    ...['--append', commandLine(options), '--left', DEVICES.left, '--right', DEVICES.right],
    ...['--console', join(directory, 'console'), '--memory', String(options.memoryMiB ?? 8)],
    ...['--user', String(FIRST_USER + (process.pid % 1000))],
    ...files.flatMap(({ name, path }) => ['--file', `${name}=${path}`]),
    ...(options.data ? ['--map', `opt/chainstitch/data=${data}`] : []),
    ...(options.extra ?? []),
  ];
}

function qemuArguments(directory: string, options: MachineOptions): string[] {
  const buses = options.buses ?? { left: 0, right: 1 };
  const card = (side: 'left' | 'right'): string[] => {
    const bus = buses[side];
    if (bus === null) return [];
    return [
      ...['-netdev', `tap,id=${side},ifname=${DEVICES[side]},script=no,downscript=no,vhost=off`],
      ...['-device', `virtio-net-device,bus=virtio-mmio-bus.${bus},netdev=${side},mac=${MACS[side]}`],
    ];
  };
  return [
    ...['-M', options.machineType ?? MACHINE, '-accel', 'tcg', '-m', String(options.memoryMiB ?? 8)],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-global', options.global ?? 'virtio-mmio.force-legacy=false'],
    ...['-kernel', built(options, 'elf'), '-append', commandLine(options)],
    ...card('left'),
    ...card('right'),
    ...[
      '-chardev',
      `socket,id=console,path=${join(directory, 'console')},server=on,wait=off,logfile=${join(directory, 'log')}`,
    ],
    ...['-serial', 'chardev:console'],
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ...(options.extra ?? []),
  ];
}

async function within<T>(what: string, promise: Promise<T>, patienceMs = PATIENCE_MS): Promise<T> {
  const enough = new AbortController();
  const late = setTimeout(patienceMs, undefined, { signal: enough.signal }).then(() => {
    throw new Error(`no ${what} within ${patienceMs} ms`);
  });
  late.catch(() => {});
  return Promise.race([promise, late]).finally(() => enough.abort());
}

/** Lines that arrive, for whoever asks for the next one. */
export class Lines {
  #partial = '';
  readonly #lines: string[] = [];
  readonly #waiting: ((line: string) => void)[] = [];

  push(bytes: Buffer): void {
    const parts = (this.#partial + bytes.toString('latin1')).split('\n');
    this.#partial = parts.pop() ?? '';
    for (const line of parts) {
      const next = this.#waiting.shift();
      if (next) next(line);
      else this.#lines.push(line);
    }
  }

  next(what: string, patienceMs?: number): Promise<string> {
    const line = this.#lines.shift();
    if (line !== undefined) return Promise.resolve(line);
    return within(what, new Promise((resolve) => this.#waiting.push(resolve)), patienceMs);
  }

  /** The next line, or undefined when none comes within this time. */
  async soon(ms: number): Promise<string | undefined> {
    for (const end = Date.now() + ms; this.#lines.length === 0 && Date.now() < end; ) await setTimeout(5);
    return this.#lines.shift();
  }

  get unread(): readonly string[] {
    return this.#lines;
  }
}

/** One connection to the console. */
export class Console {
  readonly lines = new Lines();
  /** What the guest has said of itself while an answer was waited for. */
  readonly unasked: string[] = [];
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => this.lines.push(bytes));
    socket.on('error', () => {});
  }

  send(bytes: string): void {
    this.#socket.write(Buffer.from(bytes, 'latin1'));
  }

  /** The next line after this request is sent. */
  ask(request: string): Promise<string> {
    this.send(request.endsWith('\n') ? request : `${request}\n`);
    return this.lines.next(`answer to ${JSON.stringify(request.slice(0, 40))}`);
  }

  configure(revision: number, config: unknown): Promise<string> {
    const json = typeof config === 'string' ? config : JSON.stringify(config);
    return this.ask(`config ${revision} ${Buffer.byteLength(json, 'latin1')}\n${json}\n`);
  }

  /** The first line after this request that begins like its answer; what the guest says unasked is kept. */
  async answer(request: string, start: string): Promise<string> {
    this.send(`${request}\n`);
    for (;;) {
      const line = await this.lines.next(`answer to ${request}`);
      if (line.startsWith(start)) return line;
      if (!/^(log|state) /.test(line)) throw new Error(`${request} was answered with ${line}`);
      this.unasked.push(line);
    }
  }

  async counters(): Promise<Counters> {
    return JSON.parse((await this.answer('counters', 'counters ')).replace('counters ', ''));
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  async close(): Promise<void> {
    if (this.#socket.destroyed) return;
    const closed = new Promise((resolve) => this.#socket.once('close', resolve));
    this.#socket.destroy();
    await closed;
  }
}

export type Side = {
  rxPackets: number;
  rxBytes: number;
  txPackets: number;
  txBytes: number;
  dropped: number;
  lost: number;
};
export type Counters = { left: Side; right: Side; function: Partial<FirewallCounters> };

export type FirewallCounters = {
  allowed: number;
  denied: number;
  malformed: number;
  flows: number;
  flowsLimited: number;
  furtherRules: number;
  rules: number[];
};

export class Machine {
  readonly #directory: string;
  readonly #process: ChildProcess;
  readonly exited: Promise<number | null>;
  readonly #born = performance.now();
  /** What QEMU itself complains about. */
  complaints = '';

  constructor(namespace: string, options: MachineOptions) {
    this.#directory = mkdtempSync(join(tmpdir(), 'uk-'));
    const argv = launch(this.#directory, options);
    this.#process = spawn('ip', ['netns', 'exec', namespace, ...argv], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#process.stdout, this.#process.stderr])
      stream?.on('data', (bytes: Buffer) => {
        this.complaints += bytes.toString();
      });
    this.exited = new Promise((resolve) => this.#process.once('exit', (code) => resolve(code)));
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get ageMs(): number {
    return performance.now() - this.#born;
  }

  /** Connects as soon as QEMU listens. */
  async connect(): Promise<Console> {
    const path = join(this.#directory, 'console');
    const attempt = (): Promise<Socket | undefined> =>
      new Promise((resolve) => {
        const socket = connect(path);
        socket.once('connect', () => resolve(socket));
        socket.once('error', () => resolve(undefined));
      });
    for (let started = Date.now(); Date.now() - started < PATIENCE_MS; ) {
      const socket = await attempt();
      if (socket) return new Console(socket);
      await setTimeout(5);
    }
    throw new Error(`no console: ${this.complaints}`);
  }

  /** The line by which the guest introduces itself, whether we came in time to hear it unasked or not. */
  async introduction(console: Console): Promise<string> {
    let line = await console.ask('hello');
    // Who connects while it speaks hears the end of a line, and then the answer.
    while (!/^(ready|refused) /.test(line)) line = await console.lines.next('introduction');
    // An answer follows every question: a second line means that the first was said unasked.
    const health = await console.ask('health');
    if (health === line) await console.lines.next('answer to health');
    return line;
  }

  /** Clock ticks of CPU that it has used, in its own time and the kernel's. */
  cpuTicks(): number {
    return this.pids()
      .map((pid) => {
        const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return Number(fields[11]) + Number(fields[12]);
      })
      .reduce((a, b) => a + b);
  }

  /** QEMU's, or those of the keeper and of the function itself. */
  pids(): number[] {
    const { pid } = this.#process;
    if (pid === undefined) return [];
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
    return [pid, ...(children === '' ? [] : children.split(' ').map(Number))];
  }

  /** Everything that the guest has said, heard or not. */
  log(): string {
    return readFileSync(join(this.#directory, 'log'), 'latin1');
  }

  exit(): Promise<number | null> {
    return within('exit', this.exited);
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.exited;
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Builds the images if their sources are newer. */
export function buildImages(): void {
  execFileSync('make', ['-s', '-C', unikernels], { stdio: ['ignore', 'ignore', 'inherit'] });
}

export type Teardown = { teardown(fn: () => unknown): void };

/** A namespace with two taps, gone when the test ends. */
export function placeTaps(t: Teardown): string {
  const namespace = createNamespace();
  t.teardown(() => ip('netns', 'delete', namespace));
  createTaps(namespace);
  return namespace;
}

/** The same, and a machine between them. */
export function placeMachine(t: Teardown, options: MachineOptions): { namespace: string; machine: Machine } {
  const namespace = placeTaps(t);
  const machine = new Machine(namespace, options);
  t.teardown(() => machine.kill());
  return { namespace, machine };
}

/** The same, connected to its console. */
export async function startMachine(t: Teardown, options: MachineOptions = {}): Promise<Running> {
  const { namespace, machine } = placeMachine(t, options);
  const console = await machine.connect();
  t.teardown(() => console.close());
  const introduction = await machine.introduction(console);
  return { namespace, machine, console, introduction, readyAfterMs: machine.ageMs };
}

export type Running = {
  readonly namespace: string;
  readonly machine: Machine;
  readonly console: Console;
  readonly introduction: string;
  /** From the start of QEMU, to within the few milliseconds between two attempts to connect. */
  readonly readyAfterMs: number;
};
