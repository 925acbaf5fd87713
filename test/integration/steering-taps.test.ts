/**
 * A tap on a real Open vSwitch: it gets copies both ways, what it gives back goes nowhere, and neither its death nor
 * its coming and going loses a frame.
 */
import '../harness/ovs-netns.ts';
import t from 'tap';
import { eventually } from '../harness/ovs-eventually.ts';
import { ENDS, Site, UPLINK } from '../harness/site.ts';
import { missing } from '../harness/site-judge.ts';
import { downOf, upOf } from '../harness/site-traffic.ts';
import { Wire } from '../harness/site-wire.ts';

const chainOf = (...hops: readonly object[]) => ({ name: 'watched', subscribers: ['alice'], hops });
const COUNTER = { function: 'counter', name: 'meter' };
const TAP = { function: 'counter', tap: true, name: 'watcher' };

t.test('a tap sees all of it, and nothing depends on the tap', async (t) => {
  const site = await Site.open(t);
  const wire = await Wire.open(t, ENDS);
  await site.declareLab(t);
  const put = (...hops: readonly object[]) =>
    site.call('PUT', '/v1/chains/watched?wait=active&timeout=30s', chainOf(...hops));
  t.match(await put(TAP, COUNTER), { status: 201, body: { status: { phase: 'active' } } });
  const tap = async () => (await site.instances()).find(({ hop }) => hop === 'watcher');
  await eventually(t, 'the tap is ready', async () => (await tap())?.status.phase === 'ready');
  await site.equal(t);
  const door = `ct${(await tap())?.id.slice(1)}`;
  const streams = [upOf('alice', 2), downOf('alice', 2)] as const;
  const [up, down] = streams;
  await wire.send(...streams);
  await wire.reaches(up, `out ${door}l`);
  await wire.reaches(down, `out ${door}r`);
  await wire.reaches(up, `in ${door}r`);
  await wire.reaches(up, `out ${UPLINK}`);
  await wire.reaches(down, 'out s1-eth1');

  process.kill((await tap())?.status.pid as number, 'SIGKILL');
  await eventually(t, 'it runs again', async () => {
    const now = await tap();
    return now?.status.phase === 'ready' && now.status.restarts === 1;
  });
  await site.equal(t);
  await wire.reaches(up, `out ${door}l`);
  const steering = async () => (await site.call('GET', '/v1/chains/watched')).body['status'];
  const before = (await steering()) as { paths: { path: number }[] };
  t.match(await put(COUNTER), { status: 200 });
  await eventually(t, 'the tap is gone', async () => (await tap()) === undefined);
  t.match(await put(COUNTER, TAP), { status: 200 });
  await eventually(t, 'and is there again', async () => (await tap())?.status.phase === 'ready');
  const after = (await steering()) as { paths: { path: number }[] };
  t.equal(after.paths[0]?.path, before.paths[0]?.path, 'the path is the same');
  await site.equal(t);
  for (const stream of streams) await wire.reaches(stream, /^out s1-eth\d$/);
  await wire.stop(...streams);
  for (const [index, stream] of streams.entries()) {
    const place = `out ${index === 0 ? UPLINK : 's1-eth1'}`;
    await eventually(t, `no frame of ${stream.name} is missing`, async () => {
      return missing(await wire.report(), stream.name, place).length === 0;
    });
  }
  const { journeys } = await wire.report();
  const twice = journeys.filter(({ way }) => way.filter((place) => place.startsWith('out s1-')).length > 1);
  t.strictSame(twice, [], 'no frame comes twice');
  await site.clean(t, { controller: [/instance/] });
});
