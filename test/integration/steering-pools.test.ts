/**
 * Shared pools on a real Open vSwitch with real unikernels: each subscriber has one instance, both ways; chains that
 * share a pool do not disturb one another; what loses its instance finds another.
 */
import '../harness/ovs-netns.ts';
import t, { type Test } from 'tap';
import { eventually } from '../harness/ovs-eventually.ts';
import { ENDS, Site, UPLINK } from '../harness/site.ts';
import { missing } from '../harness/site-judge.ts';
import { downOf, upOf } from '../harness/site-traffic.ts';
import { type Report, type Stream, Wire } from '../harness/site-wire.ts';

const NAMES = ['alice', 'bob', 'carol'] as const;
const PORT_OF = { alice: 's1-eth1', bob: 's1-eth2', carol: 's1-eth4' } as const;
const pool = (more: object = {}) => ({
  name: 'edge',
  function: 'counter',
  switch: 's1',
  instances: 2,
  ...more,
});
const ALL = { name: 'all', subscribers: NAMES, hops: [{ pool: 'edge' }] };
const WEB = {
  name: 'web',
  subscribers: NAMES,
  service: [{ protocol: 'udp', remotePort: 9 }],
  hops: [{ function: 'counter' }, { pool: 'edge' }],
};

async function lab(t: Test): Promise<{ site: Site; wire: Wire }> {
  const site = await Site.open(t);
  const wire = await Wire.open(t, ENDS);
  await site.declareLab(t, 'carol');
  t.match(await site.call('POST', '/v1/pools', pool()), { status: 201 });
  return { site, wire };
}

/** The instances that a stream's frames went into and came out of, in any order and each once. */
const doorsOf = (report: Report, { name }: Stream): readonly string[] => [
  ...new Set(
    report.journeys
      .filter(({ stream }) => stream === name)
      .flatMap(({ way }) => way.filter((place) => / ct\d+[lr]$/.test(place))),
  ),
];

t.test('each subscriber goes through one instance of the pool, the same both ways', async (t) => {
  const { site, wire } = await lab(t);
  t.match(await site.call('POST', '/v1/chains?wait=active&timeout=30s', ALL), {
    status: 201,
    body: { status: { phase: 'active' } },
  });
  await site.equal(t);
  const streams = NAMES.map((name) => ({ name, up: upOf(name), down: downOf(name) }));
  for (const { up, down } of streams) await wire.send(up, down);
  for (const { name, up, down } of streams) {
    await wire.reaches(up, `out ${UPLINK}`);
    await wire.reaches(down, `out ${PORT_OF[name]}`);
  }
  const report = await wire.report();
  for (const { name, up, down } of streams) {
    const [number] = /\d+/.exec(doorsOf(report, up)[0] ?? '') ?? [];
    t.strictSame(doorsOf(report, up), [`out ct${number}l`, `in ct${number}r`], `${name}, up`);
    t.strictSame(
      doorsOf(report, down),
      [`out ct${number}r`, `in ct${number}l`],
      `${name}, down: the same one`,
    );
  }
  const { body } = await site.call('GET', '/v1/chains/all');
  const paths = (body['status'] as { paths: { subscribers: number; subscriber?: string }[] }).paths;
  t.equal(
    paths.reduce((sum, { subscribers }) => sum + subscribers, 0),
    3,
  );
  const packet = { eth_dst: '00:00:00:00:00:01', eth_type: '0x0800' };
  t.match(await site.call('POST', '/v1/explain', { switch: 's1', port: UPLINK, packet }), {
    body: { hops: [{ hop: 'edge' }], outcome: { kind: 'output', port: PORT_OF.alice } },
  });
  await site.clean(t);
});

t.test('two chains share a pool; the one goes and the other loses no frame and no flow', async (t) => {
  const { site, wire } = await lab(t);
  for (const chain of [ALL, WEB])
    t.match(await site.call('POST', '/v1/chains?wait=active&timeout=30s', chain), { status: 201 });
  const all = [upOf('alice', 2), downOf('alice', 2), upOf('bob', 2)];
  const web = upOf('alice', 20, 9);
  await wire.send(...all, web);
  for (const stream of [...all, web]) await wire.reaches(stream, /^out s1-eth\d$/);
  await site.equal(t);
  const owned = async () =>
    (await site.compare()).held.filter((flow) => flow.startsWith('cookie=0xc5c500000001000'));
  const before = await owned();
  t.ok(before.length > 10, `${before.length} flows are the first chain's`);
  t.match(await site.call('DELETE', '/v1/chains/web?wait=gone'), { status: 204 });
  await eventually(t, 'its instances are gone', async () => (await site.instances()).length === 2);
  await site.equal(t);
  t.strictSame(await owned(), before, 'they are as they were');
  await wire.reaches(web, `out ${UPLINK}`);
  await wire.stop(...all, web);
  const places = ['out s1-eth3', 'out s1-eth1', 'out s1-eth3'];
  for (const [index, stream] of all.entries()) {
    await eventually(t, `no frame of ${stream.name} is missing`, async () => {
      return missing(await wire.report(), stream.name, places[index] ?? '').length === 0;
    });
  }
  await site.clean(t);
});

t.test('a pool grows, is drained and shrinks without losing a frame', async (t) => {
  const { site, wire } = await lab(t);
  t.match(await site.call('POST', '/v1/chains?wait=active&timeout=30s', ALL), { status: 201 });
  const streams = NAMES.flatMap((name) => [upOf(name, 2), downOf(name, 2)]);
  await wire.send(...streams);
  for (const stream of streams) await wire.reaches(stream, /^out s1-eth\d$/);
  const change = async (more: object, what: string, holds: () => Promise<boolean>) => {
    t.match(await site.call('PUT', '/v1/pools/edge', pool(more)), { status: 200 });
    await eventually(t, what, holds);
    await eventually(t, 'the chain is active', async () => (await site.phase('all')) === 'active');
    await site.equal(t);
    for (const stream of streams) await wire.reaches(stream, /^out s1-eth\d$/);
  };
  const ready = async () =>
    (await site.instances()).filter(({ status }) => status.phase === 'ready').map(({ id }) => id);
  const used = async () => {
    const { body } = await site.call('GET', '/v1/chains/all');
    const { paths } = body['status'] as { paths: { hops: { instance: string }[] }[] };
    return paths.flatMap(({ hops }) => hops.map(({ instance }) => instance)).sort();
  };
  await change({ instances: 4 }, 'there are four', async () => (await ready()).length === 4);
  const [gone = ''] = await used();
  await change(
    { instances: 4, drain: [gone] },
    `${gone} is left`,
    async () => !(await used()).includes(gone),
  );
  const ports = new RegExp(` ct${gone.slice(1)}[lr]$`);
  /** The frames that have gone through it, as far as they are known. */
  const through = async (): Promise<number> =>
    (await wire.report()).journeys
      .filter(({ way }) => way.some((place) => ports.test(place)))
      .flatMap(({ numbers }) => numbers)
      .reduce((sum, [first, last]) => sum + last - first + 1, 0);
  await eventually(t, 'nothing goes through it any more', async () => {
    const before = await through();
    for (const stream of streams) await wire.reaches(stream, /^out s1-eth\d$/);
    return before > 0 && (await through()) === before;
  });
  t.ok((await ready()).includes(gone), 'and stays until it may go');
  await change(
    { instances: 3, drain: [gone] },
    'it is the first to go',
    async () => (await ready()).length === 3 && !(await ready()).includes(gone),
  );
  await change({ instances: 1 }, 'there is one', async () => (await ready()).length === 1);
  t.strictSame(await used(), await ready());
  await wire.stop(...streams);
  for (const [index, stream] of streams.entries()) {
    const place = index % 2 === 0 ? `out ${UPLINK}` : `out ${PORT_OF[NAMES[index >> 1] ?? 'alice']}`;
    await eventually(t, `no frame of ${stream.name} is missing`, async () => {
      return missing(await wire.report(), stream.name, place).length === 0;
    });
  }
  await site.clean(t);
});

t.test('who loses an instance goes through another, and only those', async (t) => {
  const { site, wire } = await lab(t);
  t.match(await site.call('POST', '/v1/chains?wait=active&timeout=30s', ALL), { status: 201 });
  const streams = NAMES.map((name) => upOf(name));
  await wire.send(...streams);
  for (const stream of streams) await wire.reaches(stream, `out ${UPLINK}`);
  const door = async (stream: Stream) => /\d+/.exec(doorsOf(await wire.report(), stream)[0] ?? '')?.[0];
  const doors = await Promise.all(streams.map(door));
  const [lost] = doors;
  const victim = (await site.instances()).find(({ id }) => id === `i${lost}`);
  process.kill(victim?.status.pid as number, 'SIGKILL');
  for (const [index, stream] of streams.entries()) {
    if (doors[index] === lost) await wire.reaches(stream, new RegExp(`^out ct(?!${lost}l)\\d+l$`));
    await wire.reaches(stream, `out ${UPLINK}`);
  }
  const report = await wire.report();
  for (const [index, stream] of streams.entries()) {
    if (doors[index] !== lost)
      t.equal(doorsOf(report, stream).length, 2, `${stream.name} stayed where it was`);
  }
  await site.equal(t);
  await site.clean(t, { controller: [/instance/] });
});
