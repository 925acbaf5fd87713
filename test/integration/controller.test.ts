/**
 * The whole controller on a real Open vSwitch with real unikernels, over OpenFlow 1.5 and over 1.3: what is
 * declared over REST is in the switch, stays there whatever is done to it, and is what `explain` says. Traffic
 * on the wire is the system test's matter.
 */
import '../harness/ovs-netns.ts';
import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { parse } from 'yaml';
import type { Explanation } from '../../src/model/explain.ts';
import { eventually } from '../harness/ovs-eventually.ts';
import { PREFIX, Site } from '../harness/site.ts';
import { SAID_OF_FAULTS } from '../harness/site-faults.ts';

const chainIn = (file: string): { name: string } => {
  const { kind, spec, ...bare } = parse(
    readFileSync(new URL(`../../chains/${file}`, import.meta.url), 'utf8'),
  );
  return kind === undefined ? bare : spec;
};
const ONE_HOP = chainIn('alice-protected.yaml');
const TWO_HOPS = { ...chainIn('alice-two-hops.yaml'), name: ONE_HOP.name };

for (const [version, protocols] of [
  ['OpenFlow 1.5', undefined],
  ['OpenFlow 1.3', 'OpenFlow13'],
] as const) {
  t.test(`from declaration to deletion over ${version}`, async (t) => {
    const site = await Site.open(t, protocols);
    await site.declareLab(t);
    const posted = await site.call('POST', '/v1/chains?wait=active&timeout=30s', ONE_HOP);
    t.match(posted, { status: 201, body: { status: { phase: 'active', observedGeneration: 1 } } });
    t.match(await site.call('GET', '/v1/switches/s1'), { body: { status: { protocol: version } } });
    t.equal(
      await site.ovs.vsctl('get', 'bridge', 's1', 'fail_mode'),
      'secure',
      'the fail mode was corrected',
    );
    await site.equal(t);

    const put = await site.call('PUT', `/v1/chains/${ONE_HOP.name}?wait=active&timeout=30s`, TWO_HOPS);
    t.match(put, { status: 200, body: { status: { phase: 'active', observedGeneration: 2 } } });
    await site.equal(t);

    await explainsAsTheSwitchDoes(t, site);

    t.equal((await site.call('DELETE', `/v1/chains/${ONE_HOP.name}?wait=gone`)).status, 204);
    await eventually(t, 'the ports of the instances are gone', async () => {
      const ports = (await site.ovs.vsctl('list-ports', 's1')).split('\n');
      return ports.every((port) => !port.startsWith(PREFIX));
    });
    await site.equal(t);
    await site.clean(t);
  });
}

/** Every pass that `explain` tells of is traced through the real switch too. */
async function explainsAsTheSwitchDoes(t: Test, site: Site): Promise<void> {
  const packets = [
    ['s1-eth1', { eth_src: '00:00:00:00:00:01', eth_dst: '00:00:00:00:00:64', eth_type: '0x0800' }],
    ['s1-eth1', { eth_src: '00:00:00:00:00:99', eth_dst: 'ff:ff:ff:ff:ff:ff', eth_type: '0x0806' }],
    ['s1-eth3', { eth_src: '00:00:00:00:00:64', eth_dst: '00:00:00:00:00:01', eth_type: '0x0800' }],
    [
      's1-eth3',
      { eth_src: '00:00:00:00:00:64', eth_dst: 'ff:ff:ff:ff:ff:ff', eth_type: '0x0806', arp_tpa: '10.0.0.1' },
    ],
    ['s1-eth3', { eth_src: '00:00:00:00:00:64', eth_dst: '00:00:00:00:00:02', eth_type: '0x0800' }],
    ['s1-eth2', { eth_src: '00:00:00:00:00:02', eth_dst: '00:00:00:00:00:01', eth_type: '0x0800' }],
  ] as const;
  for (const [port, packet] of packets) {
    const { status, body } = await site.call('POST', '/v1/explain', { switch: 's1', port, packet });
    t.equal(status, 200);
    const held = await site.call('POST', '/v1/explain?source=switch', { switch: 's1', port, packet });
    t.strictSame(held, { status, body }, 'what the switch holds says the same');
    const { passes, outcome } = body as unknown as Explanation;
    for (const [i, pass] of passes.entries()) {
      const fields = Object.entries(packet).map(([name, value]) => `${name}=${value}`);
      const inPort = `in_port=${await site.ovs.vsctl('get', 'interface', pass.port, 'ofport')}`;
      const trace = await site.ovs.appctl('ofproto/trace', 's1', [inPort, ...fields].join(','));
      const tables = pass.steps.map(({ table }) => table);
      t.strictSame(tablesOf(trace), tables, `pass ${i + 1} from ${pass.port} goes through the same tables`);
      const next = passes[i + 1];
      const last = pass.steps.at(-1)?.flow ?? '';
      const action = /actions=(.*)$/.exec(last)?.[1] ?? 'drop';
      const said = outcome.kind === 'drop' && !next ? 'drop' : action;
      t.match(
        trace,
        said === 'drop' ? /^ {4}drop$|Datapath actions: drop/m : new RegExp(`^ +${said}$`, 'm'),
        `and ends with ${said}`,
      );
    }
  }
}

const tablesOf = (trace: string): number[] =>
  [...trace.matchAll(/^ *(\d+)\. /gm)].map(([, table]) => Number(table));

t.test('explain by what the switch holds sees what a stranger has put there', async (t) => {
  const site = await Site.open(t);
  await site.declareLab(t);
  await site.call('POST', '/v1/chains?wait=active&timeout=30s', ONE_HOP);
  const query = {
    switch: 's1',
    port: 's1-eth1',
    packet: { eth_src: '00:00:00:00:00:01', eth_type: '0x0800' },
  };
  const explain = async (source: string): Promise<Explanation> =>
    (await site.call('POST', `/v1/explain?source=${source}`, query)).body as unknown as Explanation;
  const before = await explain('compiled');
  const plant = async (actions: string): Promise<Explanation> => {
    const flow = `cookie=0xbad,priority=900,in_port=s1-eth1,actions=${actions}`;
    await site.ovs.ofctl('-O', 'OpenFlow15', 'add-flow', 's1', flow);
    return explain('switch');
  };
  t.match(await plant('output:s1-eth3'), {
    hops: [],
    outcome: { kind: 'output', port: 's1-eth3' },
    passes: [{ steps: [{ foreign: true, flow: /priority=900/ }] }],
  });
  t.match(await plant('output:s1-eth2,resubmit(,1)'), {
    hops: [{ instance: before.hops[0]?.instance }],
    outcome: { kind: 'output', port: 's1-eth3' },
    also: [{ kind: 'output', port: 's1-eth2' }],
  });
  t.match(await plant('learn(table=0,NXM_OF_ETH_SRC[])'), { outcome: { kind: 'unknown', what: /^learn/ } });
  t.strictSame(await explain('compiled'), before, 'the compiled tables are what they were');
  await site.ovs.ofctl('-O', 'OpenFlow15', 'del-flows', 's1', 'cookie=0xbad/-1');
  t.strictSame(await explain('switch'), before);
  await site.equal(t);
  await site.clean(t);
});

t.test('any one flow that is removed or changed by hand comes back; foreign flows stay', async (t) => {
  const site = await Site.open(t);
  await site.declareLab(t);
  await site.call('POST', '/v1/chains?wait=active&timeout=30s', ONE_HOP);
  await site.ovs.ofctl(
    '-O',
    'OpenFlow15',
    'add-flow',
    's1',
    'cookie=0xf00d,table=9,priority=7,in_port=1,actions=drop',
  );
  await site.equal(t);
  const { held } = await site.compare();
  for (const flow of held) {
    const [head = '', actions = ''] = flow.split(' actions=');
    const place = head.replace(/cookie=\S+, /, '').replace(', ', ',');
    await site.ovs.ofctl('-O', 'OpenFlow15', '--strict', 'del-flows', 's1', place);
    await site.equal(t);
    const cookie = /cookie=(\S+),/.exec(head)?.[1];
    const other = actions === 'drop' ? 'NORMAL' : 'drop';
    await site.ovs.ofctl('-O', 'OpenFlow15', 'add-flow', 's1', `cookie=${cookie},${place},actions=${other}`);
    await site.equal(t);
  }
  t.match(
    (await site.dump()).filter((flow) => flow.includes('0xf00d')).length,
    1,
    'the foreign flow is there',
  );
  await site.clean(t);
});

t.test('a controller that comes back changes nothing that need not change', async (t) => {
  const site = await Site.open(t);
  await site.declareLab(t);
  await site.call('POST', '/v1/chains?wait=active&timeout=30s', TWO_HOPS);
  await site.listened(t);
  await site.equal(t);
  const pids = async () =>
    (await site.call('GET', '/v1/instances')).body as unknown as { items: { status: { pid: number } }[] };
  const before = JSON.stringify(await pids());
  const marks = await counts(site);
  await site.stop('keep');
  await site.start();
  await eventually(t, 'the chain is active again', async () => {
    const { body } = await site.call('GET', `/v1/chains/${ONE_HOP.name}`);
    return (body as unknown as { status?: { phase: string } }).status?.phase === 'active';
  });
  await site.equal(t);
  t.equal(JSON.stringify(await pids()), before, 'the same processes serve');
  for (const [flow, since] of await counts(site))
    t.ok(since >= (marks.get(flow) ?? Infinity), `it was not put there anew: ${flow}`);
  // The switch misses the controller while there is none.
  await site.clean(t, { ovs: SAID_OF_FAULTS.ovs });
});

/** Age in seconds of every flow. */
async function counts(site: Site): Promise<Map<string, number>> {
  const flows = await site.ovs.dumpFlows('s1', { stats: true });
  return new Map(
    flows.map((flow) => [
      flow.replace(/duration=\S+ |n_packets=\S+ |n_bytes=\S+ |idle_age=\S+ |hard_age=\S+ /g, ''),
      Number(/duration=([\d.]+)s/.exec(flow)?.[1]),
    ]),
  );
}

t.test('what is wrong is refused with a pointer to it, and nothing changes', async (t) => {
  const site = await Site.open(t);
  await site.declareLab(t);
  await site.equal(t);
  const before = await site.compare();
  const hop = (config: unknown) => ({
    name: 'wrong',
    subscribers: ['alice'],
    hops: [{ function: 'firewall', config }],
  });
  const refused: [string, unknown, string][] = [
    ['an unknown function', { ...hop({}), hops: [{ function: 'firewal' }] }, '/hops/0/function'],
    ['an unknown field', { ...hop({ default: 'deny' }), colour: 'red' }, '/colour'],
    [
      'a bad prefix',
      hop({ default: 'deny', rules: [{ allow: { to: '10.0.0.0/33' } }] }),
      '/hops/0/config/rules/0/allow/to',
    ],
    ['a config that the schema refuses', hop({ default: 'perhaps' }), '/hops/0/config/default'],
    [
      'a subscriber that does not exist',
      { ...hop({ default: 'deny' }), subscribers: ['carol'] },
      '/subscribers/0',
    ],
  ];
  for (const [what, body, pointer] of refused) {
    const { status, body: problem } = await site.call('POST', '/v1/chains', body);
    t.equal(Math.floor(status / 100), 4, what);
    t.match(
      (problem['faults'] as { pointer: string }[]).map((fault) => fault.pointer),
      [pointer],
      `${what}: ${JSON.stringify(problem['faults'])}`,
    );
  }
  t.match(await site.call('GET', '/v1/chains/wrong'), { status: 404 });
  t.strictSame(await site.compare(), before);
  await site.clean(t);
});
