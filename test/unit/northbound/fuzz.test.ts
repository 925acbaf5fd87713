/**
 * Random requests over every route, with and without tokens, meet only answers that the contract declares: no 5xx, no
 * hang, nothing polluted. SEED=... runs the same requests again, RUNS=... more of them.
 */
import fc from 'fast-check';
import t from 'tap';
import type { Json } from '../../../src/model/declared.ts';
import { createToken } from '../../../src/northbound/auth/tokens.ts';
import { contract } from '../../../src/northbound/contract.ts';
import { type RandomRequest, requests } from './requests.ts';
import { type Api, CHAIN, contractBreaches, declareLab, setUp } from './support.ts';

const { SEED, RUNS } = process.env;
const seed = Number(SEED ?? Date.now() % 1_000_000);
const runs = Number(RUNS ?? 1500);
/** Longer than any answer may take here. */
const HANG_MS = 5_000;

/** Writes files, which is no matter of requests. */
const SHUNNED = ['/v1/backup'];

/** Sends a request; says what is wrong with the answer. */
async function faultsOf(
  api: Api,
  request: RandomRequest,
  more: Record<string, string> = {},
): Promise<string[]> {
  const { method, url, headers, body } = request;
  const payload = typeof body === 'string' ? body : JSON.stringify(body);
  // A wait would be as long as it says.
  const brief = url.replace(/([?&])wait=[^&]*/g, '$1');
  const answer = api.northbound.inject({
    method: method as 'GET',
    url: brief,
    headers: { ...headers, ...more },
    ...(payload === undefined ? {} : { payload: Buffer.from(payload) }),
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, HANG_MS, undefined);
  });
  const response = await Promise.race([answer, late]);
  clearTimeout(timer);
  if (response === undefined) return ['no answer'];
  const { statusCode: status } = response;
  const type = String(response.headers['content-type'] ?? '').split(';')[0] ?? '';
  const value = type.endsWith('json') ? (JSON.parse(response.body) as Json) : {};
  const breaches = contractBreaches(method, brief, status, type, value);
  const polluted =
    ({} as Record<string, unknown>)['polluted'] === undefined ? [] : ['prototypes are polluted'];
  return [...(status >= 500 ? [`status ${status}: ${response.body}`] : []), ...breaches, ...polluted];
}

t.test('whatever is asked, the answer is one of the contract', async (t) => {
  t.comment(`SEED=${seed}`);
  const api = setUp(t);
  await declareLab(api);
  await api.call('POST', '/v1/chains', CHAIN);
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(requests(SHUNNED), async (request) => {
      const faults = await faultsOf(api, request);
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
      const faults = await faultsOf(api, request, reads ? { authorization: `Bearer ${token}` } : {});
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
  const faults = await faultsOf(api, { method: 'GET', url: '/v1/chains/x', headers: {}, body: undefined });
  t.same(faults, ['status 404 is not in the contract']);
});
