/**
 * A function that rewrites, on a real Open vSwitch: its chain is known at the uplink by the address that the hop's
 * config gives, whatever the frames' receiver is. The guest is a real one that lets frames pass.
 */
import '../harness/ovs-netns.ts';
import t from 'tap';
import { ENDS, HOSTS, Site, UPLINK } from '../harness/site.ts';
import { upOf } from '../harness/site-traffic.ts';
import { arpRequest, type Stream, udp, Wire } from '../harness/site-wire.ts';

const { server, alice } = HOSTS;
/** The member of its config that this guest needs anyway stands for the external address. */
const BORDER = {
  name: 'border',
  image: 'dhcp.elf',
  sandbox: 'dhcp.sandbox',
  contract: 1,
  memoryMiB: 8,
  transparent: false,
  rewrites: { external: '/server' },
  configSchema: { type: 'object' },
};
const configOf = (address: string) => ({
  subnet: '10.9.0.0/24',
  server: address,
  pool: { first: '10.9.0.100', last: '10.9.0.110' },
});
const chainOf = (subscriber: string, address: string) => ({
  name: `${subscriber}-out`,
  subscribers: [subscriber],
  hops: [{ function: 'counter' }, { function: 'border', config: configOf(address) }],
});

const fromServer = (name: string, head: Buffer): Stream => ({
  name,
  device: `${UPLINK}p`,
  head,
  everyMs: 20,
});
const to = (ip: string, mac: string): Stream =>
  fromServer(`to ${ip} at ${mac}`, udp(server, { mac, ip }, 4000));
const question = (ip: string): Stream => fromServer(`who has ${ip}`, arpRequest(server, ip));

t.test('what is for the external address goes down the chain, and nothing else does', async (t) => {
  const site = await Site.open(t);
  const wire = await Wire.open(t, ENDS);
  await site.declareLab(t);
  t.match(await site.call('POST', '/v1/functions', BORDER), { status: 201 });
  t.match(await site.call('POST', '/v1/chains?wait=active&timeout=30s', chainOf('alice', '10.9.0.1')), {
    status: 201,
    body: { status: { phase: 'active' } },
  });
  await site.equal(t);

  const up = upOf('alice');
  const own = '02:00:00:00:00:99';
  const down = [to('10.9.0.1', own), to('10.9.0.1', HOSTS.bob.mac), to('10.9.0.1', alice.mac)];
  const asked = question('10.9.0.1');
  const others = [to('10.9.0.2', own), question('10.9.0.2')];
  await wire.send(up, ...down, asked, ...others);
  await wire.reaches(up, `out ${UPLINK}`);
  for (const stream of down) await wire.reaches(stream, `out ${alice.port}`);
  await wire.reaches(asked, 'out ct2r');
  for (const stream of others) await wire.reaches(stream, `out ${HOSTS.bob.port}`);
  const { journeys } = await wire.report();
  const along = [`in ${UPLINK}`, 'out ct2r', 'in ct2l', 'out ct1r', 'in ct1l', `out ${alice.port}`];
  for (const { stream, way } of journeys) {
    const isDown = down.some(({ name }) => name === stream);
    if (isDown) t.strictSame(way, along.slice(0, way.length), `${stream} goes down hop by hop`);
    if (others.some(({ name }) => name === stream))
      t.notOk(
        way.some((place) => / ct\d/.test(place) || place.endsWith(alice.port)),
        `${stream}: nobody's chain`,
      );
  }

  const packet = { eth_dst: own, eth_type: '0x0800', nw_dst: '10.9.0.1' };
  t.match(await site.call('POST', '/v1/explain', { switch: 's1', port: UPLINK, packet }), {
    body: {
      hops: [{ hop: 'border-1', external: '10.9.0.1' }, { hop: 'counter-1' }],
      outcome: { kind: 'output', port: alice.port },
    },
  });
  t.match(await site.call('POST', '/v1/chains', chainOf('bob', '10.9.0.1')), {
    status: 409,
    body: { faults: [{ detail: 'chain alice-out is known at the uplink by 10.9.0.1 too' }] },
  });

  const { body } = await site.call('PUT', '/v1/chains/alice-out?wait=active&timeout=30s', {
    ...chainOf('alice', '10.9.0.2'),
  });
  t.match(body, { status: { phase: 'active' } });
  await site.equal(t);
  for (const stream of [to('10.9.0.2', own), down[0] as Stream])
    await wire.reaches(stream, `out ${stream === down[0] ? HOSTS.bob.port : alice.port}`);
  await site.clean(t);
});
