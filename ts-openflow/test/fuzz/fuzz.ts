/** Starts a fuzzing thread and watches over it. */
import { Worker } from 'node:worker_threads';
import { maxBytes } from './mutate.ts';
import type { Order, Report } from './run.ts';

export const sources = new URL('../../src', import.meta.url).href;

export type Outcome =
  | { readonly ended: 'done' | 'failed'; readonly report: Report }
  /** A call went on and on, or took all memory; these are the bytes it was given. */
  | { readonly ended: 'stuck' | 'crashed'; readonly hex: string; readonly why: string };

/** Without a new message for so long, something loops: one takes well under a second. */
const patience = 30_000;
const megabytes = 512;

export function fuzz(order: Omit<Order, 'current'>, stuckAfter = patience): Promise<Outcome> {
  const current = new SharedArrayBuffer(8 + maxBytes + 1);
  const counter = new Int32Array(current, 0, 2);
  const hex = () => Buffer.from(Uint8Array.from(new Uint8Array(current, 8, counter[1]))).toString('hex');
  const worker = new Worker(new URL('./run.ts', import.meta.url), {
    workerData: { ...order, current },
    resourceLimits: { maxOldGenerationSizeMb: megabytes },
  });
  return new Promise((resolve) => {
    let [seen, since] = [0, Date.now()];
    const watchdog = setInterval(() => {
      const now = Atomics.load(counter, 0);
      if (now !== seen) [seen, since] = [now, Date.now()];
      // Until the first message it is loading, which takes what it takes.
      else if (Date.now() - since > (now === 0 ? patience : stuckAfter))
        end({ ended: 'stuck', hex: hex(), why: `message ${now}` });
    }, 100);
    function end(outcome: Outcome): void {
      clearInterval(watchdog);
      void worker.terminate().then(() => resolve(outcome));
    }
    worker.on('message', (report: Report) => end({ ended: report.failure ? 'failed' : 'done', report }));
    worker.on('error', (error) => end({ ended: 'crashed', hex: hex(), why: String(error) }));
  });
}
