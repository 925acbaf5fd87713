/**
 * Machines of somebody else's on a real Open vSwitch: a Linux bridge as one with two arms, and one with a single arm
 * that sends frames back. What passes them, what becomes of it when a link is lost, and who takes over.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import '../harness/ovs-netns.ts';
import t, { type Test } from 'tap';
import { eventually } from '../harness/ovs-eventually.ts';
import { ENDS, Site, UPLINK } from '../harness/site.ts';
import { downOf, upOf } from '../harness/site-traffic.ts';
import { Wire } from '../harness/site-wire.ts';

const REFLECTOR = fileURLToPath(new URL('../harness/one-armed.py', import.meta.url));
const ip = (...argv: string[]): void => void execFileSync('ip', argv);

async function cable(site: Site, ...ports: readonly string[]): Promise<void> {
  for (const port of ports) {
    ip('link', 'add', port, 'type', 'veth', 'peer', 'name', `${port}p`);
    for (const device of [port, `${port}p`]) ip('link', 'set', device, 'addrgenmode', 'none', 'up');
    await site.ovs.vsctl('add-port', 's1', port);
  }
}

/** A bridge of Linux between two ports: it does what bridges do, and knows nothing of tags. */
async function bridge(site: Site, name: string, left: string, right: string): Promise<void> {
  await cable(site, left, right);
  ip('link', 'add', name, 'type', 'bridge');
  for (const port of [left, right]) ip('link', 'set', `${port}p`, 'master', name);
  ip('link', 'set', name, 'addrgenmode', 'none', 'up');
}

async function reflector(t: Test, site: Site, port: string): Promise<void> {
  await cable(site, port);
  const child = spawn('python3', [REFLECTOR, `${port}p`], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill());
  await once(child.stdout, 'data');
}

const FOREIGN = { name: 'foreign', external: true, transparent: true, vlanTransparent: true };
const pool = (name: string, ...external: object[]) => ({ name, function: 'foreign', switch: 's1', external });
const CHAIN = {
  name: 'guarded',
  subscribers: ['alice', 'bob'],
  hops: [{ pool: 'wide' }, { function: 'counter' }, { pool: 'narrow', onFailure: 'open' }],
};

t.test(
  'frames pass machines with two arms and with one, and go another way when a link is lost',
  async (t) => {
    const site = await Site.open(t);
    await site.declareLab(t);
    await bridge(site, 'bra', 'm1', 'm2');
    await bridge(site, 'brb', 'm3', 'm4');
    await reflector(t, site, 'm5');
    const wire = await Wire.open(t, [...ENDS, 'm1p', 'm2p', 'm3p', 'm4p', 'm5p', 'bra', 'brb']);
    const made = [
      await site.call('POST', '/v1/functions', FOREIGN),
      await site.call(
        'POST',
        '/v1/pools',
        pool('wide', { name: 'a', left: 'm1', right: 'm2' }, { name: 'b', left: 'm3', right: 'm4' }),
      ),
      await site.call('POST', '/v1/pools', pool('narrow', { name: 'c', port: 'm5' })),
      await site.call('POST', '/v1/chains?wait=active&timeout=30s', CHAIN),
    ];
    t.strictSame(
      made.map(({ status }) => status),
      [201, 201, 201, 201],
    );
    await site.equal(t);
    const [up, down] = [upOf('alice'), downOf('alice')];
    await wire.send(up, down);
    await wire.reaches(up, `out ${UPLINK}`);
    await wire.reaches(down, 'out s1-eth1');
    const waysOf = async (stream: string, end: string) =>
      (await wire.report()).journeys
        .filter((one) => one.stream === stream && one.way.at(-1) === end)
        .map(({ way }) => way.filter((place) => / (m|ct)/.test(place)).join(', '));
    const [there] = await waysOf(up.name, `out ${UPLINK}`);
    const [, first = ''] = /^out (m[13]), /.exec(there ?? '') ?? [];
    const second = first === 'm1' ? 'm2' : 'm4';
    t.match(there, new RegExp(`^out ${first}, in ${second}, out ct\\d+l, in ct\\d+r, out m5, in m5$`));
    const [back] = await waysOf(down.name, 'out s1-eth1');
    t.match(back, new RegExp(`^out m5, in m5, out ct\\d+r, in ct\\d+l, out ${second}, in ${first}$`));
    const { body } = await site.call('GET', '/v1/instances?function=foreign');
    const { items } = body as { items: readonly { external: { name: string }; status: { phase: string } }[] };
    // Which pool was planned first, and so the order, is no matter.
    const machines = items.map(({ external, status }) => `${external.name} ${status.phase}`);
    t.strictSame(machines.sort(), ['a ready', 'b ready', 'c ready']);

    ip('link', 'set', 'm5p', 'down');
    const without = /, in ct\d+r$/;
    await eventually(t, 'the machine with one arm is passed over', async () => {
      await wire.reaches(up, `out ${UPLINK}`);
      return (await waysOf(up.name, `out ${UPLINK}`)).some((way) => without.test(way));
    });
    ip('link', 'set', `${second}p`, 'down');
    const other = first === 'm1' ? 'out m3, in m4' : 'out m1, in m2';
    await eventually(t, 'the other machine of the pool takes over', async () => {
      await wire.reaches(up, `out ${UPLINK}`);
      return (await waysOf(up.name, `out ${UPLINK}`)).some((way) => way.startsWith(other));
    });
    const shown = await site.call('GET', '/v1/chains/guarded');
    t.match(shown.body, { status: { phase: 'degraded' } });
    t.match(JSON.stringify(shown.body), /InstanceFailed.*has no link/);
    await site.equal(t);
    for (const device of ['m5p', `${second}p`]) ip('link', 'set', device, 'up');
    await eventually(t, 'the chain is active', async () => (await site.phase('guarded')) === 'active');
    await wire.reaches(up, 'in m5');
    await site.equal(t);

    t.equal((await site.call('DELETE', '/v1/chains/guarded?wait=gone')).status, 204);
    t.equal((await site.call('DELETE', '/v1/pools/narrow')).status, 204);
    await eventually(t, 'it is gone', async () => (await site.instances()).length === 2);
    await site.equal(t);
    await site.clean(t);
  },
);
