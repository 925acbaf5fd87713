/** Chains over several real bridges: hops in order both ways, wherever they are, and what happens when links go. */
import t, { type Test } from 'tap';
import { dpidOf, Fabric, macOf, switchName } from '../harness/fabric.ts';
import { eventually } from '../harness/ovs-eventually.ts';

const hop = (function_: string) => ({ function: function_ as never });
const BROADCAST = 'ffffffffffff';
const bytes = (host: number): string => macOf(host).replaceAll(':', '');
const SERVER = 100;
const PAYLOAD = `88b5${'00'.repeat(46)}`;
const frame = (to: string, from: number, tags = ''): string => `${to}${bytes(from)}${tags}${PAYLOAD}`;

/** Carries a frame through the stand-ins by hand, from where it goes in, until it comes out of none any more. */
async function trip(
  fabric: Fabric,
  from: string,
  sent: string,
  ends: readonly string[],
): Promise<readonly string[]> {
  const met: string[] = [];
  let at = from;
  let now = sent;
  for (let pass = 0; pass < 40; pass++) {
    const places = [...fabric.stations(), ...ends];
    const before = new Map(
      await Promise.all(places.map(async (p) => [p, (await fabric.left(p)).length] as const)),
    );
    await fabric.send(at, now);
    const out: string[] = [];
    let next: string | undefined;
    for (const place of places) {
      const frames = (await fabric.left(place))
        .slice(before.get(place))
        // Switches send frames of their own besides, to find links and to check instances.
        .filter((one) => one.slice(12, 24) === sent.slice(12, 24));
      for (const one of frames) {
        out.push(place);
        next = one;
      }
    }
    if (out.length > 1) return [...met, `several: ${out.join(' ')}`];
    const [place] = out;
    if (place === undefined || next === undefined) return met;
    met.push(place);
    if (ends.includes(place)) return [...met, next === sent ? 'whole' : next];
    now = next;
    at = place.endsWith('l') ? `${place.slice(0, -1)}r` : `${place.slice(0, -1)}l`;
  }
  return [...met, 'round in circles'];
}

async function threeSwitches(t: Test, unchained: 'normal' | 'drop' = 'normal'): Promise<Fabric> {
  const fabric = await Fabric.open(t, {
    switches: 3,
    links: [
      [1, 2],
      [2, 3],
    ],
    unchained,
  });
  fabric.declare('switches', {
    name: switchName(1),
    dpid: dpidOf(1),
    unchained,
    ovsdb: fabric.ovs.ovsdb,
    hostsInstances: false,
  });
  await fabric.uplink(3);
  await fabric.subscriber(1, 'alice', 1);
  await fabric.subscriber(2, 'bob', 2);
  await eventually(t, 'the links are there', () => fabric.linksSeen().length === 2);
  return fabric;
}

t.test('subscriber, instances and uplink on three switches', async (t) => {
  const fabric = await threeSwitches(t);
  fabric.chain('both', ['alice', 'bob'], [hop('counter'), hop('counter')]);
  await fabric.active(t, 'both');
  await fabric.equal(t);
  const [a1, a2] = fabric.stationsOf('alice');
  const [b1, b2] = fabric.stationsOf('bob');
  const ends = ['alice', 'bob', 'core3'];
  const walk = (from: string, sent: string) => trip(fabric, from, sent, ends);
  for (const tags of ['', '81000064', '8100006481000065']) {
    const up = [`${a1}l`, `${a2}l`, 'core3', 'whole'];
    t.strictSame(await walk('alice', frame(bytes(SERVER), 1, tags)), up, `up ${tags}`);
    t.strictSame(await walk('alice', frame(BROADCAST, 1, tags)), up, 'a broadcast too');
    const down = [`${a2}r`, `${a1}r`, 'alice', 'whole'];
    t.strictSame(await walk('core3', frame(bytes(1), SERVER, tags)), down, `down ${tags}`);
  }
  t.strictSame(await walk('bob', frame(bytes(SERVER), 2)), [`${b1}l`, `${b2}l`, 'core3', 'whole']);
  t.strictSame(await walk('core3', frame(bytes(2), SERVER)), [`${b2}r`, `${b1}r`, 'bob', 'whole']);
  const lldp = `0180c200000e${bytes(1)}88cc0207040000000000010000${'00'.repeat(34)}`;
  t.strictSame(await walk('alice', lldp), [`${a1}l`, `${a2}l`, 'core3', 'whole'], "a subscriber's LLDP too");
  t.strictSame(
    fabric.instances().map((record) => record.switch),
    ['s2', 's2', 's2', 's2'],
    'instances run at the nearest switch that has them',
  );
  t.strictSame(fabric.warnings, []);
  t.strictSame(await fabric.ovs.unexpectedLogLines(), []);
});

t.test('a link that goes is gone around, and nothing is stuck where there is no way around', async (t) => {
  const fabric = await Fabric.open(t, {
    switches: 4,
    links: [
      [1, 2],
      [2, 4],
      [1, 3],
      [3, 4],
    ],
    unchained: 'drop',
  });
  await fabric.uplink(4);
  await fabric.subscriber(1, 'alice', 1);
  await eventually(t, 'the links are there', () => fabric.linksSeen().length === 4);
  // A link takes frames of chains once its ports are confirmed to be kept from tagged others.
  await fabric.equal(t);
  fabric.chain('one', ['alice'], [hop('counter')]);
  await fabric.active(t, 'one');
  const [instance] = fabric.instances();
  const walk = (from: string, to: string) =>
    trip(fabric, from, frame(to, from === 'alice' ? 1 : SERVER), ['alice', 'core4']);
  const passes = async (what: string): Promise<void> => {
    t.strictSame(await walk('alice', bytes(SERVER)), ['ct1l', 'core4', 'whole'], `${what}: up`);
    t.strictSame(await walk('core4', bytes(1)), ['ct1r', 'alice', 'whole'], `${what}: down`);
  };
  await passes('first');
  t.strictSame(fabric.crossed('one'), ['s1to2', 's2to4']);

  await fabric.cut(1, 2);
  await eventually(t, 'it goes the other way', () => fabric.crossed('one').join() === 's1to3,s3to4');
  await fabric.active(t, 'one');
  await passes('after a link was cut');
  t.strictSame(fabric.instances(), [instance], 'through the same instance');

  await fabric.cut(3, 4);
  await eventually(t, 'that there is no way is said', () => fabric.problem('one')?.reason === 'LinkLost');
  t.strictSame(await walk('alice', bytes(SERVER)), ['ct1l']);

  await fabric.join(1, 2);
  await fabric.active(t, 'one');
  await passes('once there is a way again');

  await fabric.stop();
  await passes('without a controller');
  await fabric.start();
  await fabric.active(t, 'one');
  t.strictSame(fabric.crossed('one'), ['s1to2', 's2to4'], 'a new controller changes nothing');
  await passes('with a new controller');

  fabric.remove('chains', 'one');
  await eventually(t, 'all of it goes', () => fabric.store.steering().paths.size === 0);
  await fabric.equal(t);
  t.strictSame(await walk('alice', bytes(SERVER)), []);
});

t.test('frames that do not fit on a link are said, before and after', async (t) => {
  const fabric = await Fabric.open(t, { switches: 2, links: [], unchained: 'drop' });
  await fabric.wire(1, 2);
  await fabric.uplink(2);
  await fabric.subscriber(1, 'alice', 1);
  await eventually(t, 'the link is there', () => fabric.linksSeen().length === 1);
  const told = 'The link between port s1to2 of switch s1 and port s2to1 of switch s2 takes 1400 bytes';
  const isTold = (message: string | undefined): boolean => message?.startsWith(told) === true;
  const planned = () =>
    fabric.planned('chains', { name: 'one', subscribers: ['alice'], hops: [hop('counter')] });
  await eventually(t, 'all would fit', () => planned().notes.length === 0);
  await fabric.setMtu('s2to1', 1400);
  await eventually(t, 'a plan says that it would not', () => planned().notes.some(isTold));
  fabric.chain('one', ['alice'], [hop('counter')]);
  await eventually(t, 'it is said', () => fabric.problem('one')?.reason === 'MtuTooSmall');
  t.ok(isTold(fabric.problem('one')?.message));
  t.match(fabric.problem('one')?.message, /and frames of chain one have up to 1500: raise/);
  await fabric.setMtu('alice', 1400);
  await fabric.active(t, 'one');
  await fabric.setMtu('alice');
  await eventually(t, 'it is said again', () => fabric.problem('one')?.reason === 'MtuTooSmall');
  await fabric.setMtu('s2to1');
  await fabric.active(t, 'one');
});

t.test(
  'a hop behind a link that fails open is passed over, back by the port that frames came in at',
  async (t) => {
    const fabric = await Fabric.open(t, { switches: 2, links: [[1, 2]], unchained: 'drop' });
    await fabric.uplink(1);
    await fabric.subscriber(1, 'alice', 1);
    fabric.declare('pools', {
      name: 'far' as never,
      function: 'counter' as never,
      switch: switchName(2),
      instances: 1,
    });
    await eventually(t, 'the link is there', () => fabric.linksSeen().length === 1);
    fabric.chain('one', ['alice'], [{ pool: 'far' as never, onFailure: 'open' }]);
    await fabric.active(t, 'one');
    const [instance] = fabric.instances();
    if (!instance) throw new Error('the pool has no instance');
    const walk = (from: string, sent: string) => trip(fabric, from, sent, ['alice', 'core1']);
    t.strictSame(await walk('alice', frame(bytes(SERVER), 1)), ['ct1l', 'core1', 'whole']);
    fabric.turn(instance.id, 'backoff');
    await eventually(t, 'it has failed', () => fabric.phase('one') === 'degraded');
    await fabric.equal(t);
    t.strictSame(await walk('alice', frame(bytes(SERVER), 1)), ['core1', 'whole']);
    t.strictSame(await walk('core1', frame(bytes(1), SERVER)), ['alice', 'whole']);
    fabric.turn(instance.id, 'ready');
    await fabric.active(t, 'one');
    t.strictSame(await walk('core1', frame(bytes(1), SERVER)), ['ct1r', 'alice', 'whole']);
  },
);

t.test('a tap is where the chain passes, or it is said that it is not', async (t) => {
  const fabric = await Fabric.open(t, {
    switches: 3,
    links: [
      [1, 2],
      [1, 3],
    ],
    unchained: 'drop',
  });
  await fabric.uplink(2);
  await fabric.subscriber(1, 'alice', 1);
  for (const at of [2, 3])
    fabric.declare('pools', {
      name: `pool${at}` as never,
      function: 'counter' as never,
      switch: switchName(at),
      instances: 1,
    });
  await eventually(t, 'the links are there', () => fabric.linksSeen().length === 2);
  const [far, aside] = [{ pool: 'pool2' as never }, { pool: 'pool3' as never, tap: true as const }];
  fabric.chain('one', ['alice'], [far, aside]);
  await eventually(t, 'it is said', () => fabric.problem('one')?.reason === 'TapAside');
  t.match(
    fabric.problem('one')?.message,
    /is at switch s3, and .* the chain passes s2: let it be at one of these/,
  );
  // Behind the hop the chain is at s2 alone, so there its own tap is too, though the others of Alice's are at s1.
  fabric.chain('one', ['alice'], [far, { function: 'counter' as never, name: 'copy' as never, tap: true }]);
  const own = () => fabric.instances().filter((record) => record.pool === undefined);
  await eventually(t, 'it is there', () => own().length === 1 && fabric.phase('one') === 'active');
  t.equal(own()[0]?.switch, switchName(2));
  const [tap] = fabric.stationsOf('alice');
  await fabric.send('alice', frame(bytes(SERVER), 1));
  const [pool] = fabric.instances().filter((record) => record.pool === 'pool2');
  const [into] = (await fabric.left(fabric.instancePort(pool?.id as never, 'left'))).filter((one) =>
    one.includes(`${bytes(SERVER)}${bytes(1)}`),
  );
  t.ok(into, 'a frame is in the hop');
  await fabric.send(fabric.instancePort(pool?.id as never, 'right'), into ?? '');
  const copies = (await fabric.left(`${tap}l`)).filter((one) => one === frame(bytes(SERVER), 1));
  t.equal(copies.length, 1, 'and once out of it is copied');
});
