/**
 * Hitless over several switches: numbered frames both ways along a chain of real instances, while its route changes,
 * switches on the way lose their controller, the chain is edited, and the controller is killed.
 */
import '../harness/ovs-netns.ts';
import t from 'tap';
import { eventually } from '../harness/ovs-eventually.ts';
import { dpidOf, ENDS, HOSTS, Site, UPLINK } from '../harness/site.ts';
import { FAULTS, SAID_OF_FAULTS } from '../harness/site-faults.ts';
import { doubled, missing, strays } from '../harness/site-judge.ts';
import { downOf, upOf, wired } from '../harness/site-traffic.ts';
import { Wire } from '../harness/site-wire.ts';

const { alice } = HOSTS;
const [UP, DOWN] = [upOf('alice', 4), downOf('alice', 4)];
const COUNTER = { name: 'count', function: 'counter' };
const SECOND = { name: 'second', function: 'counter' };

t.test(
  'hitless: a route changes and switches on it lose their controller, and no frame is lost',
  async (t) => {
    // Two ways from Alice at s1 to the uplink at s4, where instances run.
    const site = await Site.open(t);
    await site.addSwitch('s2', 's1');
    await site.addSwitch('s3', 's1');
    await site.addSwitch('s4', 's2', 's3');
    await site.ovs.vsctl('del-port', 's1', UPLINK, '--', 'add-port', 's4', UPLINK);
    const wire = await Wire.open(t, ENDS);
    const put = async (path: string, body: object): Promise<void> => {
      t.equal((await site.call('PUT', path, body)).status, 201, path);
    };
    for (const name of ['s1', 's2', 's3', 's4']) {
      const hostsInstances = name === 's4';
      const spec = { name, dpid: dpidOf(name), unchained: 'drop', ovsdb: site.ovs.ovsdb, hostsInstances };
      await put(`/v1/switches/${name}`, spec);
    }
    await put('/v1/uplinks/core', { name: 'core', attachment: { switch: 's4', port: UPLINK } });
    const attachment = { switch: 's1', port: alice.port };
    await put('/v1/subscribers/alice', { name: 'alice', attachment, mac: alice.mac, ipv4: [alice.ip] });

    const declare = async (...hops: readonly object[]): Promise<void> => {
      const body = { name: 'one', subscribers: ['alice'], hops };
      const answer = await site.call('PUT', '/v1/chains/one?wait=active&timeout=30s', body);
      t.match(answer, { body: { status: { phase: 'active' } } }, `${hops.length} hops`);
    };
    /** The switches that the chain is on, as its status says. */
    const route = async (): Promise<string> => {
      const { status } = (await site.call('GET', '/v1/chains/one')).body;
      return (status as { switches: { switch: string }[] }).switches.map((one) => one.switch).join();
    };
    const isActive = async (over: string): Promise<boolean> =>
      (await site.phase('one')) === 'active' && (await route()) === over;
    const reached = async (): Promise<void> => {
      await wire.reaches(UP, `out ${UPLINK}`);
      await wire.reaches(DOWN, `out ${alice.port}`);
    };

    await eventually(t, 'the links are there', async () => {
      const { items } = (await site.call('GET', '/v1/links')).body;
      return (items as { state: string }[]).filter(({ state }) => state === 'up').length === 4;
    });
    await declare(COUNTER);
    t.equal(await route(), 's1,s2,s4');
    await wire.send(UP, DOWN);
    await reached();
    const steps: readonly (readonly [string, () => Promise<unknown>, string])[] = [
      ['s2 loses its controller', () => site.identify('s2', 'as nobody'), 's1,s3,s4'],
      ['a hop is added', () => declare(COUNTER, SECOND), 's1,s3,s4'],
      ['s2 is back', () => site.identify('s2', 'as declared'), 's1,s3,s4'],
      ['kill the controller', () => FAULTS['kill the controller'](site), 's1,s3,s4'],
      // A new path takes the first of the shortest ways again.
      ['the hops change places', () => declare(SECOND, COUNTER), 's1,s2,s4'],
    ];
    for (const [what, act, over] of steps) {
      t.comment(what);
      await act();
      await eventually(t, `${what}: it is active over ${over}`, () => isActive(over));
      await reached();
    }
    // Where its instances are there is no other way: it says so, and goes on.
    await site.identify('s4', 'as nobody');
    await eventually(t, 's4 is missed', async () => (await site.phase('one')) === 'degraded');
    await reached();
    await site.identify('s4', 'as declared');
    await eventually(t, 'it is active again', () => isActive('s1,s2,s4'));
    await reached();

    await wire.stop(UP, DOWN);
    const last = await wire.look();
    for (const [{ name }, place] of [
      [UP, `out ${UPLINK}`],
      [DOWN, `out ${alice.port}`],
    ] as const)
      await wire.until(
        `the last of ${name}`,
        (look) => look[name]?.latest[place] === (last[name]?.next ?? 0) - 1,
      );
    const report = await wire.report();
    for (const [{ name }, place] of [
      [UP, `out ${UPLINK}`],
      [DOWN, `out ${alice.port}`],
    ] as const)
      t.strictSame(missing(report, name, place), [], `${name}: all ${report.sent[name]} frames arrived`);
    const versions = [['count'], ['count', 'second'], ['second', 'count']];
    for (const [stream, direction] of [
      [UP, 'upstream'],
      [DOWN, 'downstream'],
    ] as const)
      t.strictSame(strays(report, wired(stream, 'alice', direction, versions), site.stations), []);
    t.strictSame(doubled(report), [], 'and each once');
    await site.equal(t);
    await site.clean(t, {
      controller: [...SAID_OF_FAULTS.controller, /has the datapath id/],
      ovs: [...SAID_OF_FAULTS.ovs, /rconn\|WARN\|s\d<->tcp:127\.0\.0\.1:\d+: connection (dropped|failed)/],
    });
  },
);
