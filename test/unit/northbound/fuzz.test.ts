/**
 * Random requests over every route, with and without tokens, meet only answers that the contract declares: no 5xx, no
 * hang, nothing polluted. SEED=... runs the same requests again, RUNS=... more of them.
 */
import fc from 'fast-check';
import t from 'tap';
import { createToken } from '../../../src/northbound/auth/tokens.ts';
import { contract } from '../../../src/northbound/contract.ts';
import { faultsOf, SHUNNED, sendRandom } from './random-answers.ts';
import { requests } from './requests.ts';
import { CHAIN, declareLab, setUp } from './support.ts';

const { SEED, RUNS } = process.env;
const seed = Number(SEED ?? Date.now() % 1_000_000);
const runs = Number(RUNS ?? 1500);
t.test('whatever is asked, the answer is one of the contract', async (t) => {
  t.setTimeout(60_000 + runs * 20);
  t.comment(`SEED=${seed}`);
  const api = setUp(t);
  await declareLab(api);
  await api.call('POST', '/v1/chains', CHAIN);
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(requests(SHUNNED), async (request) => {
      const faults = faultsOf(request, await sendRandom(api, request));
      const key = `${request.method} ${request.url.split('?')[0]?.split('/').slice(0, 3).join('/')}`;
      seen.set(key, (seen.get(key) ?? 0) + 1);
      if (faults.length > 0) throw new Error(faults.join('; '));
    }),
    { seed, numRuns: runs, endOnFailure: true },
  );
  t.ok(seen.size > 20, `${runs} requests over ${seen.size} routes`);
  t.ok(api.store.declared().revision > 4, `${api.store.declared().revision} changes were made`);
  t.same(api.log, [], 'and none is worth a line in the log');
});

t.test('without a token nothing is told or done, and with one only what it may', async (t) => {
  t.setTimeout(60_000 + runs * 20);
  t.comment(`SEED=${seed}`);
  const api = setUp(t, undefined, {
    authentication: { by: 'token', requestsPerSecond: 100_000 },
    now: () => new Date('2026-01-01T00:00:00.000Z'),
  });
  const { token } = createToken(
    api.store.tokens,
    { description: 'reader', scope: 'read' },
    'test',
    new Date(0),
  );
  const before = api.store.declared();
  const open = new Set(['/openapi.json', '/problems', '/healthz', '/readyz', '/docs']);
  await fc.assert(
    fc.asyncProperty(requests(SHUNNED), fc.boolean(), async (request, reads) => {
      const headers = reads ? { authorization: `Bearer ${token}` } : undefined;
      const faults = faultsOf(request, await sendRandom(api, request, headers));
      if (faults.length > 0) throw new Error(faults.join('; '));
      if (reads) return;
      const { statusCode } = await api.northbound.inject({
        method: request.method as 'GET',
        url: request.url,
      });
      const isOpen = [...open].some((path) => request.url.startsWith(path));
      // A path that is none is told before anything else; after a few tries without a token they are put off.
      if (!isOpen && ![400, 401, 429].includes(statusCode)) throw new Error(`${statusCode} without a token`);
    }),
    { seed, numRuns: Math.ceil(runs / 3), endOnFailure: true },
  );
  t.equal(api.store.declared(), before, 'a reader changes nothing');
});

t.test('the test sees an answer that is not declared', async (t) => {
  const api = setUp(t);
  const operation = contract.paths['/v1/chains/{name}']?.['get'] as { responses: Record<string, unknown> };
  const { 404: hidden, ...others } = operation.responses;
  operation.responses = others;
  t.teardown(() => {
    operation.responses['404'] = hidden;
  });
  const request = { method: 'GET', url: '/v1/chains/x', headers: {}, body: undefined };
  t.same(faultsOf(request, await sendRandom(api, request)), ['status 404 is not in the contract']);
});
