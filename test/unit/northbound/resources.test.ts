import t from 'tap';
import type { SwitchFact } from '../../../src/model/facts.ts';
import type { Dpid, InstanceId, Mac, Name, OfPort, OwnerId } from '../../../src/model/ids.ts';
import type { InstanceView } from '../../../src/model/interfaces.ts';
import { schemaFaults } from '../../../src/northbound/contract.ts';
import { ALICE, CHAIN, declareLab, FIREWALL, SWITCH, setUp, UPLINK } from './support.ts';

const YAML = { 'content-type': 'application/yaml' };
const PROBE = { ...FIREWALL, name: 'probe' };

t.test('every kind is made, shown, replaced and deleted in the same way', async (t) => {
  const api = setUp(t);
  const bodies = [
    ['switches', SWITCH, { ...SWITCH, unchained: 'drop' }],
    ['uplinks', UPLINK, { ...UPLINK, attachment: { switch: 's1', port: 'p8' } }],
    ['subscribers', ALICE, { ...ALICE, labels: { plan: 'gold' } }],
    ['functions', PROBE, { ...PROBE, description: 'x' }],
    ['chains', CHAIN, { ...CHAIN, hops: [...CHAIN.hops, ...CHAIN.hops] }],
  ] as const;
  for (const [kind, spec, changed] of bodies) {
    const url = `/v1/${kind}/${spec.name}`;
    const made = await api.call('POST', `/v1/${kind}`, spec);
    t.match(made, { status: 201, headers: { location: url }, body: { generation: 1, spec } }, `POST ${kind}`);
    t.same((await api.call('GET', url)).body, made.body, `GET ${url}`);
    t.match((await api.call('GET', `/v1/${kind}`)).body, {
      items: kind === 'functions' ? Array : [made.body],
    });
    t.match(await api.call('POST', `/v1/${kind}`, spec), {
      status: 409,
      problem: { code: 'already-exists' },
    });
    t.match(
      await api.call('PUT', url, spec),
      { status: 200, body: { generation: 1 } },
      'the same again changes nothing',
    );
    t.match(await api.call('PUT', url, changed), { status: 200, body: { generation: 2, spec: changed } });
    t.match(await api.call('PUT', `/v1/${kind}/other`, spec), {
      status: 422,
      problem: { code: 'name-mismatch', faults: [{ pointer: '/name' }] },
    });
    t.equal((await api.call('HEAD', url)).status, 200);
  }
  for (const [kind, { name }] of bodies.toReversed()) {
    t.match(await api.call('DELETE', `/v1/${kind}/${name}`), { status: 204, body: {} });
    for (const method of ['GET', 'DELETE']) {
      t.match(await api.call(method, `/v1/${kind}/${name}`), { status: 404, problem: { code: 'not-found' } });
    }
    t.match(await api.call('PUT', `/v1/${kind}/${name}`, { ...bodies[0][1], name: 'x' }), { status: 422 });
  }
  t.equal(api.changes(), 15, 'control is woken once for each change, and not for what changed nothing');
  t.same(api.log, []);
});

t.test('PUT makes what is not there', async (t) => {
  const { call } = setUp(t);
  t.match(await call('PUT', '/v1/switches/s1', SWITCH), {
    status: 201,
    headers: { location: '/v1/switches/s1' },
  });
});

t.test('YAML, and documents with a kind beside the spec', async (t) => {
  const { call } = setUp(t);
  const yaml =
    'kind: switches\nspec: {name: s1, dpid: "0000000000000001", unchained: normal, ovsdb: "unix:/x"}\n';
  t.match(await call('POST', '/v1/switches', yaml, YAML), { status: 201, body: { spec: { name: 's1' } } });
  t.match(await call('PUT', '/v1/switches/s1', { kind: 'switches', spec: SWITCH }), { status: 200 });
  t.match(await call('POST', '/v1/uplinks', { kind: 'switches', spec: SWITCH }), {
    status: 422,
    problem: { faults: [{ pointer: '/kind', detail: 'has to be "uplinks"' }] },
  });
  const broken = await call('POST', '/v1/uplinks', {
    kind: 'uplinks',
    spec: { name: 'x', attachment: { switch: 'nope', port: 'p' } },
  });
  t.match(broken, {
    status: 422,
    problem: { code: 'unknown-reference', faults: [{ pointer: '/spec/attachment/switch' }] },
  });
  const unquoted = 'name: s2\ndpid: 0000000000000002\nunchained: normal\novsdb: unix:/x\n';
  t.match(await call('POST', '/v1/switches', unquoted, YAML), {
    status: 422,
    problem: {
      faults: [{ pointer: '/dpid', detail: 'has to be a string and is a number; write it in quotes' }],
    },
  });
});

t.test('requests that are no good', async (t) => {
  const api = setUp(t);
  await declareLab(api);
  const { call } = api;
  const big = JSON.stringify({ name: 'x'.repeat(300_000) });
  const cases: [string, string, unknown, Record<string, string>, number, string][] = [
    ['GET', '/v1/chain', undefined, {}, 404, 'not-found'],
    ['GET', '/v1/chains/', undefined, {}, 404, 'not-found'],
    ['PATCH', '/v1/chains', {}, {}, 405, 'method-not-allowed'],
    ['PATCH', '/v1/chains/c', {}, {}, 415, 'unsupported-media-type'],
    [
      'POST',
      '/v1/chains',
      CHAIN,
      { 'content-type': 'application/merge-patch+json' },
      415,
      'unsupported-media-type',
    ],
    ['DELETE', '/v1/chains', undefined, {}, 405, 'method-not-allowed'],
    ['OPTIONS', '/v1/chains', undefined, {}, 405, 'method-not-allowed'],
    ['GET', '/v1/chains?limit=0', undefined, {}, 400, 'invalid-parameter'],
    ['GET', '/v1/chains/c?wiat=active', undefined, {}, 400, 'invalid-parameter'],
    ['POST', '/v1/switches?wait=active', SWITCH, {}, 400, 'invalid-parameter'],
    ['GET', '/v1/chains/%zz', undefined, {}, 400, 'malformed-request'],
    ['POST', '/v1/chains', undefined, {}, 400, 'malformed-request'],
    ['POST', '/v1/chains', '', {}, 400, 'malformed-request'],
    ['POST', '/v1/chains', '{', {}, 400, 'malformed-request'],
    ['POST', '/v1/chains', Buffer.from([0x22, 0xff, 0x22]), {}, 400, 'malformed-request'],
    ['POST', '/v1/chains', '[]', {}, 422, 'invalid-body'],
    ['POST', '/v1/chains', CHAIN, { 'content-type': 'text/plain' }, 415, 'unsupported-media-type'],
    ['POST', '/v1/chains', CHAIN, { 'content-type': 'application/json; charset=utf-8' }, 201, ''],
    ['POST', '/v1/chains', CHAIN, { 'content-type': 'x' }, 415, 'unsupported-media-type'],
    ['POST', '/v1/chains', big, {}, 413, 'body-too-large'],
    ['POST', '/v1/chains', CHAIN, { 'content-length': '5' }, 400, 'malformed-request'],
    ['GET', '/v1/functions/x', undefined, {}, 404, 'not-found'],
    ['DELETE', '/v1/functions/firewall', undefined, {}, 409, 'built-in'],
    ['PUT', '/v1/functions/firewall', FIREWALL, {}, 409, 'built-in'],
    ['DELETE', '/v1/subscribers/alice', undefined, {}, 409, 'in-use'],
    ['GET', '/problems/no-such', undefined, {}, 404, 'not-found'],
    ['GET', '/problems/__proto__', undefined, {}, 404, 'not-found'],
  ];
  for (const [method, url, body, headers, status, code] of cases) {
    const answer = await call(method, url, body, headers);
    t.match(
      answer,
      { status, ...(code === '' ? {} : { problem: { code, status, remedy: String } }) },
      `${method} ${url} ${code}`,
    );
  }
  t.equal((await call('OPTIONS', '/v1/chains/c')).headers.allow, 'DELETE, GET, HEAD, PATCH, PUT');
  t.same(api.log, [], 'nothing of this is worth a warning');
});

t.test('the catalogue shows built-in functions beside stored ones', async (t) => {
  const { call } = setUp(t);
  await call('POST', '/v1/functions', { ...FIREWALL, name: 'a' });
  const { body } = await call('GET', '/v1/functions');
  t.match(body, {
    items: [
      { builtIn: false, spec: { name: 'a' } },
      { builtIn: true, spec: { name: 'firewall' } },
    ],
  });
  t.match((await call('GET', '/v1/functions/firewall')).body, { builtIn: true, spec: FIREWALL });
});

t.test('switches are shown with what is seen of them', async (t) => {
  const { call, control } = setUp(t);
  await call('POST', '/v1/switches', SWITCH);
  t.match((await call('GET', '/v1/switches/s1')).body, {
    declared: true,
    status: { connection: 'disconnected', applied: false },
  });
  const fact = (dpid: string): SwitchFact => ({
    dpid: dpid as Dpid,
    connection: 'connected',
    protocol: 'OpenFlow 1.5',
    ports: new Map([
      ['p1', { name: 'p1', ofport: 1 as OfPort, mac: '00:00:00:00:00:0a' as Mac, linkUp: true }],
    ]),
    applied: { digest: 'd', owners: new Map(), needs: new Map() },
    rejections: [
      { owner: 1 as OwnerId, digest: 'd', reason: 'OFPBAC_BAD_OUT_PORT', flow: 'actions=output:9' },
    ],
    problem: 'no OVSDB',
  });
  for (const dpid of [SWITCH.dpid, '00000000000000ff']) control.switches.set(dpid as Dpid, fact(dpid));
  const status = {
    connection: 'connected',
    protocol: 'OpenFlow 1.5',
    applied: true,
    ports: [{ name: 'p1', ofport: 1, linkUp: true }],
    rejections: [{ reason: 'OFPBAC_BAD_OUT_PORT', flow: 'actions=output:9' }],
    problem: 'no OVSDB',
  };
  t.match((await call('GET', '/v1/switches')).body, {
    items: [
      { declared: true, spec: SWITCH, status },
      { declared: false, status: { ...status, dpid: '00000000000000ff' } },
    ],
  });
});

t.test('links', async (t) => {
  const { call, control } = setUp(t);
  t.strictSame((await call('GET', '/v1/links')).body, { items: [] });
  await call('POST', '/v1/switches', SWITCH);
  const end = (dpid: string, port: string) => ({ dpid: dpid as Dpid, port });
  const link = { a: end(SWITCH.dpid, 'p1'), b: end(SWITCH.dpid, 'p2'), state: 'up', since: 0 } as const;
  control.joined = [link, { ...link, b: end('00000000000000ff', 'p1') }];
  t.strictSame((await call('GET', '/v1/links')).body, {
    items: [
      {
        ends: [
          { switch: 's1', port: 'p1' },
          { switch: 's1', port: 'p2' },
        ],
        state: 'up',
        since: '1970-01-01T00:00:00.000Z',
      },
    ],
  });
});

t.test('instances', async (t) => {
  const { call, control } = setUp(t);
  const record = {
    id: 'i1' as InstanceId,
    chain: 'c' as Name,
    subscriber: 'alice' as Name,
    switch: 's1' as Name,
    hop: 'firewall-1',
    function: 'firewall' as Name,
    config: { default: 'deny' },
    revision: 1,
  };
  const fact = {
    id: record.id,
    phase: 'ready',
    ports: { left: 'cs1l', right: 'cs1r' },
    restarts: 0,
    pid: 7,
  } as const;
  control.views = [
    { record, fact, sleeps: false },
    { record: { ...record, id: 'i2' as InstanceId }, fact: undefined, sleeps: false },
    { record: { ...record, id: 'i3' as InstanceId }, fact: undefined, sleeps: true },
  ] satisfies InstanceView[];
  t.match((await call('GET', '/v1/instances')).body, {
    items: [
      { id: 'i1', status: { phase: 'ready', pid: 7 } },
      { id: 'i2', status: { phase: 'unknown' } },
      { id: 'i3', status: { phase: 'asleep' } },
    ],
  });
  t.match((await call('GET', '/v1/instances/i1')).body, { hop: 'firewall-1' });
  t.match(await call('GET', '/v1/instances/i9'), { status: 404 });
  t.match(await call('GET', '/v1/instances/i9/counters'), { status: 404 });
  t.match(await call('GET', '/v1/instances/i1/counters'), {
    status: 409,
    problem: { code: 'instance-not-ready' },
  });
  const side = { rxPackets: 1, rxBytes: 60, txPackets: 1, txBytes: 60, dropped: 0, lost: 0 };
  control.instanceCounters = async () => ({ left: side, right: side, function: { flows: 1 } }) as never;
  t.match(await call('GET', '/v1/instances/i1/counters'), {
    status: 200,
    body: { left: side, function: { flows: 1 } },
  });
});

t.test('counters of chains and subscribers', async (t) => {
  const { call, control } = setUp(t);
  t.match(await call('GET', '/v1/chains/c/counters'), { status: 404 });
  t.match(await call('GET', '/v1/subscribers/alice/counters'), { status: 404 });
  await call('POST', '/v1/switches', SWITCH);
  await call('POST', '/v1/uplinks', UPLINK);
  await call('POST', '/v1/subscribers', ALICE);
  await call('POST', '/v1/chains', CHAIN);
  const chain = await call('GET', '/v1/chains/c/counters');
  t.same(chain.body, control.counters);
  t.same(schemaFaults('ChainCounters', chain.body), []);
  const subscriber = await call('GET', '/v1/subscribers/alice/counters');
  t.same(subscriber.body, { subscriber: 'alice', chains: [control.counters] });
  t.same(schemaFaults('SubscriberCounters', subscriber.body), []);
});

t.test('an audit, and its last report', async (t) => {
  const { call, control } = setUp(t);
  t.match(await call('GET', '/v1/audit'), { status: 404, problem: { detail: /POST/ } });
  const { status, body } = await call('POST', '/v1/audit');
  t.equal(status, 200);
  t.same(body, control.auditReport);
  t.same(schemaFaults('AuditReport', body), []);
  t.same((await call('GET', '/v1/audit')).body, body);
});

t.test('a switch is compared on demand', async (t) => {
  const { call, control } = setUp(t);
  const reconcile = '/v1/switches/s1/reconcile';
  t.match(await call('POST', reconcile), { status: 404 });
  await call('POST', '/v1/switches', SWITCH);
  t.match(await call('POST', reconcile), { status: 409, problem: { code: 'switch-not-connected' } });
  const rejection = { reason: 'OFPFMFC_TABLE_FULL', flow: 'table=2', owner: 1 as OwnerId, digest: 'x' };
  control.reconciled = () => ({ changes: 3, rejections: [rejection] });
  const answer = await call('POST', reconcile);
  t.equal(answer.status, 200);
  t.same(answer.body, { changes: 3, rejections: [{ reason: 'OFPFMFC_TABLE_FULL', flow: 'table=2' }] });
  t.same(schemaFaults('Reconciled', answer.body), []);
});

t.test('explain', async (t) => {
  const { call, control } = setUp(t);
  const query = { switch: 's1', port: 'p1', packet: { nw_dst: '10.0.0.9', nw_proto: 6 } };
  t.match(await call('POST', '/v1/explain', query), {
    status: 409,
    problem: { code: 'switch-not-connected' },
  });
  control.explanation = { passes: [], hops: [], outcome: { kind: 'drop', reason: 'no chain' }, also: [] };
  t.match(await call('POST', '/v1/explain', query), { status: 200, body: { outcome: { kind: 'drop' } } });
  t.equal(control.asked, 'compiled');
  t.match(await call('POST', '/v1/explain?source=switch', query), { status: 200 });
  t.equal(control.asked, 'switch');
  t.match(await call('POST', '/v1/explain?source=wire', query), {
    status: 400,
    problem: { code: 'invalid-parameter', detail: /compiled, switch/ },
  });
  t.match(await call('POST', '/v1/explain', { ...query, packet: { nw_dst: { a: 1 } } }), {
    status: 422,
    problem: { faults: [{ pointer: '/packet/nw_dst' }] },
  });
  t.match(await call('POST', '/v1/explain'), { status: 400 });
});

t.test('the service itself', async (t) => {
  const api = setUp(t);
  t.same((await api.call('GET', '/healthz')).body, { status: 'ok' });
  t.same((await api.call('GET', '/readyz')).body, { status: 'ready' });
  t.match((await api.call('GET', '/openapi.json')).body, { openapi: '3.1.0' });
  t.match((await api.call('GET', '/problems/not-found')).body, { code: 'not-found', status: 404 });
});

t.test('what nobody expects is an internal error that tells nothing of the inside', async (t) => {
  const api = setUp(t);
  api.control.explain = () => {
    throw new TypeError('secret of the house');
  };
  const answer = await api.call('POST', '/v1/explain', { switch: 's1', port: 'p1', packet: {} });
  t.match(answer, { status: 500, problem: { code: 'internal' } });
  t.notMatch(JSON.stringify(answer.body), 'secret');
  t.match(api.log.join(''), 'secret of the house');
  t.match(answer.problem.instance, (JSON.parse(api.log[0] ?? '{}') as { reqId: string }).reqId);
});

t.test('only this machine may call, and no page of another origin', async (t) => {
  const { call } = setUp(t);
  for (const host of ['localhost', 'localhost:8181', '127.0.0.1:9', '[::1]:8181', 'LOCALHOST:80']) {
    t.equal((await call('GET', '/healthz', undefined, { host })).status, 200, host);
  }
  for (const host of [
    'evil.example',
    'localhost.evil.example',
    '192.0.2.1',
    '127.0.0.1.evil.example',
    'localhost:8181@evil',
  ]) {
    t.match(
      await call('GET', '/healthz', undefined, { host }),
      { status: 403, problem: { code: 'forbidden-origin' } },
      host,
    );
  }
  const host = 'localhost:8181';
  t.equal((await call('GET', '/healthz', undefined, { host, origin: 'http://localhost:8181' })).status, 200);
  for (const origin of ['http://localhost:3000', 'https://evil.example', 'null']) {
    t.equal((await call('GET', '/healthz', undefined, { host, origin })).status, 403, origin);
  }
  t.notOk(
    Object.keys((await call('GET', '/healthz')).headers).some((name) => name.startsWith('access-control')),
  );
});
