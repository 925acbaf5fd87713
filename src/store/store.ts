/**
 * The durable store: what operators declared and what control decided, in one SQLite file.
 *
 * The file belongs to one process at a time, so both snapshots are kept in memory and a read costs nothing.
 */
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Declared, Json, Kind, Specs, Stored } from '../model/declared.ts';
import { ChainstitchError } from '../model/errors.ts';
import type { Name } from '../model/ids.ts';
import type { Store } from '../model/interfaces.ts';
import { sameJson } from '../model/json.ts';
import type { Steering } from '../model/steering.ts';
import { deepFreeze, frozenCopy } from './freeze.ts';
import { type AnyStored, ObjectRows, withObject } from './objects.ts';
import { migrate } from './schema.ts';
import { loadSteering, steeringChange, writeSteering } from './steering.ts';
import { TokenRows } from './tokens.ts';

/** How long an opener waits for a predecessor that is just going away. */
const LOCK_TIMEOUT_MS = 2000;

/**
 * Opens the store, making the file and its directory when they are missing.
 *
 * @param path of the file, or `:memory:` for a store that ends with the process
 * @throws ChainstitchError `store-unusable`
 */
export function openStore(path: string): Store {
  let db: DatabaseSync | undefined;
  try {
    // The store holds who uses which address: it is nobody else's to read.
    if (path !== ':memory:') {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      closeSync(openSync(path, 'a', 0o600));
    }
    db = new DatabaseSync(path, { timeout: LOCK_TIMEOUT_MS });
    // Exclusive locking comes before the first access, which then takes the lock and keeps it.
    db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    migrate(db);
    const check = db.prepare('PRAGMA quick_check(1)').get() as { quick_check: string };
    if (check.quick_check !== 'ok') {
      throw new ChainstitchError('store-unusable', `the file is damaged: ${check.quick_check}`);
    }
    return new SqliteStore(db);
  } catch (error) {
    db?.close();
    throw unusable(`${path} cannot be opened`, error);
  }
}

class SqliteStore implements Store {
  readonly tokens: TokenRows;
  readonly #db: DatabaseSync;
  readonly #objects: ObjectRows;
  #declared: Declared;
  #steering: Steering;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#objects = new ObjectRows(db);
    this.#declared = this.#objects.load();
    this.#steering = loadSteering(db);
    this.tokens = new TokenRows(db, (work) => this.#transaction(work));
  }

  declared(): Declared {
    return this.#declared;
  }

  create<K extends Kind>(kind: K, spec: Specs[K]): Stored<K> {
    if (this.#declared[kind].has(spec.name)) {
      throw new ChainstitchError('already-exists', `there is one in ${kind} that is called ${spec.name}`);
    }
    const now = new Date().toISOString();
    return this.#write(kind, spec.name, () => {
      const uid = this.#objects.takeUid();
      const object = deepFreeze({
        kind,
        uid,
        generation: 1,
        createdAt: now,
        updatedAt: now,
        spec: frozenCopy(spec),
      });
      this.#objects.insert(object as AnyStored);
      return object;
    });
  }

  replace<K extends Kind>(kind: K, spec: Specs[K]): Stored<K> {
    const before = this.#get(kind, spec.name);
    const copy = frozenCopy(spec);
    if (sameJson(before.spec as Json, copy as Json)) return before;
    const updatedAt = new Date().toISOString();
    return this.#write(kind, spec.name, () => {
      const object = deepFreeze({ ...before, generation: before.generation + 1, updatedAt, spec: copy });
      this.#objects.update(object as AnyStored);
      return object;
    });
  }

  remove(kind: Kind, name: Name): void {
    this.#get(kind, name);
    this.#write(kind, name, () => {
      this.#objects.delete(kind, name);
      return undefined;
    });
  }

  steering(): Steering {
    return this.#steering;
  }

  saveSteering(next: Steering): void {
    const change = steeringChange(this.#steering, next);
    if (change === undefined) return;
    this.#transaction(() => writeSteering(this.#db, change));
    this.#steering = change.result;
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  #get<K extends Kind>(kind: K, name: Name): Stored<K> {
    const object = (this.#declared[kind] as ReadonlyMap<Name, Stored<K>>).get(name);
    if (object !== undefined) return object;
    throw new ChainstitchError('not-found', `there is none in ${kind} that is called ${name}`);
  }

  /** Runs one change of an object and, once it is on disk, shows it in the snapshot. */
  #write<T extends Stored<Kind> | undefined>(kind: Kind, name: Name, change: () => T): T {
    const { object, revision } = this.#transaction(() => ({
      object: change(),
      revision: this.#objects.growRevision(),
    }));
    this.#declared = withObject(this.#declared, revision, kind, name, object);
    return object;
  }

  #transaction<T>(work: () => T): T {
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      const result = work();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#db.isOpen && this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw unusable('the store could not be written', error);
    }
  }
}

/** SQLite's code for a file that is locked. */
const SQLITE_BUSY = 5;

function unusable(what: string, cause: unknown): ChainstitchError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const isBusy = (cause as { errcode?: unknown }).errcode === SQLITE_BUSY;
  const reason = isBusy ? 'another process has it open; is a controller running already?' : message;
  return new ChainstitchError('store-unusable', `${what}: ${reason}`, { cause });
}
