import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import type { JsonObject } from '../../../src/model/declared.ts';
import { API_LIMITS } from '../../../src/model/limits.ts';
import { SCOPES, type Scope } from '../../../src/model/tokens.ts';
import { Buckets } from '../../../src/northbound/auth/buckets.ts';
import { peerOf } from '../../../src/northbound/auth/guard.ts';
import { demandOf, POLICIES, policyOf } from '../../../src/northbound/auth/policy.ts';
import { isSecretOf, newSecret, parseToken } from '../../../src/northbound/auth/secret.ts';
import { createToken, ensureAdministrator } from '../../../src/northbound/auth/tokens.ts';
import { contract } from '../../../src/northbound/contract.ts';
import { openStore } from '../../../src/store/store.ts';
import { type Api, SWITCH, setUp } from './support.ts';

type Guarded = Api & {
  tokenOf: (scope: Scope, expiresAt?: string) => string;
  as: (token: string) => Record<string, string>;
  at: (time: string) => void;
};

function guarded(t: Test, requestsPerSecond?: number): Guarded {
  let time = '2026-01-01T00:00:00.000Z';
  const now = (): Date => new Date(time);
  const rate = requestsPerSecond === undefined ? {} : { requestsPerSecond };
  const api = setUp(t, undefined, { authentication: { by: 'token', ...rate }, now });
  const tokenOf: Guarded['tokenOf'] = (scope, expiresAt) =>
    createToken(
      api.store.tokens,
      { description: scope, scope, ...(expiresAt === undefined ? {} : { expiresAt }) },
      'test',
      now(),
    ).token;
  const as = (token: string) => ({ authorization: `Bearer ${token}` });
  return {
    ...api,
    tokenOf,
    as,
    at: (later) => {
      time = later;
    },
  };
}

/** A route of the table as a request that is fine but for the body. */
const requestOf = (key: string): [method: string, url: string] => {
  const [method = '', path = ''] = key.split(' ');
  return [method, path.replace(':name', 'x').replace(':id', 'i9').replace(':code', 'not-found')];
};

t.test('every route has a policy, and every policy a route', async (t) => {
  const { northbound } = setUp(t);
  const routes = northbound.routes.flatMap(({ path, methods }) =>
    methods.filter((method) => method !== 'HEAD').map((method) => `${method} ${path}`),
  );
  t.same(Object.keys(POLICIES).sort(), routes.sort());
  t.equal(policyOf('HEAD', '/v1/chains'), 'own read', 'HEAD goes with GET');
  t.equal(policyOf('GET', '/v1/secrets'), undefined);
  t.equal(policyOf('constructor', ''), undefined);
});

t.test('the contract says which operations need nothing', async (t) => {
  for (const [key, policy] of Object.entries(POLICIES)) {
    const [method = '', path = ''] = key.split(' ');
    const operation = contract.paths[path.replace(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()];
    const { security } = operation as { security?: unknown[] };
    t.equal(security?.length === 0, policy === 'anyone', key);
  }
});

t.test('every route asks for its scope, and no more', async (t) => {
  const api = guarded(t);
  const tokens = Object.fromEntries(SCOPES.map((scope) => [scope, api.tokenOf(scope)]));
  for (const [key, policy] of Object.entries(POLICIES)) {
    const [method, url] = requestOf(key);
    for (const scope of SCOPES) {
      const { status, headers, problem } = await api.call(
        method,
        url,
        undefined,
        api.as(tokens[scope] ?? ''),
      );
      const needed = demandOf(policy)?.scope ?? 'read';
      const isEnough = SCOPES.indexOf(scope) >= SCOPES.indexOf(needed);
      t.equal(status !== 403 && status !== 401, isEnough, `${key} as ${scope}: ${status}`);
      if (isEnough) continue;
      t.equal(problem.code, 'forbidden');
      t.match(headers['www-authenticate'], `error="insufficient_scope", scope="${needed}"`);
    }
  }
});

t.test('who does not say who they are, or says it wrongly, sees nothing', async (t) => {
  const wrong: [string, Record<string, string>][] = [
    ['nothing', {}],
    ['a stranger', { authorization: `Bearer ${newSecret().token}` }],
    ['another scheme', { authorization: 'Basic YWRtaW46YWRtaW4=' }],
    ['no token', { authorization: 'Bearer' }],
    ['two words', { authorization: 'Bearer a b' }],
    ['not ASCII', { authorization: 'Bearer \u00e4\u00e4' }],
    ['a long one', { authorization: `Bearer ${'a'.repeat(8000)}` }],
    ['a JWT without a signature', { authorization: 'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.' }],
  ];
  for (const [what, headers] of wrong) {
    const api = guarded(t);
    const admin = api.tokenOf('admin');
    const { status, problem, headers: answered } = await api.call('GET', '/v1/chains', undefined, headers);
    t.equal(status, 401, what);
    t.equal(problem.code, 'unauthenticated');
    t.match(answered['www-authenticate'], /^Bearer realm="chainstitch"/);
    const { status: elsewhere } = await api.call('GET', '/v1/nothing', undefined, headers);
    t.equal(elsewhere, 401, 'also where there is nothing');
    t.equal((await api.call('GET', '/healthz', undefined, headers)).status, 200, 'health is public');
    t.equal((await api.call('GET', `/v1/chains?token=${admin}`)).status, 401, 'the query is no place for it');
  }
});

t.test('an id of another token does not help', async (t) => {
  const api = guarded(t);
  const [mine, theirs] = [api.tokenOf('read'), api.tokenOf('admin')];
  const forged = `${theirs.slice(0, 25)}${mine.slice(25)}`;
  t.equal((await api.call('GET', '/v1/chains', undefined, api.as(forged))).status, 401);
  t.equal((await api.call('GET', '/v1/chains', undefined, api.as(mine))).status, 200);
});

t.test('the life of a token', async (t) => {
  const api = guarded(t);
  const admin = api.as(api.tokenOf('admin'));
  const body = { description: 'billing', scope: 'operate', expiresAt: '2026-01-02T00:00:00+01:00' };
  const made = await api.call('POST', '/v1/tokens', body, admin);
  t.equal(made.status, 201);
  const { token, ...shown } = made.body as JsonObject & { token: string; id: string };
  t.equal(made.headers['location'], `/v1/tokens/${shown.id}`);
  t.match(shown, { scope: 'operate', expiresAt: '2026-01-01T23:00:00.000Z', createdBy: /^token:/ });
  const mine = api.as(token);
  t.equal((await api.call('POST', '/v1/switches', SWITCH, mine)).status, 201);
  const read = await api.call('GET', `/v1/tokens/${shown.id}`, undefined, admin);
  t.match(read.body, { ...shown, lastUsedAt: '2026-01-01T00:00:00.000Z' });
  const list = await api.call('GET', '/v1/tokens', undefined, admin);
  t.equal((list.body['items'] as unknown[]).length, 2);
  for (const secret of [token.slice(-43), api.store.tokens.all().get(shown.id)?.hash ?? 'none']) {
    t.notMatch(JSON.stringify([read.body, list.body, api.log]), secret);
  }

  api.at('2026-01-01T22:59:59.999Z');
  t.equal((await api.call('GET', '/v1/chains', undefined, mine)).status, 200);
  api.at('2026-01-01T23:00:00.000Z');
  t.equal((await api.call('GET', '/v1/chains', undefined, mine)).status, 401, 'expired');

  const other = await api.call('POST', '/v1/tokens', { description: 'x', scope: 'read' }, admin);
  const { id, token: second } = other.body as { id: string; token: string };
  t.equal((await api.call('GET', '/v1/chains', undefined, api.as(second))).status, 200);
  t.equal((await api.call('DELETE', `/v1/tokens/${id}`, undefined, admin)).status, 204);
  t.equal((await api.call('GET', '/v1/chains', undefined, api.as(second))).status, 401, 'revoked at once');
  t.equal((await api.call('DELETE', `/v1/tokens/${id}`, undefined, admin)).status, 404);
});

t.test('tokens that cannot be made', async (t) => {
  const api = guarded(t);
  const admin = api.as(api.tokenOf('admin'));
  const post = (body?: unknown) => api.call('POST', '/v1/tokens', body, admin);
  t.match((await post()).problem, { code: 'malformed-request' });
  for (const body of [
    { description: 'x' },
    { description: '', scope: 'read' },
    { description: 'x', scope: 'root' },
    { description: 'x', scope: 'read', expiresAt: 'tomorrow' },
    { description: 'x', scope: 'read', hash: 'x' },
    { description: 'x', scope: 'read', expiresAt: '2025-12-31T23:59:59Z' },
  ])
    t.match((await post(body)).problem, { code: 'invalid-body' }, JSON.stringify(body));
  for (let i = api.store.tokens.all().size; i < API_LIMITS.tokens; i++)
    api.store.tokens.insert({
      id: `${i}`,
      hash: '',
      description: '',
      scope: 'read',
      createdBy: '',
      createdAt: '',
    });
  t.match((await post({ description: 'x', scope: 'read' })).problem, { code: 'limit-reached' });
});

t.test('failures are limited, and lock out nobody who has a token', async (t) => {
  const api = guarded(t);
  const statuses: number[] = [];
  for (let i = 0; i < 12; i++)
    statuses.push((await api.call('GET', '/v1/chains', undefined, api.as(newSecret().token))).status);
  t.same(statuses.slice(0, 10), Array(10).fill(401));
  t.same(statuses.slice(10), [429, 429]);
  const refused = await api.call('GET', '/v1/chains');
  t.match(refused.problem, { code: 'too-many-requests' });
  t.match(refused.headers['retry-after'], /^[1-6]$/);
  t.equal(api.log.length, 10, 'the log is not flooded either');
  t.equal((await api.call('GET', '/v1/chains', undefined, api.as(api.tokenOf('read')))).status, 200);
});

t.test('each caller has a rate of its own', async (t) => {
  const api = guarded(t, 0.5);
  const [one, two] = [api.as(api.tokenOf('read')), api.as(api.tokenOf('read'))];
  const get = async (headers: Record<string, string>) =>
    (await api.call('GET', '/v1/chains', undefined, headers)).status;
  t.equal(await get(one), 200);
  const statuses: number[] = [];
  while (!statuses.includes(429) && statuses.length < 100) statuses.push(await get(one));
  t.ok(statuses.includes(429));
  t.equal(await get(two), 200);
});

t.test('buckets', async (t) => {
  let now = 0;
  const buckets = new Buckets({ perSecond: 2, burst: 3 }, () => now);
  t.same(
    [1, 2, 3, 4].map(() => buckets.take('a')),
    [0, 0, 0, 1],
  );
  t.equal(buckets.take('b'), 0, 'another caller');
  now = 499;
  t.equal(buckets.take('a'), 1, 'not yet');
  now = 500;
  t.same(
    [buckets.take('a'), buckets.take('a')],
    [0, 1],
    'one has flown in, though it was asked for meanwhile',
  );
  now = 1e9;
  t.same(
    [1, 2, 3, 4].map(() => buckets.take('a')),
    [0, 0, 0, 1],
    'no more than it holds',
  );
  for (let i = 0; i < 20_000; i++) buckets.take(`${i}`);
  t.equal(buckets.size, 10_000);
});

t.test('a peer of IPv6 is its /64', async (t) => {
  t.equal(peerOf({ ip: '192.0.2.1' }), '192.0.2.1');
  t.equal(peerOf({ ip: '::ffff:192.0.2.1' }), '192.0.2.1');
  t.equal(peerOf({ ip: '2001:db8:1:2:3:4:5:6' }), '2001:db8:1:2::/64');
  t.equal(peerOf({ ip: '2001:db8:1:2::6' }), '2001:db8:1:2::/64');
  t.equal(peerOf({ ip: '2001:db8::6' }), '2001:db8:0:0::/64');
  t.equal(peerOf({ ip: '::1' }), '0:0:0:0::/64');
});

t.test('secrets', async (t) => {
  const { id, hash, token } = newSecret();
  const { secret = '' } = parseToken(token) ?? {};
  t.ok(isSecretOf(secret, hash));
  t.notOk(isSecretOf(newSecret().token.slice(-43), hash));
  t.notOk(isSecretOf(secret, undefined));
  t.equal(parseToken(token)?.id, id);
  for (const text of [
    '',
    'cst_',
    `${token}x`,
    ` ${token}`,
    token.slice(1),
    token.toUpperCase(),
    `${token}\n`,
  ])
    t.equal(parseToken(text), undefined, text);
});

t.test('somebody can always administer', async (t) => {
  const { tokens } = openStore(':memory:');
  const dir = t.testdir();
  const file = `${dir}/first-token`;
  writeFileSync(file, 'left over', { mode: 0o644 });
  const now = new Date('2026-01-01');
  const id = ensureAdministrator(tokens, file, now);
  t.equal(statSync(file).mode & 0o777, 0o600, 'whatever was there before');
  const text = readFileSync(file, 'utf8').trim();
  t.equal(parseToken(text)?.id, id);
  t.equal(tokens.all().get(id ?? '')?.scope, 'admin');
  t.equal(ensureAdministrator(tokens, file, now), undefined, 'once');
  tokens.remove(id ?? '');
  createToken(tokens, { description: 'x', scope: 'operate' }, 'test', now);
  createToken(tokens, { description: 'x', scope: 'admin', expiresAt: '2026-01-02T00:00:00Z' }, 'test', now);
  t.equal(ensureAdministrator(tokens, file, now), undefined, 'there is one');
  t.ok(ensureAdministrator(tokens, file, new Date('2026-01-03')), 'it has expired');
  mkdirSync(`${dir}/folder/x`, { recursive: true });
  tokens.remove([...tokens.all().keys()].at(-1) ?? '');
  t.throws(() => ensureAdministrator(tokens, `${dir}/folder`, new Date('2026-01-03')), {
    code: 'store-unusable',
  });
});

t.test('tokens survive a restart, in one file with everything else', async (t) => {
  const file = `${t.testdir()}/state.db`;
  const store = openStore(file);
  const { record } = createToken(store.tokens, { description: 'a', scope: 'read' }, 'test', new Date());
  const gone = createToken(store.tokens, { description: 'b', scope: 'read' }, 'test', new Date());
  store.tokens.touch(record.id, '2026-01-01T00:00:00.000Z');
  store.tokens.touch('unknown', '2026-01-01T00:00:00.000Z');
  t.equal(store.tokens.remove(gone.record.id), true);
  t.equal(store.tokens.remove(gone.record.id), false);
  store.close();
  const again = openStore(file);
  t.teardown(() => again.close());
  t.same([...again.tokens.all().values()], [{ ...record, lastUsedAt: '2026-01-01T00:00:00.000Z' }]);
});
