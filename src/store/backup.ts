/**
 * Copies of the store: one made while it is being written, and one put in its place.
 */
import {
  closeSync,
  copyFileSync,
  existsSync,
  constants as fsConstants,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { ChainstitchError } from '../model/errors.ts';
import { checkOrigin } from './schema.ts';

/** Pages between two looks at what else there is to do: a backup must not hold up a request. */
const PAGES_AT_ONCE = 64;
/** How often a backup is begun; the pause in between is a millisecond and more. */
const ATTEMPTS = 500;

/** A copy of the store as it is at one moment, while it is being written. The file must not exist. */
export async function copyStore(db: DatabaseSync, file: string): Promise<void> {
  // The file is made first, so that it is nobody else's to read from its first byte on.
  closeSync(openSync(file, 'wx', 0o600));
  try {
    for (let attempt = 1; !(await hasCopied(db, file)); attempt++) {
      if (attempt === ATTEMPTS) throw new Error('the store was in the midst of a write each time');
      await sleep(1);
    }
  } catch (error) {
    rmSync(file, { force: true });
    throw unusable(`${file} could not be written`, error);
  }
}

/**
 * False where nothing could be copied yet. The steps are taken in another thread, and one that meets a transaction is
 * put off (SQLITE_LOCKED). Node tries all of them again but the first: that one it reports as an error without a code.
 */
async function hasCopied(db: DatabaseSync, file: string): Promise<boolean> {
  try {
    await backup(db, file, { rate: PAGES_AT_ONCE });
    return true;
  } catch (error) {
    if ((error as { errcode?: unknown }).errcode === SQLITE_OK) return false;
    throw error;
  }
}

export type Restored = {
  readonly revision: number;
  readonly objects: number;
  /** Where the store is now that was there before; absent where there was none. */
  readonly before?: string;
  /** What the operator should know. */
  readonly notes: readonly string[];
};

/** Numbers that must never be given out twice. */
type Counters = {
  revision: number;
  next_uid: number;
  next_owner: number;
  next_path: number;
  next_instance: number;
  seq: number;
};

/**
 * Puts a backup in the place of the store, all at once: whatever happens, there is the one or the other. No controller
 * may be running. Two things of the store that is there are kept, so far as it can be read: numbers that are never to
 * be given out twice go on from where they were, and the tokens stay, so that none that was revoked comes to life.
 *
 * @throws ChainstitchError `store-unusable`, and nothing was changed
 */
export function restoreStore(from: string, to: string): Restored {
  if (!existsSync(from)) throw unusable(`${from} cannot be read`, new Error('there is no such file'));
  const staged = `${to}.restoring`;
  // Left by an attempt that was interrupted.
  for (const path of [staged, `${staged}-wal`, `${staged}-shm`]) rmSync(path, { force: true });
  try {
    const { counters, tokens, notes } = readPresent(to);
    copyFileSync(from, staged, fsConstants.COPYFILE_EXCL);
    const { revision, objects } = prepare(staged, from, counters, tokens);
    sync(staged, 'r+');
    const before = putInPlace(staged, to);
    return { revision, objects, notes, ...(before === undefined ? {} : { before }) };
  } catch (error) {
    for (const path of [staged, `${staged}-wal`, `${staged}-shm`]) rmSync(path, { force: true });
    throw error instanceof ChainstitchError ? error : unusable(`${to} could not be replaced`, error);
  }
}

type Token = { readonly id: string; readonly record: string };
type Present = {
  readonly counters: Counters | undefined;
  readonly tokens: readonly Token[] | undefined;
  readonly notes: readonly string[];
};

/** What is to be kept of the store that is there. Its write-ahead log is gone from the disk afterwards. */
function readPresent(path: string): Present {
  if (!existsSync(path)) return { counters: undefined, tokens: undefined, notes: [] };
  const db = new DatabaseSync(path, { timeout: 0 });
  try {
    db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; ROLLBACK');
    checkOrigin(db);
    const counters = readCounters(db);
    const hasTokens = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'tokens'").get() !== undefined;
    const tokens = hasTokens ? (db.prepare('SELECT id, record FROM tokens').all() as Token[]) : undefined;
    return { counters, tokens, notes: [] };
  } catch (error) {
    if (isBusy(error)) {
      throw unusable(`${path} is in use`, new Error('a controller has it open; stop it first'));
    }
    const why = (error as Error).message;
    return {
      counters: undefined,
      tokens: undefined,
      notes: [
        `The store that was there could not be read (${why}): the tokens are those of the backup, revoked ones among ` +
          'them, and numbers given out since may be given out again.',
      ],
    };
  } finally {
    db.close();
  }
}

/** Checks the copy and carries over what is kept. @throws ChainstitchError `store-unusable` */
function prepare(
  staged: string,
  from: string,
  counters: Counters | undefined,
  tokens: readonly Token[] | undefined,
): { readonly revision: number; readonly objects: number } {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(staged);
    db.exec('PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;');
    checkOrigin(db);
    const found = db.prepare('PRAGMA integrity_check(1)').get() as { integrity_check: string };
    if (found.integrity_check !== 'ok') throw new Error(`the file is damaged: ${found.integrity_check}`);
    db.exec('BEGIN IMMEDIATE');
    if (counters !== undefined) raiseCounters(db, counters);
    if (tokens !== undefined) replaceTokens(db, tokens);
    db.exec('COMMIT');
    const { revision } = readCounters(db);
    const { objects } = db.prepare('SELECT count(*) AS objects FROM objects').get() as { objects: number };
    return { revision, objects };
  } catch (error) {
    throw unusable(`${from} cannot be restored`, error);
  } finally {
    db?.close();
  }
}

function readCounters(db: DatabaseSync): Counters {
  const row = db
    .prepare(
      'SELECT revision, next_uid, next_owner, next_path, next_instance FROM counters, steering_counters',
    )
    .get() as Omit<Counters, 'seq'>;
  return { ...row, seq: hasJournal(db) ? lastSeq(db) : 0 };
}

const hasJournal = (db: DatabaseSync): boolean =>
  db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'journal'").get() !== undefined;
const lastSeq = (db: DatabaseSync): number =>
  Number(db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'journal'").get()?.['seq'] ?? 0);

/** The revision grows besides: what is declared is not what it was. */
function raiseCounters(db: DatabaseSync, now: Counters): void {
  db.prepare('UPDATE counters SET revision = max(revision, ?) + 1, next_uid = max(next_uid, ?)').run(
    now.revision,
    now.next_uid,
  );
  db.prepare(
    'UPDATE steering_counters SET next_owner = max(next_owner, ?), next_path = max(next_path, ?), ' +
      'next_instance = max(next_instance, ?)',
  ).run(now.next_owner, now.next_path, now.next_instance);
  if (!hasJournal(db) || lastSeq(db) >= now.seq) return;
  db.prepare("DELETE FROM sqlite_sequence WHERE name = 'journal'").run();
  db.prepare("INSERT INTO sqlite_sequence (name, seq) VALUES ('journal', ?)").run(now.seq);
}

function replaceTokens(db: DatabaseSync, tokens: readonly Token[]): void {
  if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'tokens'").get() === undefined) return;
  db.exec('DELETE FROM tokens');
  const insert = db.prepare('INSERT INTO tokens (id, record) VALUES (?, ?)');
  for (const { id, record } of tokens) insert.run(id, record);
}

/** @returns where the former store is kept */
function putInPlace(staged: string, to: string): string | undefined {
  let before: string | undefined;
  if (existsSync(to)) {
    before = `${to}.before-restore`;
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${before}${suffix}`, { force: true });
    linkSync(to, before);
    // There only where the store is damaged. It must not be taken for the new store's.
    for (const suffix of ['-wal', '-shm']) {
      if (existsSync(`${to}${suffix}`)) renameSync(`${to}${suffix}`, `${before}${suffix}`);
    }
  }
  renameSync(staged, to);
  sync(dirname(to), 'r');
  return before;
}

function sync(path: string, flags: 'r' | 'r+'): void {
  const file = openSync(path, flags);
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

const SQLITE_OK = 0;
/** SQLite's code for a file that is locked. */
const SQLITE_BUSY = 5;
const isBusy = (error: unknown): boolean => (error as { errcode?: unknown }).errcode === SQLITE_BUSY;

function unusable(what: string, cause: unknown): ChainstitchError {
  return new ChainstitchError('store-unusable', `${what}: ${(cause as Error).message}`, { cause });
}
