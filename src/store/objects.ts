/**
 * Declared objects as rows.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type Declared, KINDS, type Kind, type Specs, type Stored } from '../model/declared.ts';
import type { Name } from '../model/ids.ts';
import { ObjectMap } from '../model/object-map.ts';
import { deepFreeze } from './freeze.ts';

type Row = {
  kind: Kind;
  name: Name;
  uid: number;
  generation: number;
  created_at: string;
  updated_at: string;
  spec: string;
};

/** An object of any kind, where the kind is known at run time only. */
export type AnyStored = Stored<Kind>;

/** The statements on objects. None of them opens a transaction: the caller has one open for every write. */
export class ObjectRows {
  readonly #db: DatabaseSync;
  readonly #put: StatementSync;
  readonly #delete: StatementSync;
  readonly #takeUid: StatementSync;
  readonly #growRevision: StatementSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#put = db.prepare(
      'INSERT OR REPLACE INTO objects (kind, name, uid, generation, created_at, updated_at, spec) VALUES (?, ?, ?, ?, ?, ?, ?)',
    );
    this.#delete = db.prepare('DELETE FROM objects WHERE kind = ? AND name = ?');
    this.#takeUid = db.prepare('UPDATE counters SET next_uid = next_uid + 1 RETURNING next_uid - 1 AS uid');
    this.#growRevision = db.prepare('UPDATE counters SET revision = revision + 1 RETURNING revision');
  }

  load(): Declared {
    const byKind = new Map<Kind, AnyStored[]>(KINDS.map((kind) => [kind, []]));
    for (const row of this.#db.prepare('SELECT * FROM objects').iterate() as Iterable<Row>) {
      byKind.get(row.kind)?.push(fromRow(row));
    }
    const { revision } = this.#db.prepare('SELECT revision FROM counters').get() as { revision: number };
    const maps = Object.fromEntries(
      [...byKind].map(([kind, objects]) => [kind, ObjectMap.from(kind, objects)]),
    );
    return Object.freeze({ revision, ...maps }) as Declared;
  }

  put({ kind, uid, generation, createdAt, updatedAt, spec }: AnyStored): void {
    this.#put.run(kind, spec.name, uid, generation, createdAt, updatedAt, JSON.stringify(spec));
  }

  delete(kind: Kind, name: Name): void {
    this.#delete.run(kind, name);
  }

  /** A number that no object had before. */
  takeUid(): number {
    return (this.#takeUid.get() as { uid: number }).uid;
  }

  growRevision(): number {
    return (this.#growRevision.get() as { revision: number }).revision;
  }
}

function fromRow(row: Row): AnyStored {
  return deepFreeze({
    kind: row.kind,
    uid: row.uid,
    generation: row.generation,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    spec: JSON.parse(row.spec) as Specs[Kind],
  });
}
