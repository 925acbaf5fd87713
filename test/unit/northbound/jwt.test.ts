/** Tokens of an issuer of identities: a real server of keys, real signatures. */
import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type CryptoKey,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWK,
  type JWTPayload,
  SignJWT,
} from 'jose';
import t, { type Test } from 'tap';
import type { ChainSpec } from '../../../src/model/declared.ts';
import type { Issuer } from '../../../src/northbound/auth/jwt.ts';
import { createToken } from '../../../src/northbound/auth/tokens.ts';
import { type Api, CHAIN, setUp } from './support.ts';

type Key = { readonly jwk: JWK; readonly privateKey: CryptoKey; readonly publicKey: CryptoKey };

async function makeKey(kid: string, alg = 'RS256'): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { jwk: { ...(await exportJWK(publicKey)), kid, alg }, privateKey, publicKey };
}
const keys = {
  old: await makeKey('old'),
  next: await makeKey('next'),
  curve: await makeKey('curve', 'ES256'),
};

type Provider = {
  issuer: string;
  /** What it shows. */
  shown: JWK[];
  /** What it was asked for. */
  asked: string[];
  /** What it answers instead, where a test says so. */
  answer: RequestListener | undefined;
};

async function startProvider(t: Test): Promise<Provider> {
  const provider: Provider = {
    issuer: '',
    shown: [keys.old.jwk, keys.curve.jwk],
    asked: [],
    answer: undefined,
  };
  const server = createServer((request, response) => {
    provider.asked.push(request.url ?? '');
    if (provider.answer !== undefined) return provider.answer(request, response);
    const { issuer, shown } = provider;
    const isDiscovery = request.url?.endsWith('/.well-known/openid-configuration');
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(isDiscovery ? { issuer, jwks_uri: `${issuer}/keys` } : { keys: shown }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close().closeAllConnections());
  provider.issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return provider;
}

type Guarded = Api & { get: (token: string, method?: string) => ReturnType<Api['call']> };

function guarded(t: Test, { issuer }: { issuer: string }, more: Partial<Issuer> = {}): Guarded {
  const settings: Issuer = {
    issuer,
    audience: 'chainstitch',
    algorithms: ['RS256', 'ES256'],
    scopeClaim: 'scope',
    scopePrefix: 'chainstitch:',
    ...more,
  };
  const api = setUp(t, undefined, { authentication: { by: 'token', issuer: settings } });
  const get: Guarded['get'] = (token, method = 'GET') =>
    api.call(method, method === 'GET' ? '/v1/chains' : '/v1/chains/x', undefined, {
      authorization: `Bearer ${token}`,
    });
  return { ...api, get };
}

const CLAIMS = { sub: 'alice', aud: 'chainstitch', scope: 'openid chainstitch:read' };

function sign(
  { issuer }: { issuer: string },
  claims: JWTPayload & Record<string, unknown> = {},
  key = keys.old,
  lifetime: string | null = '5m',
): Promise<string> {
  const { kid, alg } = key.jwk as { kid: string; alg: string };
  const jwt = new SignJWT({ iss: issuer, ...CLAIMS, ...claims }).setProtectedHeader({ alg, kid });
  return (lifetime === null ? jwt : jwt.setExpirationTime(lifetime)).sign(key.privateKey);
}

t.test('who the issuer knows may call, as far as the claim says', async (t) => {
  const provider = await startProvider(t);
  const { get, control } = guarded(t, provider);
  t.ok(control);
  t.equal((await get(await sign(provider))).status, 200);
  t.equal((await get(await sign(provider, {}, keys.curve))).status, 200, 'with another algorithm');
  t.match((await get(await sign(provider), 'DELETE')).problem, { code: 'forbidden' });
  const wide = { scope: 'chainstitch:read chainstitch:operate' };
  t.equal((await get(await sign(provider, wide), 'DELETE')).status, 404, 'the widest scope counts');
  t.same(provider.asked, ['/.well-known/openid-configuration', '/keys'], 'the keys are kept');
});

t.test('the claim may be a list, or lie deeper', async (t) => {
  const provider = await startProvider(t);
  const { get } = guarded(t, provider, { scopeClaim: '/realm_access/roles', scopePrefix: 'cs-' });
  const roles = (...words: unknown[]) => sign(provider, { realm_access: { roles: words } });
  t.equal((await get(await roles('x', 'cs-read'))).status, 200);
  for (const wrong of [['chainstitch:read'], ['read'], [], [['cs-read']], ['cs-readx']])
    t.match((await get(await roles(...wrong))).problem, { status: 401, detail: /has none of cs-read/ });
  t.equal((await get(await sign(provider))).status, 401);
});

t.test('a claim may say whose tenant the caller is', async (t) => {
  const provider = await startProvider(t);
  const { get, store } = guarded(t, provider, { tenantClaim: 'org' });
  const statusFor = async (org?: unknown) =>
    (await get(await sign(provider, org === undefined ? {} : { org }))).status;
  t.equal(await statusFor('acme'), 200);
  t.equal(await statusFor('*'), 200);
  for (const wrong of [undefined, '', 'ACME', 'a.b', 'a b', ['acme'], 1, null, {}])
    t.equal(
      await statusFor(wrong),
      401,
      `${JSON.stringify(wrong)} is no tenant, and not the operator either`,
    );
  store.create('chains', { ...CHAIN, name: 'acme.c' } as unknown as ChainSpec);
  const list = async (org: string) => (await get(await sign(provider, { org }))).body['items'] as unknown[];
  t.equal((await list('acme')).length, 1);
  t.equal((await list('other')).length, 0);
  t.equal((await list('*')).length, 1);
});

t.test('what is not right is refused, and what the signature covers is said', async (t) => {
  const provider = await startProvider(t);
  const past = Math.floor(Date.now() / 1000) - 60;
  const refusals: [string, () => Promise<string>, RegExp][] = [
    ['another issuer', () => sign(provider, { iss: 'https://evil.example' }), /"iss"/],
    ['another audience', () => sign(provider, { aud: 'billing' }), /"aud"/],
    ['expired', () => sign(provider, { exp: past }, keys.old, null), /"exp"/],
    ['without an end', () => sign(provider, {}, keys.old, null), /"exp"/],
    ['not yet', () => sign(provider, { nbf: past + 3600 }), /"nbf"/],
    ['nobody', () => sign(provider, { sub: undefined as unknown as string }), /"sub"/],
    ['somebody unprintable', () => sign(provider, { sub: 'a\nb' }), /"sub"/],
    ['no scope', () => sign(provider, { scope: 'openid' }), /has none of chainstitch:read/],
    ['a prototype for a scope', () => sign(provider, { scope: '__proto__ constructor' }), /has none of/],
    ['a key that nobody knows', () => sign(provider, {}, keys.next), /signature/],
    [
      'another key under a known name',
      () => sign(provider, {}, { ...keys.next, jwk: keys.old.jwk }),
      /signature/,
    ],
  ];
  for (const [what, token, detail] of refusals) {
    const { get } = guarded(t, provider);
    const { status, problem, headers } = await get(await token());
    t.equal(status, 401, what);
    t.match(problem.detail, detail, what);
    t.match(headers['www-authenticate'], 'error="invalid_token"');
  }
  const { get } = guarded(t, provider);
  const skew = Math.floor(Date.now() / 1000) - 10;
  t.equal((await get(await sign(provider, { exp: skew }, keys.old, null))).status, 200, 'clocks differ');
});

t.test('signatures that are none', async (t) => {
  const provider = await startProvider(t);
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const admin = { ...CLAIMS, scope: 'chainstitch:admin' };
  const payload = encode({ iss: provider.issuer, ...admin, exp: Math.floor(Date.now() / 1000) + 300 });
  const hmac = (header: string, secret: string | Buffer): string =>
    `${header}.${payload}.${createHmac('sha256', secret).update(`${header}.${payload}`).digest('base64url')}`;
  const pem = await exportSPKI(keys.old.publicKey);
  const der = createPublicKey(pem).export({ type: 'spki', format: 'der' });
  const good = await sign(provider);
  const [header = '', body = '', signature = ''] = good.split('.');
  const own = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const embedded = await new SignJWT({ iss: provider.issuer, ...CLAIMS })
    .setProtectedHeader({ alg: 'RS256', jwk: own.publicKey.export({ format: 'jwk' }) as JWK })
    .setExpirationTime('5m')
    .sign(own.privateKey);
  const hostile: [string, string][] = [
    ['alg none', `${encode({ alg: 'none' })}.${payload}.`],
    ['alg None', `${encode({ alg: 'None', kid: 'old' })}.${payload}.`],
    ['alg none with a signature', `${encode({ alg: 'none', kid: 'old' })}.${payload}.${signature}`],
    ['the public key as a secret (PEM)', hmac(encode({ alg: 'HS256', kid: 'old' }), pem)],
    ['the public key as a secret (DER)', hmac(encode({ alg: 'HS256', kid: 'old' }), der)],
    ['an empty secret', hmac(encode({ alg: 'HS256' }), '')],
    ['a key of its own in the header', embedded],
    ['a body of another token', `${header}.${payload}.${signature}`],
    ['no signature', `${header}.${body}.`],
    ['a header that is a list', `${encode([])}.${payload}.${signature}`],
    ['a header that is nothing', `.${payload}.${signature}`],
    [
      'a critical extension',
      `${encode({ alg: 'RS256', kid: 'old', crit: ['x'], x: 1 })}.${body}.${signature}`,
    ],
  ];
  for (const [what, token] of hostile) {
    const { get, log } = guarded(t, provider);
    t.match((await get(token)).problem, { status: 401, code: 'unauthenticated' }, what);
    t.equal(log.length, 1, 'and it is in the log');
    t.notMatch(log[0], signature.slice(0, 20), 'without the token');
  }
});

t.test('keys change', async (t) => {
  const provider = await startProvider(t);
  // Keys that nobody knows make it ask again, and not at every request.
  const { get } = guarded(t, provider);
  for (let i = 0; i < 5; i++) await get(await sign(provider, {}, keys.next));
  t.equal(provider.asked.filter((url) => url === '/keys').length, 1);
  provider.shown = [keys.next.jwk];
  const fresh = guarded(t, provider);
  t.equal((await fresh.get(await sign(provider, {}, keys.next))).status, 200);
});

t.test('an issuer that does not answer is no fault of the caller', async (t) => {
  const provider = await startProvider(t);
  const api = guarded(t, provider);
  const answers: [string, RequestListener][] = [
    ['an error', (_, response) => void response.writeHead(500).end()],
    ['nonsense', (_, response) => void response.end('<html>')],
    ['nothing', (_, response) => void response.end('null')],
    [
      'another issuer',
      (_, response) => void response.end('{"issuer":"https://evil.example","jwks_uri":"https://x/"}'),
    ],
    [
      'keys in the clear',
      (_, response) => void response.end(`{"issuer":"${provider.issuer}","jwks_uri":"http://x/"}`),
    ],
    ['a redirection', (_, response) => void response.writeHead(302, { location: '/elsewhere' }).end()],
    ['the end', (_, response) => void response.destroy()],
  ];
  for (const [what, answer] of answers) {
    provider.answer = answer;
    t.match((await api.get(await sign(provider))).problem, { code: 'issuer-unreachable', status: 503 }, what);
  }
  const own = createToken(api.store.tokens, { description: 'x', scope: 'read' }, 'test', new Date());
  t.equal((await api.get(own.token)).status, 200, 'tokens that were made here go on');
  provider.answer = undefined;
  t.equal((await api.get(await sign(provider))).status, 200, 'and it is asked again');
});

t.test('a peer that failed too often is not listened to', async (t) => {
  const provider = await startProvider(t);
  const { get } = guarded(t, provider);
  for (let i = 0; i < 10; i++) await get(await sign(provider, { aud: 'x' }));
  t.equal((await get(await sign(provider, { aud: 'x' }))).status, 429);
  t.equal((await get(await sign(provider))).status, 429, 'until some time has gone by');
});

t.test('keys in a file', async (t) => {
  const dir = t.testdir({ 'none.json': '{"keys":1}', 'text.json': 'x' });
  writeFileSync(`${dir}/keys.json`, JSON.stringify({ keys: [keys.old.jwk] }));
  const provider = { issuer: 'https://login.example' };
  const { get } = guarded(t, provider, { keys: `${dir}/keys.json` });
  t.equal((await get(await sign(provider))).status, 200);
  for (const file of ['none.json', 'text.json', 'missing.json'])
    t.throws(() => guarded(t, provider, { keys: `${dir}/${file}` }), { code: 'bad-setting' }, file);
});
