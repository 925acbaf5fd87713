/**
 * Chains for services on a real Open vSwitch: which of a subscriber's chains a frame enters, by the switch's own
 * account, over OpenFlow 1.5 and 1.3; fragments among them.
 */
import '../harness/ovs-netns.ts';
import t, { type Test } from 'tap';
import { eventually } from '../harness/ovs-eventually.ts';
import { HOSTS, Site, UPLINK } from '../harness/site.ts';

const { alice, server } = HOSTS;
const hops = [{ function: 'counter' }];
const WEB = {
  name: 'web',
  subscribers: ['alice'],
  priority: 5,
  service: [{ protocol: 'tcp', remotePort: '80-89', remote: '10.0.0.0/24' }],
  hops,
};
const VOICE = { name: 'voice', subscribers: ['alice'], service: [{ dscp: 46 }, { vlan: 7 }], hops };
const REST = { name: 'rest', subscribers: ['alice'], hops };

/** Headers as ovs-ofctl takes them, of a frame between alice and the server. */
function header(way: 'up' | 'down', more: string): string {
  const [from, to] = way === 'up' ? [alice, server] : [server, alice];
  const kind = more.startsWith('udp') ? 'udp' : 'tcp';
  const ports = way === 'up' ? `${kind}_src=5000,${kind}_dst=` : `${kind}_dst=5000,${kind}_src=`;
  return `in_port=${way === 'up' ? alice.port : UPLINK},dl_src=${from.mac},dl_dst=${to.mac},${more
    .replace('@ip', `nw_src=${from.ip},nw_dst=${to.ip}`)
    .replace('@port=', ports)}`;
}

const FRAMES: readonly (readonly [headers: string, chain: string | undefined])[] = [
  ['tcp,@ip,@port=80', 'web'],
  ['tcp,@ip,@port=89', 'web'],
  ['tcp,@ip,@port=90', 'rest'],
  ['tcp,@ip,@port=80,nw_frag=first', undefined],
  ['tcp,@ip,nw_frag=later', undefined],
  ['udp,@ip,nw_frag=later', 'rest'],
  ['udp,@ip,@port=80', 'rest'],
  ['udp,@ip,nw_tos=184', 'voice'],
  ['tcp,@ip,@port=80,nw_tos=184', 'web'],
  ['udp6,nw_tos=184', 'voice'],
  ['dl_type=0x88b5,dl_vlan=7', 'voice'],
  ['dl_type=0x88b5,dl_vlan=8', 'rest'],
  ['arp', 'rest'],
];

async function outOf(site: Site, headers: string): Promise<string | undefined> {
  const trace = await site.ovs.appctl('ofproto/trace', 's1', headers);
  return /output:(\d+)/.exec(trace)?.[1];
}

async function goesInto(t: Test, site: Site, way: 'up' | 'down', more: string, chain: string | undefined) {
  const instances = await site.instances();
  const instance = instances.find((one) => one.chain === chain)?.id.slice(1);
  const port = instance === undefined ? undefined : `ct${instance}${way === 'up' ? 'l' : 'r'}`;
  const ofport = port === undefined ? undefined : await site.ovs.vsctl('get', 'interface', port, 'ofport');
  t.equal(await outOf(site, header(way, more)), ofport, `${way}: ${more} goes into ${chain ?? 'nothing'}`);
}

for (const protocols of [undefined, 'OpenFlow13'] as const) {
  t.test(`each frame enters the chain of its service, ${protocols ?? 'by default'}`, async (t) => {
    const site = await Site.open(t, protocols);
    await site.declareLab(t);
    for (const chain of [WEB, VOICE, REST])
      t.match(await site.call('POST', '/v1/chains?wait=active&timeout=30s', chain), { status: 201 });
    await site.equal(t);
    for (const [headers, chain] of FRAMES)
      for (const way of ['up', 'down'] as const) await goesInto(t, site, way, headers, chain);

    const others = async () =>
      (await site.compare()).held.filter((flow) => !/^cookie=0xc5c50000000(1|0)000/.test(flow));
    const before = await others();
    t.equal((await site.call('DELETE', '/v1/chains/web?wait=gone')).status, 204);
    await eventually(t, 'its instance is gone', async () => (await site.instances()).length === 2);
    await site.equal(t);
    t.strictSame(await others(), before, 'the flows of the other chains are as they were');
    await goesInto(t, site, 'up', 'tcp,@ip,@port=80', 'rest');
    await goesInto(t, site, 'down', 'tcp,@ip,nw_frag=later', 'rest');
    await site.clean(t);
  });
}

t.test(
  'with a service chain alone, all else goes straight between the subscriber and the uplink',
  async (t) => {
    const site = await Site.open(t);
    await site.declareLab(t);
    t.match(await site.call('POST', '/v1/chains?wait=active&timeout=30s', WEB), { status: 201 });
    const port = (name: string) => site.ovs.vsctl('get', 'interface', name, 'ofport');
    const [up, down] = [await port(UPLINK), await port(alice.port)];
    for (const headers of ['udp,@ip,@port=53', 'arp', 'tcp,@ip,@port=90']) {
      t.equal(await outOf(site, header('up', headers)), up, headers);
      t.equal(await outOf(site, header('down', headers)), down, headers);
    }
    await goesInto(t, site, 'up', 'tcp,@ip,@port=85', 'web');
    const clash = { ...VOICE, name: 'clash', priority: 5 };
    const refused = await site.call('POST', '/v1/chains', clash);
    t.match(refused, { status: 409, body: { faults: [{ pointer: '/subscribers/0', detail: /chain web/ }] } });
    await site.equal(t);
    await site.clean(t);
  },
);
