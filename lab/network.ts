/**
 * The lab's network as topology.py keeps it, and what one can do inside its hosts.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { NotSeen, until, within } from './observe.ts';
import { ended, type Finished, run } from './processes.ts';

export const SERVER = '10.0.0.100';
export type HostName = 'alice' | 'bob' | 'server';

type Description = {
  readonly ovsdb: string;
  readonly log: string;
  readonly hosts: { readonly [name in HostName]: number };
};

export class Network {
  readonly #topology: ChildProcess;
  readonly #description: Description;

  private constructor(topology: ChildProcess, description: Description) {
    this.#topology = topology;
    this.#description = description;
  }

  /** @param protocols what the switch speaks, as in `OpenFlow13,OpenFlow15` */
  static async start(
    controllerPort: number,
    protocols: string,
    logDir: string,
    env: NodeJS.ProcessEnv,
  ): Promise<Network> {
    const log = `${logDir}/topology.log`;
    const errors = openSync(log, 'a');
    const script = fileURLToPath(new URL('topology.py', import.meta.url));
    const topology = spawn(
      '/usr/bin/python3',
      [
        script,
        '--run',
        `--controller-port=${controllerPort}`,
        `--protocols=${protocols}`,
        `--log-dir=${logDir}`,
      ],
      // In a session of its own: Ctrl-C is for the demo, which takes the network down in order.
      { env, stdio: ['pipe', 'pipe', errors], detached: true },
    );
    closeSync(errors);
    const { stdout } = topology;
    if (stdout === null) throw new Error('topology.py has no output');
    const line = new Promise<string>((resolve, reject) => {
      createInterface(stdout).once('line', resolve);
      topology.once('exit', () =>
        reject(new NotSeen('the network coming up', readFileSync(log, 'utf8').trim().slice(-500))),
      );
    });
    try {
      const description = JSON.parse(await within(30_000, 'the network coming up', line)) as Description;
      return new Network(topology, description);
    } catch (error) {
      await takeDown(topology);
      throw error;
    }
  }

  /** Address of the switch's OVSDB server. */
  get ovsdb(): string {
    return this.#description.ovsdb;
  }

  get switchLog(): string {
    return this.#description.log;
  }

  /** The command line that runs a command inside a host. */
  inside(host: HostName, argv: readonly string[]): readonly string[] {
    return ['mnexec', '-a', String(this.#description.hosts[host]), ...argv];
  }

  run(host: HostName, argv: readonly string[], timeout?: number): Promise<Finished> {
    return run(this.inside(host, argv), timeout);
  }

  /** Sends `count` pings, 50 ms apart; returns how many were answered. */
  async ping(host: HostName, count: number, target = SERVER): Promise<number> {
    const argv = ['ping', '-n', '-c', `${count}`, '-i', '0.05', '-W', '1', target];
    const { stdout } = await this.run(host, argv, 5_000 + count * 1_100);
    return Number(/(\d+) received/.exec(stdout)?.[1] ?? 0);
  }

  /** What the server's port 80 answers, or undefined if nothing comes. */
  async http(host: HostName): Promise<string | undefined> {
    const argv = ['curl', '-s', '--max-time', '2', `http://${SERVER}/`];
    const { code, stdout } = await this.run(host, argv, 5_000);
    return code === 0 ? stdout.trim() : undefined;
  }

  /** What the server's port 22 greets with, or undefined if nothing comes. */
  async greeting(host: HostName): Promise<string | undefined> {
    const { stdout } = await this.run(host, ['nc', '-w', '1', SERVER, '22'], 5_000);
    return stdout.trim() === '' ? undefined : stdout.trim();
  }

  startPing(host: HostName, interval: number): RunningPing {
    return new RunningPing(this.inside(host, ['ping', '-n', '-i', `${interval}`, SERVER]));
  }

  async close(): Promise<void> {
    await takeDown(this.#topology);
  }
}

/** @throws NotSeen if it has to be killed; the caller looks for what it then leaves behind */
async function takeDown(topology: ChildProcess): Promise<void> {
  topology.stdin?.end();
  try {
    await within(15_000, 'the network going down', ended(topology));
  } catch (error) {
    topology.kill('SIGKILL');
    await ended(topology);
    throw error;
  }
}

export type PingResult = { readonly sent: number; readonly lost: number };

/** A ping that goes on until it is stopped. */
export class RunningPing {
  readonly #child: ChildProcess;
  readonly #answered = new Set<number>();
  #last = 0;
  #output = '';

  constructor(argv: readonly string[]) {
    const [program = '', ...rest] = argv;
    this.#child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    const { stdout, stderr } = this.#child;
    if (stdout === null || stderr === null) throw new Error('ping has no output');
    createInterface(stdout).on('line', (line) => {
      this.#output += `${line}\n`;
      const seq = /^\d+ bytes from .* icmp_seq=(\d+)/.exec(line)?.[1];
      if (seq !== undefined) {
        this.#answered.add(Number(seq));
        this.#last = Math.max(this.#last, Number(seq));
      }
    });
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
    });
  }

  get answers(): number {
    return this.#answered.size;
  }

  /** Waits for that many answers from now on. */
  async more(count: number, timeout = 10_000): Promise<void> {
    const target = this.answers + count;
    await until(
      `${count} more answers to the running ping`,
      () => {
        if (this.answers >= target) return true;
        throw new NotSeen('answers', `${this.answers + count - target} came`);
      },
      { timeout },
    );
  }

  /**
   * Ends it. Lost is what stayed unanswered before the last answer: the last ping of all may just have been
   * on its way.
   */
  async stop(): Promise<PingResult> {
    if (this.#child.exitCode === null) this.#child.kill('SIGINT');
    await within(5_000, 'the end of ping', ended(this.#child));
    return { sent: this.#last, lost: this.#last - this.#answered.size };
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
