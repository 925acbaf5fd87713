/**
 * Declared objects as rows.
 */
import type { DatabaseSync } from 'node:sqlite';
import { type Declared, KINDS, type Kind, type Specs, type Stored } from '../model/declared.ts';
import type { Name } from '../model/ids.ts';
import { deepFreeze, frozenMap } from './freeze.ts';

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

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  load(): Declared {
    const byKind = new Map<Kind, [Name, AnyStored][]>(KINDS.map((kind) => [kind, []]));
    const rows = this.#db.prepare('SELECT * FROM objects ORDER BY kind, name').all() as unknown as Row[];
    for (const row of rows) byKind.get(row.kind)?.push([row.name, fromRow(row)]);
    const { revision } = this.#db.prepare('SELECT revision FROM counters').get() as { revision: number };
    const maps = Object.fromEntries([...byKind].map(([kind, entries]) => [kind, frozenMap(entries)]));
    return Object.freeze({ revision, ...maps }) as Declared;
  }

  insert(object: AnyStored): void {
    this.#db
      .prepare(
        'INSERT INTO objects (kind, name, uid, generation, created_at, updated_at, spec) VALUES (?, ?, ?, ?, ?, ?, ?)',
      )
      .run(
        object.kind,
        object.spec.name,
        object.uid,
        object.generation,
        object.createdAt,
        object.updatedAt,
        JSON.stringify(object.spec),
      );
  }

  update(object: AnyStored): void {
    this.#db
      .prepare('UPDATE objects SET generation = ?, updated_at = ?, spec = ? WHERE kind = ? AND name = ?')
      .run(object.generation, object.updatedAt, JSON.stringify(object.spec), object.kind, object.spec.name);
  }

  delete(kind: Kind, name: Name): void {
    this.#db.prepare('DELETE FROM objects WHERE kind = ? AND name = ?').run(kind, name);
  }

  /** A number that no object had before. */
  takeUid(): number {
    const row = this.#db
      .prepare('UPDATE counters SET next_uid = next_uid + 1 RETURNING next_uid - 1 AS uid')
      .get();
    return (row as { uid: number }).uid;
  }

  growRevision(): number {
    const row = this.#db.prepare('UPDATE counters SET revision = revision + 1 RETURNING revision').get();
    return (row as { revision: number }).revision;
  }
}

/** The snapshot after one object was put in, or taken out where `object` is undefined. */
export function withObject(
  declared: Declared,
  revision: number,
  kind: Kind,
  name: Name,
  object: AnyStored | undefined,
): Declared {
  const entries: [Name, AnyStored][] = [];
  let isPlaced = object === undefined;
  for (const [other, before] of declared[kind]) {
    // A new name goes to its place in the alphabet, so that a snapshot reads the same before and after a restart.
    if (!isPlaced && object !== undefined && other >= name) {
      entries.push([name, object]);
      isPlaced = true;
    }
    if (other !== name) entries.push([other, before]);
  }
  if (!isPlaced && object !== undefined) entries.push([name, object]);
  return Object.freeze({ ...declared, revision, [kind]: frozenMap(entries) }) as Declared;
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
