/**
 * What requests with a key did, as rows, so that one that is sent again is not carried out again.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { Committed, Once, Remembered } from '../model/store.ts';

/**
 * How long a key is known, and how many are known of one caller and of all: where there are more, the oldest go first.
 * Nobody can so make the controller forget what others have sent, unless with very many names.
 */
const KEPT_MS = 24 * 60 * 60 * 1000;
export const KEPT_OF_CALLER = 10_000;
const KEPT = 100_000;
const DROPPED_EVERY = 1000;

type Row = { key: string; fingerprint: string; committed: string };

export class RememberedRows {
  readonly #db: DatabaseSync;
  #untilDrop = 0;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  find(key: string, now: number): Remembered | undefined {
    const row = this.#db.prepare('SELECT * FROM remembered WHERE key = ? AND at > ?').get(key, now - KEPT_MS);
    if (row === undefined) return undefined;
    const { fingerprint, committed } = row as Row;
    return { key, fingerprint, ...(JSON.parse(committed) as Committed) };
  }

  /** The caller has a transaction open. */
  add({ key, fingerprint }: Once, committed: Committed, now: number): void {
    if (this.#untilDrop-- <= 0) this.#drop(now);
    this.#db
      .prepare('INSERT OR REPLACE INTO remembered (key, fingerprint, committed, at) VALUES (?, ?, ?, ?)')
      .run(key, fingerprint, JSON.stringify(committed), now);
  }

  #drop(now: number): void {
    this.#untilDrop = DROPPED_EVERY;
    this.#db.prepare('DELETE FROM remembered WHERE at <= ?').run(now - KEPT_MS);
    // The key begins with the caller, and a space behind it.
    this.#db
      .prepare(
        "DELETE FROM remembered WHERE key IN (SELECT key FROM (SELECT key, row_number() OVER (PARTITION BY substr(key, 1, instr(key, ' ')) ORDER BY at DESC) AS place FROM remembered) WHERE place > ?)",
      )
      .run(KEPT_OF_CALLER);
    this.#db
      .prepare(
        'DELETE FROM remembered WHERE key IN (SELECT key FROM remembered ORDER BY at DESC LIMIT -1 OFFSET ?)',
      )
      .run(KEPT);
  }
}
