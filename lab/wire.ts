/**
 * What is on the wire, by tcpdump: one capture of every port of the switch, in the order of the frames.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';
import { Hopeless, NotSeen, until } from './observe.ts';
import { stop } from './processes.ts';

export type Frame = {
  /** Seconds since 1970. */
  readonly at: number;
  readonly port: string;
  /** `out` of the switch to who is attached there, or `in` from there to the switch. */
  readonly way: 'in' | 'out';
  readonly source: string;
  /** The frame as tcpdump words it, from its EtherType on. */
  readonly text: string;
};

/** A place in the capture, to look only at what came after it. */
export type Moment = number;

const LINE =
  /^(?<at>\d+\.\d+) (?<port>\S+)\s+(?<way>In|Out|B|M|P)\s+ifindex \d+ (?<source>[0-9a-f:]{17}) (?<text>.*)$/;

export function parseLine(line: string): Frame | undefined {
  const groups = LINE.exec(line)?.groups;
  if (groups === undefined) return undefined;
  const { at = '', port = '', way, source = '', text = '' } = groups;
  return { at: Number(at), port, way: way === 'Out' ? 'out' : 'in', source, text };
}

export class Wire {
  readonly #tcpdump: ChildProcess;
  readonly #frames: Frame[] = [];
  #stderr = '';

  private constructor(tcpdump: ChildProcess) {
    this.#tcpdump = tcpdump;
    if (tcpdump.stdout === null || tcpdump.stderr === null) throw new Error('tcpdump has no output');
    createInterface(tcpdump.stdout).on('line', (line) => {
      const frame = parseLine(line);
      if (frame !== undefined && frame.port !== 'eth0') this.#frames.push(frame);
    });
    tcpdump.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
  }

  static async listen(env: NodeJS.ProcessEnv): Promise<Wire> {
    // `any` also hears the TAPs of functions that start later. On loopback, where the controller talks to
    // the switch and to its clients, only our own marks are of interest.
    // Continuity checks (0x8902) are the switch's own, and no hop counts them.
    const filter = 'not (host 127.0.0.1 and not udp) and not ether proto 0x8902';
    const options = [
      '-i',
      'any',
      '-n',
      '-l',
      '-tt',
      '-e',
      '-S',
      '--immediate-mode',
      '-s',
      '192',
      '-B',
      '16384',
    ];
    const argv = ['--pdeathsig', 'TERM', 'tcpdump', ...options, filter];
    const tcpdump = spawn('setpriv', argv, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const wire = new Wire(tcpdump);
    await until('tcpdump listening', () => {
      if (tcpdump.exitCode !== null) throw new Hopeless('tcpdump running', wire.#stderr);
      return wire.#stderr.includes('listening on any') ? true : undefined;
    });
    return wire;
  }

  /**
   * Waits until everything that is on the wire now has been read, so that what is not among the frames was
   * not there: a mark is sent, and whatever came before it has been read when the mark has.
   */
  async now(): Promise<Moment> {
    const socket = createSocket('udp4');
    try {
      await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
      const mark = ` 127.0.0.1.${socket.address().port} > 127.0.0.1.${MARK_PORT}: UDP`;
      const start = this.#frames.length;
      socket.send('mark', MARK_PORT, '127.0.0.1');
      return await until('the mark in the capture', () => {
        const index = this.#frames.findIndex((frame, i) => i >= start && frame.text.includes(mark));
        return index < 0 ? undefined : index + 1;
      });
    } finally {
      socket.close();
    }
  }

  /** The frames at ports of the switch after `from`, and before `to` if that is given. */
  between(from: Moment, to: Moment = this.#frames.length): readonly Frame[] {
    return this.#frames.slice(from, to).filter((frame) => frame.port !== 'lo');
  }

  /** Everything at ports of the switch after `from` and until now. */
  async since(from: Moment): Promise<readonly Frame[]> {
    return this.between(from, await this.now());
  }

  /** @throws NotSeen if the kernel dropped frames: then "it was not on the wire" would mean nothing */
  async close(): Promise<void> {
    await stop(this.#tcpdump, 'SIGTERM', 5_000);
    const dropped = Number(/(\d+) packets? dropped by kernel/.exec(this.#stderr)?.[1] ?? 0);
    if (dropped > 0) throw new NotSeen('a capture without gaps', `${dropped} frames missing`);
  }
}

/** Discard: nobody listens there, and nobody needs to. */
const MARK_PORT = 9;

export function isEcho(frame: Frame, kind: 'request' | 'reply'): boolean {
  return frame.text.includes(`ICMP echo ${kind},`);
}

/** `7.12` for number 12 of the ping with the id 7; undefined if the frame is none. */
export function echoKey(frame: Frame): string | undefined {
  const match = /ICMP echo (?:request|reply), id (\d+), seq (\d+)/.exec(frame.text);
  return match === null ? undefined : `${match[1]}.${match[2]}`;
}

/** The way of one packet through the switch: `in s1-eth1`, `out cs1l`, and so on, in order. */
export function way(frames: readonly Frame[]): readonly string[] {
  return frames.map((frame) => `${frame.way} ${frame.port}`);
}

/** The ways of all echo requests, or of all replies, by their key. */
export function echoWays(
  frames: readonly Frame[],
  kind: 'request' | 'reply',
): ReadonlyMap<string, readonly string[]> {
  const ways = new Map<string, string[]>();
  for (const frame of frames) {
    const key = isEcho(frame, kind) ? echoKey(frame) : undefined;
    if (key === undefined) continue;
    const known = ways.get(key) ?? [];
    known.push(`${frame.way} ${frame.port}`);
    ways.set(key, known);
  }
  return ways;
}
