/**
 * How far webhooks are with the journal, and what could not be delivered, as rows.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { DeadLetter, Deliveries } from '../model/store.ts';

/** Dead letters that are kept for a webhook; the oldest go first. */
const KEPT = 1_000;

type Transaction = <T>(work: () => T) => T;

export class DeliveryRows implements Deliveries {
  readonly #db: DatabaseSync;
  readonly #transaction: Transaction;

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

  bury(uid: number, { seq, attempts, error }: Omit<DeadLetter, 'at'>): void {
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
    return this.#db
      .prepare('SELECT seq, at, attempts, error FROM dead_letters WHERE uid = ? ORDER BY seq')
      .all(uid) as unknown as DeadLetter[];
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
