/**
 * API tokens as rows.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { Cause } from '../model/store.ts';
import type { TokenRecord, TokenRecords } from '../model/tokens.ts';
import { type AuditRows, tokenAudit } from './audit.ts';
import { deepFreeze, frozenMap } from './freeze.ts';

type Transaction = <T>(work: () => T) => T;

export class TokenRows implements TokenRecords {
  readonly #db: DatabaseSync;
  readonly #audit: AuditRows;
  readonly #transaction: Transaction;
  #all: ReadonlyMap<string, TokenRecord>;

  constructor(db: DatabaseSync, audit: AuditRows, transaction: Transaction) {
    this.#db = db;
    this.#audit = audit;
    this.#transaction = transaction;
    const rows = db.prepare('SELECT record FROM tokens ORDER BY rowid').all() as { record: string }[];
    const records = rows.map(({ record }) => deepFreeze(JSON.parse(record) as TokenRecord));
    this.#all = frozenMap(records.map((record) => [record.id, record]));
  }

  all(): ReadonlyMap<string, TokenRecord> {
    return this.#all;
  }

  insert(record: TokenRecord, cause: Cause = {}): void {
    this.#transaction(() => {
      this.#db
        .prepare('INSERT INTO tokens (id, record) VALUES (?, ?)')
        .run(record.id, JSON.stringify(record));
      this.#audit.append([tokenAudit('created', record)], cause, new Date().toISOString());
    });
    this.#all = frozenMap([...this.#all, [record.id, deepFreeze({ ...record })]]);
  }

  remove(id: string, cause: Cause = {}): boolean {
    const before = this.#all.get(id);
    if (before === undefined) return false;
    this.#transaction(() => {
      this.#db.prepare('DELETE FROM tokens WHERE id = ?').run(id);
      this.#audit.append([tokenAudit('deleted', before)], cause, new Date().toISOString());
    });
    this.#all = frozenMap([...this.#all].filter(([other]) => other !== id));
    return true;
  }

  touch(id: string, lastUsedAt: string): void {
    const before = this.#all.get(id);
    if (before === undefined) return;
    const record = deepFreeze({ ...before, lastUsedAt });
    this.#transaction(() =>
      this.#db.prepare('UPDATE tokens SET record = ? WHERE id = ?').run(JSON.stringify(record), id),
    );
    this.#all = frozenMap([...this.#all].map(([other, it]) => [other, other === id ? record : it]));
  }
}
