/**
 * Instances on demand, on a real Open vSwitch: the first packet starts them, waits and goes through; they stop when
 * nothing comes any more. Over OpenFlow 1.5 and 1.3.
 */
import '../harness/ovs-netns.ts';
import t, { type Test } from 'tap';
import { eventually } from '../harness/ovs-eventually.ts';
import { ENDS, HOSTS, Site, UPLINK } from '../harness/site.ts';
import { firewallConfig } from '../harness/site-faults.ts';
import { downOf, upOf } from '../harness/site-traffic.ts';
import { type Report, type Stream, Wire } from '../harness/site-wire.ts';

const onDemand = (firstPacket: 'hold' | 'pass') => ({
  name: 'alice',
  subscribers: ['alice'],
  hops: [
    {
      name: 'wall',
      function: 'firewall',
      config: firewallConfig([]),
      onDemand: { firstPacket, idleAfter: 1 },
    },
    { name: 'count', function: 'counter', onDemand: { firstPacket, idleAfter: 1 } },
  ],
});

type Shown = { phase: string; conditions: { message: string }[]; paths: { hops: { phase: string }[] }[] };

async function statusOf(site: Site): Promise<Shown> {
  return (await site.call('GET', '/v1/chains/alice')).body['status'] as Shown;
}

async function asleep(t: Test, site: Site): Promise<void> {
  await eventually(t, 'the chain is asleep, which is as active as can be', async () => {
    const { phase, paths } = await statusOf(site);
    return phase === 'active' && paths.every(({ hops }) => hops.every((hop) => hop.phase === 'asleep'));
  });
  await eventually(t, 'no guest runs, and no device is there', async () => {
    const { bridge, devices } = await site.leftPorts();
    return [...site.guests(), ...bridge, ...devices].length === 0;
  });
  await site.equal(t);
}

/** The ways that frames of a stream took, and how many there were of them. */
function waysOf({ sent, journeys }: Report, { name }: Stream): { count: number; ways: readonly string[] } {
  const own = journeys.filter(({ stream }) => stream === name);
  const seen = own.flatMap(({ numbers }) => numbers.map(([first, last]) => last - first + 1));
  const complete = seen.reduce((sum, count) => sum + count, 0) === sent[name];
  if (!complete) throw new Error(`${sent[name]} frames were sent, and ${seen} seen`);
  return { count: sent[name] ?? 0, ways: own.map(({ way }) => way.join(' ').replaceAll(/ct\d+/g, 'ct')) };
}

const THROUGH = {
  up: 'in s1-eth1 out ctl in ctr out ctl in ctr out s1-eth3',
  down: 'in s1-eth3 out ctr in ctl out ctr in ctl out s1-eth1',
} as const;

for (const protocols of [undefined, 'OpenFlow13'] as const) {
  t.test(`the first packet starts what its chain needs, ${protocols ?? 'by default'}`, async (t) => {
    const site = await Site.open(t, protocols);
    const wire = await Wire.open(t, ENDS);
    await site.declareLab(t);
    const posted = await site.call('POST', '/v1/chains?wait=active&timeout=30s', onDemand('hold'));
    t.match(posted, { status: 201, body: { status: { phase: 'active' } } });
    await asleep(t, site);

    const streams = { up: upOf('alice'), down: downOf('alice') } as const;
    for (const way of protocols === undefined ? (['up', 'down'] as const) : (['down'] as const)) {
      const stream = streams[way];
      const end = way === 'up' ? UPLINK : HOSTS.alice.port;
      await wire.send(stream);
      await wire.reaches(stream, `out ${end}`);
      await wire.stop(stream);
      const { next } = (await wire.look())[stream.name] ?? { next: 0 };
      await wire.until('all that was sent', (look) => look[stream.name]?.latest[`out ${end}`] === next - 1);
      t.match(await statusOf(site), { phase: 'active' });
      await site.equal(t);
      t.strictSame(
        waysOf(await wire.report(), stream).ways,
        [THROUGH[way]],
        `${way}: each frame met both hops`,
      );
      await asleep(t, site);
    }
    await site.clean(t);
  });
}

t.test('packets may pass a hop over until it is there', async (t) => {
  const site = await Site.open(t);
  const wire = await Wire.open(t, ENDS);
  await site.declareLab(t);
  await site.call('POST', '/v1/chains?wait=active&timeout=30s', onDemand('pass'));
  await asleep(t, site);
  const stream = upOf('alice');
  await wire.send(stream);
  await wire.reaches(stream, 'in ct1r');
  await wire.reaches(stream, 'in ct2r');
  await wire.reaches(stream, `out ${UPLINK}`);
  await wire.stop(stream);
  const { ways } = waysOf(await wire.report(), stream);
  t.ok(ways.includes(THROUGH.up), 'in the end they met both hops');
  t.ok(ways.includes('in s1-eth1 out s1-eth3'), 'at first they met none');
  await asleep(t, site);
  await site.clean(t);
});
