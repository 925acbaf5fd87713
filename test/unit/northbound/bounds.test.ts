/** What callers can make the controller keep or hold in memory has a bound, and each has a share of its own. */
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import type { Name } from '../../../src/model/ids.ts';
import { API_LIMITS } from '../../../src/model/limits.ts';
import { createToken } from '../../../src/northbound/auth/tokens.ts';
import { Places } from '../../../src/northbound/places.ts';
import { KEPT_OF_CALLER, RememberedRows } from '../../../src/store/remembered.ts';
import { migrate } from '../../../src/store/schema.ts';
import { CHAIN, setUp } from './support.ts';

t.test('no tenant takes the places of others, nor all of them those of the operator', async (t) => {
  const places = new Places({ places: 10, perTenant: 3, tenants: 6 }, 'places are taken');
  const take = (tenant?: string) => places.take(tenant as Name | undefined);
  const mine = [take('a'), take('a'), take('a')];
  t.throws(() => take('a'), { code: 'too-many-waiters', message: /^3 places are taken for a/ });
  for (let i = 0; i < 3; i++) take('b');
  t.throws(() => take('c'), { message: /^6 .* for tenants/ });
  for (let i = 0; i < 4; i++) take();
  t.throws(() => take(), { message: /^10 / });
  mine[0]?.free();
  mine[0]?.free();
  t.equal(places.taken, 9, 'a place is given back once');
  take('c');
  t.throws(() => take(), { message: /^10 / });
});

t.test('requests of tenants that wait', async (t) => {
  const api = setUp(t, undefined, { authentication: { by: 'token' } });
  const bearer = (tenant?: string) => {
    const spec = { description: 'x', scope: 'operate' as const, ...(tenant && { tenant: tenant as Name }) };
    const { token } = createToken(api.store.tokens, spec, 'test', new Date());
    return { authorization: `Bearer ${token}` };
  };
  for (const tenant of ['a', 'b', 'c', 'd', 'e', 'f', 'g'])
    api.store.create('chains', { ...CHAIN, name: `${tenant}.c` } as never);
  const ask = (tenant: string, headers: Record<string, string>) =>
    api.call('GET', `/v1/chains/${tenant}.c?wait=active&timeout=60s`, undefined, headers);
  const a = bearer('a');
  const { perTenant, tenants } = API_LIMITS.waiters;
  const waiting = Array.from({ length: perTenant }, () => ask('a', a));
  while (api.northbound.waiting < perTenant) await turn();
  t.match(await ask('a', a), { status: 429, problem: { code: 'too-many-waiters' } });
  for (const tenant of ['b', 'c', 'd', 'e', 'f'])
    waiting.push(...Array.from({ length: perTenant }, () => ask(tenant, bearer(tenant))));
  while (api.northbound.waiting < tenants) await turn();
  t.match(await ask('g', bearer('g')), { status: 429 });
  const operator = ask('g', bearer());
  while (api.northbound.waiting === tenants) await turn();
  await api.northbound.close();
  for (const answer of [...waiting, operator]) t.equal((await answer).status, 503);
});

t.test('pages end when they are large', async (t) => {
  const { store, call } = setUp(t);
  const spec = (text: string) => ({ ...CHAIN, hops: [{ function: 'firewall', config: { text } }] });
  const large = 'x'.repeat(200_000);
  for (let i = 0; i < 40; i++) store.create('chains', { ...spec(large), name: `c${10 + i}` } as never);
  for (let i = 0; i < 40; i++) store.replace('chains', { ...spec(`${i}${large}`), name: 'c10' } as never);
  /** All pages of a list: how many items, and the length of the longest page. */
  const walk = async (path: string, parameter: string) => {
    let count = 0;
    let longest = 0;
    let next = '';
    do {
      const { body, text, status } = await call(
        'GET',
        `${path}?limit=1000${next && `&${parameter}=${next}`}`,
      );
      t.equal(status, 200);
      longest = Math.max(longest, text.length);
      count += (body['items'] as unknown[]).length;
      const before = next;
      next = String(body['next'] ?? '');
      if (next === before) next = '';
    } while (next !== '');
    return { count, longest };
  };
  const most = API_LIMITS.pageBytes + 2 * 250_000 * 2;
  for (const [path, parameter, count] of [
    ['/v1/chains', 'cursor', 40],
    ['/v1/chains/c10/history', 'cursor', 41],
    ['/v1/events', 'after', 80],
  ] as const) {
    const walked = await walk(path, parameter);
    t.equal(walked.count, count, `${path}: nothing is left out`);
    t.ok(walked.longest < most, `${path}: ${walked.longest}`);
  }
});

t.test('no caller makes the store forget the keys of others', async (t) => {
  const db = new DatabaseSync(':memory:');
  migrate(db);
  const rows = new RememberedRows(db);
  const add = (key: string, at: number) =>
    rows.add({ key, fingerprint: 'f' }, { revision: 1, outcomes: [] }, at);
  add('token:quiet first', 1);
  db.exec('BEGIN');
  for (let i = 0; i < KEPT_OF_CALLER + 2000; i++) add(`token:loud ${i}`, 2 + i);
  db.exec('COMMIT');
  t.ok(rows.find('token:quiet first', 3), 'the other one is known');
  t.notOk(rows.find('token:loud 0', 3), 'its own first one is not');
  const { n } = db.prepare('SELECT count(*) AS n FROM remembered').get() as { n: number };
  t.ok(n <= KEPT_OF_CALLER + 1001, `${n} are kept`);
});
