/**
 * Shared pools: who is pinned to which instance, what moves when one goes, and that paths that share instances
 * keep apart. The tables are held against what the chain means on random frames.
 */
import fc from 'fast-check';
import t from 'tap';
import { type CompiledSwitch, compile } from '../../../src/compiler/compile.ts';
import { FlowTables } from '../../../src/compiler/packets/flow-table.ts';
import { planSteering } from '../../../src/compiler/plan.ts';
import { type Candidate, pin } from '../../../src/compiler/pools.ts';
import type { Declared, SubscriberSpec } from '../../../src/model/declared.ts';
import type { DesiredFlow } from '../../../src/model/desired.ts';
import type { InstanceFact } from '../../../src/model/facts.ts';
import type { InstanceId, Mac, Name, OwnerId, PathId } from '../../../src/model/ids.ts';
import { EMPTY_STEERING, memberKey, type Steering } from '../../../src/model/steering.ts';
import { chain, DPID, declare, factsOf, hop, pool, shared } from '../world.ts';
import { frameOf, leaving } from './leaving.ts';

const UPLINK = 3;
const DRAIN = 1000;
const MAC_BASE = 0x020000000000n;
const macOf = (n: number): bigint => MAC_BASE + BigInt(n);

/** Subscriber n is at port 100000 + n. */
const subscriber = (n: number): SubscriberSpec => ({
  name: `s${n}` as Name,
  attachment: { switch: 's1' as Name, port: `p${n}` },
  mac: (macOf(n).toString(16).padStart(12, '0').match(/../g) ?? []).join(':') as Mac,
  ipv4: [`10.1.${n >> 8}.${n & 255}` as never],
});
const many = (count: number): SubscriberSpec[] => Array.from({ length: count }, (_, n) => subscriber(n));

type Options = {
  readonly notReady?: readonly string[];
  readonly lost?: readonly string[];
  readonly now?: number;
};

function factsFor(declared: Declared, steering: Steering, { notReady = [], lost = [] }: Options = {}) {
  const facts = factsOf(steering, [...notReady, ...lost]);
  const instances = new Map<InstanceId, InstanceFact>(
    [...facts.instances].map(([id, fact]) => [id, lost.includes(id) ? { ...fact, phase: 'backoff' } : fact]),
  );
  const fact = facts.switches.get(DPID);
  if (!fact) throw new Error('no switch');
  const ports = new Map(fact.ports);
  for (const { spec } of declared.subscribers.values()) {
    const { port } = spec.attachment;
    ports.set(port, {
      name: port,
      ofport: (100_000 + Number(port.slice(1))) as never,
      mac: spec.mac,
      linkUp: true,
    });
  }
  return { ...facts, instances, switches: new Map([[DPID, { ...fact, ports }]]) };
}

function plan(
  declared: Declared,
  steering: Steering,
  options: Options & { unconfirmed?: boolean; settled?: boolean } = {},
): Steering {
  return planSteering({
    declared,
    steering,
    instances: factsFor(declared, steering, options).instances,
    settled: options.settled ?? true,
    confirmed: options.unconfirmed ? new Set<PathId>() : new Set(steering.paths.keys()),
    now: options.now ?? 0,
    drainTime: DRAIN,
  });
}

function tablesOf(declared: Declared, steering: Steering, options: Options = {}): CompiledSwitch {
  const facts = factsFor(declared, steering, options);
  const compiled = compile({
    declared,
    steering,
    facts,
    interfacePrefix: 'cs',
    rejected: new Set(),
  }).switches.get(DPID);
  if (!compiled) throw new Error('switch s1 was not compiled');
  return compiled;
}

const known = new WeakMap<CompiledSwitch, FlowTables<DesiredFlow>>();
function indexed(tables: CompiledSwitch): FlowTables<DesiredFlow> {
  const made = known.get(tables) ?? new FlowTables(tables.flows, tables.groups);
  known.set(tables, made);
  return made;
}

/** The ports that a frame leaves at, through instances that give everything back at their other side. */
function trip(tables: CompiledSwitch, port: number, headers: Readonly<Record<string, bigint>>): number[] {
  const met: number[] = [];
  let at = port;
  let frame = frameOf(headers);
  const flows = indexed(tables);
  for (let pass = 0; pass < 40; pass++) {
    const [left] = leaving(flows, at, frame);
    if (left === undefined) return met;
    met.push(left.port);
    frame = left;
    if (left.port === UPLINK || left.port >= 100_000) {
      if (left.packet.get('vlan_vid') !== (headers['vlan_vid'] ?? 0n))
        throw new Error('it left with another tag');
      return met;
    }
    at = left.port % 10 === 0 ? left.port + 1 : left.port - 1;
  }
  throw new Error('the frame goes round in circles');
}

const up = (tables: CompiledSwitch, n: number, more = {}) =>
  trip(tables, 100_000 + n, { eth_dst: 0x64n, ...more });
const down = (tables: CompiledSwitch, n: number, more = {}) =>
  trip(tables, UPLINK, { eth_dst: macOf(n), ...more });

const forAll = (hops: Parameters<typeof chain>[0], count: number, uid = 1, called = 'all') =>
  chain(
    hops,
    { uid, more: { name: called as never } },
    Array.from({ length: count }, (_, n) => `s${n}`),
  );

const instanceOf = (steering: Steering, n: number, owner = 1): string | undefined => {
  const path = steering.members.get(memberKey(owner as OwnerId, `s${n}` as Name))?.path;
  return path === undefined
    ? undefined
    : steering.paths
        .get(path)
        ?.hops.map(({ instance }) => instance)
        .join(' ');
};
const pins = (steering: Steering, count: number, owner = 1) =>
  Array.from({ length: count }, (_, n) => instanceOf(steering, n, owner));
const text = (value: unknown): string =>
  JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}` : part));

t.test(
  'symmetric traffic of 100 subscribers over 3 instances returns through the same instance 100 of 100 times',
  async (t) => {
    const declared = declare([forAll([shared('edge')], 100)], {
      subscribers: many(100),
      pools: [pool('edge', 3)],
    });
    const steering = plan(declared, EMPTY_STEERING);
    const tables = tablesOf(declared, steering);
    let same = 0;
    const used = new Set<number>();
    for (let n = 0; n < 100; n++) {
      const [into, end] = up(tables, n);
      const [back, home] = down(tables, n);
      used.add(into ?? 0);
      if (end === UPLINK && home === 100_000 + n && back === (into ?? 0) + 1) same++;
    }
    t.equal(same, 100);
    t.equal(used.size, 3, 'and every instance has some');
    t.equal(steering.paths.size, 3, 'a path for each instance, not for each subscriber');
  },
);

t.test('two chains share a pool, one is deleted, the other loses nothing', async (t) => {
  const service = [{ protocol: 'tcp' as const, remotePort: 80 }];
  const web = { ...forAll([shared('edge'), shared('core')], 20, 2, 'web') };
  const both = declare([forAll([shared('edge')], 20), { ...web, spec: { ...web.spec, service } }], {
    subscribers: many(20),
    pools: [pool('edge', 3), pool('core', 2)],
  });
  const before = plan(both, EMPTY_STEERING);
  const one = declare([forAll([shared('edge')], 20)], {
    subscribers: many(20),
    pools: [pool('edge', 3), pool('core', 2)],
  });
  const draining = plan(one, before);
  const gone = plan(one, draining, { now: DRAIN });
  const flowsOf = (declared: Declared, steering: Steering, owners: readonly number[]) =>
    text(tablesOf(declared, steering).flows.filter(({ owner }) => owners.includes(owner)));
  const owner = before.owners.get(1) as number;
  for (const after of [draining, gone]) t.equal(flowsOf(one, after, [owner]), flowsOf(both, before, [owner]));
  t.equal(flowsOf(one, gone, [before.owners.get(2) as number]), '[]');
  for (let n = 0; n < 20; n++) {
    t.strictSame(up(tablesOf(one, gone), n), up(tablesOf(both, before), n), `s${n} goes its way`);
    t.strictSame(down(tablesOf(one, draining), n), down(tablesOf(both, before), n));
  }
  t.ok(before.paths.size > gone.paths.size);
  t.equal(gone.instances.size, 5, 'the pools keep their instances');
});

t.test('only the share of a lost instance moves, and it does not move back', async (t) => {
  const declared = declare([forAll([shared('edge')], 300)], {
    subscribers: many(300),
    pools: [pool('edge', 3)],
  });
  const first = plan(declared, EMPTY_STEERING);
  const before = pins(first, 300);
  for (const id of ['i1', 'i2', 'i3'])
    t.ok(
      before.filter((one) => one === id).length > 60,
      `${id} has about a third: ${before.filter((one) => one === id).length}`,
    );

  t.equal(plan(declared, first, { notReady: ['i1', 'i2', 'i3'] }), first, 'what was never ready is not lost');
  t.equal(
    plan(declared, first, { lost: ['i2'], settled: false }),
    first,
    'nor what nobody has found again yet',
  );
  const moved = plan(declared, first, { lost: ['i2'] });
  pins(moved, 300).forEach((now, n) => {
    if (before[n] !== 'i2') t.equal(now, before[n], `s${n} stays`);
    else t.not(now, 'i2', `s${n} moves`);
  });
  const back = plan(declared, moved, { now: DRAIN });
  t.strictSame(pins(back, 300), pins(moved, 300), 'it came back, and nobody moves back');
  const newcomers = declare([forAll([shared('edge')], 400)], {
    subscribers: many(400),
    pools: [pool('edge', 3)],
  });
  t.ok(pins(plan(newcomers, back), 400).slice(300).includes('i2'), 'newcomers find it');
  t.equal(plan(declared, moved, { lost: ['i1', 'i2', 'i3'] }), moved, 'with all lost nobody moves');
});

t.test('who waits and who passes: closed and open do not move', async (t) => {
  for (const onFailure of ['closed', 'open'] as const) {
    const declared = declare([forAll([shared('edge', { onFailure })], 30)], {
      subscribers: many(30),
      pools: [pool('edge', 3)],
    });
    const first = plan(declared, EMPTY_STEERING);
    t.equal(plan(declared, first, { lost: ['i2'] }), first, onFailure);
    const n = pins(first, 30).indexOf('i2');
    const tables = tablesOf(declared, first, { lost: ['i2'] });
    t.strictSame(up(tables, n), onFailure === 'open' ? [UPLINK] : [], `${onFailure} up`);
    t.strictSame(down(tables, n), onFailure === 'open' ? [100_000 + n] : [], `${onFailure} down`);
  }
});

t.test('a drained instance and one too many are left by make-before-break, then they go', async (t) => {
  const with3 = (more = {}) =>
    declare([forAll([shared('edge')], 60)], { subscribers: many(60), pools: [pool('edge', 3, more)] });
  const first = plan(with3(), EMPTY_STEERING);
  const before = pins(first, 60);
  const drained = plan(with3({ drain: ['i1' as InstanceId] }), first);
  pins(drained, 60).forEach((now, n) => {
    if (before[n] === 'i1') t.not(now, 'i1', `s${n} leaves`);
    else t.equal(now, before[n]);
  });
  t.ok(drained.instances.has('i1' as InstanceId), 'it stays in the pool');
  const joined = declare([forAll([shared('edge')], 90)], {
    subscribers: many(90),
    pools: [pool('edge', 3, { drain: ['i1' as InstanceId] })],
  });
  t.notOk(
    pins(plan(joined, drained, { now: DRAIN }), 90).includes('i1' as InstanceId),
    'nor do new ones come',
  );

  const two = declare([forAll([shared('edge')], 60)], {
    subscribers: many(60),
    pools: [pool('edge', 2, { drain: ['i1' as InstanceId] })],
  });
  const smaller = plan(two, drained, { now: DRAIN });
  t.strictSame([...smaller.instances.keys()], ['i2', 'i3'], 'the drained one goes first');
  const bigger = plan(
    declare([forAll([shared('edge')], 60)], { subscribers: many(60), pools: [pool('edge', 5)] }),
    first,
  );
  t.strictSame(pins(bigger, 60), before, 'more instances take nobody away');
  t.equal(bigger.instances.size, 5);
});

t.test(
  'what is under way arrives: on the old path after a member has moved, and after its chain has gone',
  async (t) => {
    const declared = declare([forAll([shared('edge')], 10)], {
      subscribers: many(10),
      pools: [pool('edge', 2)],
    });
    const first = plan(declared, EMPTY_STEERING);
    const none = declare([], { subscribers: many(10), pools: [pool('edge', 2)] });
    for (const [now, world] of [
      [plan(declared, first, { lost: ['i1'] }), declared],
      [plan(none, first), none],
    ] as const) {
      for (let n = 0; n < 10; n++) {
        const path = first.paths.get(
          first.members.get(memberKey(1 as OwnerId, `s${n}` as Name))?.path as PathId,
        );
        const [at] = path?.hops ?? [];
        const left = Number(at?.instance.slice(1)) * 10;
        const headers = { eth_dst: macOf(n), vlan_vid: BigInt(0x1000 | (at?.shared?.tag ?? 0)) };
        const flows = tablesOf(world, now);
        const [out] = leaving(flows, left, frameOf(headers));
        t.equal(out?.port, 100_000 + n, `s${n}`);
      }
      const later = plan(world, now, { now: DRAIN });
      t.ok(
        [...later.members.values()].every(({ leaving }) => leaving === undefined),
        'and then it is forgotten',
      );
    }
  },
);

t.test('a chain of pools is edited by make-before-break, for all at once', async (t) => {
  const pools = [pool('edge', 2), pool('core', 1)];
  const of = (...hops: Parameters<typeof chain>[0]) =>
    declare([forAll(hops, 20)], { subscribers: many(20), pools });
  const first = plan(of(shared('edge')), EMPTY_STEERING);
  const two = of(shared('edge'), shared('core'));
  const staged = plan(two, first, { unconfirmed: true });
  t.strictSame(
    [...staged.paths.values()].map(({ state }) => state.phase),
    ['current', 'current', 'staged', 'staged'],
  );
  t.strictSame(pins(staged, 20), pins(first, 20), 'the old path serves');
  t.equal(plan(two, staged, { notReady: ['i3'] }), staged, 'until the new instances are ready');
  const flipped = plan(two, staged);
  for (let n = 0; n < 20; n++) t.equal(instanceOf(flipped, n), `${instanceOf(first, n)} i3`);
  const swapped = plan(
    of(shared('core'), shared('edge')),
    plan(of(shared('core'), shared('edge')), flipped, { now: DRAIN }),
  );
  for (let n = 0; n < 20; n++)
    t.equal(instanceOf(swapped, n), `i3 ${instanceOf(first, n)}`, 'swapped with the same instances');
  const renamed = plan(
    of(shared('core', { onFailure: 'open' }), shared('edge', { name: 'other' as never })),
    swapped,
  );
  t.strictSame([...renamed.paths.keys()], [...swapped.paths.keys()], 'a policy and a name change in place');
  const own = of(hop('firewall'), shared('edge'));
  const alone = plan(own, plan(own, first));
  t.equal(
    [...alone.paths.values()].filter(({ state }) => state.phase === 'current').length,
    20,
    'with a hop of its own each has a path',
  );
  t.ok(pins(alone, 20).every((one) => one === undefined));
  const sharedAgain = plan(of(shared('edge')), plan(of(shared('edge')), alone, { now: DRAIN }), {
    now: DRAIN,
  });
  t.strictSame(pins(sharedAgain, 20), pins(first, 20), 'and back, with the same instances');
});

t.test('no bypass and no cross-talk: random chains over pools, random states', async () => {
  const hopKind = fc.constantFrom('own', 'edge', 'core', 'rim');
  const runs = fc.record({
    kinds: fc.uniqueArray(hopKind, { minLength: 1, maxLength: 4 }),
    second: fc.uniqueArray(hopKind, { minLength: 1, maxLength: 3 }),
    sizes: fc.tuple(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 3 }),
    ),
    onFailure: fc.constantFrom('closed' as const, 'open' as const, 'another' as const),
    lost: fc.subarray(['i1', 'i2', 'i3', 'i4', 'i5']),
    tag: fc.option(fc.constantFrom(0x1005n, 0x1001n, 0x1002n), { nil: undefined }),
  });
  fc.assert(
    fc.property(runs, ({ kinds, second, sizes, onFailure, lost, tag }) => {
      const pools = [pool('edge', sizes[0]), pool('core', sizes[1]), pool('rim', sizes[2])].map((one, i) => ({
        ...one,
        uid: 500 + i,
      }));
      const hops = (list: readonly string[]) =>
        list.map((kind) => (kind === 'own' ? hop('firewall') : shared(kind, { onFailure })));
      const first = forAll(hops(kinds), 4);
      const web = forAll(hops(second), 4, 2, 'web');
      const declared = declare([first, { ...web, spec: { ...web.spec, service: [{ etherType: 0x88b5 }] } }], {
        subscribers: many(4),
        pools,
      });
      const steering = plan(declared, plan(declared, EMPTY_STEERING), { lost });
      const tables = tablesOf(declared, steering, { lost });
      for (let n = 0; n < 4; n++) {
        for (const [owner, list, etherType] of [
          [steering.owners.get(1), kinds, 0x0800n],
          [steering.owners.get(2), second, 0x88b5n],
        ] as const) {
          const path = [...steering.paths.values()].find(
            (one) =>
              one.owner === owner &&
              one.state.phase === 'current' &&
              (one.subscriber === `s${n}` ||
                steering.members.get(memberKey(owner as OwnerId, `s${n}` as Name))?.path === one.id),
          );
          if (path?.hops.length !== list.length) throw new Error('no path');
          for (const way of ['up', 'down'] as const) {
            const meant: number[] = [];
            let stopped = false;
            for (const { instance, onFailure: policy, shared: pooled } of way === 'up'
              ? path.hops
              : path.hops.toReversed()) {
              const record = steering.instances.get(instance);
              if (
                pooled
                  ? record?.pool === undefined
                  : record?.pool !== undefined || record?.subscriber !== `s${n}`
              )
                throw new Error(`s${n} has an instance of somebody else's`);
              if (!lost.includes(instance))
                meant.push(Number(instance.slice(1)) * 10 + (way === 'up' ? 0 : 1));
              else if (policy !== 'open') {
                stopped = true;
                break;
              }
            }
            if (!stopped) meant.push(way === 'up' ? UPLINK : 100_000 + n);
            const more = { eth_type: etherType, ...(tag === undefined ? {} : { vlan_vid: tag }) };
            const seen = way === 'up' ? up(tables, n, more) : down(tables, n, more);
            if (seen.join() !== meant.join())
              throw new Error(`s${n} ${way} met ${seen.join(' ')}, meant ${meant.join(' ')}`);
          }
        }
      }
    }),
    { numRuns: 300 },
  );
});

t.test('a frame that a shared function makes up reaches nobody but those on its path', async (t) => {
  const declared = declare([forAll([shared('edge')], 2), chain([hop('firewall')], { uid: 7 }, ['s2'])], {
    subscribers: many(4),
    pools: [pool('edge', 1)],
  });
  const steering = plan(declared, EMPTY_STEERING);
  const tables = tablesOf(declared, steering);
  const edge = [...steering.instances.values()].find((one) => one.pool !== undefined);
  const left = Number(edge?.id.slice(1)) * 10;
  const made = (n: number, vlan: bigint) =>
    leaving(tables, left, frameOf({ eth_dst: macOf(n), vlan_vid: vlan })).map(({ port }) => port);
  t.strictSame(made(0, 0x1001n), [100_000]);
  for (const n of [2, 3]) t.strictSame(made(n, 0x1001n), [], `not s${n}, who is on no path of the pool`);
  t.strictSame(made(0, 0x1002n), [], 'nor with a tag that is no path');
});

t.test('weights: an instance has its share, and losing one moves nobody else', async (t) => {
  const candidates = [1, 2, 4].map(
    (weight, i): Candidate => ({
      record: { id: `i${i + 1}` } as never,
      weight,
      health: 'ready',
      leaving: false,
      wanted: true,
    }),
  );
  const at = (list: readonly Candidate[], n: number) =>
    pin({ switch: 's1' as Name, candidates: list }, `s${n}` as Name, undefined, 'another');
  const counts = new Map<string, number>();
  const total = 7000;
  for (let n = 0; n < total; n++) {
    const whole = at(candidates, n) ?? '';
    counts.set(whole, (counts.get(whole) ?? 0) + 1);
    const less = at(candidates.slice(0, 2), n);
    if (whole !== 'i3' && less !== whole) t.fail(`s${n} moves although its instance is there`);
  }
  for (const [id, share] of [
    ['i1', 1000],
    ['i2', 2000],
    ['i3', 4000],
  ] as const) {
    const seen = counts.get(id) ?? 0;
    t.ok(Math.abs(seen - share) < share / 8, `${id}: ${seen} for ${share}`);
  }
});
