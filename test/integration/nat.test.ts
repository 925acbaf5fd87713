/**
 * The example of a home behind nat, on a real Open vSwitch with real unikernels: its address by DHCP, out through the
 * translation, in by a forward, and what a collector hears of it, each by a program that nobody here wrote.
 */
import '../harness/ovs-netns.ts';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parseAllDocuments } from 'yaml';
import { Site, UPLINK } from '../harness/site.ts';
import { ip } from '../unikernels/machine.ts';
import { cable, datagramsRead, Host, until } from '../unikernels/routed.ts';

const OWN = '192.0.2.10';
const FAR = '198.51.100.5';
type Declaration = { kind: string; spec: { name: string; hops: { config: object }[] } };
const [home, chain] = parseAllDocuments(
  readFileSync(new URL('../../chains/home-nat.yaml', import.meta.url), 'utf8'),
).map((document) => (document as { toJS(): Declaration }).toJS()) as [Declaration, Declaration];

const web = (port: number) => ['python3', '-u', '-m', 'http.server', String(port)];
const get = (url: string) => ['curl', '-sS', '-m', '10', '-o', '/dev/null', url];

/** Takes the far end of a port of the switch into a host of its own. */
async function plug(host: Host, end: string, mac?: string): Promise<void> {
  ip('link', 'set', end, 'netns', host.namespace);
  if (mac !== undefined) host.ip('link', 'set', end, 'address', mac);
  host.ip('link', 'set', end, 'up');
  // The userspace datapath takes what it gets, and completes no checksum.
  await host.run(['ethtool', '-K', end, 'tx', 'off']);
}

t.test('a home gets its address, goes out through its nat and is reached by a forward', async (t) => {
  const [inner, street, far] = [Host.create(t), Host.create(t), Host.create(t)];
  const site = await Site.open(t);
  await plug(inner, 's1-eth4p', '00:00:00:00:00:03');
  await plug(street, `${UPLINK}p`, '00:00:00:00:00:64');
  street.ip('address', 'add', '192.0.2.1/24', 'dev', `${UPLINK}p`);
  cable(street, 'far', far, 'street');
  street.ip('address', 'add', '198.51.100.1/24', 'dev', 'far');
  far.ip('address', 'add', `${FAR}/24`, 'dev', 'street');
  far.ip('route', 'add', '192.0.2.0/24', 'via', '198.51.100.1');
  await street.run(['sysctl', '-q', '-w', 'net.ipv4.ip_forward=1']);

  const flows = t.testdir({ flows: {} });
  const collector = street.serve(['nfcapd', '-w', join(flows, 'flows'), '-p', '4739', '-t', '3600']);
  await street.listening(4739, 'udp');

  await site.declareLab(t);
  t.match(await site.call('POST', '/v1/subscribers', home.spec), { status: 201 });
  const [dhcp, nat, probe] = chain.spec.hops;
  const hasty = { ...probe, config: { ...probe?.config, idleSeconds: 1 } };
  const first = { ...chain.spec, hops: [dhcp, nat, hasty] };
  t.match(await site.call('POST', '/v1/chains?wait=active&timeout=30s', first), {
    status: 201,
    body: { status: { phase: 'active' } },
  });
  await site.equal(t);

  const script = join(flows, 'script');
  const lines = [
    '[ "$1" = bound ] || exit 0',
    'ip address add "$ip/24" dev "$interface"',
    'ip route add default via "$router"',
  ];
  writeFileSync(script, ['#!/bin/sh', ...lines, ''].join('\n'), { mode: 0o755 });
  await inner.run(['udhcpc', '-f', '-n', '-q', '-i', 's1-eth4p', '-s', script]);

  const outside = far.serve(web(80));
  const inside = inner.serve(web(443));
  await Promise.all([far.listening(80), inner.listening(443)]);
  await inner.run(get(`http://${FAR}/`));
  t.match(
    outside.said(),
    new RegExp(`^${OWN.replaceAll('.', '\\.')} - - `, 'm'),
    'the home is its outside address',
  );
  t.match(await inner.run(['ping', '-c', '2', '-i', '0.2', '-s', '4000', FAR]), / 0% packet loss/);
  await far.run(get(`http://${OWN}:8443/`));
  t.match(
    inside.said(),
    new RegExp(`^${FAR.replaceAll('.', '\\.')} - - `, 'm'),
    'the forward leads to the home',
  );

  // Whoever is there asks for the outside address, and gets an answer.
  street.ip('neighbour', 'flush', 'all');
  t.match(await street.run(['ping', '-c', '1', OWN]), / 0% packet loss/);
  t.match(await street.run(['ip', 'neighbour', 'show', OWN]), / lladdr /);

  // A new forward reaches the running instance, and what was there goes on.
  const forwards = [{ protocol: 'tcp', port: 9000, to: '10.20.0.5', toPort: 443 }];
  const before = (await site.instances()).map(({ id }) => id);
  const changed = { ...chain.spec, hops: [dhcp, { ...nat, config: { ...nat?.config, forwards } }, hasty] };
  t.match(await site.call('PUT', '/v1/chains/home-nat?wait=active&timeout=30s', changed), {
    body: { status: { phase: 'active' } },
  });
  t.strictSame(
    (await site.instances()).map(({ id }) => id),
    before,
  );
  await far.run(get(`http://${OWN}:9000/`));
  await inner.run(get(`http://${FAR}/`));

  // The collector has heard of the home's downloads, by the address that it has outside.
  const [watcher = ''] = (await site.instances()).filter(({ hop }) => hop === 'probe-1').map(({ id }) => id);
  await until('the probe has told of all, and the collector has read it', async () => {
    const { body } = await site.call('GET', `/v1/instances/${watcher}/counters`);
    const { flows, gathered, messages = 0 } = body['function'] as Record<string, number>;
    return flows === 0 && gathered === 0 && messages > 0 && (await datagramsRead(street)) === messages;
  });
  await collector.end();
  const heard = await street.run([
    'nfdump',
    '-q',
    '-N',
    '-R',
    join(flows, 'flows'),
    '-o',
    'fmt:%sa %da %dp %pr %dir',
  ]);
  t.match(heard.replaceAll(/ +/g, ' '), new RegExp(`${OWN} ${FAR} 80 6 I`), 'the downloads went out');
  t.match(
    heard.replaceAll(/ +/g, ' '),
    new RegExp(`${FAR} ${OWN} 8443 6 E`),
    'and what came by the forward came in',
  );
  await site.equal(t);
  await site.clean(t);
});
