/**
 * The durable store: what operators declared and what control decided, in one SQLite file.
 *
 * The file belongs to one process at a time, so both snapshots are kept in memory and a read costs nothing.
 */
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Declared, Kind, Specs, Stored } from '../model/declared.ts';
import { ChainstitchError } from '../model/errors.ts';
import type { Name } from '../model/ids.ts';
import { type Meters, UNMETERED } from '../model/meters.ts';
import { withoutSecrets } from '../model/secrets.ts';
import type { Steering } from '../model/steering.ts';
import type {
  Cause,
  Committed,
  Journal,
  Leadership,
  Observation,
  PutChange,
  Remembered,
  Store,
  Transaction,
} from '../model/store.ts';
import { AuditRows, type NewAudit } from './audit.ts';
import { copyStore } from './backup.ts';
import { DeliveryRows } from './deliveries.ts';
import { Draft, type Told } from './draft.ts';
import { JOURNAL_ENTRIES, JournalRows, type NewEntry } from './journal.ts';
import { ObjectRows } from './objects.ts';
import { RememberedRows } from './remembered.ts';
import { migrate } from './schema.ts';
import { loadSteering, steeringChange, writeSteering } from './steering.ts';
import { TokenRows } from './tokens.ts';

/** How long an opener waits for a predecessor that is just going away. */
const LOCK_TIMEOUT_MS = 2000;

export type StoreOptions = {
  /** How many entries of the journal are kept. */
  readonly journalEntries?: number;
  readonly meters?: Meters;
};

/**
 * Opens the store, making the file and its directory when they are missing.
 *
 * @param path of the file, or `:memory:` for a store that ends with the process
 * @throws ChainstitchError `store-unusable`
 */
export function openStore(
  path: string,
  { journalEntries = JOURNAL_ENTRIES, meters = UNMETERED }: StoreOptions = {},
): Store {
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
    return new SqliteStore(db, { journalEntries, meters });
  } catch (error) {
    db?.close();
    throw unusable(`${path} cannot be opened`, error);
  }
}

class SqliteStore implements Store {
  readonly tokens: TokenRows;
  readonly audit: AuditRows;
  readonly deliveries: DeliveryRows;
  readonly #db: DatabaseSync;
  readonly #meters: Meters;
  readonly #objects: ObjectRows;
  readonly #journal: JournalRows;
  readonly #remembered: RememberedRows;
  readonly #watchers = new Set<() => void>();
  readonly #closed = new AbortController();
  #declared: Declared;
  #steering: Steering;

  constructor(db: DatabaseSync, { journalEntries, meters }: Required<StoreOptions>) {
    this.#db = db;
    this.#meters = meters;
    this.#objects = new ObjectRows(db);
    this.#journal = new JournalRows(db, journalEntries);
    this.#remembered = new RememberedRows(db);
    this.#declared = this.#objects.load();
    this.#steering = loadSteering(db);
    this.audit = new AuditRows(db);
    this.deliveries = new DeliveryRows(db, (work) => this.#transaction(work));
    this.tokens = new TokenRows(db, this.audit, (work) => this.#transaction(work));
  }

  declared(): Declared {
    return this.#declared;
  }

  async commit(transaction: Transaction): Promise<Committed> {
    return this.#commit(transaction);
  }

  remembered(key: string): Remembered | undefined {
    return this.#remembered.find(key, Date.now());
  }

  create<K extends Kind>(kind: K, spec: Specs[K]): Stored<K> {
    if (this.#declared[kind].has(spec.name)) {
      throw new ChainstitchError('already-exists', `there is one in ${kind} that is called ${spec.name}`);
    }
    return this.#put(kind, spec);
  }

  replace<K extends Kind>(kind: K, spec: Specs[K]): Stored<K> {
    if (!this.#declared[kind].has(spec.name)) {
      throw new ChainstitchError('not-found', `there is none in ${kind} that is called ${spec.name}`);
    }
    return this.#put(kind, spec);
  }

  remove(kind: Kind, name: Name): void {
    this.#commit({ changes: [{ op: 'remove', kind, name }] });
  }

  get journal(): Journal {
    const rows = this.#journal;
    return {
      get newest() {
        return rows.newest;
      },
      get horizon() {
        return rows.horizon;
      },
      read: (after, limit, filter) => rows.read(after, limit, filter),
      history: (kind, name, before, limit) => rows.history(kind, name, before, limit),
      observe: (observations) => this.#observe(observations),
      watch: (wake) => {
        this.#watchers.add(wake);
        return () => this.#watchers.delete(wake);
      },
    };
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

  /** The file is locked for as long as it is open, so there is nobody else. */
  async lead(): Promise<Leadership> {
    if (this.#closed.signal.aborted) throw unusable('the store cannot be led', new Error('it is closed'));
    return { lost: this.#closed.signal };
  }

  backup(file: string): Promise<void> {
    return copyStore(this.#db, file);
  }

  check(): void {
    try {
      this.#db.exec('SELECT revision FROM counters');
    } catch (error) {
      throw unusable('the store cannot be read', error);
    }
  }

  close(): void {
    this.#closed.abort();
    if (this.#db.isOpen) this.#db.close();
  }

  #put<K extends Kind>(kind: K, spec: Specs[K]): Stored<K> {
    this.#commit({ changes: [{ op: 'put', kind, spec } as PutChange] });
    return this.#declared[kind].get(spec.name) as Stored<K>;
  }

  #commit({ changes, basis, cause = {}, once }: Transaction): Committed {
    if (basis !== undefined && basis !== this.#declared) {
      throw new ChainstitchError('stale-snapshot', 'the store was written since it was read');
    }
    const now = new Date();
    const draft = new Draft(this.#declared, now.toISOString(), () => this.#objects.takeUid());
    let committed: Committed = { revision: this.#declared.revision, outcomes: [] };
    let newest = this.#journal.newest;
    this.#transaction(() => {
      for (const change of changes) draft.apply(change);
      const revision = draft.isChanged ? this.#objects.growRevision() : this.#declared.revision;
      committed = { revision, outcomes: draft.outcomes };
      for (const write of draft.writes) {
        if (write.op === 'put') this.#objects.put(write.object);
        else this.#objects.delete(write.kind, write.name);
      }
      newest = this.#journal.append(draft.told.map(entryOf(revision, cause)), now.toISOString());
      for (const { type, object } of draft.told) {
        if (type === 'deleted' && object.kind === 'webhooks') this.deliveries.forget(object.uid);
      }
      this.audit.append(draft.told.map(auditOf), cause, now.toISOString());
      if (once !== undefined) this.#remembered.add(once, committed, now.getTime());
    });
    if (draft.isChanged) this.#declared = draft.declared(committed.revision);
    this.#advance(newest);
    return committed;
  }

  #observe(observations: readonly Observation[]): void {
    const { revision } = this.#declared;
    let newest = this.#journal.newest;
    const entries = observations.map((one) => ({ ...one, revision, type: 'changed' as const, cause: {} }));
    this.#transaction(() => {
      newest = this.#journal.append(entries, new Date().toISOString());
    });
    this.#advance(newest);
  }

  /** Shows those who watch what is on disk now. */
  #advance(newest: number): void {
    if (newest === this.#journal.newest) return;
    this.#journal.advance(newest);
    for (const wake of this.#watchers) wake();
  }

  #transaction<T>(work: () => T): T {
    try {
      const begin = performance.now();
      this.#db.exec('BEGIN IMMEDIATE');
      const result = work();
      this.#db.exec('COMMIT');
      this.#meters.stored(performance.now() - begin);
      return result;
    } catch (error) {
      if (this.#db.isOpen && this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error instanceof ChainstitchError ? error : unusable('the store could not be written', error);
    }
  }
}

function entryOf(revision: number, cause: Cause): (told: Told) => NewEntry {
  return ({ type, object: { kind, uid, generation, spec }, before }) => ({
    revision,
    type,
    kind,
    name: spec.name,
    uid,
    generation,
    cause,
    data: {
      ...(before === undefined ? {} : { before: withoutSecrets(kind, before.spec) }),
      ...(type === 'deleted' ? {} : { spec: withoutSecrets(kind, spec) }),
    },
  });
}

function auditOf({ type, object: { kind, spec }, before }: Told): NewAudit {
  return {
    action: type,
    kind,
    name: spec.name,
    ...(before === undefined ? {} : { before: withoutSecrets(kind, before.spec) }),
    ...(type === 'deleted' ? {} : { after: withoutSecrets(kind, spec) }),
  };
}

/** SQLite's code for a file that is locked. */
const SQLITE_BUSY = 5;

function unusable(what: string, cause: unknown): ChainstitchError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const isBusy = (cause as { errcode?: unknown }).errcode === SQLITE_BUSY;
  const reason = isBusy ? 'another process has it open; is a controller running already?' : message;
  return new ChainstitchError('store-unusable', `${what}: ${reason}`, { cause });
}
