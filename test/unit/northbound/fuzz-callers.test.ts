/**
 * Random requests of every kind of caller on one world: nobody gets a 5xx or an answer that is not declared, a tenant sees
 * and changes what is its own, a reader changes nothing. SEED=... runs the same requests again, RUNS=... more of them.
 */
import fc from 'fast-check';
import t, { type Test } from 'tap';
import type { Name } from '../../../src/model/ids.ts';
import type { Scope } from '../../../src/model/tokens.ts';
import { createToken } from '../../../src/northbound/auth/tokens.ts';
import { faultsOf, SHUNNED, sendRandom } from './random-answers.ts';
import { requests } from './requests.ts';
import { ALICE, type Api, CHAIN, SWITCH, setUp, UPLINK } from './support.ts';

const { SEED, RUNS } = process.env;
const seed = Number(SEED ?? Date.now() % 1_000_000);
const runs = Number(RUNS ?? 1000);

/** Stands in what is a tenant's, or only the operator's; no request says it. */
const CANARIES = { acme: 'c4n4ry-of-acme', beta: 'c4n4ry-of-beta', operator: 'c4n4ry-of-the-operator' };
type Owner = keyof typeof CANARIES;

type Caller = { readonly tenant?: 'acme' | 'beta'; readonly scope: Scope } | undefined;
const CALLERS: Readonly<Record<string, Caller>> = {
  nobody: undefined,
  reader: { scope: 'read' },
  operator: { scope: 'operate' },
  administrator: { scope: 'admin' },
  'reader of acme': { tenant: 'acme', scope: 'read' },
  'operator of acme': { tenant: 'acme', scope: 'operate' },
  'administrator of acme': { tenant: 'acme', scope: 'admin' },
  'operator of beta': { tenant: 'beta', scope: 'operate' },
};

/** A world in which everybody has something; what is gone is made again. */
function furnish({ store }: Api): void {
  const subscriber = (owner: Owner, name: string, port: number) => ({
    ...ALICE,
    name,
    attachment: { switch: 's1', port: `p${port}` },
    mac: `00:00:00:00:00:0${port}`,
    ipv4: [`10.0.0.${port}`],
    labels: { secret: CANARIES[owner] },
  });
  const chain = (owner: Owner, name: string, who: string) => ({
    ...CHAIN,
    name,
    subscribers: [who],
    hops: [{ ...CHAIN.hops[0], name: CANARIES[owner] }],
  });
  const all = [
    ['switches', SWITCH],
    ['uplinks', UPLINK],
    ['subscribers', subscriber('operator', 'alice', 1)],
    ['subscribers', subscriber('acme', 'acme.alice', 2)],
    ['subscribers', subscriber('beta', 'beta.bob', 3)],
    ['chains', chain('operator', 'c', 'alice')],
    ['chains', chain('acme', 'acme.c', 'acme.alice')],
    ['chains', chain('beta', 'beta.c', 'beta.bob')],
  ] as const;
  for (const [kind, spec] of all) {
    if (!store.declared()[kind].has(spec.name as Name)) store.create(kind, spec as never);
  }
}

/** What is wrong with what a caller was told and what its request changed. */
function trespasses(
  caller: Caller,
  told: string,
  changed: readonly { kind: string; name: string }[],
): string[] {
  const mayKnow = (owner: Owner): boolean =>
    caller !== undefined && (caller.tenant === undefined || caller.tenant === owner);
  const leaked = (Object.keys(CANARIES) as Owner[]).filter(
    (owner) => !mayKnow(owner) && told.includes(CANARIES[owner]),
  );
  const mayChange = ({ kind, name }: { kind: string; name: string }): boolean =>
    caller !== undefined &&
    caller.scope !== 'read' &&
    (caller.tenant === undefined ||
      (['chains', 'subscribers'].includes(kind) && name.startsWith(`${caller.tenant}.`)));
  return [
    ...leaked.map((owner) => `it was told of ${owner}`),
    ...changed.filter((one) => !mayChange(one)).map(({ kind, name }) => `it changed ${kind}/${name}`),
  ];
}

function open(t: Test): { api: Api; tokens: ReadonlyMap<string, string> } {
  const api = setUp(t, undefined, {
    authentication: { by: 'token' },
    now: () => new Date('2026-01-01T00:00:00Z'),
  });
  const tokens = new Map<string, string>();
  for (const [name, caller] of Object.entries(CALLERS)) {
    if (caller === undefined) continue;
    const spec = { description: name, ...caller, ...(caller.tenant && { tenant: caller.tenant as Name }) };
    tokens.set(name, createToken(api.store.tokens, spec as never, 'test', new Date(0)).token);
  }
  return { api, tokens };
}

t.test('whoever asks whatever', async (t) => {
  t.setTimeout(60_000 + runs * 20);
  t.comment(`SEED=${seed}`);
  const { api, tokens } = open(t);
  const { store } = api;
  const seen = new Map<string, Map<number, number>>();
  let changes = 0;
  furnish(api);
  const label = (name: string) => ({
    method: 'PATCH',
    url: `/v1/subscribers/${name}`,
    headers: { 'content-type': 'application/merge-patch+json' },
    body: { labels: { plan: 'gold' } },
  });
  const acme = { authorization: `Bearer ${tokens.get('operator of acme')}` };
  t.equal(
    (await sendRandom(api, label('acme.alice'), acme))?.statusCode,
    200,
    'what is its own it may change',
  );
  t.equal((await sendRandom(api, label('beta.bob'), acme))?.statusCode, 404);
  // Half of them where tenants have something.
  const anything = fc.oneof(requests(SHUNNED), requests(SHUNNED, /^\/v1\/(chains|subscribers|apply|tokens)/));
  const who = fc.constantFrom(...Object.keys(CALLERS));
  await fc.assert(
    fc.asyncProperty(who, anything, async (name, request) => {
      furnish(api);
      const caller = CALLERS[name];
      const token = tokens.get(name);
      const before = store.journal.newest;
      const response = await sendRandom(
        api,
        request,
        token === undefined ? {} : { authorization: `Bearer ${token}` },
      );
      const changed = store.journal.read(before, 10_000).entries;
      const faults = [...faultsOf(request, response), ...trespasses(caller, response?.body ?? '', changed)];
      if (faults.length > 0) throw new Error(`${name}: ${faults.join('; ')}`);
      changes += changed.length;
      const statuses = seen.get(name) ?? new Map<number, number>();
      seen.set(name, statuses);
      const status = response?.statusCode ?? 0;
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }),
    { seed, numRuns: runs, endOnFailure: true },
  );
  for (const [name, statuses] of seen) {
    const told = [...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${count} x ${status}`);
    t.comment(`${name}: ${told.join(', ')}`);
    if (name !== 'nobody') t.ok(statuses.has(200), `${name} gets something`);
  }
  t.comment(`${changes} changes were made`);
  t.same(api.log, [], 'and none is worth a line in the log');
});

t.test('the test sees a trespass', async (t) => {
  const acme = CALLERS['operator of acme'];
  t.same(trespasses(acme, `{"x":"${CANARIES.beta}"}`, []), ['it was told of beta']);
  t.same(trespasses(acme, '', [{ kind: 'chains', name: 'beta.c' }]), ['it changed chains/beta.c']);
  t.same(trespasses(acme, CANARIES.acme, [{ kind: 'chains', name: 'acme.c' }]), []);
  t.same(trespasses(CALLERS['reader'], '', [{ kind: 'chains', name: 'c' }]), ['it changed chains/c']);
});
