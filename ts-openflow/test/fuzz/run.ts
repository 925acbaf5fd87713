/** The fuzzing itself, in a thread of its own, so that somebody can look whether it still gets on. */
import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import type * as Library from '../../src/index.ts';
import { budget, judge } from './judge.ts';
import { Dice, maxBytes, mutate, type Shaped } from './mutate.ts';
import { Watch } from './watch.ts';

export interface Order {
  /** The folder of the library's sources: a broken copy of them, when it is shown what is caught. */
  readonly sources: string;
  readonly seed: number;
  /** It ends when the time is over and there were this many. */
  readonly milliseconds: number;
  readonly atLeast: number;
  /** Two words, how many were read so far and how many bytes this one has, then these: what is being read. */
  readonly current: SharedArrayBuffer;
}

export interface Report {
  readonly cases: number;
  readonly ok: number;
  /** How often each type of message, or broken rule, came out. */
  readonly results: Readonly<Record<string, number>>;
  readonly kinds: Readonly<Record<string, number>>;
  /** The highest share of the budget that any took. */
  readonly work: number;
  readonly failure?: { readonly number: number; readonly hex: string; readonly error: string };
}

const order = workerData as Order;
const library: typeof Library = await import(`${order.sources}/index.ts`);
const { Reader } = await import(`${order.sources}/bytes/reader.ts`);
const watch = new Watch(Reader);
const counter = new Int32Array(order.current, 0, 2);
const shown = new Uint8Array(order.current, 8);

/** Leaves a note of what is read next, for whoever finds this thread stuck. */
function show(bytes: Uint8Array): Uint8Array {
  shown.set(bytes.subarray(0, maxBytes));
  Atomics.store(counter, 1, bytes.byteLength);
  Atomics.add(counter, 0, 1);
  return bytes;
}

const shaped = (bytes: Uint8Array): Shaped => ({
  bytes,
  shape: watch.shapeOf(budget(bytes.byteLength), () => library.decode(show(bytes))),
});

/** Of the few that are large, most would be spent time. */
const largest = 3000;
const samples = readFileSync(new URL('../vectors/ovs.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line): Uint8Array => Uint8Array.from(Buffer.from(JSON.parse(line).hex, 'hex')))
  .filter(({ byteLength }) => byteLength <= largest)
  .map(shaped);

const mostChanges = 4;

/** The case of a number: the same for the same seed. */
function make(number: number): { bytes: Uint8Array; kinds: string[] } {
  const dice = new Dice(order.seed * 1_000_003 + number);
  let message = dice.pick(samples) as Shaped;
  const kinds: string[] = [];
  for (let left = 1 + dice.roll(mostChanges); left > 0 && message.bytes.byteLength > 0; left--) {
    const { kind, bytes } = mutate(message, dice, samples);
    kinds.push(kind);
    message = shaped(bytes);
  }
  return { bytes: message.bytes, kinds };
}

function run(): Report {
  const results: Record<string, number> = {};
  const kinds: Record<string, number> = {};
  const end = Date.now() + order.milliseconds;
  let [ok, work, number] = [0, 0, 0];
  for (; number < order.atLeast || Date.now() < end; number++) {
    const made = make(number);
    try {
      const verdict = judge(show(made.bytes), library, watch);
      if (verdict.ok) ok++;
      work = Math.max(work, verdict.work);
      results[verdict.result] = (results[verdict.result] ?? 0) + 1;
      for (const kind of made.kinds) kinds[kind] = (kinds[kind] ?? 0) + 1;
    } catch (error) {
      const hex = Buffer.from(made.bytes).toString('hex');
      return { cases: number, ok, results, kinds, work, failure: { number, hex, error: String(error) } };
    }
  }
  return { cases: number, ok, results, kinds, work };
}

parentPort?.postMessage(run());
