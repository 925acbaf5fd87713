/**
 * Whatever is sent in whatever order: what is stored fits together. The rules are said here once more, in
 * another way than in admission, over all that is stored.
 */
import fc from 'fast-check';
import t from 'tap';
import { type Declared, KINDS, type Kind, type Specs } from '../../../src/model/declared.ts';
import { resolveHops, selects } from '../../../src/model/hops.ts';
import type { Name } from '../../../src/model/ids.ts';
import { withObject, withoutObject } from '../../../src/model/object-map.ts';
import { admitRemoval, admitSpec } from '../../../src/northbound/admission/index.ts';
import { configFaults } from '../../../src/northbound/config-schema.ts';
import { openStore } from '../../../src/store/store.ts';
import { FIREWALL } from './support.ts';

const builtIns = new Map([[FIREWALL.name, FIREWALL]]);
const pick = <T>(...values: T[]) => fc.constantFrom(...values);
const attachment = fc.record({ switch: pick('s1', 's2'), port: pick('p1', 'p2', 'p3') });
const labels = pick({}, { plan: 'gold' }, { plan: 'tin' }, { plan: 'gold', site: 'a' });
const hop = pick<object>(
  { function: 'firewall', config: { default: 'deny' } },
  { function: 'firewall', config: {} },
  { function: 'probe', config: { every: 5 } },
  { function: 'probe', name: 'firewall-1' },
  { pool: 'edge' },
  { pool: 'core', onFailure: 'open' },
);
const someone = pick('alice', 'bob', 'carol');
const specs: { readonly [K in Kind]: fc.Arbitrary<object> } = {
  switches: fc.record({
    name: pick('s1', 's2'),
    dpid: pick('0000000000000001', '0000000000000002'),
    unchained: pick('normal'),
    ovsdb: pick('unix:/x'),
  }),
  uplinks: fc.record({ name: pick('u1', 'u2'), attachment }),
  subscribers: fc.record({
    name: someone,
    attachment,
    mac: pick('00:00:00:00:00:01', '00:00:00:00:00:02'),
    ipv4: fc.subarray(['10.0.0.1', '10.0.0.2', '10.0.0.3']),
    labels,
  }),
  functions: fc.record({
    name: pick('probe', 'firewall'),
    image: pick('probe.elf'),
    vlanTransparent: fc.boolean(),
    configSchema: pick<object>({}, { properties: { every: { type: 'integer', maximum: 4 } } }),
  }),
  webhooks: fc.record({
    name: pick('w'),
    url: pick('https://oss.example/'),
    secret: pick('0123456789abcdef'),
  }),
  pools: fc.record({
    name: pick('edge', 'core'),
    function: pick('probe', 'firewall'),
    switch: pick('s1', 's2'),
    instances: fc.integer({ min: 1, max: 3 }),
    config: pick<object>({}, { every: 5 }),
    drain: fc.subarray(['i1', 'i2']),
  }),
  chains: fc.oneof(
    fc.record({
      name: pick('c1', 'c2'),
      hops: fc.array(hop, { minLength: 1, maxLength: 3 }),
      subscribers: fc.subarray(['alice', 'bob', 'carol'], { minLength: 1 }),
    }),
    fc.record({
      name: pick('c1', 'c2'),
      hops: fc.array(hop, { minLength: 1, maxLength: 3 }),
      selector: pick({ plan: 'gold' }, { site: 'a' }),
    }),
  ),
};
const change = fc.oneof(
  ...KINDS.map((kind) => fc.record({ kind: pick(kind), put: specs[kind] })),
  ...KINDS.map((kind) =>
    fc.record({ kind: pick(kind), remove: specs[kind].map((spec) => (spec as { name: string }).name) }),
  ),
) as fc.Arbitrary<{ kind: Kind; put?: Specs[Kind]; remove?: Name }>;

/** What does not fit together in all that is stored. */
function contradictions(declared: Declared): string[] {
  const found: string[] = [];
  const all = <K extends Kind>(kind: K) => [...declared[kind].values()].map(({ spec }) => spec as Specs[K]);
  const unique = (what: string, values: readonly string[]): void => {
    if (new Set(values).size !== values.length) found.push(`${what}: ${[...values].sort().join(', ')}`);
  };
  const place = (spec: { attachment: { switch: string; port: string } }) =>
    `${spec.attachment.switch}/${spec.attachment.port}`;
  unique(
    'dpid',
    all('switches').map(({ dpid }) => dpid),
  );
  unique(
    'uplinks of a switch',
    all('uplinks').map((spec) => spec.attachment.switch),
  );
  const withUplink = new Set(all('uplinks').map((spec) => spec.attachment.switch));
  for (const [index, one] of all('subscribers').entries())
    for (const other of all('subscribers').slice(0, index)) {
      const switches = [one, other].map((spec) => spec.attachment.switch);
      const addresses = new Set([other.mac, ...(other.ipv4 ?? [])]);
      if (![one.mac, ...(one.ipv4 ?? [])].some((address) => addresses.has(address))) continue;
      if (new Set(switches).size < 2 || !switches.every((at) => withUplink.has(at)))
        found.push(`${one.name} and ${other.name} can be mistaken`);
    }
  const uplinks = new Set(all('uplinks').map(place));
  for (const spec of all('subscribers'))
    if (uplinks.has(place(spec))) found.push(`${spec.name} is on an uplink`);
  for (const spec of [...all('subscribers'), ...all('uplinks')]) {
    if (!declared.switches.has(spec.attachment.switch)) found.push(`${spec.name} is on no switch`);
  }
  unique(
    'chains of a subscriber',
    all('chains').flatMap((chain) =>
      all('subscribers')
        .filter((spec) => selects(chain, spec))
        .map(({ name }) => name),
    ),
  );
  const usable = (whose: string, name: Name, config: object): void => {
    const spec = builtIns.get(name) ?? declared.functions.get(name)?.spec;
    if (spec === undefined) found.push(`${whose} has no function ${name}`);
    else if (configFaults(spec, config as never, '').length > 0)
      found.push(`${whose} has a config that ${name} refuses`);
  };
  for (const pool of all('pools')) {
    usable(pool.name, pool.function, pool.config ?? {});
    if (declared.functions.get(pool.function)?.spec.vlanTransparent !== true)
      found.push(`${pool.name} cannot tell its subscribers apart`);
    if (!declared.switches.has(pool.switch)) found.push(`${pool.name} is on no switch`);
  }
  for (const chain of all('chains')) {
    unique(
      `hops of ${chain.name}`,
      resolveHops(chain).map(({ hop }) => hop),
    );
    for (const hop of resolveHops(chain)) {
      if (hop.pool === undefined) usable(chain.name, hop.function, hop.config);
      else if (!declared.pools.has(hop.pool)) found.push(`${chain.name} has no pool ${hop.pool}`);
    }
    unique(
      `pools of ${chain.name}`,
      chain.hops.flatMap(({ pool }) => pool ?? []),
    );
    for (const name of chain.subscribers ?? []) {
      const where = declared.subscribers.get(name)?.spec.attachment.switch;
      if (where === undefined) found.push(`${chain.name} has no subscriber ${name}`);
      else if (all('uplinks').length === 0) found.push(`${name} has no uplink`);
    }
  }
  return found;
}

/** Applies the changes that are admitted; returns the first contradiction, and how many were admitted. */
function run(
  changes: readonly { kind: Kind; put?: Specs[Kind]; remove?: Name }[],
  admits: boolean,
): { found: string[]; admitted: number } {
  const store = openStore(':memory:');
  let admitted = 0;
  try {
    for (const { kind, put, remove } of changes) {
      const before = store.declared();
      const poolOf = () => 'edge' as Name;
      const holderOf = () => undefined;
      if (put !== undefined) {
        const object = { kind, uid: 0, generation: 1, createdAt: '', updatedAt: '', spec: put };
        const world = {
          declared: withObject(before, object),
          before,
          whole: before,
          builtIns,
          poolOf,
          holderOf,
        };
        if (admits && admitSpec(world, kind, put) !== undefined) continue;
        if (before[kind].has(put.name)) store.replace(kind, put);
        else store.create(kind, put);
      } else if (remove !== undefined && before[kind].has(remove)) {
        const world = {
          declared: withoutObject(before, kind, remove),
          before,
          whole: before,
          builtIns,
          poolOf,
          holderOf,
        };
        if (admits && admitRemoval(world, kind, remove) !== undefined) continue;
        store.remove(kind, remove);
      } else continue;
      admitted++;
      const found = contradictions(store.declared());
      if (found.length > 0) return { found, admitted };
    }
    return { found: [], admitted };
  } finally {
    store.close();
  }
}

const runs = fc.array(change, { minLength: 40, maxLength: 80 });

t.test('what is stored fits together', async (t) => {
  let admitted = 0;
  fc.assert(
    fc.property(runs, (changes) => {
      const result = run(changes, true);
      admitted += result.admitted;
      if (result.found.length > 0) throw new Error(result.found.join('; '));
    }),
    { numRuns: 60 },
  );
  t.ok(admitted > 500, `${admitted} changes were admitted`);
});

t.test('without admission it would not', async (t) => {
  const broken = fc.sample(runs, 20).filter((changes) => run(changes, false).found.length > 0);
  t.ok(broken.length > 10, `${broken.length} of 20`);
});
