/** Machines of somebody else's in a chain: with two arms, and with one, where tags tell the directions apart. */
import t from 'tap';
import { compile } from '../../../src/compiler/compile.ts';
import type { CompileInput } from '../../../src/compiler/view.ts';
import { withExternal } from '../../../src/control/external.ts';
import type { PoolSpec } from '../../../src/model/declared.ts';
import type { SwitchFact } from '../../../src/model/facts.ts';
import type { InstanceId } from '../../../src/model/ids.ts';
import { MAX_TAG } from '../../../src/model/steering.ts';
import { chain, DPID, declare, factsOf, machines, name, planOf, pool, shared } from '../world.ts';
import { explained, findingsOf } from './audited.ts';
import { frameOf, leaving } from './leaving.ts';

const TWO_ARMS = { name: name('a'), left: 'm1', right: 'm2' };
const ONE_ARM = { name: name('b'), port: 'm3' };
const HOPS = [shared('wide'), shared('edge'), shared('narrow')];

const declaredWith = (...wide: Extract<PoolSpec, { external: object }>['external']) =>
  declare([chain(HOPS, {}, ['alice', 'bob'])], {
    pools: [machines('wide', wide), machines('narrow', [ONE_ARM]), pool('edge', 1)],
  });

function world(): CompileInput {
  const declared = declaredWith(TWO_ARMS);
  const steering = planOf(declared);
  return { declared, steering, facts: factsOf(steering), interfacePrefix: 'cs', rejected: new Set() };
}

const tablesOf = (input: CompileInput) => {
  const compiled = compile(input).switches.get(DPID);
  if (!compiled) throw new Error('s1 was not compiled');
  return compiled;
};

/** Of the machine with one arm, the others' numbers being 10, 11 and 30, 31. */
const ARM = 20;

t.test('frames pass it both ways, in order, and its ports are nobody else’s', async (t) => {
  const input = world();
  const tables = tablesOf(input);
  const { isolated } = tables;
  const trip = (from: number, eth_dst: bigint): readonly string[] => {
    const met: string[] = [];
    let [at, frame] = [from, frameOf({ eth_dst })];
    for (let pass = 0; pass < 9; pass++) {
      const [left, ...more] = leaving(tables, at, frame);
      t.equal(more.length, 0);
      if (left === undefined) return met;
      const vlan = Number(left.packet.get('vlan_vid') ?? 0n) & 0xfff;
      met.push(left.port === ARM ? `${left.port} tag ${vlan}` : `${left.port}`);
      if (left.port < 10) return met;
      at = left.port === ARM ? ARM : left.port % 10 === 0 ? left.port + 1 : left.port - 1;
      frame = left;
    }
    throw new Error('it goes round in circles');
  };
  t.strictSame(trip(1, 0x64n), ['10', '30', `${ARM} tag 1`, '3']);
  t.strictSame(trip(2, 0x64n), ['10', '30', `${ARM} tag 1`, '3']);
  t.strictSame(trip(3, 1n), [`${ARM} tag ${MAX_TAG + 2}`, '31', '11', '1']);
  t.strictSame(trip(3, 2n), [`${ARM} tag ${MAX_TAG + 2}`, '31', '11', '2']);
  for (const port of [10, 11, ARM]) {
    t.equal(isolated.get(port as never), 'all');
    for (const vlan_vid of [0n, 0x1005n])
      t.strictSame(
        leaving(tables, port, frameOf({ eth_dst: 1n, vlan_vid })),
        [],
        'without its tag it is nobody’s',
      );
  }
  const { hops, end } = explained(input, 's1-eth3', { eth_dst: '00:00:00:00:00:01' });
  t.strictSame([...hops.map(({ hop }) => hop), end], ['narrow', 'edge', 'wide', 's1-eth1']);
  t.strictSame(
    compile(input).instances.map(({ id }) => id),
    ['i3'],
    'nobody is to run them',
  );
});

t.test('the audit knows its tags', async (t) => {
  const input = world();
  t.strictSame(findingsOf(input), []);
  for (const planted of [
    `in_port=${ARM},dl_vlan=1,actions=pop_vlan,output:2`,
    `in_port=${ARM},dl_vlan=${MAX_TAG + 2},actions=pop_vlan,output:3`,
    `in_port=${ARM},dl_vlan=5,actions=pop_vlan,output:3`,
    'in_port=11,actions=output:20',
    'in_port=1,actions=output:20',
  ]) {
    const found = findingsOf(input, `cookie=0xbad,table=0,priority=9999,${planted}`);
    t.ok(
      found.some(({ flows }) => flows.some((one) => one.includes('0xbad'))),
      planted,
    );
  }
});

t.test('who is no longer named goes, after those who are on it', async (t) => {
  const first = planOf(declaredWith(TWO_ARMS));
  const other = { name: name('c'), port: 'm4' };
  const both = planOf(declaredWith(TWO_ARMS, other), first);
  t.strictSame(
    [...both.instances.values()].flatMap(({ external }) => external?.name ?? []),
    ['a', 'b', 'c'],
  );
  let steering = both;
  for (let turn = 0; turn < 4; turn++) steering = planOf(declaredWith(other), steering);
  t.strictSame(
    [...steering.instances.values()].flatMap(({ external }) => external?.name ?? []),
    ['b', 'c'],
  );
  t.strictSame([...steering.paths.values()].length, 1);
});

t.test('it is ready while its ports have a link', async (t) => {
  const { declared, steering, facts } = world();
  const own = new Map([[`i3` as InstanceId, { own: true } as never]]);
  const fact = facts.switches.get(DPID) as SwitchFact;
  const phases = (
    change: (
      ports: Map<string, SwitchFact['ports'] extends ReadonlyMap<string, infer P> ? P : never>,
    ) => void,
  ) => {
    const ports = new Map(fact.ports);
    change(ports);
    const all = withExternal(own, steering, declared, new Map([[DPID, { ...fact, ports }]]));
    return [...all.values()].map(({ phase, problem }) => `${phase}${problem ? `: ${problem}` : ''}`).slice(1);
  };
  const down = (port: string) => (ports: Map<string, never>) =>
    void ports.set(port, { ...(ports.get(port) as never as object), linkUp: false } as never);
  t.strictSame(
    phases(() => {}),
    ['ready', 'ready'],
  );
  t.strictSame(phases(down('m2') as never), ['backoff: port m2 has no link', 'ready']);
  t.strictSame(
    phases((ports) => void ports.delete('m3')),
    ['ready', 'backoff: port m3 is not on switch s1'],
  );
  t.strictSame(
    phases((ports) => ports.clear()),
    ['starting', 'starting'],
    'nothing is known yet',
  );
});
