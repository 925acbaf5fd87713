import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import type { Name } from '../../../src/model/ids.ts';
import { API_LIMITS } from '../../../src/model/limits.ts';
import { CHAIN, declareLab, setUp } from './support.ts';

const LONG = '?wait=active&timeout=20s';

t.test('a chain is answered for when it is active', async (t) => {
  const api = setUp(t);
  await declareLab(api);
  const answer = api.call('POST', `/v1/chains${LONG}`, CHAIN);
  while (api.northbound.waiting < 1) await sleep(1);
  api.control.report('c', 'pending');
  await sleep(10);
  t.equal(api.northbound.waiting, 1, 'still waits');
  api.control.report('c', 'active');
  t.match(await answer, {
    status: 201,
    headers: { location: '/v1/chains/c' },
    body: { status: { phase: 'active' } },
  });
  t.equal(api.northbound.waiting, 0);
  t.match(
    await api.call('GET', `/v1/chains/c${LONG}`),
    { status: 200, body: { status: { phase: 'active' } } },
    'at once',
  );
});

t.test('what was active before is not what is waited for', async (t) => {
  const api = setUp(t);
  await declareLab(api);
  await api.call('POST', '/v1/chains', CHAIN);
  api.control.report('c', 'active');
  const changed = { ...CHAIN, hops: [...CHAIN.hops, ...CHAIN.hops] };
  const put = await api.call('PUT', '/v1/chains/c?wait=active&timeout=20ms', changed);
  t.match(put, {
    status: 504,
    problem: { code: 'wait-timeout', generation: 2, chainStatus: { phase: 'active', observedGeneration: 1 } },
  });
  t.match(put.problem.detail, 'chain c is stored as generation 2');
  t.equal(api.store.declared().chains.get('c' as Name)?.generation, 2, 'it is stored indeed');
});

t.test('a chain made again under an old name does not inherit its status', async (t) => {
  const api = setUp(t);
  await declareLab(api);
  await api.call('POST', '/v1/chains', CHAIN);
  api.control.report('c', 'active');
  await api.call('DELETE', '/v1/chains/c');
  t.match(await api.call('POST', '/v1/chains?wait=active&timeout=0ms', CHAIN), {
    status: 504,
    problem: { chainStatus: { phase: 'pending', observedGeneration: 0 } },
  });
  t.match((await api.call('GET', '/v1/chains/c')).body, {
    status: { phase: 'pending', observedGeneration: 0 },
  });
});

t.test('a refusal by a switch is an answer, too', async (t) => {
  const api = setUp(t);
  await declareLab(api);
  const answer = api.call('PUT', `/v1/chains/c${LONG}`, CHAIN);
  await sleep(10);
  api.control.report('c', 'rejected', 0);
  await sleep(10);
  t.equal(api.northbound.waiting, 1, 'a refusal of an earlier generation is none of this one');
  api.control.report('c', 'rejected');
  t.match(await answer, {
    status: 502,
    problem: { code: 'chain-rejected', generation: 1, chainStatus: { phase: 'rejected' } },
  });
});

t.test('a later generation will do, a deletion ends it', async (t) => {
  const api = setUp(t);
  await declareLab(api);
  const first = api.call('POST', `/v1/chains${LONG}`, CHAIN);
  await sleep(10);
  await api.call('PUT', '/v1/chains/c', { ...CHAIN, hops: [...CHAIN.hops, ...CHAIN.hops] });
  api.control.report('c', 'active');
  t.match(await first, { status: 201, body: { generation: 2 } });

  api.control.report('c', 'degraded');
  const second = api.call('GET', `/v1/chains/c${LONG}`);
  await sleep(10);
  await api.call('DELETE', '/v1/chains/c');
  api.control.report('x', 'pending');
  t.match(await second, { status: 404, problem: { code: 'not-found' } });
});

t.test('parameters', async (t) => {
  const api = setUp(t);
  await declareLab(api);
  for (const query of [
    'wait=ready',
    'wait=',
    'timeout=5s',
    'wait=active&timeout=61s',
    'wait=active&timeout=5',
    'wait=active&timeout=-1s',
    'wait=active&timeout=1e1s',
    'wait=active&wait=active',
    'wait=active&timeout=60001ms',
  ]) {
    t.match(
      await api.call('POST', `/v1/chains?${query}`, CHAIN),
      { status: 400, problem: { code: 'invalid-parameter' } },
      query,
    );
  }
  t.equal(api.store.declared().chains.size, 0, 'nothing was stored');
  t.match(
    await api.call('GET', '/v1/chains/c?wait=active'),
    { status: 404 },
    'what is not there is not waited for',
  );
});

t.test('there is room for so many', async (t) => {
  const api = setUp(t);
  await declareLab(api);
  await api.call('POST', '/v1/chains', CHAIN);
  const waiting = Array.from({ length: API_LIMITS.waiters.places }, () =>
    api.call('GET', `/v1/chains/c${LONG}`),
  );
  await sleep(50);
  t.match(await api.call('PUT', `/v1/chains/d${LONG}`, { ...CHAIN, name: 'd' }), {
    status: 429,
    problem: { code: 'too-many-waiters' },
  });
  t.notOk(api.store.declared().chains.has('d' as Name), 'nothing was stored');
  api.control.report('c', 'active');
  t.same(new Set((await Promise.all(waiting)).map(({ status }) => status)), new Set([200]));
  t.equal(api.northbound.waiting, 0);
  t.match(await api.call('POST', `/v1/chains${LONG}`, '{'), { status: 400 });
  t.equal(api.northbound.waiting, 0, 'a request that fails gives its place back');
});

t.test('closing ends the waiting', async (t) => {
  const api = setUp(t);
  await declareLab(api);
  const answer = api.call('POST', `/v1/chains${LONG}`, CHAIN);
  await sleep(10);
  await api.northbound.close();
  t.match(await answer, { status: 503, problem: { code: 'shutting-down', generation: 1 } });
});
