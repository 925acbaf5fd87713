/**
 * The tables, as the list of steps that led to them. A released step is never edited; a change is a new one.
 */
import type { DatabaseSync } from 'node:sqlite';
import { ChainstitchError } from '../model/errors.ts';

/** "cstc" in the file's header: tells our files from other people's databases. */
const APPLICATION_ID = 0x63737463;

const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE counters (
    only     INTEGER PRIMARY KEY CHECK (only = 0),
    revision INTEGER NOT NULL,
    next_uid INTEGER NOT NULL
  ) STRICT;
  INSERT INTO counters VALUES (0, 0, 1);

  CREATE TABLE objects (
    kind       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    uid        INTEGER NOT NULL UNIQUE,
    generation INTEGER NOT NULL,
    created_at TEXT    NOT NULL,
    updated_at TEXT    NOT NULL,
    spec       TEXT    NOT NULL CHECK (json_valid(spec)),
    PRIMARY KEY (kind, name)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE owners (
    uid   INTEGER PRIMARY KEY,
    owner INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE paths (
    id     INTEGER PRIMARY KEY,
    record TEXT NOT NULL CHECK (json_valid(record))
  ) STRICT;
  CREATE TABLE instances (
    id     TEXT PRIMARY KEY,
    record TEXT NOT NULL CHECK (json_valid(record))
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE steering_counters (
    only          INTEGER PRIMARY KEY CHECK (only = 0),
    next_owner    INTEGER NOT NULL,
    next_path     INTEGER NOT NULL,
    next_instance INTEGER NOT NULL
  ) STRICT;
  INSERT INTO steering_counters VALUES (0, 1, 1, 1);
  `,
  `
  CREATE TABLE tokens (
    id     TEXT PRIMARY KEY,
    record TEXT NOT NULL CHECK (json_valid(record))
  ) STRICT;
  `,
  // AUTOINCREMENT: a number is not given out again when the entries that had the highest ones are gone.
  `
  CREATE TABLE journal (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    at         TEXT    NOT NULL,
    revision   INTEGER NOT NULL,
    type       TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    uid        INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    cause      TEXT    NOT NULL CHECK (json_valid(cause)),
    data       TEXT    NOT NULL CHECK (json_valid(data))
  ) STRICT;
  CREATE INDEX journal_of_object ON journal (kind, name, seq);

  CREATE TABLE remembered (
    key         TEXT    PRIMARY KEY,
    fingerprint TEXT    NOT NULL,
    committed   TEXT    NOT NULL CHECK (json_valid(committed)),
    at          INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX remembered_by_time ON remembered (at);
  `,
  `
  CREATE TABLE members (
    id     TEXT PRIMARY KEY,
    record TEXT NOT NULL CHECK (json_valid(record))
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE audit (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT,
    record TEXT    NOT NULL CHECK (json_valid(record))
  ) STRICT;
  `,
  `
  CREATE TABLE deliveries (
    uid INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE dead_letters (
    uid      INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    at       TEXT    NOT NULL,
    attempts INTEGER NOT NULL,
    error    TEXT    NOT NULL,
    PRIMARY KEY (uid, seq)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE dead_letters ADD COLUMN queued INTEGER NOT NULL DEFAULT 0;
  `,
];

/** Number of the newest schema that this program knows. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/**
 * Brings the file to the newest schema, all steps in one transaction.
 *
 * @throws ChainstitchError `store-unusable` when the file is of a newer program or not a store at all
 */
export function migrate(db: DatabaseSync): void {
  const version = pragma(db, 'user_version');
  const isEmpty = version === 0 && db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
  if (!isEmpty) checkOrigin(db);
  if (version === SCHEMA_VERSION) return;
  db.exec('BEGIN IMMEDIATE');
  for (const step of MIGRATIONS.slice(version)) db.exec(step);
  db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
}

/** @throws ChainstitchError `store-unusable` when the file is of a newer program or not a store at all */
export function checkOrigin(db: DatabaseSync): void {
  if (pragma(db, 'application_id') !== APPLICATION_ID) {
    throw new ChainstitchError('store-unusable', 'the file is a database of some other program');
  }
  const version = pragma(db, 'user_version');
  if (version > SCHEMA_VERSION) {
    throw new ChainstitchError(
      'store-unusable',
      `the store has schema version ${version} and this program knows versions up to ${SCHEMA_VERSION}`,
    );
  }
}

function pragma(db: DatabaseSync, name: 'user_version' | 'application_id'): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name] ?? 0);
}
