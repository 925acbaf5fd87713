/** No tenant sees, touches or finds out what is another's, over whatever route there is. */
import t, { type Test } from 'tap';
import { selection } from '../../../src/compiler/selection.ts';
import type { ChainSpec, JsonObject, Specs, SubscriberSpec } from '../../../src/model/declared.ts';
import { selects } from '../../../src/model/hops.ts';
import type { InstanceId, Name } from '../../../src/model/ids.ts';
import type { InstanceView } from '../../../src/model/interfaces.ts';
import type { Scope } from '../../../src/model/tokens.ts';
import { demandOf, policyOf } from '../../../src/northbound/auth/policy.ts';
import { createToken } from '../../../src/northbound/auth/tokens.ts';
import { type Answer, type Api, FIREWALL, SWITCH, setUp, UPLINK } from './support.ts';

/** Stands in everything that is not acme's and that no request says. */
const SECRET = 'c4n4ry';
const PROBE = { ...FIREWALL, name: 'probe1' as Name };

const subscriber = (name: string, port: number, more: object = {}): SubscriberSpec =>
  ({
    name,
    attachment: { switch: 's1', port: `p${port}` },
    mac: `00:00:00:00:00:0${port}`,
    ipv4: [`10.0.0.${port}`],
    ...more,
  }) as unknown as SubscriberSpec;
const chain = (name: string, who: string, more: object = {}): ChainSpec =>
  ({
    name,
    subscribers: [who],
    hops: [{ function: 'firewall', config: { default: 'deny' } }],
    ...more,
  }) as unknown as ChainSpec;
const hidden = { labels: { secret: SECRET, plan: 'gold' } };
const hiddenHop = { hops: [{ function: 'firewall', name: SECRET, config: { default: 'allow' } }] };

type Tenants = Api & {
  /** A token of acme's, of beta's and of the operator's. */
  tokens: { readonly [who in 'acme' | 'beta' | 'operator']: string };
  betasToken: string;
  as: (token: string, method: string, url: string, body?: unknown, headers?: object) => Promise<Answer>;
};

function instance(id: string, chainName: string, subscriberName: string): InstanceView {
  const record = {
    id: id as InstanceId,
    chain: chainName as Name,
    subscriber: subscriberName as Name,
    switch: 's1' as Name,
    hop: 'firewall-1',
    function: 'firewall' as Name,
    config: { of: chainName === 'acme.c' ? 'acme' : SECRET },
    revision: 1,
  };
  return { record, fact: undefined, sleeps: false };
}

function tenants(t: Test, scope: Scope = 'admin'): Tenants {
  const api = setUp(t, undefined, { authentication: { by: 'token' } });
  const { store, control } = api;
  const tokenOf = (tenant?: string) =>
    createToken(
      store.tokens,
      { description: tenant ?? SECRET, scope, ...(tenant === undefined ? {} : { tenant: tenant as Name }) },
      'test',
      new Date(),
    );
  const betas = tokenOf('beta');
  const tokens = { acme: tokenOf('acme').token, beta: betas.token, operator: tokenOf().token };
  store.tokens.touch(betas.record.id, new Date().toISOString());
  store.create('functions', PROBE);
  store.create('switches', SWITCH as unknown as Specs['switches']);
  store.create('switches', {
    ...SWITCH,
    name: 'sw1',
    dpid: '00000000000000aa',
  } as unknown as Specs['switches']);
  store.create('uplinks', { ...UPLINK, name: 'upl1' } as unknown as Specs['uplinks']);
  store.create('subscribers', subscriber('acme.alice', 1, { labels: { plan: 'gold' } }));
  store.create('subscribers', subscriber('beta.bob', 2, hidden));
  store.create('subscribers', subscriber('carol', 3, hidden));
  store.create('chains', chain('acme.c', 'acme.alice'));
  store.create('chains', chain('beta.c', 'beta.bob', hiddenHop));
  store.create('chains', chain('cc1', 'carol', hiddenHop));
  control.views = [
    instance('i1', 'acme.c', 'acme.alice'),
    instance('i2', 'beta.c', 'beta.bob'),
    instance('i3', 'cc1', 'carol'),
  ];
  for (const name of ['acme.c', 'beta.c', 'cc1']) control.report(name, 'active');
  const as: Tenants['as'] = (token, method, url, body, headers = {}) =>
    api.call(method, url, body, { authorization: `Bearer ${token}`, ...headers });
  return { ...api, tokens, betasToken: betas.record.id, as };
}

type Probe = { readonly url: string; readonly body?: unknown };

/**
 * Requests about what is there and is not acme's, each with one that differs only in that there is nothing: the names
 * that both say are as long and as much not acme's.
 */
function probes(method: string, path: string, betasToken: string): readonly (readonly [Probe, Probe])[] {
  const names: [there: string, not: string][] = [
    ['beta.bob', 'beta.bab'],
    ['beta.c', 'beta.d'],
    ['carol', 'cerol'],
    ['cc1', 'cc2'],
    ['beta', 'bata'],
    ['sw1', 'sw2'],
    ['upl1', 'upl2'],
    ['probe1', 'probe2'],
    ['i2', 'i9'],
    ['i3', 'i8'],
    [betasToken, '0'.repeat(20)],
  ];
  const bodies = ([there, not]: [string, string]): [unknown, unknown][] => [
    [{}, {}],
    [subscriber(there, 5), subscriber(not, 5)],
    [chain(there, 'acme.alice'), chain(not, 'acme.alice')],
    [chain('acme.c', there), chain('acme.c', not)],
    [chain('acme.new', there), chain('acme.new', not)],
    [{ spec: { name: there } }, { spec: { name: not } }],
    [{ labels: { a: 'b' } }, { labels: { a: 'b' } }],
    [{ subscribers: [there] }, { subscribers: [not] }],
    [
      { items: [{ kind: 'subscribers', spec: subscriber(there, 5) }] },
      { items: [{ kind: 'subscribers', spec: subscriber(not, 5) }] },
    ],
    [
      { items: [{ kind: 'chains', spec: chain('acme.new', there) }] },
      { items: [{ kind: 'chains', spec: chain('acme.new', not) }] },
    ],
    [
      { switch: 's1', port: 'p2', packet: {} },
      { switch: 's1', port: 'p8', packet: {} },
    ],
  ];
  const url = (name: string): string => path.replace(/:\w+/, name);
  const hasName = path.includes(':');
  // A route that is the operator's is refused before it looks at anything: one probe shows it.
  const isForTenants = demandOf(policyOf(method, path) ?? 'admin')?.isForTenants;
  const asked = isForTenants ? names : names.slice(0, 1);
  return asked.flatMap((pair): (readonly [Probe, Probe])[] => {
    if (!hasName && pair !== names[0] && method === 'GET') return [];
    const [there, not] = hasName ? [url(pair[0]), url(pair[1])] : [path, path];
    if (method === 'GET' || method === 'DELETE') return [[{ url: there }, { url: not }]];
    return bodies(pair).flatMap(([body, none]): (readonly [Probe, Probe])[] => [
      [
        { url: there, body },
        { url: not, body: none },
      ],
      [
        { url: `${there}?dryRun=true`, body },
        { url: `${not}?dryRun=true`, body: none },
      ],
    ]);
  });
}

const WORD = /[a-z0-9]([a-z0-9.-]*[a-z0-9])?/g;

/** The answer without what differs from request to request, and with the words of one request in place of the other's. */
function plain({ status, body, headers }: Answer, from: Probe, to: Probe): string {
  const words = (probe: Probe): string[] => JSON.stringify(probe).match(WORD) ?? [];
  const theirs = words(to);
  const other = new Map(words(from).map((word, index) => [word, theirs[index] ?? word]));
  const text = JSON.stringify([
    status,
    { ...body, instance: undefined },
    headers['etag'],
    headers['location'],
  ]);
  return text.replaceAll(WORD, (word) => other.get(word) ?? word);
}

type Findings = { readonly leaks: string[]; readonly tells: string[]; readonly requests: number };

/** Walks all routes as one caller. */
async function walk(api: Tenants, token: string): Promise<Findings> {
  const leaks: string[] = [];
  const tells: string[] = [];
  let requests = 0;
  for (const { path, methods } of api.northbound.routes) {
    for (const method of methods.filter((one) => one !== 'HEAD')) {
      for (const [there, not] of probes(method, path, api.betasToken)) {
        const patch = method === 'PATCH' ? { 'content-type': 'application/merge-patch+json' } : {};
        const [found, missing] = [
          await api.as(token, method, there.url, there.body, patch),
          await api.as(token, method, not.url, not.body, patch),
        ];
        requests += 2;
        const what = `${method} ${there.url} ${JSON.stringify(there.body ?? '')}`;
        if ([found.text, missing.text].some((text) => text.includes(SECRET))) leaks.push(what);
        const [a, b] = [plain(found, there, not), plain(missing, not, not)];
        if (a !== b) tells.push(`${what}\n  ${a}\n  ${b}`);
      }
    }
  }
  return { leaks, tells, requests };
}

/** The catalogue is for everyone, and so are the names in it. */
const isCatalogue = (what: string): boolean => /\/v1\/functions\/probe1/.test(what);

t.test("over every route, what is not a tenant's looks like what is not there", async (t) => {
  const api = tenants(t);
  const before = api.store.declared();
  const { leaks, tells, requests } = await walk(api, api.tokens.acme);
  t.same(leaks, []);
  t.same(
    tells.filter((what) => !isCatalogue(what)),
    [],
  );
  t.ok(requests > 500, `${requests} requests`);
  const after = api.store.declared();
  for (const [kind, name] of [
    ['subscribers', 'beta.bob'],
    ['subscribers', 'carol'],
    ['chains', 'beta.c'],
    ['chains', 'cc1'],
    ['switches', 'sw1'],
    ['uplinks', 'upl1'],
    ['functions', 'probe1'],
  ] as const)
    t.equal(after[kind].get(name as Name), before[kind].get(name as Name), `${name} is untouched`);
  t.ok(api.store.tokens.all().has(api.betasToken));
});

t.test('the same walk finds it all as the operator', async (t) => {
  const api = tenants(t, 'read');
  const { leaks, tells } = await walk(api, api.tokens.operator);
  for (const path of [
    '/v1/subscribers',
    '/v1/chains',
    '/v1/instances',
    '/v1/chains/beta.c',
    '/v1/instances/i2',
  ])
    t.ok(leaks.includes(`GET ${path} ""`), path);
  t.ok(tells.some((what) => what.startsWith('GET /v1/subscribers/beta.bob')));
});

const names = ({ body }: Answer): string[] =>
  (body['items'] as unknown as { spec: { name: string } }[]).map(({ spec }) => spec.name);

t.test('a tenant works with what is its own', async (t) => {
  const api = tenants(t);
  const { acme, operator } = api.tokens;
  t.same(names(await api.as(acme, 'GET', '/v1/chains')), ['acme.c']);
  t.same(names(await api.as(acme, 'GET', '/v1/subscribers')), ['acme.alice']);
  t.same(names(await api.as(acme, 'GET', '/v1/chains?phase=active')), ['acme.c']);
  t.same(names(await api.as(operator, 'GET', '/v1/chains')), ['acme.c', 'beta.c', 'cc1']);
  t.match(await api.as(acme, 'GET', '/v1/chains/acme.c'), {
    status: 200,
    body: { status: { phase: 'active' } },
  });
  t.equal((await api.as(acme, 'DELETE', '/v1/chains/acme.c')).status, 204);
  const put = await api.as(acme, 'PUT', '/v1/chains/acme.c', chain('acme.c', 'acme.alice'));
  t.equal(put.status, 201);
  const history = await api.as(acme, 'GET', '/v1/chains/acme.c/history');
  t.equal((history.body['items'] as unknown[]).length, 3);
  const merge = { 'content-type': 'application/merge-patch+json' };
  const relabel = { labels: { plan: 'silver' } };
  t.equal((await api.as(acme, 'PATCH', '/v1/subscribers/acme.alice', relabel, merge)).status, 200);
  const move = { attachment: { switch: 's1', port: 'p7' } };
  const moved = await api.as(acme, 'PATCH', '/v1/subscribers/acme.alice', move, merge);
  t.match(moved.problem, { code: 'forbidden', detail: /`labels` may be changed/ });
  const several = {
    items: [
      {
        kind: 'chains',
        spec: chain('acme.c', 'acme.alice', { hops: [{ function: 'probe1', config: { default: 'deny' } }] }),
      },
    ],
  };
  t.equal((await api.as(acme, 'POST', '/v1/apply', several)).status, 200);
  const mixed = { items: [...several.items, { kind: 'chains', spec: chain('beta.x', 'beta.bob') }] };
  t.match((await api.as(acme, 'POST', '/v1/apply', mixed)).problem, {
    code: 'forbidden',
    detail: /begin with `acme\.`/,
  });
  t.match(await api.as(acme, 'GET', '/v1/switches'), { status: 403, problem: { code: 'forbidden' } });
  const dry = await api.as(acme, 'DELETE', '/v1/chains/acme.c?dryRun=true');
  t.match(dry, { status: 200, body: { plan: { switches: [] } } });
});

t.test('two tenants may use one name, and one key', async (t) => {
  const api = tenants(t);
  const once = { 'idempotency-key': 'k' };
  for (const who of ['acme', 'beta'] as const) {
    const body = chain(`${who}.web`, who === 'acme' ? 'acme.alice' : 'beta.bob', {
      service: [{ protocol: 'tcp' }],
    });
    t.match(await api.as(api.tokens[who], 'POST', '/v1/chains', body, once), { status: 201 });
  }
  t.same(names(await api.as(api.tokens.beta, 'GET', '/v1/chains')), ['beta.c', 'beta.web']);
});

t.test('a chain is for subscribers of its own tenant', async (t) => {
  const api = tenants(t);
  for (const [name, who] of [
    ['beta.x', 'acme.alice'],
    ['x', 'acme.alice'],
    ['acme.x', 'carol'],
  ] as const) {
    const body = chain(name, who, { service: [{ protocol: 'udp' }] });
    const { problem } = await api.as(api.tokens.operator, 'POST', '/v1/chains', body);
    t.match(
      problem,
      { code: 'conflict', faults: [{ pointer: '/subscribers/0', detail: /own tenant/ }] },
      name,
    );
  }
  const golden = (name: string) => ({ name, selector: { plan: 'gold' }, hops: [] }) as unknown as ChainSpec;
  const [mine, theirs] = [subscriber('acme.alice', 1, hidden), subscriber('beta.bob', 2, hidden)];
  t.ok(selects(golden('acme.gold'), mine));
  t.notOk(selects(golden('acme.gold'), theirs));
  t.notOk(selects(golden('gold'), theirs), "the operator's are no exception");
  t.notOk(selects(golden('acme-x.gold'), mine));
  const body = {
    name: 'acme.gold',
    selector: { secret: SECRET },
    hops: [{ function: 'probe1', config: { default: 'deny' } }],
  };
  t.equal((await api.as(api.tokens.acme, 'POST', '/v1/chains', body)).status, 201);
  const picked = [...selection(api.store.declared()).values()].filter(({ chains }) =>
    chains.some(({ spec }) => spec.name === 'acme.gold'),
  );
  t.same(picked, [], 'labels of others select nobody');
});

t.test('a tenant explains what its own subscribers send, and sees no steps of others', async (t) => {
  const api = tenants(t);
  const step = (chainName: string) => ({
    table: 1,
    tableName: 'steer',
    flow: SECRET,
    chain: chainName as Name,
    does: SECRET,
  });
  const hop = (id: string) => ({ hop: 'firewall-1', instance: id });
  api.control.explanation = {
    passes: [
      {
        switch: 's1' as Name,
        port: 'p1',
        steps: [{ ...step('acme.c'), flow: 'f', does: 'd' }, step('beta.c')],
      },
      { switch: SECRET as Name, port: SECRET, steps: [step('acme.c')] },
    ],
    hops: [hop('i1'), hop('i2')],
    outcome: { kind: 'output', switch: SECRET as Name, port: SECRET },
    also: [{ kind: 'output', switch: 's1' as Name, port: 'p9' }],
  };
  const ask = (port: string) =>
    api.as(api.tokens.acme, 'POST', '/v1/explain', { switch: 's1', port, packet: {} });
  const { status, body } = await ask('p1');
  t.equal(status, 200);
  t.notMatch(JSON.stringify(body), SECRET);
  t.match(body, {
    passes: [{ steps: [{ flow: 'f' }, { does: 'belongs to somebody else' }] }],
    hops: [hop('i1')],
    outcome: { kind: 'unknown' },
    also: [{ kind: 'output', switch: 's1', port: 'p9' }],
  });
  t.equal((body['hops'] as unknown[]).length, 1);
  for (const port of ['p2', 'p3', 'p8', 'p9']) t.match(await ask(port), { status: 404 }, port);
});

t.test('who administers a tenant makes and revokes its tokens, and no others', async (t) => {
  const api = tenants(t);
  const { acme, operator } = api.tokens;
  const body = { description: 'x', scope: 'read' };
  const made = await api.as(acme, 'POST', '/v1/tokens', body);
  t.match(made, { status: 201, body: { tenant: 'acme' } });
  t.match(await api.as(acme, 'POST', '/v1/tokens', { ...body, tenant: 'beta' }), { status: 403 });
  const { id, token } = made.body as JsonObject & { id: string; token: string };
  t.same(names(await api.as(token, 'GET', '/v1/chains')), ['acme.c']);
  const list = await api.as(acme, 'GET', '/v1/tokens');
  t.equal((list.body['items'] as unknown[]).length, 2);
  t.equal((await api.as(acme, 'DELETE', `/v1/tokens/${api.betasToken}`)).status, 404);
  t.equal((await api.as(acme, 'DELETE', `/v1/tokens/${id}`)).status, 204);
  t.equal((await api.as(token, 'GET', '/v1/chains')).status, 401);
  t.match(await api.as(operator, 'POST', '/v1/tokens', { ...body, tenant: 'beta' }), {
    body: { tenant: 'beta' },
  });
  t.match((await api.as(operator, 'POST', '/v1/tokens', { ...body, tenant: 'a.b' })).problem, {
    code: 'invalid-body',
  });
});

t.test('an address at the uplink is the operator’s to give out', async (t) => {
  const api = tenants(t);
  const { acme, operator } = api.tokens;
  const nat = { ...FIREWALL, name: 'nat', transparent: false, rewrites: { external: '/outside/address' } };
  api.store.create('functions', { ...nat, configSchema: {} } as unknown as Specs['functions']);
  const put = (token: string, address: string, name = 'router') => {
    const hops = [{ function: 'nat', name, config: { outside: { address } } }];
    return api.as(token, 'PUT', '/v1/chains/acme.c', chain('acme.c', 'acme.alice', { hops }));
  };
  // That of beta's subscriber, and one that nobody has.
  for (const address of ['10.0.0.2', '192.0.2.1'])
    t.match(await put(acme, address), { status: 403 }, address);
  t.match(await put(operator, '10.0.0.2'), { status: 409 });
  t.match(await put(operator, '192.0.2.1'), { status: 200 });
  t.match(await put(acme, '192.0.2.1', 'mine'), { status: 200 });
  t.match(await put(acme, '192.0.2.2'), { status: 403 });
});

t.test('a tenant taps no pool that is on the way of another’s', async (t) => {
  const api = tenants(t);
  const { acme } = api.tokens;
  const shared = { ...FIREWALL, name: 'shared', vlanTransparent: true };
  api.store.create('functions', shared as unknown as Specs['functions']);
  for (const name of ['edge', 'spare']) {
    const pool = { name, function: 'shared', switch: 's1', instances: 1, config: { default: 'deny' } };
    api.store.create('pools', pool as unknown as Specs['pools']);
  }
  api.store.replace('chains', chain('beta.c', 'beta.bob', { hops: [{ pool: 'edge' }] }));
  const tap = (pool: string) =>
    api.as(acme, 'PUT', '/v1/chains/acme.c', chain('acme.c', 'acme.alice', { hops: [{ pool, tap: true }] }));
  const refused = await tap('edge');
  t.match(refused, { status: 409 });
  t.notMatch(JSON.stringify(refused.problem), 'beta');
  t.match(await tap('spare'), { status: 200 });
});
