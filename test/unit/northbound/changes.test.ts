/** Changes that are safe to send: versions, patches, keys, dry runs, many at once. */
import fc from 'fast-check';
import t from 'tap';
import type { Json, JsonObject } from '../../../src/model/declared.ts';
import { API_LIMITS } from '../../../src/model/limits.ts';
import { mergePatch } from '../../../src/northbound/merge-patch.ts';
import { ALICE, type Api, CHAIN, declareLab, SWITCH, setUp, UPLINK } from './support.ts';

const PATCH = { 'content-type': 'application/merge-patch+json' };
const YAML = { 'content-type': 'application/yaml' };
const patch = (api: Api, url: string, body: unknown, headers: Record<string, string> = {}) =>
  api.call('PATCH', url, body, { ...PATCH, ...headers });

t.test('an object has a version, and a change can be held to one', async (t) => {
  const api = setUp(t);
  await declareLab(api);
  const { call } = api;
  const url = '/v1/subscribers/alice';
  const etag = String((await call('GET', url)).headers.etag);
  t.match(etag, /^"\d+\.1"$/);
  const changed = { ...ALICE, labels: { plan: 'gold' } };
  const put = await call('PUT', url, changed, { 'if-match': `W/"x", "0.0", ${etag}` });
  t.match(put, { status: 200, body: { generation: 2 } });
  const now = String(put.headers.etag);
  t.not(now, etag);
  for (const [method, body, headers] of [
    ['PUT', ALICE, {}],
    ['PATCH', { labels: null }, PATCH],
    ['DELETE', undefined, {}],
  ] as const) {
    for (const match of [etag, `W/${now}`, '""']) {
      t.match(
        await call(method, url, body, { ...headers, 'if-match': match }),
        { status: 412, problem: { code: 'precondition-failed', current: now } },
        `${method} if-match: ${match}`,
      );
    }
    t.match(await call(method, url, body, { ...headers, 'if-match': 'x' }), { status: 400 });
    t.match(await call(method, url, body, { ...headers, 'if-none-match': '*' }), { status: 412 });
    t.match(await call(method, url, body, { ...headers, 'if-none-match': etag }), { status: 400 });
  }
  t.match((await call('GET', url)).body, { generation: 2, spec: changed }, 'nothing was changed');
  t.match(await call('PUT', '/v1/subscribers/new', { ...ALICE, name: 'new' }, { 'if-match': '*' }), {
    status: 412,
    problem: { current: null },
  });
  t.match(await call('DELETE', url, undefined, { 'if-match': now }), { status: 204 });
  t.match(await call('PUT', url, ALICE, { 'if-none-match': '*' }), { status: 201 });
  t.match(await call('PUT', url, changed, { 'if-match': now }), { status: 412 }, 'it is another object now');
});

t.test('two writers who change one chain a thousand times lose no update', async (t) => {
  const { call, store } = setUp(t);
  const { subscribers: _, ...rest } = CHAIN;
  await call('POST', '/v1/chains', { ...rest, selector: { a: '0', b: '0' } });
  const url = '/v1/chains/c';
  const rounds = 500;
  const write = async (mine: 'a' | 'b'): Promise<number> => {
    let refused = 0;
    for (let round = 0; round < rounds; ) {
      const { body, headers } = await call('GET', url);
      const spec = body['spec'] as unknown as { selector: Record<string, string> };
      await new Promise(setImmediate);
      const selector = { ...spec.selector, [mine]: String(Number(spec.selector[mine]) + 1) };
      const { status } = await call('PUT', url, { ...spec, selector }, { 'if-match': String(headers.etag) });
      if (status === 200) round++;
      else if (status === 412) refused++;
      else throw new Error(`status ${status}`);
    }
    return refused;
  };
  const [a, b] = await Promise.all([write('a'), write('b')]);
  const chain = store.declared().chains.get('c' as never);
  t.match(chain, { generation: 1 + 2 * rounds, spec: { selector: { a: '500', b: '500' } } });
  t.ok(a + b > 0, `they met ${a + b} times`);
});

t.test('a merge patch changes parts', async (t) => {
  const api = setUp(t);
  await declareLab(api);
  await api.call('POST', '/v1/chains', CHAIN);
  t.match(await patch(api, '/v1/subscribers/alice', { labels: { plan: 'gold', site: 'x' }, ipv4: null }), {
    status: 200,
    body: { generation: 2, spec: { labels: { plan: 'gold', site: 'x' } } },
  });
  const { body } = await patch(api, '/v1/subscribers/alice', { labels: { site: null } });
  t.same((body['spec'] as JsonObject)['labels'], { plan: 'gold' });
  t.notOk(Object.hasOwn(body['spec'] as object, 'ipv4'));
  t.match(await patch(api, '/v1/subscribers/alice', {}), { status: 200, body: { generation: 3 } });
  const bad: [string, unknown, number, string][] = [
    ['/v1/subscribers/alice', { mac: null }, 422, 'invalid-body'],
    ['/v1/subscribers/alice', { name: 'bob' }, 422, 'name-mismatch'],
    ['/v1/subscribers/alice', '[]', 422, 'invalid-body'],
    ['/v1/subscribers/alice', '{"labels":{"__proto__":{"x":1}}}', 400, 'malformed-request'],
    ['/v1/subscribers/alice', undefined, 400, 'malformed-request'],
    ['/v1/subscribers/nobody', {}, 404, 'not-found'],
    ['/v1/functions/firewall', { description: 'mine' }, 409, 'built-in'],
    ['/v1/chains/c', { hops: [{ function: 'nope' }] }, 422, 'unknown-reference'],
  ];
  for (const [url, patched, status, code] of bad) {
    t.match(
      await patch(api, url, patched),
      { status, problem: { code } },
      `${url} ${JSON.stringify(patched)}`,
    );
  }
  t.same(({} as Record<string, unknown>)['x'], undefined);
});

t.test('a patched object is no larger than one that is sent whole', async (t) => {
  const { call } = setUp(t);
  const url = '/v1/functions/big';
  const spec = { name: 'big', image: 'x', contract: 1, memoryMiB: 2, transparent: true, configSchema: {} };
  await call('POST', '/v1/functions', spec);
  let status = 200;
  for (let part = 0; status === 200; part++) {
    const body = { configSchema: { properties: { [`p${part}`]: { description: 'x'.repeat(60_000) } } } };
    ({ status } = await call('PATCH', url, body, PATCH));
    t.ok(part < 10);
  }
  t.ok([413, 422].includes(status));
});

t.test('merge patches are as RFC 7396 says', async (t) => {
  // The table of its appendix A.
  const cases: [Json, Json, Json][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [target, change, result] of cases) t.same(mergePatch(target, change), result);
});

t.test('a POST that is sent again with its key makes one object', async (t) => {
  const api = setUp(t);
  const { call, store, changes } = api;
  await declareLab(api);
  const before = changes();
  const key = { 'idempotency-key': 'order-4711' };
  const first = await call('POST', '/v1/chains', CHAIN, key);
  t.match(first, { status: 201, headers: { location: '/v1/chains/c' } });
  t.equal(first.headers['idempotency-replayed'], undefined);
  const again = await Promise.all(Array.from({ length: 9 }, () => call('POST', '/v1/chains', CHAIN, key)));
  for (const { status, body, headers } of again) {
    t.equal(status, 201);
    t.same(body, first.body);
    t.equal(headers['idempotency-replayed'], 'true');
  }
  t.equal(store.declared().chains.size, 1);
  t.equal(changes(), before + 1);
  for (const [url, body] of [
    ['/v1/chains', { ...CHAIN, name: 'd' }],
    ['/v1/apply', { items: [{ kind: 'chains', spec: CHAIN }] }],
  ] as const) {
    t.match(await call('POST', url, body, key), { status: 422, problem: { code: 'key-reused' } });
  }
  t.match(await call('POST', '/v1/chains', CHAIN, { 'idempotency-key': 'another' }), { status: 409 });
  for (const bad of ['', 'a b', 'x'.repeat(256)]) {
    t.match(await call('POST', '/v1/chains', CHAIN, { 'idempotency-key': bad }), { status: 400 });
  }
  await call('DELETE', '/v1/chains/c');
  t.match(await call('POST', '/v1/chains', CHAIN, key), { status: 410, problem: { code: 'gone' } });
  t.match(await call('POST', '/v1/chains', CHAIN), { status: 201 });
  t.match(await call('POST', '/v1/chains', CHAIN, key), { status: 410 }, 'another object under the name');
  const failed = { 'idempotency-key': 'failed' };
  t.match(await call('POST', '/v1/chains', CHAIN, failed), { status: 409 });
  t.match(
    await call('POST', '/v1/uplinks', { ...UPLINK, name: 'x' }, failed),
    { status: 409 },
    'it did nothing',
  );
});

t.test('a dry run says what would be, and changes nothing', async (t) => {
  const api = setUp(t);
  const { call, store, control, changes } = api;
  await declareLab(api);
  const [revision, woken] = [store.declared().revision, changes()];
  control.plan = { switches: [], instances: { start: [], stop: [], reconfigure: [] }, notes: ['planned'] };
  const dry = { dryRun: true, plan: { notes: ['planned'] } };
  const one = (kind: string, name: string, action: string) => ({
    status: 200,
    body: { ...dry, outcomes: [{ kind, name, action }] },
  });
  t.match(await call('POST', '/v1/chains?dryRun=true', CHAIN), one('chains', 'c', 'created'));
  t.match(await call('PUT', '/v1/chains/c?dryRun=true', CHAIN), one('chains', 'c', 'created'));
  t.match(await call('PUT', '/v1/uplinks/out?dryRun=true', UPLINK), one('uplinks', 'out', 'unchanged'));
  const moved = { attachment: { port: 'p7' } };
  t.match(await patch(api, '/v1/uplinks/out?dryRun=true', moved), one('uplinks', 'out', 'replaced'));
  t.match(await call('DELETE', '/v1/uplinks/out?dryRun=true'), one('uplinks', 'out', 'deleted'));
  t.match(await call('DELETE', '/v1/switches/s1?dryRun=true'), { status: 409, problem: { code: 'in-use' } });
  t.match(await call('POST', '/v1/chains?dryRun=true', { ...CHAIN, subscribers: ['bob'] }), { status: 422 });
  t.match(await call('POST', '/v1/chains?dryRun=yes', CHAIN), { status: 400 });
  t.match(await call('POST', '/v1/chains?dryRun=true&wait=active', CHAIN), { status: 400 });
  t.match(await call('POST', '/v1/apply?dryRun=true', { items: [{ kind: 'chains', spec: CHAIN }] }), {
    ...one('chains', 'c', 'created'),
  });
  t.equal(store.declared().revision, revision);
  t.equal(changes(), woken);
});

t.test('apply takes all or nothing, in any order', async (t) => {
  const { call, store, changes } = setUp(t);
  const items = [
    { kind: 'chains', spec: CHAIN },
    { kind: 'subscribers', spec: ALICE },
    { kind: 'uplinks', spec: UPLINK },
    { kind: 'switches', spec: SWITCH },
  ];
  const broken = await call('POST', '/v1/apply', {
    items: [...items, { kind: 'subscribers', spec: { ...ALICE, name: 'bob' } }],
  });
  t.match(broken, { status: 409, problem: { code: 'conflict' } });
  t.ok(
    broken.problem.faults?.some(({ pointer }) => pointer === '/items/4/spec/mac'),
    'it says where',
  );
  t.equal(store.declared().revision, 0);

  const key = { 'idempotency-key': 'k' };
  const done = await call('POST', '/v1/apply', { items }, key);
  t.match(done, { status: 200, body: { revision: 1 } });
  t.same(
    (done.body['outcomes'] as { kind: string; action: string }[]).map(({ kind, action }) => [kind, action]),
    [
      ['switches', 'created'],
      ['uplinks', 'created'],
      ['subscribers', 'created'],
      ['chains', 'created'],
    ],
  );
  t.equal(changes(), 1);
  t.same((await call('POST', '/v1/apply', { items }, key)).body, done.body, 'once, with a key');
  t.match((await call('POST', '/v1/apply', { items })).body, {
    revision: 1,
    outcomes: [{ action: 'unchanged' }],
  });

  // What one gives away another may take, in one go.
  const swap = [
    { kind: 'subscribers', spec: { ...ALICE, mac: '00:00:00:00:00:02', ipv4: ['10.0.0.2'] } },
    { kind: 'subscribers', spec: { ...ALICE, name: 'bob', attachment: { switch: 's1', port: 'p2' } } },
  ];
  t.match(await call('POST', '/v1/apply', { items: swap }), { status: 200 });
  t.match(await call('POST', '/v1/apply', { items: [items[3], items[3]] }), {
    status: 422,
    problem: { faults: [{ pointer: '/items/1/spec/name' }] },
  });
  t.match(await call('POST', '/v1/apply', { items: [{ kind: 'tokens', spec: {} }] }), {
    status: 422,
    problem: { faults: [{ pointer: '/items/0/kind' }] },
  });
  t.match(await call('POST', '/v1/apply', { items: [{ kind: 'chains', spec: { name: 'x' } }] }), {
    status: 422,
  });
  t.match(await call('POST', '/v1/apply', { items: [] }), { status: 422 });
});

t.test('apply takes YAML documents, and more than a single object may have', async (t) => {
  const { call } = setUp(t);
  const yaml = `---\nkind: uplinks\nspec: {name: out, attachment: {switch: s1, port: p9}}\n---\nkind: switches\nspec: {name: s1, dpid: "0000000000000001", unchained: normal, ovsdb: "unix:/x"}\n---\n`;
  t.match(await call('POST', '/v1/apply', yaml, YAML), { status: 200, body: { revision: 1 } });
  const twice = `${yaml}kind: uplinks\nspec: {name: x, nmae: y}\n`;
  t.match(await call('POST', '/v1/apply', twice, YAML), {
    status: 422,
    problem: { faults: [{ pointer: '/items/2/spec' }, { pointer: '/items/2/spec/nmae' }] },
  });
  const many = Array.from({ length: API_LIMITS.applyObjects }, (_, i) => ({
    kind: 'subscribers',
    spec: {
      name: `sub-${i}`,
      attachment: { switch: 's1', port: `q${i}` },
      mac: `02:00:00:00:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}`,
      labels: { long: 'x'.repeat(60), longer: 'y'.repeat(60), text: 'z'.repeat(60) },
    },
  }));
  t.ok(JSON.stringify(many).length > API_LIMITS.bodyBytes);
  t.match(await call('POST', '/v1/apply', { items: many }), { status: 200 });
  t.match(await call('POST', '/v1/apply', { items: [...many, many[0]] }), { status: 422 });
  const huge = { items: [], padding: 'x'.repeat(API_LIMITS.applyBytes) };
  t.match(await call('POST', '/v1/apply', huge), { status: 413 });
});

t.test('whatever is applied in whatever order ends in the same state', async (t) => {
  const orders = fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 });
  const items = [
    { kind: 'chains', spec: CHAIN },
    { kind: 'subscribers', spec: ALICE },
    { kind: 'uplinks', spec: UPLINK },
    { kind: 'switches', spec: SWITCH },
  ];
  await fc.assert(
    fc.asyncProperty(orders, async (order) => {
      const { call } = setUp(t);
      const { status } = await call('POST', '/v1/apply', { items: order.map((at) => items[at]) });
      return status === 200;
    }),
    { numRuns: 10 },
  );
  t.pass();
});

t.test('history', async (t) => {
  const api = setUp(t);
  const { call } = api;
  await declareLab(api);
  const changed = { ...ALICE, labels: { plan: 'gold' } };
  await call('PUT', '/v1/subscribers/alice', changed);
  await call('DELETE', '/v1/subscribers/alice');
  await call('PUT', '/v1/subscribers/alice', ALICE);
  const { body } = await call('GET', '/v1/subscribers/alice/history');
  const items = body['items'] as { type: string; generation: number; data: unknown; cause: unknown }[];
  t.same(
    items.map(({ type, generation }) => [type, generation]),
    [
      ['created', 1],
      ['deleted', 2],
      ['replaced', 2],
      ['created', 1],
    ],
  );
  t.same(items[2]?.data, { before: ALICE, spec: changed });
  t.match(items[2]?.cause, { actor: 'local', request: /^[0-9a-f-]{36}$/ });
  const pages: unknown[] = [];
  let next = '';
  do {
    const page = await call('GET', `/v1/subscribers/alice/history?limit=3${next && `&cursor=${next}`}`);
    pages.push(...(page.body['items'] as unknown[]));
    next = String(page.body['next'] ?? '');
  } while (next !== '');
  t.same(pages, items);
  t.match(await call('GET', '/v1/subscribers/nobody/history'), { status: 404 });
  t.match(await call('GET', `/v1/subscribers/alice/history?cursor=x`), { status: 400 });
});
