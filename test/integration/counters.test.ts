/** Counters of a chain on the wire: every frame is counted at every place of its way, and none twice. */
import '../harness/ovs-netns.ts';
import t from 'tap';
import type { ChainCounters, SubscriberCounters, WireCounters } from '../../src/model/counters.ts';
import { eventually } from '../harness/ovs-eventually.ts';
import { ENDS, Site, UPLINK } from '../harness/site.ts';
import { FAULTS, firewallConfig, SAID_OF_FAULTS } from '../harness/site-faults.ts';
import { downOf, upOf } from '../harness/site-traffic.ts';
import { Wire } from '../harness/site-wire.ts';

const hops = (...names: readonly string[]) =>
  names.map((name) => ({ name, function: 'firewall', config: firewallConfig([]) }));

t.test('frames are counted hop by hop, through an edit and a restart of the controller', async (t) => {
  const site = await Site.open(t);
  const wire = await Wire.open(t, ENDS);
  await site.declareLab(t);
  const chain = { name: 'alice', subscribers: ['alice'], hops: hops('one') };
  await site.call('POST', '/v1/chains?wait=active&timeout=30s', chain);
  const [up, down] = [upOf('alice'), downOf('alice')];
  const counters = async (): Promise<ChainCounters> =>
    (await site.call('GET', '/v1/chains/alice/counters')).body as unknown as ChainCounters;

  /** Sends for a while; gives how many frames of either stream there have been. */
  const traffic = async (): Promise<{ up: number; down: number }> => {
    const before = await wire.look();
    await wire.send(up, down);
    await wire.until('two hundred frames', (look) =>
      [up, down].every(({ name }) => (look[name]?.next ?? 0) >= (before[name]?.next ?? 0) + 200),
    );
    await wire.stop(up, down);
    const sent = await wire.look();
    const count = (name: string): number => sent[name]?.next ?? 0;
    await wire.until(
      'the last frames',
      (look) =>
        look[up.name]?.latest[`out ${UPLINK}`] === count(up.name) - 1 &&
        look[down.name]?.latest['out s1-eth1'] === count(down.name) - 1,
    );
    return { up: count(up.name), down: count(down.name) };
  };
  const packets = ({ entered, hops, left }: WireCounters) => ({
    entered: entered.packets,
    hops: hops.map(({ hop, into, outOf, missing }) => [hop, into.packets, outOf.packets, missing.packets]),
    left: left.packets,
  });
  const same = (n: number, ...names: readonly string[]) => ({
    entered: n,
    hops: names.map((name) => [name, n, n, 0]),
    left: n,
  });
  const settles = async (what: string, upstream: object, downstream: object): Promise<void> => {
    await eventually(t, what, async () => {
      const now = await counters();
      return (
        JSON.stringify(packets(now.upstream)) === JSON.stringify(upstream) &&
        JSON.stringify(packets(now.downstream)) === JSON.stringify(downstream)
      );
    });
  };

  const first = await traffic();
  await settles('each is counted once', same(first.up, 'one'), same(first.down, 'one'));
  const whole = await counters();
  t.ok(whole.upstream.entered.bytes >= 14 * first.up, 'bytes too');
  t.equal(typeof whole.at, 'string');
  const { body } = await site.call('GET', '/v1/subscribers/alice/counters');
  t.match(body as unknown as SubscriberCounters, {
    chains: [{ chain: 'alice', upstream: whole.upstream }],
  });

  await FAULTS['restart the controller'](site);
  await settles('a new controller goes on from the flows', same(first.up, 'one'), same(first.down, 'one'));

  const edited = { ...chain, hops: hops('zero', 'one') };
  await site.call('PUT', '/v1/chains/alice?wait=active&timeout=30s', edited);
  const second = await traffic();
  const [moreUp, moreDown] = [second.up - first.up, second.down - first.down];
  await settles(
    'an edit takes nothing away',
    {
      entered: second.up,
      hops: [
        ['zero', moreUp, moreUp, 0],
        ['one', second.up, second.up, 0],
      ],
      left: second.up,
    },
    {
      entered: second.down,
      hops: [
        ['one', second.down, second.down, 0],
        ['zero', moreDown, moreDown, 0],
      ],
      left: second.down,
    },
  );

  await site.call('DELETE', '/v1/chains/alice');
  t.match(await site.call('GET', '/v1/chains/alice/counters'), { status: 404 });
  await site.call('POST', '/v1/chains?wait=active&timeout=30s', chain);
  t.match((await counters()).upstream.entered, { packets: 0 }, 'one of the same name begins at nothing');
  await site.equal(t);
  await site.clean(t, SAID_OF_FAULTS);
});
