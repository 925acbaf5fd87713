/** Both ends of the wire that a machine is put into: whole frames out and in. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { join } from 'node:path';

import { DEVICES, Lines, type Teardown } from './machine.ts';

/** Long enough for the batches that are sent at a time. */
const MUTATE_MS = 60_000;

export type Side = 'left' | 'right';

export class Wire {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines = new Lines();
  #markers = 0;

  private constructor(namespace: string) {
    this.#process = spawn('ip', [
      ...['netns', 'exec', namespace, 'python3', join(import.meta.dirname, 'wire.py')],
      ...[DEVICES.left, DEVICES.right],
    ]);
    this.#process.stdout.on('data', (bytes: Buffer) => this.#lines.push(bytes));
    this.#process.stderr.pipe(process.stderr);
  }

  static async open(t: Teardown, namespace: string): Promise<Wire> {
    const wire = new Wire(namespace);
    t.teardown(() => wire.close());
    await wire.#lines.next('listener');
    return wire;
  }

  send(from: Side, frame: Buffer): void {
    this.#process.stdin.write(`${from} ${frame.toString('hex')}\n`);
  }

  /** Sends one frame or several in turn many times, at some rate or as fast as it can, and says when it is done. */
  async flood(from: Side, frames: Buffer | readonly Buffer[], count: number, rate = 1e9): Promise<void> {
    const list = [frames].flat().map((frame) => frame.toString('hex'));
    this.#process.stdin.write(`flood ${from} ${list.join(',')} ${count} ${rate}\n`);
    while ((await this.#lines.next('end of the flood')) !== 'flooded');
  }

  /** Sends so many of these with random damage, from both sides; what comes in meanwhile is lost. */
  async mutate(frames: readonly Buffer[], count: number, seed: number): Promise<void> {
    const list = frames.map((frame) => frame.toString('hex')).join(',');
    this.#process.stdin.write(`mutate ${list} ${count} ${seed}\n`);
    while ((await this.#lines.next('end of the mutated frames', MUTATE_MS)) !== 'mutated');
  }

  /** The median time from one end to the other, in microseconds. */
  async latency(frame: Buffer, count: number): Promise<number> {
    this.#process.stdin.write(`latency ${frame.toString('hex')} ${count}\n`);
    return Number(await this.#answer('latency'));
  }

  /** What follows this word; frames that come in before it are of no interest. */
  async #answer(word: string): Promise<string> {
    for (;;) {
      const [first, rest = ''] = (await this.#lines.next(word)).split(' ');
      if (first === word) return rest;
    }
  }

  /** Sends a frame from the left again and again until it comes out; when that was, by `performance.now()`. */
  async first(frame: Buffer): Promise<number> {
    this.#process.stdin.write(`first ${frame.toString('hex')}\n`);
    const told = Number(await this.#answer('first'));
    const offset = Number(process.hrtime.bigint()) / 1e6 - performance.now();
    return told * 1000 - offset;
  }

  /**
   * Everything that has come out until now. No waiting for silence: an ARP request sent each way passes
   * every function, and comes out behind whatever was sent before it.
   */
  async arrivals(): Promise<{ side: Side; frame: Buffer }[]> {
    const markers = new Map<Side, string>();
    for (const side of ['left', 'right'] as const) {
      const marker = arpMarker(++this.#markers);
      markers.set(side === 'left' ? 'right' : 'left', marker.toString('hex'));
      this.send(side, marker);
    }
    const arrived: { side: Side; frame: Buffer }[] = [];
    while (markers.size > 0) {
      const [side, hex] = (await this.#lines.next('marker')).split(' ') as [Side, string];
      if (markers.get(side) === hex) markers.delete(side);
      else arrived.push({ side, frame: Buffer.from(hex, 'hex') });
    }
    return arrived;
  }

  /** After a flood that may have pushed markers out: until they come through again. */
  async settle(): Promise<void> {
    for (;;) {
      const marker = arpMarker(++this.#markers).toString('hex');
      this.send('left', Buffer.from(marker, 'hex'));
      for (let line = ''; line !== `right ${marker}`; ) {
        const next = await this.#lines.soon(200);
        if (next === undefined) break;
        line = next;
        if (line === `right ${marker}`) return;
      }
    }
  }

  /** What has come out and nobody has asked for. */
  get unread(): readonly string[] {
    return this.#lines.unread;
  }

  /** Whether this one frame comes out of the other side as it went in, and nothing else anywhere. */
  async passes(from: Side, frame: Buffer): Promise<boolean> {
    this.send(from, frame);
    const arrived = await this.arrivals();
    if (arrived.length === 0) return false;
    const [only] = arrived;
    if (arrived.length > 1 || only?.side === from || !only?.frame.equals(frame))
      throw new Error(`something else came out: ${arrived.map((one) => one.frame.toString('hex'))}`);
    return true;
  }

  async close(): Promise<void> {
    const exited = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.stdin.end();
    await exited;
  }
}

function arpMarker(number: number): Buffer {
  const frame = Buffer.alloc(60);
  frame.fill(0xff, 0, 6);
  frame.write('02000000ee00', 6, 'hex');
  frame.writeUInt16BE(0x0806, 12);
  frame.write('0001080006040001', 14, 'hex');
  frame.writeUInt32BE(number, 28);
  return frame;
}

const ETHERNET = Buffer.from('020000000002020000000001', 'hex');

export function ethernet(type: number, payload: Buffer): Buffer {
  const header = Buffer.concat([ETHERNET, Buffer.alloc(2)]);
  header.writeUInt16BE(type, 12);
  return Buffer.concat([header, payload]);
}

/** The frame with a tag of VLAN 7 before all that it has. */
export function tagged(type: number, frame: Buffer): Buffer {
  return Buffer.concat([
    frame.subarray(0, 12),
    Buffer.from([type >> 8, type & 0xff, 0, 7]),
    frame.subarray(12),
  ]);
}

export function ipv4(protocol: number, from: string, to: string, payload: Buffer): Buffer {
  const header = Buffer.alloc(20);
  header.writeUInt8(0x45, 0);
  header.writeUInt16BE(20 + payload.length, 2);
  header.writeUInt8(64, 8);
  header.writeUInt8(protocol, 9);
  header.set(from.split('.').map(Number), 12);
  header.set(to.split('.').map(Number), 16);
  return ethernet(0x0800, Buffer.concat([header, payload]));
}

export function udp(from: number, to: number, data: Buffer = Buffer.alloc(18)): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16BE(from, 0);
  header.writeUInt16BE(to, 2);
  header.writeUInt16BE(8 + data.length, 4);
  return Buffer.concat([header, data]);
}
