/** No cross-talk: whatever becomes of one chain, the flows of another stay byte for byte as they are. */
import fc from 'fast-check';
import t from 'tap';
import type { Name } from '../../src/model/ids.ts';
import { Fabric, switchName } from '../harness/fabric.ts';

const BRIDGE = switchName(1);
const hop = (name: string) => ({ function: name as Name });
const step = fc.oneof(
  fc.constant('delete' as const),
  fc.array(fc.constant('counter'), { minLength: 1, maxLength: 3 }),
);

t.test('one chain is added, edited and deleted at random beside another', async (t) => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  t.comment(`seed ${seed}`);
  const fabric = await Fabric.open(t, { switches: 1, links: [], unchained: 'drop' });
  await fabric.uplink(1);
  await fabric.subscriber(1, 'alice', 1);
  await fabric.subscriber(1, 'bob', 2);
  fabric.chain('b', ['bob'], [hop('counter'), hop('counter')]);
  await fabric.active(t, 'b');
  const owner = [...fabric.store.steering().owners.values()][0] ?? 0;
  const cookie = `cookie=0xc5c5${owner.toString(16).padStart(8, '0')}`;
  const own = async (): Promise<string> =>
    (await fabric.dump(BRIDGE))
      .filter((flow) => flow.startsWith(cookie))
      .sort()
      .join('\n');
  const before = await own();
  t.match(before, /table=1.*\n/, 'it has flows');
  for (const what of fc.sample(step, { seed, numRuns: 12 })) {
    if (what !== 'delete') {
      fabric.chain('a', ['alice'], what.map(hop));
      await fabric.active(t, 'a');
    } else if (fabric.store.declared().chains.has('a' as Name)) {
      fabric.store.remove('chains', 'a' as Name);
      fabric.control.wake();
    }
    t.equal(await own(), before, `after ${what}`);
    t.equal(fabric.phase('b'), 'active', 'and it stays active');
  }
  await fabric.equal(t);
  t.equal(await own(), before, 'in the end');
  const theirs = `${cookie}0000/0xffffffffffff0000`;
  await fabric.ovs.ofctl('-O', 'OpenFlow15', 'del-flows', BRIDGE, `${theirs},table=2`);
  t.not(await own(), before, 'a flow that is lost is seen');
});
