/**
 * The audit log as rows. Kept apart from the journal, which forgets sooner the more states change.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type AuditLog, type AuditRecord, redacted } from '../model/audit.ts';
import type { Json } from '../model/declared.ts';
import { API_LIMITS } from '../model/limits.ts';
import type { Cause } from '../model/store.ts';

const DROPPED_AT_ONCE = 100;
/** A page ends when it has become as long as this. */
const PAGE_BYTES = 4 << 20;

export type NewAudit = Omit<AuditRecord, 'seq' | 'at' | 'actor' | 'request'>;

type Row = { seq: number; record: string };

export class AuditRows implements AuditLog {
  readonly #db: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #read: StatementSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#insert = db.prepare('INSERT INTO audit (record) VALUES (?) RETURNING seq');
    this.#read = db.prepare('SELECT * FROM audit WHERE seq < ? ORDER BY seq DESC');
  }

  /** The caller has the transaction open in which the change is made. */
  append(news: readonly NewAudit[], { actor = 'controller', request }: Cause, at: string): void {
    for (const { action, kind, name, before, after } of news) {
      const record: Omit<AuditRecord, 'seq'> = {
        at,
        actor,
        ...(request === undefined ? {} : { request }),
        action,
        kind,
        name,
        ...(before === undefined ? {} : { before: redacted(before) }),
        ...(after === undefined ? {} : { after: redacted(after) }),
      };
      const { seq } = this.#insert.get(JSON.stringify(record)) as { seq: number };
      if (seq % DROPPED_AT_ONCE === 0)
        this.#db.prepare('DELETE FROM audit WHERE seq <= ?').run(seq - API_LIMITS.auditRecords);
    }
  }

  read(
    before: number,
    limit: number,
    passes: (record: AuditRecord) => boolean,
  ): { readonly records: readonly AuditRecord[]; readonly next?: number } {
    const records: AuditRecord[] = [];
    let looked = 0;
    let bytes = 0;
    // Row by row, because a record may be large.
    for (const row of this.#read.iterate(before)) {
      const { seq, record } = row as Row;
      const isFull = records.length === limit || bytes > PAGE_BYTES;
      if (isFull || looked++ === API_LIMITS.pageScan) return { records, next: seq + 1 };
      const parsed: AuditRecord = { seq, ...(JSON.parse(record) as Omit<AuditRecord, 'seq'>) };
      if (!passes(parsed)) continue;
      records.push(parsed);
      bytes += record.length;
    }
    return { records };
  }
}

/** What is told of a token: everything but its hash. */
export function tokenAudit(
  action: 'created' | 'deleted',
  { hash: _, ...record }: { readonly id: string; readonly hash: string },
): NewAudit {
  const shown = record as unknown as Json;
  return {
    action,
    kind: 'tokens',
    name: record.id,
    ...(action === 'created' ? { after: shown } : { before: shown }),
  };
}
