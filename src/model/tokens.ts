/**
 * API tokens as they are kept. The secret itself is kept nowhere.
 */
import type { Name } from './ids.ts';
import type { Cause } from './store.ts';

/** What a caller may do; each may do what those before it may. */
export const SCOPES = ['read', 'operate', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

export type TokenRecord = {
  /** Public: names the token in lists and in the log. */
  readonly id: string;
  /** SHA-256 of the secret, 64 hex digits. */
  readonly hash: string;
  readonly description: string;
  readonly scope: Scope;
  /** Whose objects it is for; absent for all of them. */
  readonly tenant?: Name;
  /** Who made it, as in `token:4kq2...`. */
  readonly createdBy: string;
  /** ISO 8601, UTC, as all times here. */
  readonly createdAt: string;
  /** From then on it is good for nothing. */
  readonly expiresAt?: string;
  /** To the hour; absent until it is used. */
  readonly lastUsedAt?: string;
};

/** The tokens of the store. Every write is on disk when the call returns. */
export interface TokenRecords {
  /** All of them by id, oldest first; the same object until something is written. */
  all(): ReadonlyMap<string, TokenRecord>;
  insert(record: TokenRecord, cause?: Cause): void;
  /** Whether there was one. */
  remove(id: string, cause?: Cause): boolean;
  /** Notes a use; no error where the token is gone. */
  touch(id: string, lastUsedAt: string): void;
}

/**
 * How a token of an issuer of identities may be signed (RFC 7518): with a private key alone. With a shared secret
 * whoever can check could also sign, and a public key could be taken for the secret.
 */
export const JWT_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;
export type JwtAlgorithm = (typeof JWT_ALGORITHMS)[number];
