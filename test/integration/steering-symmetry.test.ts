/**
 * A hundred subscribers over the three instances of a pool: whatever goes up through one comes down through the same
 * one. Frames are carried through the instances by hand, so that each is seen where it is.
 */
import t from 'tap';
import type { InstanceId, Name } from '../../src/model/ids.ts';
import { COUNTER, Fabric, macOf, PREFIX } from '../harness/fabric.ts';
import { eventually } from '../harness/ovs-eventually.ts';

const COUNT = 100;
const addresses = (hex: string): readonly string[] => [hex.slice(0, 12), hex.slice(12, 24)];
/** A dummy device holds as many frames at once. */
const BATCH = 50;
const SERVER = '0200000000aa';
const hosts = Array.from({ length: COUNT }, (_, index) => index + 1);
const portOf = (host: number): string => `sub${host}`;
const bare = (host: number): string => macOf(host).replaceAll(':', '');
const frame = (to: string, from: string): string => `${to}${from}88b5${'00'.repeat(46)}`;

/** Beside them are those by which the switch finds out whether an instance passes any. */
const isOurs = (hex: string): boolean => hex.slice(24).includes('88b5');

/** Frames by the instance that they went into at one side. */
type Seen = ReadonlyMap<InstanceId, readonly string[]>;

async function inBatches(fabric: Fabric, port: string, frames: readonly string[]): Promise<void> {
  for (let at = 0; at < frames.length; at += BATCH)
    await fabric.ovs.appctl('netdev-dummy/receive', port, ...frames.slice(at, at + BATCH));
}

t.test('a hundred of a hundred come back through the instance that they went through', async (t) => {
  const fabric = await Fabric.open(t, { switches: 1, links: [] });
  const { ovs } = fabric;
  const ports = [...hosts.map(portOf), 'core'];
  const adding = ports.flatMap((port) => [
    ...['--', 'add-port', 's1', port, '--', 'set', 'interface', port, 'type=dummy'],
    `options:tx_pcap=${ovs.dir}/${port}.pcap`,
  ]);
  await ovs.vsctl(...adding.slice(1));
  const at = (port: string) => ({ attachment: { switch: 's1' as Name, port } });
  for (const host of hosts)
    fabric.declare('subscribers', {
      name: portOf(host) as Name,
      ...at(portOf(host)),
      mac: macOf(host),
      labels: { plan: 'gold' },
    });
  fabric.declare('uplinks', { name: 'core' as Name, ...at('core') });
  fabric.declare('functions', { ...COUNTER, name: 'meter' as Name, vlanTransparent: true });
  fabric.declare('pools', {
    name: 'edge' as Name,
    function: 'meter' as Name,
    switch: 's1' as Name,
    instances: 3,
  });
  fabric.declare('chains', {
    name: 'all' as Name,
    selector: { plan: 'gold' },
    hops: [{ pool: 'edge' as Name }],
  });
  await fabric.active(t, 'all');
  await fabric.equal(t);
  const instances = fabric.control.instances().map(({ record }) => record.id);
  t.equal(instances.length, 3);
  const doors = instances.flatMap((id) => [`${PREFIX}${id.slice(1)}l`, `${PREFIX}${id.slice(1)}r`]);
  for (const door of doors)
    await ovs.vsctl('set', 'interface', door, `options:tx_pcap=${ovs.dir}/${door}.pcap`);

  const framesAt = async (port: string): Promise<readonly string[]> =>
    (await fabric.left(port)).filter(isOurs);
  /** Sends the frames of those hosts of which none has been there yet, until there is one of each. */
  const untilAll = async (
    what: string,
    framesThere: () => Promise<readonly string[]>,
    send: (missing: ReadonlySet<string>) => Promise<void>,
  ): Promise<void> => {
    await eventually(t, what, async () => {
      const there = new Set((await framesThere()).flatMap(addresses));
      const missing = new Set(hosts.map(bare).filter((mac) => !there.has(mac)));
      if (missing.size > 0) await send(missing);
      return missing.size === 0;
    });
  };
  const seenAt = async (side: 'left' | 'right'): Promise<Seen> => {
    const frames = await Promise.all(instances.map((id) => framesAt(fabric.instancePort(id, side))));
    return new Map(instances.map((id, index) => [id, frames[index] ?? []]));
  };
  /** From where frames have gone into instances to the other side of these. */
  const carry =
    (from: 'left' | 'right') =>
    async (missing: ReadonlySet<string>): Promise<void> => {
      for (const [id, frames] of await seenAt(from)) {
        const some = frames.filter((one) => addresses(one).some((mac) => missing.has(mac)));
        await inBatches(fabric, fabric.instancePort(id, from === 'left' ? 'right' : 'left'), some);
      }
    };

  await untilAll(
    'each has gone up into an instance',
    async () => [...(await seenAt('left')).values()].flat(),
    async (missing) => {
      for (const host of hosts.filter((one) => missing.has(bare(one))))
        await fabric.send(portOf(host), frame(SERVER, bare(host)));
    },
  );
  await untilAll('each has left at the uplink', () => framesAt('core'), carry('left'));
  await untilAll(
    'each has come down into an instance',
    async () => [...(await seenAt('right')).values()].flat(),
    async (missing) =>
      inBatches(
        fabric,
        'core',
        [...missing].map((mac) => frame(mac, SERVER)),
      ),
  );
  const at100 = async () => (await Promise.all(hosts.map((host) => framesAt(portOf(host))))).flat();
  await untilAll('each has come to its subscriber', at100, carry('right'));

  const [up, down] = [await seenAt('left'), await seenAt('right')];
  const instancesOf = (seen: Seen, mac: string): string =>
    [...seen]
      .filter(([, frames]) => frames.some((one) => addresses(one).includes(mac)))
      .map(([id]) => id)
      .join();
  const same = hosts.filter((host) => {
    const there = instancesOf(up, bare(host));
    return /^i\d+$/.test(there) && there === instancesOf(down, bare(host));
  });
  t.equal(same.length, COUNT, `${same.length} of ${COUNT}`);
  t.ok(
    [...up.values()].every((frames) => frames.length > 0),
    'each instance has some of them',
  );
  for (const host of hosts)
    if ((await framesAt(portOf(host))).some((one) => one !== frame(bare(host), SERVER)))
      t.fail(`${portOf(host)} has got a frame that is not its own, or not as it was`);
  await fabric.equal(t);
  t.strictSame(fabric.warnings, []);
  t.strictSame(await ovs.unexpectedLogLines(), []);
});
