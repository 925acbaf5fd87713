/**
 * Who changed what, from what to what: one record for every change that somebody asked for, written in the
 * transaction of the change. Nothing changes a record; the oldest go when there are too many.
 */
import type { Json, Kind } from './declared.ts';
import type { Name } from './ids.ts';
import { isOwnedKind, tenantOf } from './tenant.ts';

export const AUDIT_ACTIONS = ['created', 'replaced', 'deleted'] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

export type AuditRecord = {
  /** Grows from record to record and is never given out twice. */
  readonly seq: number;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** As in `token:<id>`, `oidc:<subject>` or `local`; `controller` where nobody asked. */
  readonly actor: string;
  /** The request, as it is in the log and in the journal. */
  readonly request?: string;
  readonly action: AuditAction;
  readonly kind: Kind | 'tokens';
  /** Of the object; of a token, its id. */
  readonly name: string;
  /** The spec, or the token without its hash; secrets in it are left out. */
  readonly before?: Json;
  readonly after?: Json;
};

export interface AuditLog {
  /**
   * The records before a number that pass, newest first.
   *
   * @param limit how many are wanted at most; a bounded number is looked at
   * @returns the number to go on before, where there may be more
   */
  read(
    before: number,
    limit: number,
    passes: (record: AuditRecord) => boolean,
  ): { readonly records: readonly AuditRecord[]; readonly next?: number };
}

/** Whose records are: those of its objects and of its tokens. */
export function isAuditOf(tenant: Name, { kind, name, before, after }: AuditRecord): boolean {
  if (isOwnedKind(kind)) return tenantOf(name) === tenant;
  return kind === 'tokens' && ((after ?? before) as { tenant?: Json }).tenant === tenant;
}

/** Members whose values are nobody's to read, wherever they stand. */
const SECRET = /^(secret|password|passphrase|token|hash|key|privateKey|psk|apiKey|authorization|cookie)$/i;

/** The value with a word in the place of each secret. */
export function redacted(value: Json): Json {
  if (Array.isArray(value)) return value.map(redacted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      SECRET.test(name) ? '[redacted]' : redacted(inner as Json),
    ]),
  );
}
