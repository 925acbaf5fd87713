/** Taps: they get copies both ways, whatever becomes of them changes nothing, and what they give back goes nowhere. */
import t from 'tap';
import { compile } from '../../../src/compiler/compile.ts';
import type { CompileInput } from '../../../src/compiler/view.ts';
import type { ChainSpec } from '../../../src/model/declared.ts';
import { chain, DPID, declare, factsOf, hop, machines, name, planOf, pool, shared } from '../world.ts';
import { explained, findingsOf } from './audited.ts';
import { frameOf, leaving } from './leaving.ts';

const PROBE = { name: name('probe'), port: 'm1' };
const declaredWith = (hops: ChainSpec['hops'], subscribers = ['alice']) =>
  declare([chain(hops, {}, subscribers)], {
    pools: [machines('probes', [PROBE]), pool('edge', 1)],
  });

const worldOf = (
  declared: CompileInput['declared'],
  steering = planOf(declared),
  notReady: readonly string[] = [],
): CompileInput => ({
  declared,
  steering,
  facts: factsOf(steering, notReady),
  interfacePrefix: 'cs',
  rejected: new Set(),
});

/** The ports that a frame is put out of at each pass, as it goes through instances that pass it; a tap's with a `+`. */
function trip(
  input: CompileInput,
  from: number,
  eth_dst: bigint,
  taps: readonly number[],
): readonly string[] {
  const tables = compile(input).switches.get(DPID) ?? { flows: [], groups: [] };
  const met: string[] = [];
  let [at, frame] = [from, frameOf({ eth_dst })];
  for (let pass = 0; pass < 9; pass++) {
    const all = leaving(tables, at, frame);
    met.push(...all.filter(({ port }) => taps.includes(port)).map(({ port }) => `+${port}`));
    const [left, ...more] = all.filter(({ port }) => !taps.includes(port));
    if (more.length > 0) throw new Error('it goes two ways');
    if (left === undefined) return met;
    met.push(`${left.port}`);
    if (left.port < 10) return met;
    at = left.port % 10 === 0 ? left.port + 1 : left.port - 1;
    frame = left;
  }
  throw new Error('it goes round in circles');
}

const MIXED = [
  hop('counter', { tap: true }),
  hop('firewall'),
  shared('probes', { tap: true }),
  shared('edge'),
];

t.test('each gets a copy where it stands, both ways', async (t) => {
  const input = worldOf(declaredWith(MIXED));
  const numbers = Object.fromEntries(
    [...input.steering.instances.values()].map(({ id, pool: of, hop: at }) => [
      of ?? at,
      Number(id.slice(1)) * 10,
    ]),
  );
  const { probes = 0, edge = 0, 'counter-1': own = 0, 'firewall-1': firewall = 0 } = numbers;
  const taps = [probes, own, own + 1];
  t.strictSame(trip(input, 1, 0x64n, taps), [`+${own}`, `${firewall}`, `+${probes}`, `${edge}`, '3']);
  t.strictSame(trip(input, 3, 1n, taps), [
    `${edge + 1}`,
    `+${probes}`,
    `${firewall + 1}`,
    `+${own + 1}`,
    '1',
  ]);
  const tables = compile(input).switches.get(DPID) ?? { flows: [], groups: [], isolated: new Map() };
  const { isolated } = tables;
  for (const port of taps) {
    t.equal(isolated.get(port as never), 'all');
    for (const vlan_vid of [0n, 0x1001n, 0x1800n])
      t.strictSame(
        leaving(tables, port, frameOf({ eth_dst: 1n, vlan_vid })),
        [],
        'what it gives back goes nowhere',
      );
  }
  const { hops, end } = explained(input, 's1-eth1', { eth_dst: '00:00:00:00:00:64' });
  t.strictSame([...hops.map((one) => one.hop), end], ['firewall-1', 'edge', 's1-eth3']);
  t.strictSame(findingsOf(input), []);
  for (const planted of [
    `in_port=${own},actions=output:1`,
    `in_port=${own + 1},actions=output:3`,
    `in_port=${probes},actions=output:3`,
    `in_port=2,actions=output:${own}`,
    'in_port=1,actions=output:3',
  ]) {
    const found = findingsOf(input, `cookie=0xbad,table=0,priority=9999,${planted}`);
    const isFound = found.some(({ flows }) => flows.some((one) => one.includes('0xbad')));
    // Bob is in no chain: what he sends is nobody's but what reaches somebody's instance.
    t.ok(isFound, planted);
  }
});

t.test('whatever becomes of it, the traffic goes its way', async (t) => {
  const declared = declaredWith(MIXED);
  const steering = planOf(declared);
  const tap = [...steering.instances.values()].find((one) => one.hop === 'counter-1')?.id ?? '';
  const number = Number(tap.slice(1)) * 10;
  const without = trip(worldOf(declared, steering, [tap]), 1, 0x64n, [number, 10]);
  t.notOk(without.includes(`+${number}`), 'no copy for one that is not ready');
  t.equal(without.at(-1), '3');
  t.equal(planOf(declared, steering), steering, 'and nothing is planned anew');

  const fewer = declaredWith(MIXED.slice(1));
  const after = planOf(fewer, steering);
  t.strictSame([...after.paths.keys()], [...steering.paths.keys()], 'the path stays when a tap goes');
  t.notOk(after.instances.has(tap as never), 'and its instance is gone');
  const again = planOf(declared, after);
  t.strictSame([...again.paths.keys()], [...steering.paths.keys()], 'and when one comes');
});

t.test('those who share a path share its taps; a chain may be of taps alone', async (t) => {
  const declared = declaredWith([shared('probes', { tap: true }), shared('edge')], ['alice', 'bob']);
  const input = worldOf(declared);
  t.equal(input.steering.paths.size, 1);
  t.strictSame(findingsOf(input), []);
  const [probes, edge] = [...input.steering.instances.values()].map(({ id }) => Number(id.slice(1)) * 10);
  for (const [from, mac] of [
    [1, 1n],
    [2, 2n],
  ] as const) {
    t.strictSame(trip(input, from, 0x64n, [probes ?? 0]), [`+${probes}`, `${edge}`, '3']);
    t.strictSame(trip(input, 3, mac, [probes ?? 0]), [`${(edge ?? 0) + 1}`, `+${probes}`, `${from}`]);
  }
  const alone = worldOf(declaredWith([shared('probes', { tap: true })], ['alice', 'bob']));
  t.strictSame(trip(alone, 1, 0x64n, [10]), ['+10', '3']);
  t.strictSame(trip(alone, 3, 2n, [10]), ['+10', '2']);
  t.strictSame(findingsOf(alone), []);
});
