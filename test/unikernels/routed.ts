/**
 * Networks on both sides of a function that is a router's place: hosts of the subscriber on the left, and on the right
 * a gateway with a host behind it, each side a kernel of its own.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';

import { createNamespace, DEVICES, ip, type Teardown } from './machine.ts';

const run = promisify(execFile);

/** Long enough for a loaded machine; nothing waits this long unless it fails. */
const PATIENCE_MS = 20_000;

export type Server = {
  /** On either of its outputs, until now. */
  said(): string;
  /** In good order. */
  end(): Promise<void>;
};

export class Host {
  readonly namespace: string;
  readonly #t: Teardown;

  constructor(t: Teardown, namespace: string) {
    this.namespace = namespace;
    this.#t = t;
  }

  static create(t: Teardown): Host {
    const namespace = createNamespace();
    t.teardown(() => ip('netns', 'delete', namespace));
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
    return new Host(t, namespace);
  }

  ip(...args: string[]): void {
    ip('-n', this.namespace, ...args);
  }

  /** What a command says, on either of its outputs; that it fails is an error unless `tolerated`. */
  async run(argv: readonly string[], tolerated = false): Promise<string> {
    const ended = run('ip', ['netns', 'exec', this.namespace, ...argv], { timeout: PATIENCE_MS });
    const { stdout, stderr } = await ended.catch((error) => {
      if (tolerated && error.code !== undefined && error.killed === false) return error;
      throw new Error(`${argv.join(' ')}: ${error.stdout}${error.stderr}`);
    });
    return stdout + stderr;
  }

  /** A command that goes on until it is told to end, or the test ends, and what it says meanwhile. */
  serve(argv: readonly string[]): Server {
    const child: ChildProcess = spawn('ip', ['netns', 'exec', this.namespace, ...argv]);
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (bytes) => (said += bytes));
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    this.#t.teardown(() => child.kill('SIGKILL'));
    const end = (): Promise<void> => {
      child.kill('SIGTERM');
      return ended;
    };
    return { said: () => said, end };
  }

  /** Until something listens at this port. */
  async listening(port: number, protocol: 'tcp' | 'udp' = 'tcp'): Promise<void> {
    await until(`something listens at port ${port}`, async () => {
      const list = protocol === 'tcp' ? '-Hltn' : '-Hlun';
      return (await this.run(['ss', list, `sport = :${port}`])) !== '';
    });
  }
}

/** How many UDP datagrams programs of a host have read. */
export async function datagramsRead(host: Host): Promise<number> {
  const lines = (await host.run(['cat', '/proc/net/snmp'])).split('\n').filter((line) => /^Udp:/.test(line));
  const [names = [], values = []] = lines.map((line) => line.split(' '));
  return Number(values[names.indexOf('InDatagrams')]);
}

/** Waits for it. */
export async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await setTimeout(20))
    if (await holds()) return;
  throw new Error(`it is not so that ${what}`);
}

/** A cable between two hosts; each end is called after the other's purpose. */
export function cable(a: Host, nameAtA: string, b: Host, nameAtB: string): void {
  a.ip('link', 'add', nameAtA, 'type', 'veth', 'peer', 'name', nameAtB, 'netns', b.namespace);
  a.ip('link', 'set', nameAtA, 'up');
  b.ip('link', 'set', nameAtB, 'up');
}

/** Takes the right end of a running machine's wire away to another host. */
export function moveRight(from: Host, to: Host): void {
  from.ip('link', 'set', DEVICES.right, 'netns', to.namespace);
  to.ip('link', 'set', DEVICES.right, 'up');
}
