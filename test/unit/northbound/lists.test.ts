import fc from 'fast-check';
import t from 'tap';
import { API_LIMITS } from '../../../src/model/limits.ts';
import { formatCursor, type Listing, pagesOf } from '../../../src/northbound/list.ts';
import { ALICE, type Api, CHAIN, declareLab, SWITCH, setUp } from './support.ts';

type Items = { spec: { name: string } }[];

async function declareMany({ store }: Api, count: number): Promise<void> {
  store.create('switches', SWITCH as never);
  const changes = Array.from({ length: count }, (_, i) => ({
    op: 'put' as const,
    kind: 'subscribers' as const,
    spec: {
      name: `sub-${i}`,
      attachment: { switch: 's1', port: `q${i}` },
      mac: `02:00:00:00:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}`,
      labels: { plan: i % 10 === 0 ? 'gold' : 'tin', [`l${i % 2}`]: '' },
    } as never,
  }));
  await store.commit({ changes });
}

async function walk(
  { call }: Api,
  url: string,
  between: () => Promise<unknown> = async () => 0,
): Promise<string[]> {
  const names: string[] = [];
  let cursor = '';
  for (let page = 0; page < 1000; page++) {
    const { body, status } = await call('GET', `${url}${cursor && `&cursor=${cursor}`}`);
    if (status !== 200) throw new Error(JSON.stringify(body));
    names.push(...(body['items'] as unknown as Items).map(({ spec }) => spec.name));
    if (body['next'] === undefined) return names;
    cursor = String(body['next']);
    await between();
  }
  throw new Error('it does not end');
}

t.test('pages make up the whole, in order', async (t) => {
  const api = setUp(t);
  await declareMany(api, 137);
  const all = [...api.store.declared().subscribers.keys()];
  t.same(await walk(api, '/v1/subscribers?limit=10'), all);
  t.same(await walk(api, '/v1/subscribers?limit=137'), all);
  t.equal((await api.call('GET', '/v1/subscribers')).body['next'], undefined);
  const gold = all.filter((name) => Number(name.slice(4)) % 10 === 0);
  t.same(await walk(api, '/v1/subscribers?limit=3&labels=plan=gold'), gold);
  t.same(
    await walk(api, '/v1/subscribers?limit=3&labels=plan=gold,l0&switch=s1'),
    gold.filter((name) => Number(name.slice(4)) % 2 === 0),
  );
  t.same(await walk(api, '/v1/subscribers?limit=3&switch=s2'), []);
});

t.test('what is there all the time is listed once, whatever comes and goes', async (t) => {
  const api = setUp(t);
  await declareMany(api, 100);
  const all = [...api.store.declared().subscribers.keys()];
  const seed = Date.now() % 1_000_000;
  t.comment(`SEED=${seed}`);
  const gone = new Set<string>();
  const random = fc.sample(fc.nat({ max: 99 }), { seed, numRuns: 400 });
  const names = await walk(api, '/v1/subscribers?limit=4', async () => {
    const name = `sub-${random.pop()}`;
    if (gone.has(name)) return;
    gone.add(name);
    api.store.remove('subscribers', name as never);
    api.store.create('subscribers', { ...ALICE, name: `sub-${random.pop()}-new-${gone.size}` } as never);
  });
  const stayed = all.filter((name) => !gone.has(name));
  t.same(
    names.filter((name) => stayed.includes(name as never)),
    stayed,
  );
  t.equal(new Set(names).size, names.length, 'nothing twice');
  t.ok(gone.size > 5);
});

t.test('a filter that few pass ends a page early and the list late', async (t) => {
  const listing: Listing<number> = {
    *after(name = '') {
      for (let i = 0; i < 50_000; i++) {
        const key = String(i).padStart(5, '0');
        if (key > name) yield [key, i] as const;
      }
    },
    filters: { even: () => (n) => n === 49_999 },
    show: (n) => n,
  };
  const pages = pagesOf('numbers', listing);
  const first = pages.page({ even: 'x' });
  t.match(first, { items: [], next: String });
  const second = pages.page({ even: 'x', cursor: first.next });
  const third = pages.page({ even: 'x', cursor: second.next });
  t.same(third, { items: [49_999] });
  t.equal(API_LIMITS.pageScan, 20_000);
});

t.test('fields are picked', async (t) => {
  const api = setUp(t);
  await declareLab(api);
  await api.call('POST', '/v1/chains', CHAIN);
  t.same((await api.call('GET', '/v1/chains?fields=spec.name,status.phase')).body, {
    items: [{ spec: { name: 'c' }, status: { phase: 'pending' } }],
  });
  t.same((await api.call('GET', '/v1/chains/c?fields=spec.hops.function,generation')).body, {
    spec: { hops: [{ function: 'firewall' }] },
    generation: 1,
  });
  t.same((await api.call('GET', '/v1/subscribers/alice?fields=spec.labels.plan')).body, { spec: {} });
  t.match((await api.call('GET', '/v1/switches?fields=declared,status.connection')).body, {
    items: [{ declared: true, status: { connection: 'disconnected' } }],
  });
  t.match(await api.call('GET', '/v1/functions/firewall?fields=builtIn,spec.configSchema.type'), {
    body: { builtIn: true, spec: { configSchema: { type: 'object' } } },
  });
  for (const fields of [
    'spec.nmae',
    'status.phase.x',
    '',
    'spec..name',
    '__proto__',
    'a,'.repeat(40),
    'toString',
  ]) {
    const { problem, status } = await api.call('GET', `/v1/chains?fields=${fields}`);
    t.match({ problem, status }, { status: 400, problem: { code: 'invalid-parameter' } }, fields);
  }
  t.match((await api.call('GET', '/v1/chains?fields=spec.nmae')).problem.detail, /did you mean `name`/);
});

t.test('parameters of lists', async (t) => {
  const api = setUp(t);
  await declareMany(api, 20);
  const good = String((await api.call('GET', '/v1/subscribers?limit=5')).body['next']);
  for (const query of [
    'limit=0',
    'limit=1001',
    'limit=-1',
    'limit=1e2',
    'limit=',
    'cursor=',
    'cursor=x',
    'cursor=%00',
    `cursor=${good}x`,
    `labels=plan=gold&cursor=${good}`,
    `cursor=${Buffer.from('{"a":1}').toString('base64url')}`,
    `cursor=${formatCursor('other', 'sub-1')}`,
    'labels=',
    'labels==x',
    'labels=a=b=%0a',
    'lables=a',
  ]) {
    t.match(
      await api.call('GET', `/v1/subscribers?${query}`),
      { status: 400, problem: { code: 'invalid-parameter' } },
      query,
    );
  }
  t.match(await api.call('GET', `/v1/subscribers?cursor=${good}`), { status: 200 });
  t.match(await api.call('GET', `/v1/uplinks?cursor=${good}`), { status: 400 }, 'of another list');
  t.match(await api.call('GET', '/v1/chains?phase=ready'), { status: 400 });
  t.match(await api.call('GET', '/v1/switches?connection=disconnected'), {
    body: { items: [{ declared: true }] },
  });
  t.match(await api.call('GET', '/v1/instances?phase=ready&limit=5'), { body: { items: [] } });
});

t.test('lists of chains', async (t) => {
  const api = setUp(t);
  await declareLab(api);
  await api.call('POST', '/v1/chains', CHAIN);
  api.control.report('c', 'active');
  for (const [query, found] of [
    ['phase=active', true],
    ['phase=pending', false],
    ['subscriber=alice', true],
    ['subscriber=bob', false],
    ['function=firewall', true],
    ['function=probe', false],
  ] as const) {
    const { body } = await api.call('GET', `/v1/chains?${query}`);
    t.equal((body['items'] as unknown[]).length, found ? 1 : 0, query);
  }
});
