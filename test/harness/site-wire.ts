/**
 * Streams of numbered frames into a switch, and the way of every one of them through it.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

export type Stream = {
  readonly name: string;
  /** The far end of the switch port that the frames come in at. */
  readonly device: string;
  /** All of a frame that stands before its number. */
  readonly head: Buffer;
  readonly everyMs: number;
};

/** The frames of a stream that were seen at the same places, in the same order. */
export type Journey = {
  readonly stream: string;
  /** `in s1-eth1`, `out ct1l` and so on, as the switch sees it. */
  readonly way: readonly string[];
  /** First and last of each run of numbers. */
  readonly numbers: readonly (readonly [number, number])[];
};
export type Report = {
  readonly sent: { readonly [stream: string]: number };
  readonly journeys: readonly Journey[];
};
export type Look = {
  readonly [stream: string]: {
    /** The number that its next frame will have. */
    readonly next: number;
    /** The highest number seen at each place. */
    readonly latest: { readonly [place: string]: number };
  };
};

const PROGRAM = fileURLToPath(new URL('./site-wire.py', import.meta.url));
const PATIENCE_MS = 20_000;

export class Wire {
  readonly #python: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: ((line: string) => void)[] = [];
  #ended: string | undefined;

  private constructor(devices: readonly string[]) {
    const argv = ['--pdeathsig', 'KILL', 'python3', PROGRAM, ...devices];
    this.#python = spawn('setpriv', argv, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#python.stdin.on('error', () => {});
    createInterface(this.#python.stdout).on('line', (line) => this.#answers.shift()?.(line));
    this.#python.once('exit', (code, signal) => {
      this.#ended = `the wire ended with ${code ?? signal}`;
      for (const answer of this.#answers.splice(0)) answer('');
    });
  }

  static async open(t: Test, devices: readonly string[]): Promise<Wire> {
    const wire = new Wire(devices);
    t.teardown(() => wire.close());
    await wire.#answer();
    return wire;
  }

  async #answer(): Promise<string> {
    const line =
      this.#ended === undefined ? await new Promise<string>((resolve) => this.#answers.push(resolve)) : '';
    if (line === '') throw new Error(this.#ended);
    return line;
  }

  async #ask<T>(command: object): Promise<T> {
    const answer = this.#answer();
    this.#python.stdin.write(`${JSON.stringify(command)}\n`);
    return JSON.parse(await answer) as T;
  }

  async send(...streams: readonly Stream[]): Promise<void> {
    for (const { name, device, head, everyMs } of streams) {
      if (head.length !== 42) throw new Error(`${name}: ${head.length} bytes before the number`);
      const command = {
        do: 'start',
        stream: name,
        device,
        head: head.toString('hex'),
        every: everyMs / 1000,
      };
      await this.#ask(command);
    }
  }

  async stop(...streams: readonly Stream[]): Promise<void> {
    for (const { name } of streams) await this.#ask({ do: 'stop', stream: name });
  }

  look(): Promise<Look> {
    return this.#ask({ do: 'look' });
  }

  /** @throws if the kernel dropped frames: then "it was not seen" would mean nothing */
  async report(): Promise<Report> {
    const { dropped, ...report } = await this.#ask<Report & { dropped: number }>({ do: 'report' });
    if (dropped > 0) throw new Error(`${dropped} frames were not watched`);
    return report;
  }

  async until<T>(what: string, find: (look: Look) => T | undefined | false): Promise<T> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const look = await this.look();
      const found = find(look);
      if (found !== undefined && found !== false) return found;
      if (Date.now() > deadline) throw new Error(`waited in vain: ${what}; seen: ${JSON.stringify(look)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /**
   * Waits until frames that are sent from now on were seen at a place.
   * @returns the number that the stream came to next when this was called
   */
  async reaches(stream: Stream, place: string | RegExp): Promise<number> {
    const from = (await this.look())[stream.name]?.next ?? 0;
    await this.until(`${stream.name} at ${place}`, (look) =>
      Object.entries(look[stream.name]?.latest ?? {}).some(
        ([at, number]) => number >= from && (typeof place === 'string' ? at === place : place.test(at)),
      ),
    );
    return from;
  }

  async close(): Promise<void> {
    if (this.#ended !== undefined) return;
    const end = new Promise((resolve) => this.#python.once('exit', resolve));
    this.#python.stdin.end();
    await end;
  }
}

export type Host = { readonly mac: string; readonly ip: string };

const bytes = (mac: string): Buffer => Buffer.from(mac.replaceAll(':', ''), 'hex');
const address = (ip: string): Buffer => Buffer.from(ip.split('.').map(Number));

export const EVERYBODY: Host = { mac: 'ff:ff:ff:ff:ff:ff', ip: '255.255.255.255' };

/** The headers of a UDP datagram over IPv4; its 18 bytes begin with the frame's number. */
export function udp(from: Host, to: Host, port: number, sourcePort = 5000): Buffer {
  const ip = Buffer.alloc(20);
  ip.set([0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 17]);
  ip.set(address(from.ip), 12);
  ip.set(address(to.ip), 16);
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += ip.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  ip.writeUInt16BE(~sum & 0xffff, 10);
  const head = Buffer.alloc(8);
  head.writeUInt16BE(sourcePort, 0);
  head.writeUInt16BE(port, 2);
  head.writeUInt16BE(26, 4);
  return Buffer.concat([bytes(to.mac), bytes(from.mac), Buffer.from([8, 0]), ip, head]);
}

/** "Who has this address?", to everybody; the number stands in the padding. */
export function arpRequest(from: Host, target: string): Buffer {
  const head = Buffer.from([8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
  const asked = Buffer.concat([bytes(from.mac), address(from.ip), Buffer.alloc(6), address(target)]);
  return Buffer.concat([bytes(EVERYBODY.mac), bytes(from.mac), head, asked]);
}

/** A frame of some other protocol. */
export function frame(from: string, to: string, etherType: number): Buffer {
  const type = Buffer.alloc(2);
  type.writeUInt16BE(etherType);
  return Buffer.concat([bytes(to), bytes(from), type, Buffer.alloc(28)]);
}

/** A frame of some protocol in a VLAN (IEEE 802.1Q), or within an outer one (802.1ad). */
export function tagged(from: string, to: string, vlan: number, tagType: 0x8100 | 0x88a8 = 0x8100): Buffer {
  const tag = Buffer.alloc(6);
  tag.writeUInt16BE(tagType);
  tag.writeUInt16BE(vlan, 2);
  tag.writeUInt16BE(0x88b5, 4);
  return Buffer.concat([bytes(to), bytes(from), tag, Buffer.alloc(24)]);
}
