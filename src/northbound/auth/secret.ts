/**
 * Secrets of API tokens: `cst_<id>_<secret>`.
 *
 * The secret is 256 random bits, so nobody guesses it and a plain SHA-256 is the right thing to keep: the slow
 * hashes for passwords make up for secrets that can be guessed, and would only let a flood of wrong tokens cost
 * processor time. The id is public and finds the record; it is random too, so that it tells nothing.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Bytes of the id and of the secret. */
const ID_BYTES = 10;
const SECRET_BYTES = 32;

const TOKEN = /^cst_([0-9a-f]{20})_([A-Za-z0-9_-]{43})$/;

export type NewSecret = {
  readonly id: string;
  readonly hash: string;
  /** What the caller sends; told once and kept nowhere. */
  readonly token: string;
};

export function newSecret(): NewSecret {
  const id = randomBytes(ID_BYTES).toString('hex');
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  return { id, hash: hashOf(secret).toString('hex'), token: `cst_${id}_${secret}` };
}

/** The two parts of a token; undefined where the text is none. */
export function parseToken(text: string): { readonly id: string; readonly secret: string } | undefined {
  const [, id, secret] = TOKEN.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

/**
 * Whether the secret is the one that was hashed. Takes as long where there is nothing to compare with, so that
 * time does not tell which ids exist.
 */
export function isSecretOf(secret: string, hash: string | undefined): boolean {
  const expected = Buffer.from(hash ?? '0'.repeat(64), 'hex');
  return timingSafeEqual(hashOf(secret), expected) && hash !== undefined;
}

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
