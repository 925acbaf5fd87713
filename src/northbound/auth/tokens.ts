/**
 * Making tokens and finding out whose one is.
 */
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { ChainstitchError } from '../../model/errors.ts';
import type { Name } from '../../model/ids.ts';
import { API_LIMITS } from '../../model/limits.ts';
import type { Scope, TokenRecord, TokenRecords } from '../../model/tokens.ts';
import type { Principal } from './principal.ts';
import { isSecretOf, newSecret, parseToken } from './secret.ts';

/** What may be asked for; `TokenSpec` in the contract. */
export type TokenSpec = {
  readonly description: string;
  readonly scope: Scope;
  readonly tenant?: Name;
  readonly expiresAt?: string;
};

export type NewToken = { readonly record: TokenRecord; readonly token: string };

/** @throws ChainstitchError `invalid-body` where it would have expired already, `limit-reached` */
export function createToken(
  records: TokenRecords,
  spec: TokenSpec,
  createdBy: string,
  now: Date,
  request?: string,
): NewToken {
  if (spec.expiresAt !== undefined && Date.parse(spec.expiresAt) <= now.getTime()) {
    const faults = [{ pointer: '/expiresAt', detail: `has to be later than now, ${now.toISOString()}` }];
    throw new ChainstitchError('invalid-body', 'the token would have expired already', { faults });
  }
  if (records.all().size >= API_LIMITS.tokens)
    throw new ChainstitchError('limit-reached', `there are ${API_LIMITS.tokens} tokens already`);
  const { id, hash, token } = newSecret();
  const { description, scope, tenant, expiresAt } = spec;
  const record: TokenRecord = {
    id,
    hash,
    description,
    scope,
    ...(tenant === undefined ? {} : { tenant }),
    createdBy,
    createdAt: now.toISOString(),
    ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt).toISOString() }),
  };
  records.insert(record, { actor: createdBy, ...(request === undefined ? {} : { request }) });
  return { record, token };
}

/** Whose token this is; undefined where it is nobody's, or has expired. */
export function principalOfToken(records: TokenRecords, text: string, now: Date): Principal | undefined {
  const parts = parseToken(text);
  if (parts === undefined) return undefined;
  const record = records.all().get(parts.id);
  if (!isSecretOf(parts.secret, record?.hash) || record === undefined) return undefined;
  if (isExpired(record, now)) return undefined;
  noteUse(records, record, now);
  const { id, scope, tenant } = record;
  return {
    id: `token:${id}`,
    scope,
    ...(tenant === undefined ? {} : { tenant }),
    isCurrent: (later) => records.all().has(id) && !isExpired(record, later),
  };
}

/**
 * Makes sure that somebody can administer: where no token can, makes one and leaves it in a file that only the
 * owner of the process can read. Who can read the file can write the store beside it too.
 *
 * @returns the id of the token that was made
 */
export function ensureAdministrator(records: TokenRecords, file: string, now: Date): string | undefined {
  if (
    [...records.all().values()].some(
      (it) => it.scope === 'admin' && it.tenant === undefined && !isExpired(it, now),
    )
  )
    return undefined;
  const { id, hash, token } = newSecret();
  // The file first: a crash in between leaves a file that the next start writes again, and never a token that
  // nobody knows.
  writeSecretFile(file, `${token}\n`);
  const description = 'made at the first start';
  records.insert({
    id,
    hash,
    description,
    scope: 'admin',
    createdBy: 'controller',
    createdAt: now.toISOString(),
  });
  return id;
}

function writeSecretFile(file: string, text: string): void {
  try {
    // Made anew, so that neither the mode nor the target is an old file's.
    rmSync(file, { force: true });
    const handle = openSync(file, 'wx', 0o600);
    try {
      writeSync(handle, text);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    throw new ChainstitchError(
      'store-unusable',
      `the first token cannot be written to ${file}: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

function isExpired({ expiresAt }: TokenRecord, now: Date): boolean {
  return expiresAt !== undefined && Date.parse(expiresAt) <= now.getTime();
}

/** To the hour, so that reading costs no write. */
function noteUse(records: TokenRecords, record: TokenRecord, now: Date): void {
  const hour = `${now.toISOString().slice(0, 13)}:00:00.000Z`;
  if (record.lastUsedAt !== hour) records.touch(record.id, hour);
}
