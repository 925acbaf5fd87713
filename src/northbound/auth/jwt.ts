/**
 * Tokens that an issuer of identities signed (OpenID Connect, RFC 9068): whose one is, and what it allows here.
 */
import { readFileSync } from 'node:fs';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import { ChainstitchError } from '../../model/errors.ts';
import { NAME_PATTERN, type Name } from '../../model/ids.ts';
import { type JwtAlgorithm, SCOPES } from '../../model/tokens.ts';
import type { Principal } from './principal.ts';

export type Issuer = {
  /** What the claim `iss` has to be; its keys are found below it unless `keys` says where. */
  readonly issuer: string;
  /** What the claim `aud` has to be or to contain. */
  readonly audience: string;
  readonly algorithms: readonly JwtAlgorithm[];
  /** URL or path of a JSON Web Key Set. */
  readonly keys?: string;
  /** The claim that says what the caller may do: its name, or a JSON pointer to it. */
  readonly scopeClaim: string;
  /** What stands before `read`, `operate` or `admin` in the words of that claim. */
  readonly scopePrefix: string;
  /** The claim that says whose tenant the caller is, `*` for the operator; without it, all are the operator's. */
  readonly tenantClaim?: string;
};

/** Whose token this is, or why it is nobody's. */
export type Verdict = { readonly principal: Principal } | { readonly refusal: string };

/** Seconds that the clocks of issuer and controller may differ. */
const CLOCK_SKEW = 30;
const FETCH_TIMEOUT_MS = 5000;
/** A subject that is longer, or holds what cannot be printed, has no place in a log. */
const SUBJECT = /^[\x21-\x7e]{1,255}$/;

const TENANT = new RegExp(NAME_PATTERN);

export function looksLikeJwt(text: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]*$/.test(text);
}

export class JwtVerifier {
  readonly #issuer: Issuer;
  #keys: Promise<JWTVerifyGetKey> | undefined;

  /** @throws ChainstitchError `bad-setting` where `keys` is a file that cannot be used */
  constructor(issuer: Issuer) {
    this.#issuer = issuer;
    const { keys } = issuer;
    if (keys !== undefined && !isUrl(keys)) this.#keys = Promise.resolve(localKeys(keys));
  }

  /** @throws ChainstitchError `issuer-unreachable` where its keys cannot be had */
  async verify(token: string, now: Date): Promise<Verdict> {
    const { issuer, audience, algorithms } = this.#issuer;
    const keys = await this.#keySet();
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms: [...algorithms],
        clockTolerance: CLOCK_SKEW,
        currentDate: now,
        requiredClaims: ['sub', 'exp'],
      });
      return this.#admit(payload);
    } catch (error) {
      // What jose says of claims comes after the signature was found right: it is no secret to the caller.
      if (error instanceof errors.JWTExpired || error instanceof errors.JWTClaimValidationFailed)
        return { refusal: error.message };
      if (isAboutToken(error)) return { refusal: 'the signature is none of the issuer' };
      throw unreachable(issuer, error);
    }
  }

  #admit(payload: JWTPayload): Verdict {
    const { scopeClaim, scopePrefix, tenantClaim } = this.#issuer;
    if (!SUBJECT.test(payload.sub ?? '')) return { refusal: 'the claim "sub" is no short printable text' };
    const words = wordsOf(claimOf(payload, scopeClaim));
    const scope = SCOPES.findLast((one) => words.includes(`${scopePrefix}${one}`));
    if (scope === undefined) {
      const needed = SCOPES.map((one) => `${scopePrefix}${one}`).join(', ');
      return { refusal: `the claim "${scopeClaim}" has none of ${needed}` };
    }
    const end = ((payload.exp ?? 0) + CLOCK_SKEW) * 1000;
    const principal: Principal = {
      id: `oidc:${payload.sub}`,
      scope,
      isCurrent: (later) => later.getTime() < end,
    };
    if (tenantClaim === undefined) return { principal };
    const tenant = claimOf(payload, tenantClaim);
    if (tenant === '*') return { principal };
    if (typeof tenant === 'string' && TENANT.test(tenant))
      return { principal: { ...principal, tenant: tenant as Name } };
    return { refusal: `the claim "${tenantClaim}" is neither the name of a tenant nor \`*\`` };
  }

  /** Asks once; an attempt that failed is not kept. */
  #keySet(): Promise<JWTVerifyGetKey> {
    this.#keys ??= this.#remoteKeys().catch((error) => {
      this.#keys = undefined;
      throw unreachable(this.#issuer.issuer, error);
    });
    return this.#keys;
  }

  async #remoteKeys(): Promise<JWTVerifyGetKey> {
    const { issuer, keys } = this.#issuer;
    const url = new URL(keys ?? (await discover(issuer)));
    return createRemoteJWKSet(url, { timeoutDuration: FETCH_TIMEOUT_MS });
  }
}

/** OpenID Connect Discovery 1.0, section 4. */
async function discover(issuer: string): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const found = (await response.json()) as { issuer?: unknown; jwks_uri?: unknown } | null;
  if (found?.issuer !== issuer) throw new Error(`${url} is the page of another issuer`);
  if (typeof found.jwks_uri !== 'string' || !isUrl(found.jwks_uri)) throw new Error(`${url} names no keys`);
  return found.jwks_uri;
}

function localKeys(file: string): JWTVerifyGetKey {
  try {
    return createLocalJWKSet(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    const detail = `${file} holds no JSON Web Key Set: ${(error as Error).message}`;
    throw new ChainstitchError('bad-setting', detail, { cause: error });
  }
}

/** HTTPS, or a server on this machine: whoever can change the keys under way can make every token. */
export function isUrl(text: string): boolean {
  return /^https:\/\/./.test(text) || /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])[:/]/.test(text);
}

/** A name as it is, or a JSON pointer into the claims. */
function claimOf(payload: JWTPayload, claim: string): unknown {
  if (!claim.startsWith('/')) return own(payload, claim);
  const tokens = claim.slice(1).split('/');
  return tokens.reduce<unknown>(
    (at, token) => own(at, token.replaceAll('~1', '/').replaceAll('~0', '~')),
    payload,
  );
}

function own(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

/** One text of words, as `scope` is, or a list of them, as roles are. */
function wordsOf(claim: unknown): readonly unknown[] {
  if (typeof claim === 'string') return claim.split(' ');
  return Array.isArray(claim) ? claim : [];
}

const ABOUT_TOKEN = [
  errors.JWSSignatureVerificationFailed,
  errors.JWSInvalid,
  errors.JWTInvalid,
  errors.JOSEAlgNotAllowed,
  errors.JOSENotSupported,
  errors.JWKSNoMatchingKey,
  errors.JWKSMultipleMatchingKeys,
];

function isAboutToken(error: unknown): boolean {
  return ABOUT_TOKEN.some((kind) => error instanceof kind);
}

function unreachable(issuer: string, cause: unknown): ChainstitchError {
  if (cause instanceof ChainstitchError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ChainstitchError('issuer-unreachable', `the keys of ${issuer} cannot be had: ${reason}`, {
    cause,
  });
}
