/**
 * Stands before every route: who calls, whether they may, and not too often.
 */
import { isIP, isIPv6 } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ChainstitchError } from '../../model/errors.ts';
import type { TokenRecords } from '../../model/tokens.ts';
import { Buckets, type Rate } from './buckets.ts';
import { type Issuer, JwtVerifier, looksLikeJwt, type Verdict } from './jwt.ts';
import { type Demand, demandOf, policyOf } from './policy.ts';
import { hasScope, LOCAL, type Principal } from './principal.ts';
import { principalOfToken } from './tokens.ts';

/** How callers prove who they are. */
export type Authentication =
  | { readonly by: 'none' }
  | {
      readonly by: 'token';
      /** Whose signed tokens are accepted besides those that were made here. */
      readonly issuer?: Issuer;
      /** Requests a second of one caller in the long run; undefined for no limit. */
      readonly requestsPerSecond?: number;
    };

/** Wrong credentials of one peer: a slip now and then is human. */
const FAILURES: Rate = { perSecond: 1 / 6, burst: 10 };
/** Seconds' worth of requests that may come at once. */
const BURST_SECONDS = 2;

const REALM = 'Bearer realm="chainstitch"';

export function registerGuard(
  app: FastifyInstance,
  authentication: Authentication,
  tokens: TokenRecords,
  now: () => Date,
): void {
  app.decorateRequest('principal', null as unknown as Principal);
  if (authentication.by === 'none') {
    app.addHook('onRequest', async (request) => {
      request.principal = LOCAL;
    });
    return;
  }
  const clock = (): number => performance.now();
  const perSecond = authentication.requestsPerSecond;
  const requests =
    perSecond === undefined ? undefined : new Buckets({ perSecond, burst: perSecond * BURST_SECONDS }, clock);
  const failures = new Buckets(FAILURES, clock);
  const { issuer } = authentication;
  const verifier = issuer === undefined ? undefined : new JwtVerifier(issuer);

  app.addHook('onRequest', async (request, reply) => {
    const demand = demandOf(policyOf(request.method, request.routeOptions.url ?? '') ?? 'admin');
    if (demand === undefined) {
      limit(requests, peerOf(request), reply);
      return;
    }
    request.principal = await authenticate(request, reply);
    limit(requests, request.principal.id, reply);
    // What is not there is answered so to everyone who may call at all.
    if (!request.is404) authorize(request.principal, demand, reply);
  });

  async function authenticate(request: FastifyRequest, reply: FastifyReply): Promise<Principal> {
    const peer = peerOf(request);
    const credentials = bearerOf(request.headers.authorization);
    // A signature costs more to check than a hash, so a peer that failed too often is not listened to.
    if (verifier !== undefined && looksLikeJwt(credentials ?? '')) refuse(failures.wait(peer), reply);
    const verdict = await judge(credentials);
    // A valid token passes whatever the peer did before: nobody can lock out a neighbour behind one address.
    if ('principal' in verdict) return verdict.principal;
    limit(failures, peer, reply);
    if (request.headers.authorization === undefined) {
      reply.header('www-authenticate', REALM);
    } else {
      request.log.warn(
        { peer: request.ip, reqId: request.id, reason: verdict.refusal },
        'refused credentials',
      );
      reply.header('www-authenticate', `${REALM}, error="invalid_token"`);
    }
    throw new ChainstitchError('unauthenticated', verdict.refusal);
  }

  async function judge(credentials: string | undefined): Promise<Verdict> {
    if (credentials === undefined) return { refusal: 'the request has no `Authorization: Bearer` header' };
    if (verifier !== undefined && looksLikeJwt(credentials)) return verifier.verify(credentials, now());
    const principal = principalOfToken(tokens, credentials, now());
    // Unknown, revoked or expired: a caller is not told which.
    return principal === undefined
      ? { refusal: 'the credentials are not valid here, or not any more' }
      : { principal };
  }
}

function authorize(principal: Principal, { scope: needed, isForTenants }: Demand, reply: FastifyReply): void {
  if (principal.tenant !== undefined && !isForTenants) {
    const detail = `this is the operator's, and the caller belongs to the tenant ${principal.tenant}`;
    throw new ChainstitchError('forbidden', detail);
  }
  if (hasScope(principal, needed)) return;
  reply.header('www-authenticate', `${REALM}, error="insufficient_scope", scope="${needed}"`);
  throw new ChainstitchError(
    'forbidden',
    `this needs the scope ${needed} and the caller has ${principal.scope}`,
  );
}

/** @throws ChainstitchError `too-many-requests` */
function limit(buckets: Buckets | undefined, caller: string, reply: FastifyReply): void {
  refuse(buckets?.take(caller) ?? 0, reply);
}

/** @throws ChainstitchError `too-many-requests` unless there is nothing to wait for */
function refuse(seconds: number, reply: FastifyReply): void {
  if (seconds === 0) return;
  reply.header('retry-after', String(seconds));
  throw new ChainstitchError('too-many-requests', `this was too often; try again in ${seconds} s`);
}

/** RFC 6750, section 2.1; a token in the query or in a form is not looked at. */
function bearerOf(header: string | undefined): string | undefined {
  return /^Bearer +([!-~]+) *$/i.exec(header ?? '')?.[1];
}

/** One caller of IPv6 has a whole /64 to choose addresses from. What is no address is whoever sends such. */
export function peerOf({ ip }: { readonly ip: string }): string {
  if (isIP(ip) === 0) return 'unknown';
  const v4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1];
  if (v4 !== undefined || !isIPv6(ip)) return v4 ?? ip;
  const [head = '', tail] = ip.split('::');
  const left = head.split(':').filter((word) => word !== '');
  const right = (tail ?? '').split(':').filter((word) => word !== '');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  return `${[...left, ...Array<string>(zeros).fill('0'), ...right].slice(0, 4).join(':')}::/64`;
}
