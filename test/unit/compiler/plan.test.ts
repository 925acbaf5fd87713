import t from 'tap';
import { planSteering } from '../../../src/compiler/plan.ts';
import type { ChainSpec, Declared } from '../../../src/model/declared.ts';
import type { PathId } from '../../../src/model/ids.ts';
import { EMPTY_STEERING, type Steering } from '../../../src/model/steering.ts';
import { bob, chain, declare, factsOf, hop } from '../world.ts';

const DRAIN = 1000;

/** Plans once; every instance is ready and every path confirmed unless the test says otherwise. */
function plan(
  declared: Declared,
  steering: Steering,
  options: { now?: number; notReady?: string[]; unconfirmed?: boolean } = {},
): Steering {
  return planSteering({
    declared,
    steering,
    instances: factsOf(steering, options.notReady).instances,
    confirmed: options.unconfirmed ? new Set<PathId>() : new Set(steering.paths.keys()),
    settled: true,
    now: options.now ?? 0,
    drainTime: DRAIN,
  });
}

const withHops = (...hops: ChainSpec['hops']): Declared => declare([chain(hops)]);
const describe = (steering: Steering): string[] =>
  [...steering.paths.values()].map(
    ({ id, state, hops }) => `${id} ${state.phase}: ${hops.map((h) => h.instance).join(' ')}`,
  );

t.test('a first path starts as current: there is nothing to break', async (t) => {
  const first = plan(withHops(hop('firewall')), EMPTY_STEERING);
  t.strictSame(describe(first), ['1 current: i1']);
  t.equal(
    plan(withHops(hop('firewall')), first),
    first,
    'planning again changes nothing, not even the object',
  );
});

t.test('a hop is added behind the one that stays', async (t) => {
  const two = withHops(hop('firewall'), hop('counter'));
  const before = plan(withHops(hop('firewall')), EMPTY_STEERING);
  const staged = plan(two, before);
  t.strictSame(describe(staged), ['1 current: i1', '2 staged: i1 i2']);
  t.equal(plan(two, staged, { notReady: ['i2'] }), staged, 'it waits for the new instance');
  t.equal(plan(two, staged, { unconfirmed: true }), staged, 'it waits for the barrier');
  const flipped = plan(two, staged, { now: 5000 });
  t.strictSame(describe(flipped), ['1 draining: i1', '2 current: i1 i2']);
  t.equal(plan(two, flipped, { now: 5999 }), flipped, 'the old path drains for its time');
  t.strictSame(describe(plan(two, flipped, { now: 6000 })), ['2 current: i1 i2']);
});

t.test('an instance goes over to the new path only with an unchanged front or back', async (t) => {
  const [a, b, c] = [
    hop('firewall', { name: 'a' as never }),
    hop('firewall', { name: 'b' as never }),
    hop('counter'),
  ];
  const change = (from: ChainSpec['hops'], to: ChainSpec['hops']): string | undefined =>
    describe(plan(withHops(...to), plan(withHops(...from), EMPTY_STEERING)))[1];
  t.equal(change([a, c], [a, b, c]), '2 staged: i1 i3 i2', 'inserted in the middle: both neighbours stay');
  t.equal(change([a, b, c], [a, c]), '2 staged: i1 i3', 'taken out of the middle: both neighbours stay');
  t.equal(change([a, b], [b, a]), '2 staged: i3 i4', 'swapped: a packet inside either could miss a hop');
  t.equal(change([a, b], [c, b]), '2 staged: i3 i2', 'the first replaced: the back stays');
});

t.test('the config of one hop is changed in place, that of two on a new path', async (t) => {
  const config = (n: number) => ({ config: { n } });
  const before = plan(withHops(hop('firewall', config(1)), hop('counter', config(1))), EMPTY_STEERING);
  const one = plan(withHops(hop('firewall', config(2)), hop('counter', config(1))), before);
  t.strictSame(describe(one), ['1 current: i1 i2']);
  t.match(one.instances.get('i1' as never), { config: { n: 2 }, revision: 2 });
  const both = plan(withHops(hop('firewall', config(2)), hop('counter', config(2))), before);
  t.strictSame(describe(both), ['1 current: i1 i2', '2 staged: i3 i4']);
});

t.test('a fail policy is changed in place', async (t) => {
  const before = plan(withHops(hop('firewall')), EMPTY_STEERING);
  const after = plan(withHops(hop('firewall', { onFailure: 'open' })), before);
  t.strictSame(after.paths.get(1 as never)?.hops, [{ instance: 'i1', onFailure: 'open' }]);
});

t.test('an edit that is taken back leaves the path as it was', async (t) => {
  const one = withHops(hop('firewall'));
  const before = plan(one, EMPTY_STEERING);
  const staged = plan(withHops(hop('firewall'), hop('counter')), before);
  const back = plan(one, staged);
  t.strictSame(describe(back), ['1 current: i1']);
  t.strictSame([...back.instances.keys()], ['i1']);
});

t.test('a deleted chain drains, then its instances go', async (t) => {
  const before = plan(withHops(hop('firewall')), EMPTY_STEERING);
  const draining = plan(declare([]), before, { now: 0 });
  t.strictSame(describe(draining), ['1 draining: i1']);
  const gone = plan(declare([]), draining, { now: DRAIN });
  t.strictSame([gone.paths.size, gone.instances.size], [0, 0]);
  t.equal(gone.nextInstance, 2, 'the number is not given out again');
  t.equal(plan(declare([]), gone).owners.size, 0, 'the owner number is forgotten last');
});

t.test('a chain made again under an old name takes over no instance of the old one', async (t) => {
  const before = plan(withHops(hop('firewall')), EMPTY_STEERING);
  const after = plan(declare([chain([hop('firewall')], { uid: 2 })]), before);
  t.strictSame(describe(after), ['1 draining: i1', '2 current: i2']);
});

t.test('each subscriber has a path and instances of its own', async (t) => {
  const both = declare([chain([hop('firewall')], {}, ['alice', 'bob'])]);
  t.strictSame(describe(plan(both, EMPTY_STEERING)), ['1 current: i1', '2 current: i2']);
  const labelled = declare([
    {
      ...chain([hop('firewall')]),
      spec: { name: 'gold' as never, selector: { plan: 'gold' }, hops: [hop('firewall')] },
    },
  ]);
  t.strictSame(
    [...plan(labelled, EMPTY_STEERING).paths.values()].map((path) => path.subscriber),
    ['alice'],
    `${bob.name} does not carry the label`,
  );
});

t.test('path ids come round and skip those in use', async (t) => {
  const first = plan(withHops(hop('firewall')), { ...EMPTY_STEERING, nextPath: 0xffffff });
  t.strictSame([...first.paths.keys()], [0xffffff]);
  const again = plan(withHops(hop('counter')), { ...first, nextPath: 0xffffff });
  t.strictSame([...again.paths.keys()], [1, 0xffffff]);
});
