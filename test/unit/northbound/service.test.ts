/** What the API says of itself, and of its requests. */
import t from 'tap';
import { requestId } from '../../../src/northbound/access-log.ts';
import { createNorthbound } from '../../../src/northbound/index.ts';
import { openStore } from '../../../src/store/store.ts';
import { openLog } from '../../../src/telemetry/log.ts';
import { FIREWALL, StubControl, SWITCH, setUp } from './support.ts';

const ID = '6f1d6f8e-5d0c-4c59-9c39-0d5a5f7a9d11';

t.test('ready when the store can be read and changes are acted on; each fault is named', async (t) => {
  const { call, control, store } = setUp(t);
  t.match(await call('GET', '/readyz'), { status: 200, body: { status: 'ready' } });
  control.faults = ['the control loop has not turned yet'];
  t.match(await call('GET', '/readyz'), {
    status: 503,
    problem: { code: 'not-ready', faults: [{ detail: 'the control loop has not turned yet' }] },
  });
  t.match(await call('GET', '/healthz'), { status: 200 }, 'alive all the same');
  store.close();
  const { problem } = await call('GET', '/readyz');
  t.match(problem.faults, [{ detail: /^the store cannot be read/ }, { detail: /^the control loop/ }]);
});

t.test('a request has the id that the client gave it, if it is one', async (t) => {
  const { call } = setUp(t);
  const given = await call('GET', '/v1/chains/nobody', undefined, { 'x-request-id': ID });
  t.equal(given.headers['x-request-id'], ID);
  t.equal(given.problem.instance, `urn:uuid:${ID}`);
  for (const bad of ['x', `${ID}\t`, ID.toUpperCase(), `${ID}${ID}`, '{"level":"fatal"}', '']) {
    const { headers } = await call('GET', '/healthz', undefined, { 'x-request-id': bad });
    t.match(headers['x-request-id'], /^[0-9a-f-]{36}$/);
    t.not(headers['x-request-id'], bad);
  }
  t.match(requestId({ headers: {} }), /^[0-9a-f-]{36}$/);
});

t.test('one line for each request, and no field that the client makes up', async (t) => {
  const lines: string[] = [];
  const requests: unknown[] = [];
  const store = openStore(':memory:');
  const northbound = createNorthbound({
    store,
    introspection: new StubControl(store),
    builtIns: [FIREWALL],
    log: openLog('debug', { write: (line) => void lines.push(line) }),
    onChange: () => undefined,
    meters: { answered: (request: unknown) => void requests.push(request) } as never,
  });
  t.teardown(() => northbound.close());
  await northbound.inject({ method: 'POST', url: '/v1/switches', payload: SWITCH });
  const secret = 'x'.repeat(5000);
  const headers = { authorization: `Bearer ${secret}` };
  await northbound.inject({ method: 'GET', url: `/${secret}?${secret}`, headers });
  await northbound.inject({ method: 'GET', url: `/v1/switches/${secret.slice(0, 60)}`, headers });
  const answered = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'answered');
  t.match(answered, [
    {
      level: 'info',
      method: 'POST',
      route: '/v1/switches',
      status: 201,
      by: 'local',
      reqId: /^[0-9a-f-]{36}$/,
    },
    { level: 'debug', method: 'GET', route: 'none', status: 404 },
    { level: 'debug', method: 'GET', route: '/v1/switches/:name', status: 404 },
  ]);
  t.notMatch(JSON.stringify(answered), 'xxx');
  t.match(requests, [{ route: '/v1/switches' }, { route: 'none' }, { route: '/v1/switches/:name' }]);
});
