/**
 * What happened, as rows: written in the transaction of what they tell, so that the two cannot disagree.
 */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { Json } from '../model/declared.ts';
import { ChainstitchError } from '../model/errors.ts';
import { API_LIMITS } from '../model/limits.ts';
import type { Cause, EntryType, JournalEntry, JournalFilter, Subject } from '../model/store.ts';

/** Entries that are kept; a few more may be there, because they are dropped by the hundred. */
export const JOURNAL_ENTRIES = 100_000;
const DROPPED_AT_ONCE = 100;

export type NewEntry = Omit<JournalEntry, 'seq' | 'at'>;
type Row = Omit<JournalEntry, 'cause' | 'data'> & { cause: string; data: string };

/** Bytes of an entry beside its data, about. */
const ENTRY_BYTES = 300;

export class JournalRows {
  readonly #db: DatabaseSync;
  readonly #keep: number;
  readonly #insert: StatementSync;
  readonly #read: StatementSync;
  readonly #history: StatementSync;
  #newest: number;
  #horizon: number;

  constructor(db: DatabaseSync, keep: number) {
    this.#db = db;
    this.#keep = keep;
    this.#insert = db.prepare(
      'INSERT INTO journal (at, revision, type, kind, name, uid, generation, cause, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq',
    );
    this.#read = db.prepare('SELECT * FROM journal WHERE seq > ? ORDER BY seq LIMIT ?');
    this.#history = db.prepare(
      'SELECT * FROM journal WHERE kind = ? AND name = ? AND seq < ? ORDER BY seq DESC LIMIT ?',
    );
    const number = (sql: string): number | null =>
      (db.prepare(sql).get() as { n: number | null } | undefined)?.n ?? null;
    this.#newest = number("SELECT seq AS n FROM sqlite_sequence WHERE name = 'journal'") ?? 0;
    const oldest = number('SELECT min(seq) AS n FROM journal');
    this.#horizon = oldest === null ? this.#newest : oldest - 1;
  }

  get newest(): number {
    return this.#newest;
  }

  get horizon(): number {
    return this.#horizon;
  }

  /** The caller has a transaction open, and calls `advance` with the answer once it is on disk. */
  append(entries: readonly NewEntry[], at: string): number {
    let last = this.#newest;
    for (const { revision, type, kind, name, uid, generation, cause, data } of entries) {
      const values: SQLInputValue[] = [at, revision, type, kind, name, uid, generation];
      const row = this.#insert.get(...values, JSON.stringify(cause), JSON.stringify(data)) as { seq: number };
      last = row.seq;
    }
    if (last - this.#horizon >= this.#keep + DROPPED_AT_ONCE) {
      this.#db.prepare('DELETE FROM journal WHERE seq <= ?').run(last - this.#keep);
    }
    return last;
  }

  advance(newest: number): void {
    if (newest - this.#horizon >= this.#keep + DROPPED_AT_ONCE) this.#horizon = newest - this.#keep;
    this.#newest = newest;
  }

  read(
    after: number,
    limit: number,
    filter: JournalFilter = {},
  ): { entries: readonly JournalEntry[]; next: number } {
    if (after < this.#horizon) {
      throw new ChainstitchError(
        'events-gone',
        `the journal begins after ${this.#horizon}, and ${after} was asked for`,
      );
    }
    const entries: JournalEntry[] = [];
    let last: number | undefined;
    let bytes = 0;
    for (const row of this.#read.iterate(after, limit) as Iterable<unknown> as Iterable<Row>) {
      last = row.seq;
      if (!passes(row, filter)) continue;
      entries.push(fromRow(row));
      bytes += row.data.length + ENTRY_BYTES;
      if (bytes > API_LIMITS.pageBytes) break;
    }
    return { entries, next: last ?? Math.max(after, this.#newest) };
  }

  history(
    kind: Subject,
    name: string,
    before: number,
    limit: number,
  ): { entries: readonly JournalEntry[]; next?: number } {
    const entries: JournalEntry[] = [];
    let bytes = 0;
    // One more than is asked for tells whether there are others.
    for (const row of this.#history.iterate(
      kind,
      name,
      before,
      limit + 1,
    ) as Iterable<unknown> as Iterable<Row>) {
      if (entries.length === limit || bytes > API_LIMITS.pageBytes) return { entries, next: row.seq + 1 };
      entries.push(fromRow(row));
      bytes += row.data.length + ENTRY_BYTES;
    }
    return { entries };
  }
}

function passes(row: Row, { kind, name, types }: JournalFilter): boolean {
  return (
    (kind === undefined || row.kind === kind) &&
    (name === undefined || row.name === name) &&
    (types === undefined || types.includes(row.type as EntryType))
  );
}

function fromRow({ cause, data, ...row }: Row): JournalEntry {
  return { ...row, cause: JSON.parse(cause) as Cause, data: JSON.parse(data) as Json };
}
