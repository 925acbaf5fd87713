/**
 * The durable store: what it promises, and nothing of how. One implementation keeps a file of its own (src/store);
 * the shape leaves room for one that shares a cluster's key-value store with other controllers (decision 16).
 */
import type { AuditLog } from './audit.ts';
import type { Declared, Json, JsonObject, Kind, Specs, Stored } from './declared.ts';
import type { Name } from './ids.ts';
import type { Steering } from './steering.ts';
import type { TokenRecords } from './tokens.ts';

/** One version of one object. A generation alone is not enough: a name can be deleted and made again. */
export type Version = { readonly uid: number; readonly generation: number };

/**
 * What has to be so for a change to be made: that there is no object of the name, that there is one, or that it is
 * this very version.
 */
export type Expectation = 'absent' | 'present' | Version;

export type PutChange = {
  readonly [K in Kind]: {
    readonly op: 'put';
    readonly kind: K;
    readonly spec: Specs[K];
    readonly expect?: Expectation;
  };
}[Kind];
export type RemoveChange = {
  readonly op: 'remove';
  readonly kind: Kind;
  readonly name: Name;
  readonly expect?: Expectation;
};
/** Makes or replaces an object, or takes it away. A spec that is deeply equal to the stored one changes nothing. */
export type Change = PutChange | RemoveChange;

/** Changes that are made all together or not at all. */
export type Transaction = {
  readonly changes: readonly Change[];
  /** The snapshot that the changes were judged against; if another write came between, nothing is written. */
  readonly basis?: Declared;
  /** Whose request this is; it stands in the journal. */
  readonly cause?: Cause;
  /** Kept with the changes, so that the same request is not carried out twice. */
  readonly once?: Once;
};

export type Cause = {
  /** The request, as it is in the log. */
  readonly request?: string;
  /** Who asked, where that is known. */
  readonly actor?: string;
};

/** A request that its client may send again. */
export type Once = {
  /** The caller, a space, and what the caller chose. */
  readonly key: string;
  /** A digest of what was asked: the same key with another question is a mistake. */
  readonly fingerprint: string;
};

export type Outcome = {
  readonly kind: Kind;
  readonly name: Name;
  readonly action: 'created' | 'replaced' | 'unchanged' | 'deleted';
} & Version;

export type Committed = {
  /** Of the store when the changes were in it; the former one where nothing changed. */
  readonly revision: number;
  /** One for each change, in their order. */
  readonly outcomes: readonly Outcome[];
};

/** What was done when a request was first made. */
export type Remembered = Once & Committed;

/** What a journal entry is about: a declared object, or something that control has observed. */
export type Subject = Kind | 'instances';

/**
 * - `created`, `replaced`, `deleted`: of a declared object; `data` has the `spec` that it has then, and the one that
 *   it had `before`
 * - `changed`: of a state, which control has observed; `data` says which one
 */
export type EntryType = 'created' | 'replaced' | 'deleted' | 'changed';

export type Observation = {
  readonly kind: Subject;
  readonly name: string;
  /** Of the declared object; 0 where what is observed is none. */
  readonly uid: number;
  readonly generation: number;
  readonly data: JsonObject;
};

/** One line of the journal. */
export type JournalEntry = Omit<Observation, 'data'> & {
  /** Grows by one or more from entry to entry and is never given out twice. */
  readonly seq: number;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** Of the store, after what the entry tells. */
  readonly revision: number;
  readonly type: EntryType;
  readonly cause: Cause;
  readonly data: Json;
};

export type JournalFilter = {
  readonly kind?: Subject;
  readonly name?: string;
  readonly types?: readonly EntryType[];
};

/** What happened, in order; the oldest entries go when there are too many. */
export interface Journal {
  /** The last entry's number; 0 where there has been none. */
  readonly newest: number;
  /** The number after which everything is still there. */
  readonly horizon: number;
  /**
   * The entries after a number, oldest first.
   *
   * @param limit how many are looked at for the filter at most
   * @returns those that pass, and where to go on; fewer where they are large
   * @throws ChainstitchError `events-gone` where entries after the number have been dropped
   */
  read(
    after: number,
    limit: number,
    filter?: JournalFilter,
  ): { readonly entries: readonly JournalEntry[]; readonly next: number };
  /**
   * The entries of one object, newest first, before a number, and the number before which there are more; absent
   * where there are none.
   */
  history(
    kind: Subject,
    name: string,
    before: number,
    limit: number,
  ): { readonly entries: readonly JournalEntry[]; readonly next?: number };
  /** Writes what control has observed. */
  observe(observations: readonly Observation[]): void;
  /** Calls back after each write of the journal, until the returned function is called. */
  watch(wake: () => void): () => void;
}

/** An event that could not be delivered to a webhook. */
export type DeadLetter = {
  /** The event's number in the journal. */
  readonly seq: number;
  /** ISO 8601, UTC: when it was given up. */
  readonly at: string;
  readonly attempts: number;
  /** Why the last try failed. */
  readonly error: string;
  /** Whether it is to be tried once more. */
  readonly queued: boolean;
};

/** How far webhooks, by their uid, are with the journal. It is forgotten with the webhook. */
export interface Deliveries {
  /** The last event that was delivered or given up; undefined for a webhook that is new. */
  position(uid: number): number | undefined;
  advance(uid: number, seq: number): void;
  /** Gives an event up and goes past it. */
  bury(uid: number, letter: Failed): void;
  /** Oldest first; a bounded number is kept. */
  deadLetters(uid: number): readonly DeadLetter[];
  /** Asks that dead letters are tried once more, those of these events or all, and says which ones will be. */
  requeue(uid: number, events?: readonly number[]): readonly number[];
  /** The first dead letter that is to be tried once more. */
  nextQueued(uid: number): number | undefined;
  /** What came of it: it is a dead letter no longer, or it stays one. */
  settle(uid: number, seq: number, failed?: Pick<Failed, 'attempts' | 'error'>): void;
  /** Forgets all dead letters. */
  clear(uid: number): void;
  /** Calls back when dead letters are asked for once more, until the returned function is called. */
  watch(wake: () => void): () => void;
}
export type Failed = Omit<DeadLetter, 'at' | 'queued'>;

/**
 * The right to decide: of all processes that have one store, the one that holds it runs the control loop. Where the
 * store belongs to one process, that process has it as long as the store is open.
 */
export type Leadership = {
  /** Aborts when another process may have it: nothing more may be decided, and no switch written, by this one. */
  readonly lost: AbortSignal;
};

/** Every write is on disk when the call returns or its promise resolves. */
export interface Store {
  /** A consistent snapshot; the same object until something is written. */
  declared(): Declared;
  /**
   * Makes all changes, or none.
   *
   * @throws ChainstitchError `precondition-failed` where an expectation is not met, `not-found` where what is to be
   *   removed is not there, `stale-snapshot` where `basis` is not the newest snapshot, `store-unusable`
   */
  commit(transaction: Transaction): Promise<Committed>;
  /** What a request with this key did, if it is still known. Keys are known for a day at least, up to a bound. */
  remembered(key: string): Remembered | undefined;
  readonly journal: Journal;
  readonly deliveries: Deliveries;
  /** @throws ChainstitchError `already-exists` */
  create<K extends Kind>(kind: K, spec: Specs[K]): Stored<K>;
  /** Grows the generation, unless the spec is deeply equal to the stored one. @throws `not-found` */
  replace<K extends Kind>(kind: K, spec: Specs[K]): Stored<K>;
  /** @throws ChainstitchError `not-found` */
  remove(kind: Kind, name: Name): void;
  steering(): Steering;
  /** Replaces the steering records in one transaction, writing only what differs. */
  saveSteering(next: Steering): void;
  /** Resolves when this process may decide; until then others do. @throws ChainstitchError `store-unusable` */
  lead(): Promise<Leadership>;
  readonly tokens: TokenRecords;
  readonly audit: AuditLog;
  /** A copy as it is at one moment, in a file that is not there yet. @throws ChainstitchError `store-unusable` */
  backup(file: string): Promise<void>;
  /** @throws ChainstitchError `store-unusable` where it cannot be read */
  check(): void;
  close(): void;
}
