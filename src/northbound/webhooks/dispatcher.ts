/**
 * Delivers the journal to the webhooks, to each in order and from a place of its own that survives a restart. What is
 * not taken is tried again, later each time, and in the end put aside as a dead letter so that what follows can go on.
 * Every event is delivered at least once; one may come twice, with the same id, after a crash.
 */
import type { FastifyBaseLogger } from 'fastify';
import type { Stored } from '../../model/declared.ts';
import { ChainstitchError } from '../../model/errors.ts';
import type { Store } from '../../model/interfaces.ts';
import type { JournalEntry } from '../../model/store.ts';
import { type Resolve, targetOf } from './address.ts';
import { send } from './send.ts';

export type DispatcherOptions = {
  readonly store: Store;
  readonly log: FastifyBaseLogger;
  /** Whether webhooks may point to addresses that are not public. */
  readonly allowsInternal: boolean;
  readonly resolve: Resolve;
  /** Milliseconds before each further try; after the last one the event is a dead letter. */
  readonly retries: readonly number[];
};

/** Some four minutes in all. */
export const RETRIES_MS = [1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 120_000];
/** Entries that are looked at at once. */
const BATCH = 100;

type Worker = { readonly generation: number; readonly stop: AbortController; readonly done: Promise<void> };

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #workers = new Map<number, Worker>();
  readonly #stopWatching: readonly (() => void)[];
  readonly #news = new Set<() => void>();
  #revision = -1;
  #isClosed = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    const { journal, deliveries } = options.store;
    this.#stopWatching = [journal.watch(() => this.#look()), deliveries.watch(() => this.#look())];
    this.#look();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const stop of this.#stopWatching) stop();
    const workers = [...this.#workers.values()];
    for (const { stop } of workers) stop.abort();
    await Promise.all(workers.map(({ done }) => done));
  }

  /** Starts and ends workers as webhooks come, change and go, and tells those that run that there is news. */
  #look(): void {
    for (const wake of this.#news) wake();
    const { revision, webhooks } = this.#options.store.declared();
    if (this.#isClosed || revision === this.#revision) return;
    this.#revision = revision;
    const wanted = new Map([...webhooks.values()].map((webhook) => [webhook.uid, webhook]));
    for (const [uid, { generation, stop }] of this.#workers) {
      if (wanted.get(uid)?.generation === generation) continue;
      stop.abort();
      this.#workers.delete(uid);
    }
    for (const webhook of wanted.values()) {
      if (this.#workers.has(webhook.uid)) continue;
      const stop = new AbortController();
      const done = this.#run(webhook, stop.signal).catch((error: unknown) => {
        this.#options.log.error(
          { err: error, webhook: webhook.spec.name },
          'a webhook is not served any more',
        );
      });
      this.#workers.set(webhook.uid, { generation: webhook.generation, stop, done });
    }
  }

  async #run(webhook: Stored<'webhooks'>, stop: AbortSignal): Promise<void> {
    const { journal, deliveries } = this.#options.store;
    const { uid } = webhook;
    let after = deliveries.position(uid) ?? journal.newest;
    if (deliveries.position(uid) === undefined) deliveries.advance(uid, after);
    while (!stop.aborted) {
      if (after < journal.horizon) {
        const error = `the events after ${after} up to ${journal.horizon} were dropped before they could be delivered`;
        deliveries.bury(uid, { seq: journal.horizon, attempts: 0, error });
        after = journal.horizon;
      }
      const woken = this.#nextNews(stop);
      const again = deliveries.nextQueued(uid);
      if (again !== undefined) await this.#redeliver(webhook, again, stop);
      if (stop.aborted) return;
      const { entries, next } = journal.read(after, BATCH);
      for (const entry of entries.filter((one) => isMeant(webhook, one))) {
        const failure = await this.#deliver(webhook, entry, this.#options.retries, stop);
        if (stop.aborted) return;
        if (failure === undefined) deliveries.advance(uid, entry.seq);
        else deliveries.bury(uid, { seq: entry.seq, ...failure });
      }
      if (next === after && again === undefined) await woken;
      after = next;
    }
  }

  /** Tries a dead letter once more, and only once: what is new must not wait for it. */
  async #redeliver(webhook: Stored<'webhooks'>, seq: number, stop: AbortSignal): Promise<void> {
    const { journal, deliveries } = this.#options.store;
    const entry = seq > journal.horizon ? journal.read(seq - 1, 1).entries[0] : undefined;
    const failure =
      entry?.seq === seq
        ? await this.#deliver(webhook, entry, [], stop)
        : { attempts: 0, error: 'the event has been dropped from the journal' };
    if (!stop.aborted) deliveries.settle(webhook.uid, seq, failure);
  }

  /** Tries until it is delivered; says why it never was. */
  async #deliver(
    { spec }: Stored<'webhooks'>,
    entry: JournalEntry,
    retries: readonly number[],
    stop: AbortSignal,
  ): Promise<{ attempts: number; error: string } | undefined> {
    const { allowsInternal, resolve, log } = this.#options;
    for (let attempt = 0; ; attempt++) {
      try {
        const url = new URL(spec.url);
        const target = await targetOf(url, allowsInternal, resolve);
        await send(url, target, spec.secret, entry, new Date(), stop);
        return undefined;
      } catch (thrown) {
        if (stop.aborted) return undefined;
        const error = thrown instanceof Error ? thrown.message : String(thrown);
        const isRefused = thrown instanceof ChainstitchError && thrown.code === 'webhook-refused';
        const pause = isRefused ? undefined : retries[attempt];
        log.info({ webhook: spec.name, seq: entry.seq, attempt: attempt + 1, error }, 'a delivery failed');
        if (pause === undefined) return { attempts: attempt + 1, error };
        await sleep(pause * (0.5 + Math.random() / 2), stop);
      }
    }
  }

  #nextNews(stop: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#news.delete(done);
        stop.removeEventListener('abort', done);
        resolve();
      };
      this.#news.add(done);
      stop.addEventListener('abort', done, { once: true });
      if (stop.aborted) done();
    });
  }
}

/** What webhooks say of themselves is not theirs to know: a failing one would go on about its own failures. */
function isMeant({ spec }: Stored<'webhooks'>, { kind, type }: JournalEntry): boolean {
  if (kind === 'webhooks') return false;
  const { kinds, types } = spec.events ?? {};
  return (kinds?.includes(kind) ?? true) && (types?.includes(type) ?? true);
}

function sleep(milliseconds: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      stop.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    stop.addEventListener('abort', end, { once: true });
  });
}
