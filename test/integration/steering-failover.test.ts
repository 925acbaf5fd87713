/**
 * A switch alone: the controller is killed, then instances. Traffic passes a hop that fails open by itself, stops at one
 * that fails closed, and all is as wanted when a controller is there again.
 */
import '../harness/ovs-netns.ts';
import t from 'tap';
import { eventually } from '../harness/ovs-eventually.ts';
import { ENDS, Site, UPLINK } from '../harness/site.ts';
import { downOf, upOf } from '../harness/site-traffic.ts';
import { Wire } from '../harness/site-wire.ts';

t.test('without a controller a switch passes over what is open', async (t) => {
  const site = await Site.open(t);
  const wire = await Wire.open(t, ENDS);
  await site.declareLab(t);
  const hops = [
    { function: 'counter', name: 'first', onFailure: 'open' },
    { function: 'counter', name: 'second' },
  ];
  const body = { name: 'watched', subscribers: ['alice'], hops };
  t.match(await site.call('POST', '/v1/chains?wait=active&timeout=30s', body), { status: 201 });
  await site.equal(t);
  const [up, down] = [upOf('alice', 5), downOf('alice', 5)];
  await wire.send(up, down);
  const all = await site.instances();
  const [first, second] = ['first', 'second'].map((hop) => all.find((one) => one.hop === hop));
  await wire.reaches(up, `out ct${first?.id.slice(1)}l`);
  await site.kill();
  process.kill(first?.status.pid as number, 'SIGKILL');
  const through = `out ct${second?.id.slice(1)}`;
  await wire.reaches(up, `out ${UPLINK}`);
  await wire.reaches(down, 'out s1-eth1');
  await eventually(t, 'frames go through the second hop alone, both ways', async () => {
    await wire.reaches(up, `out ${UPLINK}`);
    await wire.reaches(down, 'out s1-eth1');
    const { journeys } = await wire.report();
    const alone = (stream: string, side: 'l' | 'r', end: string) =>
      journeys.some(
        ({ stream: of, way }) =>
          of === stream && way.length === 4 && way[1] === `${through}${side}` && way.at(-1) === end,
      );
    return alone(up.name, 'l', `out ${UPLINK}`) && alone(down.name, 'r', 'out s1-eth1');
  });
  process.kill(second?.status.pid as number, 'SIGKILL');
  await eventually(t, 'nothing passes a hop that fails closed', async () => {
    const before = await wire.look();
    const from = before[up.name]?.latest[`out ${UPLINK}`] ?? 0;
    const next = before[up.name]?.next ?? 0;
    await wire.until('some more are sent', (look) => (look[up.name]?.next ?? 0) > next + 20);
    return (await wire.look())[up.name]?.latest[`out ${UPLINK}`] === from;
  });
  await site.start();
  await wire.reaches(up, `out ${UPLINK}`);
  await wire.reaches(down, 'out s1-eth1');
  await eventually(t, 'the chain is active', async () => (await site.phase('watched')) === 'active');
  await site.equal(t);
  const { journeys } = await wire.report();
  const around = journeys.filter(
    ({ way }) => way.at(-1) === `out ${UPLINK}` && !way.some((place) => place.startsWith(through)),
  );
  t.strictSame(around, [], 'no frame ever got around the second hop');
  await site.clean(t, {
    controller: [/instance|guest/],
    ovs: [/rconn.*(closed by peer|connection dropped|failed to connect|Connection refused)/],
  });
});
