/** What a switch does alone with an instance whose port is dead: past a hop that fails open, and nowhere else. */
import fc from 'fast-check';
import t from 'tap';
import { type CompiledSwitch, compile } from '../../../src/compiler/compile.ts';
import { FlowTables } from '../../../src/compiler/packets/flow-table.ts';
import { planSteering } from '../../../src/compiler/plan.ts';
import type { CompileInput } from '../../../src/compiler/view.ts';
import { EMPTY_STEERING } from '../../../src/model/steering.ts';
import { chain, DPID, declare, factsOf, hop, pool, shared } from '../world.ts';
import { findingsOf } from './audited.ts';
import { frameOf, leaving } from './leaving.ts';

type Hop = { readonly open: boolean; readonly shared: boolean; readonly dead: boolean };

function world(hops: readonly Hop[]): CompileInput {
  const specs = hops.map(({ open, shared: isShared }, n) => {
    const policy = { onFailure: open ? ('open' as const) : ('closed' as const) };
    return isShared ? shared(`p${n}`, policy) : hop('firewall', policy);
  });
  const pools = hops.flatMap((one, n) => (one.shared ? [pool(`p${n}`, 1)] : []));
  const numbered = pools.map((one, n) => ({ ...one, uid: 2000 + n }));
  const declared = declare([chain(specs)], { pools: numbered });
  const steering = planSteering({
    declared,
    steering: EMPTY_STEERING,
    instances: new Map(),
    confirmed: new Set(),
    settled: true,
    now: 0,
    drainTime: 0,
  });
  return { declared, steering, facts: factsOf(steering), interfacePrefix: 'cs', rejected: new Set() };
}

/** The left ports of the instances, in the order of the hops. */
const portsOf = ({ steering }: CompileInput): readonly number[] =>
  [...steering.paths.values()].flatMap((path) =>
    path.hops.map(({ instance }) => Number(instance.slice(1)) * 10),
  );

const tablesOf = (input: CompileInput): CompiledSwitch => {
  const compiled = compile(input).switches.get(DPID);
  if (!compiled) throw new Error('s1 was not compiled');
  return compiled;
};

/** As a switch has them that knows of ports without a link: such a bucket is not live, and such an output leads nowhere. */
function trip(
  input: CompileInput,
  from: number,
  eth_dst: bigint,
  dead: ReadonlySet<number>,
): readonly number[] {
  const { flows, groups } = tablesOf(input);
  const live = groups.map((group) => ({
    ...group,
    buckets: group.buckets.filter(
      ({ properties }) => !properties.some((one) => one.type === 'watchPort' && dead.has(one.port)),
    ),
  }));
  const tables = new FlowTables(flows, live);
  const met: number[] = [];
  let [at, frame] = [from, frameOf({ eth_dst })];
  for (let pass = 0; pass < 40; pass++) {
    const [left, ...more] = leaving(tables, at, frame);
    if (more.length > 0) throw new Error('it goes two ways');
    if (left === undefined || dead.has(left.port)) return met;
    met.push(left.port);
    if (left.port < 10) return met;
    at = left.port % 10 === 0 ? left.port + 1 : left.port - 1;
    frame = left;
  }
  throw new Error('it goes round in circles');
}

t.test('own instances that fail open are passed over, and at any other the way ends', async () => {
  const hopsArbitrary = fc.array(
    fc.record({ open: fc.boolean(), shared: fc.boolean(), dead: fc.boolean() }),
    { minLength: 1, maxLength: 8 },
  );
  fc.assert(
    fc.property(hopsArbitrary, (hops) => {
      const input = world(hops);
      const ports = portsOf(input);
      const dead = new Set(ports.flatMap((port, n) => (hops[n]?.dead ? [port, port + 1] : [])));
      for (const way of ['upstream', 'downstream'] as const) {
        const order = hops.map((one, n) => ({
          ...one,
          port: (ports[n] ?? 0) + (way === 'upstream' ? 0 : 1),
        }));
        const meant: number[] = [];
        let ended = false;
        for (const { dead: isDead, open, shared: isShared, port } of way === 'upstream'
          ? order
          : order.reverse()) {
          if (ended) break;
          if (!isDead) meant.push(port);
          else if (!open || isShared) ended = true;
        }
        if (!ended) meant.push(way === 'upstream' ? 3 : 1);
        const met = way === 'upstream' ? trip(input, 1, 0x64n, dead) : trip(input, 3, 1n, dead);
        if (met.join() !== meant.join()) throw new Error(`${way}: ${met.join()} and not ${meant.join()}`);
      }
      const [first] = findingsOf(input);
      if (first) throw new Error(JSON.stringify(first));
    }),
    { numRuns: 150 },
  );
});

t.test('the audit finds what a switch may do without need, or beyond its hop', async (t) => {
  const input = world([
    { open: true, shared: false, dead: false },
    { open: false, shared: false, dead: false },
  ]);
  const [first = 0, second = 0] = portsOf(input);
  const [group] = tablesOf(input).groups.filter(({ buckets }) =>
    buckets.some(({ properties }) =>
      properties.some((one) => one.type === 'watchPort' && one.port === first),
    ),
  );
  t.ok(group, 'the first hop has a group');
  const place = (path: number, hopsDone: number) => `0x${((path << 8) | (255 - hopsDone)).toString(16)}`;
  for (const [planted, isBad] of [
    [`table=4,priority=9999,metadata=${place(1, 0)}/0x1ffffffff,actions=group:${group?.group}`, false],
    [`table=4,priority=9999,metadata=${place(1, 0)}/0x1ffffffff,actions=resubmit(,6)`, true],
    [`table=6,priority=9999,metadata=${place(1, 0)}/0x1ffffffff,actions=output:${second}`, false],
    [`table=6,priority=9999,metadata=${place(1, 0)}/0x1ffffffff,actions=output:3`, true],
    [`table=6,priority=9999,actions=set_field:${place(1, 2)}->metadata,resubmit(,2)`, true],
  ] as const)
    t.equal(findingsOf(input, `cookie=0xbad,${planted}`).length > 0, isBad, planted);
});
