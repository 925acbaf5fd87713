import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import { type AuditRecord, redacted } from '../../../src/model/audit.ts';
import type { ChainSpec, Json, SubscriberSpec } from '../../../src/model/declared.ts';
import type { Name } from '../../../src/model/ids.ts';
import { API_LIMITS } from '../../../src/model/limits.ts';
import { createToken, ensureAdministrator } from '../../../src/northbound/auth/tokens.ts';
import { openStore } from '../../../src/store/store.ts';
import { ALICE, CHAIN, declareLab, SWITCH, setUp } from './support.ts';

const everything = () => true;

function guarded(t: Test) {
  const api = setUp(t, undefined, { authentication: { by: 'token' } });
  const admin = createToken(api.store.tokens, { description: 'a', scope: 'admin' }, 'test', new Date());
  const as = (token: string, method: string, url: string, body?: unknown, headers = {}) =>
    api.call(method, url, body, { authorization: `Bearer ${token}`, ...headers });
  const read = async (query = '', token = admin.token): Promise<AuditRecord[]> =>
    (await as(token, 'GET', `/v1/audit-log${query}`)).body['items'] as unknown as AuditRecord[];
  return { ...api, admin, as, read };
}

t.test('who changed what, from what to what', async (t) => {
  const { as, admin, read } = guarded(t);
  const actor = `token:${admin.record.id}`;
  await as(admin.token, 'POST', '/v1/switches', SWITCH);
  const drop = { ...SWITCH, unchained: 'drop' };
  const put = await as(admin.token, 'PUT', '/v1/switches/s1', drop);
  await as(admin.token, 'PUT', '/v1/switches/s1', drop);
  await as(admin.token, 'POST', '/v1/switches?dryRun=true', {
    ...SWITCH,
    name: 's2',
    dpid: '00000000000000aa',
  });
  await as(admin.token, 'POST', '/v1/switches', { ...SWITCH, name: 's2' });
  await as(admin.token, 'DELETE', '/v1/switches/s1');
  const records = await read('?kind=switches');
  t.match(
    records.map(({ action, before, after }) => ({ action, before, after })),
    [
      { action: 'deleted', before: drop, after: undefined },
      { action: 'replaced', before: SWITCH, after: drop },
      { action: 'created', before: undefined, after: SWITCH },
    ],
  );
  t.equal(records.length, 3, 'what changed nothing, was only tried or was refused is none');
  t.ok(records.every((record) => record.actor === actor));
  const { request } = records[1] as AuditRecord;
  t.equal(put.headers['x-request-id'], request, 'the request is the one that was answered');
  t.same(await read(`?request=${request}`), [records[1]]);
});

t.test('tokens are told of without what opens anything', async (t) => {
  const { as, admin, read, store } = guarded(t);
  const made = await as(admin.token, 'POST', '/v1/tokens', { description: 'b', scope: 'read' });
  const { id, token } = made.body as { id: string; token: string };
  const { hash } = store.tokens.all().get(id) ?? { hash: 'none' };
  await as(admin.token, 'DELETE', `/v1/tokens/${id}`);
  const records = await read(`?kind=tokens&name=${id}`);
  t.match(records, [
    { action: 'deleted', before: { scope: 'read' } },
    { action: 'created', after: { scope: 'read', description: 'b' } },
  ]);
  t.notMatch(JSON.stringify(await read()), hash);
  t.notMatch(JSON.stringify(await read()), token.slice(-43));
  ensureAdministrator(openStore(':memory:').tokens, `${t.testdir()}/first`, new Date());
});

t.test('it takes an administrator, and a tenant sees its own', async (t) => {
  const { as, admin, read, store, call } = guarded(t);
  const tokenOf = (scope: 'operate' | 'admin', tenant?: string) =>
    createToken(
      store.tokens,
      { description: 'x', scope, ...(tenant === undefined ? {} : { tenant: tenant as Name }) },
      'test',
      new Date(),
    ).token;
  t.equal((await as(tokenOf('operate'), 'GET', '/v1/audit-log')).status, 403);
  t.equal((await call('GET', '/v1/audit-log')).status, 401);
  store.create('subscribers', { ...ALICE, name: 'acme.alice' } as unknown as SubscriberSpec);
  store.create('subscribers', { ...ALICE, name: 'beta.bob' } as unknown as SubscriberSpec);
  store.create('chains', { ...CHAIN, name: 'c' } as unknown as ChainSpec);
  const acme = await read('', tokenOf('admin', 'acme'));
  t.same(
    acme.map(({ kind, name }) => (kind === 'tokens' ? kind : name)),
    ['tokens', 'acme.alice'],
  );
  t.ok((await read('', admin.token)).length > 4);
});

t.test('pages go on where the last one ended, whatever is written meanwhile', async (t) => {
  const { as, admin, read, store } = guarded(t);
  for (let i = 0; i < 25; i++) store.tokens.insert({ ...admin.record, id: `${i}` });
  const seen: number[] = [];
  let cursor = '';
  do {
    const { body } = await as(admin.token, 'GET', `/v1/audit-log?limit=10&kind=tokens${cursor}`);
    seen.push(...(body['items'] as unknown as AuditRecord[]).map(({ seq }) => seq));
    cursor = body['next'] === undefined ? '' : `&cursor=${body['next']}`;
    store.tokens.insert({ ...admin.record, id: `new${seen.length}` });
  } while (cursor !== '');
  t.same(
    seen,
    Array.from({ length: 26 }, (_, i) => 26 - i),
  );
  for (const wrong of ['cursor=x', 'limit=0', 'action=made', 'who=me'])
    t.equal((await as(admin.token, 'GET', `/v1/audit-log?${wrong}`)).status, 400, wrong);
  t.same(await read('?actor=nobody'), []);
});

t.test(
  'where nobody has to say who they are, the caller is local; where nobody asked, the controller',
  async (t) => {
    const api = setUp(t);
    await declareLab(api);
    api.store.remove('subscribers', 'alice' as Name);
    const { records } = api.store.audit.read(Number.MAX_SAFE_INTEGER, 10, everything);
    t.same(
      records.map(({ actor }) => actor),
      ['controller', 'local', 'local', 'local'],
    );
  },
);

t.test('a record and its change are written together, and the oldest go', async (t) => {
  const file = `${t.testdir()}/state.db`;
  const store = openStore(file);
  store.create('functions', { name: 'a' } as never);
  t.throws(() =>
    store.create('functions', {
      name: 'b',
      toJSON: () => {
        throw new Error('no');
      },
    } as never),
  );
  t.equal(store.audit.read(1e9, 10, everything).records.length, 1, 'what failed has none');
  store.close();
  const db = new DatabaseSync(file);
  db.exec(`UPDATE sqlite_sequence SET seq = ${API_LIMITS.auditRecords + 199} WHERE name = 'audit'`);
  db.close();
  const again = openStore(file);
  t.teardown(() => again.close());
  again.create('functions', { name: 'c' } as never);
  const { records } = again.audit.read(1e9, 10, everything);
  t.same(
    records.map(({ name }) => name),
    ['c'],
    'the first one was too old',
  );
});

t.test('secrets are left out wherever they stand', async (t) => {
  const value = { a: [{ password: 'x', Key: 'y', keys: 'z' }], token: 'x', hash: 1, secret: { deep: 'x' } };
  t.same(redacted(value as unknown as Json), {
    a: [{ password: '[redacted]', Key: '[redacted]', keys: 'z' }],
    token: '[redacted]',
    hash: '[redacted]',
    secret: '[redacted]',
  });
});
