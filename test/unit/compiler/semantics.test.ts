/**
 * The compiled tables held against what a chain means, on random chains, states and packets: every frame
 * meets its hops in order or is dropped. The tables are run by an interpreter of their own semantics; that a
 * real switch agrees with the interpreter is the integration tests' matter.
 */
import fc from 'fast-check';
import t from 'tap';
import { type CompiledSwitch, compile } from '../../../src/compiler/compile.ts';
import { FlowTables } from '../../../src/compiler/packets/flow-table.ts';
import type { Declared, FailPolicy, ServiceMatch } from '../../../src/model/declared.ts';
import type { Facts } from '../../../src/model/facts.ts';
import { EMPTY_STEERING, type InstanceRecord, type Steering } from '../../../src/model/steering.ts';
import { alice, bob, chain, DPID, declare, factsOf, hop, planOf } from '../world.ts';
import { frameOf, leaving } from './leaving.ts';
import { type Frame, frameArbitrary, headersOf, isMeant, matchArbitrary } from './service-meaning.ts';

const NORMAL = 0xfffffffa;
const PORT = { alice: 1, bob: 2, uplink: 3 };
const ALICE = 0x000000000001n;
const BOB = 0x000000000002n;
const BROADCAST = 0xffffffffffffn;

type Hop = { readonly ready: boolean; readonly onFailure: Exclude<FailPolicy, 'another'> };
const hopsArbitrary = fc.array(
  fc.record({ ready: fc.boolean(), onFailure: fc.constantFrom('closed' as const, 'open' as const) }),
  { minLength: 1, maxLength: 16 },
);
const macArbitrary = fc.oneof(fc.constantFrom(ALICE, BOB, BROADCAST), fc.bigInt(0n, BROADCAST));
/** Whatever a frame may say of itself; the tables may not trust it. */
const headersArbitrary = fc.record({
  eth_src: macArbitrary,
  eth_type: fc.constantFrom(0x0800n, 0x0806n, 0x86ddn, 0x88ccn),
  arp_tpa: fc.constantFrom(0x0a000001n, 0x0a000002n),
});

function build(hops: readonly Hop[], subscribers = ['alice']) {
  const specs = hops.map(({ onFailure }) => hop('firewall', { onFailure }));
  const declared = declare([chain(specs, {}, subscribers)]);
  const steering = planOf(declared);
  const notReady = inOrder(steering)
    .map(({ id }) => id)
    .filter((_, i) => hops[i % hops.length]?.ready === false);
  return { declared, steering, facts: factsOf(steering, notReady) };
}

function tablesOf(world: { declared: Declared; steering: Steering; facts: Facts }): CompiledSwitch {
  const compiled = compile({ ...world, interfacePrefix: 'cs', rejected: new Set() }).switches.get(DPID);
  if (!compiled) throw new Error('switch s1 was not compiled');
  return compiled;
}

/** Follows a frame through the switch and through instances that let everything pass; gives the ports it met. */
function trip(
  tables: Pick<CompiledSwitch, 'flows' | 'groups'>,
  port: number,
  headers: Readonly<Record<string, bigint>>,
): number[] {
  const met: number[] = [];
  let at = port;
  let frame = frameOf(headers);
  const flows = new FlowTables(tables.flows, tables.groups);
  for (let pass = 0; pass < 40; pass++) {
    const [left] = leaving(flows, at, frame);
    if (left === undefined) return met;
    const out = left.port;
    frame = left;
    met.push(out);
    if (out < 10 || out === NORMAL) return met;
    at = out % 10 === 0 ? out + 1 : out - 1;
  }
  throw new Error('the frame goes round in circles');
}

/** What the chain means: entered ports of the hops in order, then the end; it stops at a closed hop that is not ready. */
function meant(
  hops: readonly Hop[],
  instances: readonly number[],
  way: 'upstream' | 'downstream',
  end: number,
) {
  const order = hops.map((one, i) => ({
    ...one,
    port: (instances[i] ?? 0) * 10 + (way === 'upstream' ? 0 : 1),
  }));
  const met: number[] = [];
  for (const { ready, onFailure, port } of way === 'upstream' ? order : order.reverse()) {
    if (ready) met.push(port);
    else if (onFailure === 'closed') return met;
  }
  return [...met, end];
}

const numbersOf = (steering: Steering, subscriber: string): number[] =>
  inOrder(steering)
    .filter((r) => r.pool === undefined && r.subscriber === subscriber)
    .map((r) => Number(r.id.slice(1)));

t.test('no bypass: every frame of a chained subscriber meets its hops in order, both ways', async () => {
  fc.assert(
    fc.property(hopsArbitrary, macArbitrary, headersArbitrary, (hops, to, headers) => {
      const world = build(hops);
      const tables = tablesOf(world);
      const instances = numbersOf(world.steering, 'alice');
      same(
        trip(tables, PORT.alice, { ...headers, eth_dst: to }),
        meant(hops, instances, 'upstream', PORT.uplink),
      );
      same(
        trip(tables, PORT.uplink, { ...headers, eth_dst: ALICE }),
        meant(hops, instances, 'downstream', PORT.alice),
      );
      const asksForAlice = { ...headers, eth_dst: BROADCAST, eth_type: 0x0806n, arp_tpa: 0x0a000001n };
      same(trip(tables, PORT.uplink, asksForAlice), meant(hops, instances, 'downstream', PORT.alice));
    }),
  );
});

t.test('no cross-talk: two subscribers of one chain never meet in an instance', async () => {
  fc.assert(
    fc.property(hopsArbitrary, headersArbitrary, (hops, headers) => {
      const world = build(hops, ['alice', 'bob']);
      const tables = tablesOf(world);
      same(
        trip(tables, PORT.bob, { ...headers, eth_dst: ALICE }),
        meant(hops, numbersOf(world.steering, 'bob'), 'upstream', PORT.uplink),
      );
      same(
        trip(tables, PORT.uplink, { ...headers, eth_dst: BOB }),
        meant(hops, numbersOf(world.steering, 'bob'), 'downstream', PORT.bob),
      );
    }),
  );
});

type ServiceOf = { readonly matches: readonly ServiceMatch[]; readonly priority: number };
const servicesArbitrary = fc.uniqueArray(fc.nat(999), { minLength: 1, maxLength: 4 }).chain((priorities) =>
  fc.tuple(
    ...priorities.map((priority) =>
      fc.record({
        priority: fc.constant(priority),
        matches: fc.array(matchArbitrary, { minLength: 1, maxLength: 3 }),
      }),
    ),
  ),
);

/** Number of the chain that a frame of alice's belongs to, in the order of asking; or what becomes of it otherwise. */
function meantChain(services: readonly ServiceOf[], frame: Frame): number | 'rest' | 'dropped' {
  for (const [index, { matches }] of services.entries()) {
    const answers = matches.map((match) => isMeant(match, frame));
    if (answers.includes(true)) return index;
    if (answers.includes('perhaps')) return 'dropped';
  }
  return 'rest';
}

t.test(
  'a frame goes along the first chain whose service it is, both ways, and else along the rest',
  async () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(
        servicesArbitrary,
        fc.constantFrom('chain', 'normal', 'drop'),
        fc.array(frameArbitrary, { minLength: 20, maxLength: 20 }),
        (unsorted: readonly ServiceOf[], rest, frames) => {
          const services = [...unsorted].sort((a, b) => b.priority - a.priority);
          const chains = services.map(({ matches, priority }, index) =>
            chain([hop('firewall')], {
              uid: index + 1,
              more: { name: `service-${index}` as never, service: matches, priority },
            }),
          );
          const forRest = rest === 'chain' ? [chain([hop('firewall')], { uid: 99 })] : [];
          const declared = declare([...chains, ...forRest], {
            unchained: rest === 'drop' ? 'drop' : 'normal',
          });
          const steering = planOf(declared);
          const tables = tablesOf({ declared, steering, facts: factsOf(steering) });
          const instanceOf = (name: string): number =>
            Number(
              inOrder(steering)
                .find((one) => one.pool === undefined && one.chain === name)
                ?.id.slice(1),
            );
          for (const frame of frames) {
            const meant = meantChain(services, frame);
            seen.set(String(meant), (seen.get(String(meant)) ?? 0) + 1);
            for (const way of ['upstream', 'downstream'] as const) {
              const [from, to] = way === 'upstream' ? [PORT.alice, PORT.uplink] : [PORT.uplink, PORT.alice];
              const headers = { ...headersOf(frame, way), eth_dst: way === 'upstream' ? 0x64n : ALICE };
              const name = typeof meant === 'number' ? `service-${meant}` : 'alice-protected';
              const through = [instanceOf(name) * 10 + (way === 'upstream' ? 0 : 1), to];
              const passesBare = rest === 'normal' || frame.etherType === 0x0806;
              const along = typeof meant === 'number' || (meant === 'rest' && rest === 'chain');
              const straight = meant === 'rest' && passesBare ? [to] : [];
              same(trip(tables, from, headers), along ? through : straight);
            }
          }
        },
      ),
      { numRuns: 300 },
    );
    for (const kind of ['0', '1', 'rest', 'dropped'])
      if ((seen.get(kind) ?? 0) < 50) throw new Error(`only ${seen.get(kind)} frames were ${kind}`);
  },
);

t.test('with a service chain alone nothing reaches NORMAL, and questions are answered', async (t) => {
  const service: ServiceMatch[] = [{ protocol: 'udp', remotePort: 53 }];
  for (const unchained of ['normal', 'drop'] as const) {
    const declared = declare([chain([hop('firewall')], { more: { service } })], { unchained });
    const steering = planOf(declared);
    const tables = tablesOf({ declared, steering, facts: factsOf(steering) });
    const asks = { eth_dst: BROADCAST, eth_type: 0x0806n, arp_tpa: 0x0a000001n };
    t.strictSame(trip(tables, PORT.uplink, asks), [PORT.alice], 'ARP comes down');
    t.strictSame(trip(tables, PORT.alice, { eth_dst: BROADCAST, eth_type: 0x0806n }), [PORT.uplink]);
    const dhcp = { eth_dst: BROADCAST, eth_type: 0x0800n, nw_proto: 17n, udp_src: 68n, udp_dst: 67n };
    t.strictSame(trip(tables, PORT.alice, dhcp), [PORT.uplink], 'DHCP goes up');
    const web = { eth_dst: 0x64n, eth_type: 0x0800n, nw_proto: 6n, tcp_src: 5000n, tcp_dst: 80n };
    t.strictSame(trip(tables, PORT.alice, web), unchained === 'normal' ? [PORT.uplink] : [], unchained);
    t.strictSame(trip(tables, PORT.bob, { ...web, eth_dst: ALICE }), [], 'a neighbour does not get past');
    t.equal(tables.isolated.get(PORT.alice as never), 'all');
  }
});

t.test('deleting one of three chains leaves the flows of the others byte for byte', async (t) => {
  const services: ServiceMatch[][] = [
    [{ protocol: 'tcp', remotePort: 80 }],
    [{ protocol: 'tcp', remotePort: 443 }],
  ];
  const chains = [
    ...services.map((service, index) =>
      chain([hop('firewall')], { uid: index + 1, more: { name: `s${index}` as never, service } }),
    ),
    chain([hop('counter')], { uid: 9 }),
  ];
  const all = declare(chains);
  const before = planOf(all);
  const flowsOf = (declared: Declared, steering: Steering, of: number): string =>
    text(
      tablesOf({ declared, steering, facts: factsOf(steering) }).flows.filter(({ owner }) => owner === of),
    );
  for (const gone of [0, 1, 2]) {
    const left = declare(chains.filter((_, index) => index !== gone));
    const after = planOf(left, planOf(left, before));
    for (const stays of [0, 1, 2].filter((index) => index !== gone)) {
      t.equal(
        flowsOf(left, after, stays + 1),
        flowsOf(all, before, stays + 1),
        `${gone} goes, ${stays} stays`,
      );
    }
    t.equal(flowsOf(left, after, gone + 1), '[]');
  }
});

t.test('traffic that no chain owns is switched, but never to a chained subscriber', async (t) => {
  const tables = tablesOf(build([{ ready: true, onFailure: 'closed' }]));
  t.strictSame(trip(tables, PORT.bob, { eth_dst: 0x64n }), [NORMAL]);
  t.strictSame(trip(tables, PORT.bob, { eth_dst: ALICE }), [], 'bob does not reach alice past her chain');
  t.strictSame(trip(tables, PORT.uplink, { eth_dst: BOB }), [NORMAL]);
  const isolating = { eth_dst: BROADCAST, vlan_vid: 0x1fffn };
  t.strictSame(trip(tables, PORT.bob, isolating), [], 'nor with the VLAN that isolated ports are trunks of');
  t.strictSame(trip(tables, PORT.uplink, isolating), [], 'nor does the uplink');
  t.strictSame(trip(tables, PORT.bob, { ...isolating, vlan_vid: 0x1ffen }), [NORMAL], 'others are switched');
  t.strictSame(
    [...tables.isolated],
    [
      [1, 'all'],
      [2, 'none'],
      [3, 'none'],
      [10, 'all'],
      [11, 'all'],
    ],
    'nothing is flooded to a chained subscriber or into an instance',
  );
});

t.test('an instance that has no path, or a port that is not known, reaches nothing', async (t) => {
  const world = build([{ ready: true, onFailure: 'closed' }]);
  const tables = tablesOf({ ...world, declared: declare([]), steering: EMPTY_STEERING });
  t.strictSame(trip(tables, 10, { eth_dst: BROADCAST }), []);
  t.strictSame(trip(tables, 99, { eth_dst: BROADCAST }), []);
});

t.test('without an uplink a chained subscriber is cut off, not let through', async (t) => {
  const world = build([{ ready: true, onFailure: 'open' }]);
  const declared = declare([...world.declared.chains.values()], { uplink: false });
  t.strictSame(trip(tablesOf({ ...world, declared }), PORT.alice, { eth_dst: 0x64n }), []);
});

t.test(
  'an update: while the new path is staged the old one serves, and a frame inside a kept instance goes on',
  async (t) => {
    const two = declare([chain([hop('firewall'), hop('counter')])]);
    const before = build([{ ready: true, onFailure: 'closed' }]);
    const replan = (steering: Steering): Steering => planOf(two, steering, 1000);
    const staged = replan(before.steering);
    const duringStaging = tablesOf({ declared: two, steering: staged, facts: factsOf(staged) });
    t.strictSame(trip(duringStaging, PORT.alice, { eth_dst: 0x64n }), [10, PORT.uplink]);
    t.strictSame(trip(duringStaging, PORT.uplink, { eth_dst: ALICE }), [11, PORT.alice]);

    const flipped = replan(staged);
    const afterFlip = tablesOf({ declared: two, steering: flipped, facts: factsOf(flipped) });
    t.strictSame(trip(afterFlip, PORT.alice, { eth_dst: 0x64n }), [10, 20, PORT.uplink]);
    t.strictSame(trip(afterFlip, PORT.uplink, { eth_dst: ALICE }), [21, 11, PORT.alice]);
    t.strictSame(
      trip(afterFlip, 11, { eth_dst: 0x64n }),
      [20, PORT.uplink],
      'what was inside the firewall goes on to the new hop',
    );
  },
);

t.test('compile is a function: the same input gives the same flows in the same order', async (t) => {
  const world = build(
    [
      { ready: true, onFailure: 'closed' },
      { ready: false, onFailure: 'open' },
    ],
    ['alice', 'bob'],
  );
  const shuffled: Declared = {
    ...world.declared,
    subscribers: new Map([...world.declared.subscribers].reverse()),
  };
  t.equal(text(tablesOf(world).flows), text(tablesOf(world).flows));
  t.equal(text(tablesOf({ ...world, declared: shuffled }).flows), text(tablesOf(world).flows));
});

t.test('the interpreter can tell a bypass', async (t) => {
  const tables = tablesOf(build([{ ready: true, onFailure: 'closed' }]));
  const enter = tables.flows.find(({ table, owner }) => table === 1 && owner !== 0);
  if (!enter) throw new Error('no flow classifies alice');
  const around = {
    ...enter,
    priority: 400,
    instructions: [{ type: 'applyActions', actions: [{ type: 'output', port: PORT.uplink, maxLen: 0 }] }],
  } as const;
  const { flows, groups } = tables;
  t.strictSame(trip({ flows: [...flows, around], groups }, PORT.alice, {}), [PORT.uplink]);
  t.not(alice.mac, bob.mac);
});

const text = (value: unknown): string =>
  JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}` : part));

function inOrder({ instances }: Steering): readonly InstanceRecord[] {
  return [...instances.values()].sort((a, b) => Number(a.id.slice(1)) - Number(b.id.slice(1)));
}

function same(seen: readonly number[], wanted: readonly number[]): void {
  if (seen.join() !== wanted.join())
    throw new Error(`met ${seen.join(' ') || 'nothing'}, meant ${wanted.join(' ') || 'nothing'}`);
}
