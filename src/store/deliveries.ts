/**
 * How far webhooks are with the journal, and what could not be delivered, as rows.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { DeadLetter, Deliveries, Failed } from '../model/store.ts';

/** Dead letters that are kept for a webhook; the oldest go first. */
const KEPT = 1_000;

type Transaction = <T>(work: () => T) => T;

export class DeliveryRows implements Deliveries {
  readonly #db: DatabaseSync;
  readonly #transaction: Transaction;
  readonly #watchers = new Set<() => void>();

  constructor(db: DatabaseSync, transaction: Transaction) {
    this.#db = db;
    this.#transaction = transaction;
  }

  position(uid: number): number | undefined {
    const row = this.#db.prepare('SELECT seq FROM deliveries WHERE uid = ?').get(uid);
    return (row as { seq: number } | undefined)?.seq;
  }

  advance(uid: number, seq: number): void {
    this.#transaction(() => this.#put(uid, seq));
  }

  bury(uid: number, { seq, attempts, error }: Failed): void {
    this.#transaction(() => {
      this.#put(uid, seq);
      this.#db
        .prepare('INSERT OR REPLACE INTO dead_letters (uid, seq, at, attempts, error) VALUES (?, ?, ?, ?, ?)')
        .run(uid, seq, new Date().toISOString(), attempts, error.slice(0, 1_000));
      this.#db
        .prepare(
          'DELETE FROM dead_letters WHERE uid = ? AND seq IN (SELECT seq FROM dead_letters WHERE uid = ? ORDER BY seq DESC LIMIT -1 OFFSET ?)',
        )
        .run(uid, uid, KEPT);
    });
  }

  deadLetters(uid: number): readonly DeadLetter[] {
    const rows = this.#db
      .prepare('SELECT seq, at, attempts, error, queued FROM dead_letters WHERE uid = ? ORDER BY seq')
      .all(uid) as unknown as (Omit<DeadLetter, 'queued'> & { queued: number })[];
    return rows.map((row) => ({ ...row, queued: row.queued === 1 }));
  }

  requeue(uid: number, events?: readonly number[]): readonly number[] {
    const wanted = events && new Set(events);
    const found = this.deadLetters(uid)
      .map(({ seq }) => seq)
      .filter((seq) => wanted?.has(seq) ?? true);
    this.#transaction(() => {
      const mark = this.#db.prepare('UPDATE dead_letters SET queued = 1 WHERE uid = ? AND seq = ?');
      for (const seq of found) mark.run(uid, seq);
    });
    for (const wake of this.#watchers) wake();
    return found;
  }

  nextQueued(uid: number): number | undefined {
    const row = this.#db
      .prepare('SELECT min(seq) AS seq FROM dead_letters WHERE uid = ? AND queued = 1')
      .get(uid) as { seq: number | null };
    return row.seq ?? undefined;
  }

  settle(uid: number, seq: number, failed?: Pick<Failed, 'attempts' | 'error'>): void {
    this.#transaction(() => {
      if (failed === undefined) {
        this.#db.prepare('DELETE FROM dead_letters WHERE uid = ? AND seq = ?').run(uid, seq);
        return;
      }
      this.#db
        .prepare(
          'UPDATE dead_letters SET queued = 0, at = ?, attempts = attempts + ?, error = ? WHERE uid = ? AND seq = ?',
        )
        .run(new Date().toISOString(), failed.attempts, failed.error.slice(0, 1_000), uid, seq);
    });
  }

  clear(uid: number): void {
    this.#transaction(() => this.#db.prepare('DELETE FROM dead_letters WHERE uid = ?').run(uid));
  }

  watch(wake: () => void): () => void {
    this.#watchers.add(wake);
    return () => this.#watchers.delete(wake);
  }

  /** The caller has a transaction open: the webhook is being deleted in it. */
  forget(uid: number): void {
    this.#db.prepare('DELETE FROM deliveries WHERE uid = ?').run(uid);
    this.#db.prepare('DELETE FROM dead_letters WHERE uid = ?').run(uid);
  }

  #put(uid: number, seq: number): void {
    this.#db.prepare('INSERT OR REPLACE INTO deliveries (uid, seq) VALUES (?, ?)').run(uid, seq);
  }
}
