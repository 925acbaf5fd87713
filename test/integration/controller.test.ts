/**
 * The whole controller on a real Open vSwitch with real unikernels, over OpenFlow 1.5 and over 1.3: what is
 * declared over REST is in the switch, stays there whatever is done to it, and is what `explain` says. Traffic
 * on the wire is the system test's matter.
 */
import '../harness/ovs-netns.ts';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Writable } from 'node:stream';
import t, { type Test } from 'tap';
import { parse } from 'yaml';
import { flowText } from '../../src/compiler/flow.ts';
import { loadSettings } from '../../src/config/settings.ts';
import { type Running, start } from '../../src/main.ts';
import type { Explanation } from '../../src/model/explain.ts';
import { openLog } from '../../src/telemetry/log.ts';
import { type Ovs, startOvs } from '../harness/ovs.ts';
import { eventually } from '../harness/ovs-eventually.ts';

const PREFIX = 'ct';
const AUDIT_MS = 300;

type Answer = { readonly status: number; readonly body: Record<string, unknown> };

/** A switch with three ports, a controller, and the client of its API. */
class Site {
  readonly ovs: Ovs;
  readonly #dir: string;
  readonly warnings: string[] = [];
  #running: Running | undefined;
  /** Kept over a restart: the switch has to find the controller again. */
  #openflowPort = 0;

  constructor(ovs: Ovs) {
    this.ovs = ovs;
    this.#dir = mkdtempSync(`${tmpdir()}/cs-controller-`);
  }

  static async open(t: Test, protocols: string | undefined): Promise<Site> {
    const ovs = await startOvs();
    const site = new Site(ovs);
    t.teardown(() => site.close());
    await ovs.addBridge('s1', {
      dpid: '0000000000000001',
      failMode: 'standalone',
      ...(protocols ? { protocols } : {}),
    });
    for (const port of ['s1-eth1', 's1-eth2', 's1-eth3']) {
      execFileSync('ip', ['link', 'add', port, 'type', 'veth', 'peer', 'name', `${port}p`]);
      for (const device of [port, `${port}p`]) execFileSync('ip', ['link', 'set', device, 'up']);
      await ovs.vsctl('add-port', 's1', port);
    }
    await site.start();
    return site;
  }

  get running(): Running {
    if (!this.#running) throw new Error('the controller does not run');
    return this.#running;
  }

  async start(onStop: 'keep' | 'remove' = 'remove'): Promise<void> {
    const settings = loadSettings(
      [
        '--api-port=0',
        `--openflow-port=${this.#openflowPort}`,
        `--state-dir=${this.#dir}/state`,
        `--run-dir=${this.#dir}/run`,
        `--interface-prefix=${PREFIX}`,
        `--audit-interval=${AUDIT_MS}`,
        '--drain-time=100',
        `--on-stop=${onStop}`,
      ],
      {},
    );
    const warnings = this.warnings;
    const sink = new Writable({
      write(line: Buffer, _encoding, done) {
        const { level } = JSON.parse(line.toString()) as { level: string };
        if (level !== 'info') warnings.push(line.toString());
        done();
      },
    });
    this.#running = await start(settings, openLog('info', sink));
    this.#openflowPort = this.#running.openflow.port;
  }

  async stop(): Promise<void> {
    await this.#running?.stop();
    this.#running = undefined;
  }

  async close(): Promise<void> {
    await this.stop();
    await this.ovs.stop();
    for (const port of ['s1-eth1', 's1-eth2', 's1-eth3']) execFileSync('ip', ['link', 'del', port]);
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async call(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(`${this.running.api}${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? {} : JSON.parse(text) };
  }

  async declareLab(t: Test): Promise<void> {
    const at = (port: string) => ({ attachment: { switch: 's1', port } });
    const made = [
      await this.call('POST', '/v1/switches', {
        name: 's1',
        dpid: '0000000000000001',
        unchained: 'normal',
        ovsdb: this.ovs.ovsdb,
      }),
      await this.call('POST', '/v1/uplinks', { name: 'core', ...at('s1-eth3') }),
      await this.call('POST', '/v1/subscribers', {
        name: 'alice',
        ...at('s1-eth1'),
        mac: '00:00:00:00:00:01',
        ipv4: ['10.0.0.1'],
      }),
      await this.call('POST', '/v1/subscribers', { name: 'bob', ...at('s1-eth2'), mac: '00:00:00:00:00:02' }),
    ];
    t.strictSame(
      made.map(({ status }) => status),
      [201, 201, 201, 201],
    );
  }

  /** The flows that are wanted and those that the switch holds, ours alone, each as sorted text. */
  async compare(): Promise<{ wanted: string[]; held: string[] }> {
    const wanted = this.running.control.desired().flatMap(({ flows }) => flows.map(flowText));
    const held = (await this.dump()).filter((flow) => flow.startsWith('cookie=0xc5c5'));
    return { wanted: wanted.sort(), held: held.sort() };
  }

  async dump(): Promise<string[]> {
    const versions = (await this.ovs.vsctl('get', 'bridge', 's1', 'protocols')).includes('OpenFlow13');
    return this.ovs.dumpFlows('s1', { version: versions ? 'OpenFlow13' : 'OpenFlow15' });
  }

  async equal(t: Test): Promise<void> {
    await eventually(t, 'the switch holds what is wanted, and nothing else of ours', async () => {
      const { wanted, held } = await this.compare();
      return wanted.length > 0 && wanted.join('\n') === held.join('\n');
    });
  }

  async clean(t: Test, allowed: readonly RegExp[] = []): Promise<void> {
    t.strictSame(
      this.warnings.filter((line) => !allowed.some((pattern) => pattern.test(line))),
      [],
      'the controller warned of nothing',
    );
    t.strictSame(await this.ovs.unexpectedLogLines(), [], 'Open vSwitch warned of nothing');
  }
}

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

    t.equal((await site.call('DELETE', `/v1/chains/${ONE_HOP.name}`)).status, 204);
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
  const ports = site.running.control.switchFacts().get('0000000000000001' as never)?.ports;
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
    const { passes, outcome } = body as unknown as Explanation;
    for (const [i, pass] of passes.entries()) {
      const fields = Object.entries(packet).map(([name, value]) => `${name}=${value}`);
      const inPort = `in_port=${ports?.get(pass.port)?.ofport}`;
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

t.test('any one flow that is removed or changed by hand comes back; foreign flows stay', async (t) => {
  const site = await Site.open(t, undefined);
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
  const site = await Site.open(t, undefined);
  await site.declareLab(t);
  await site.stop();
  await site.start('keep');
  await site.call('POST', '/v1/chains?wait=active&timeout=30s', TWO_HOPS);
  await site.equal(t);
  const pids = async () =>
    (await site.call('GET', '/v1/instances')).body as unknown as { items: { status: { pid: number } }[] };
  const before = JSON.stringify(await pids());
  const marks = await counts(site);
  await site.stop();
  await site.start('remove');
  await eventually(t, 'the chain is active again', async () => {
    const { body } = await site.call('GET', `/v1/chains/${ONE_HOP.name}`);
    return (body as unknown as { status?: { phase: string } }).status?.phase === 'active';
  });
  await site.equal(t);
  t.equal(JSON.stringify(await pids()), before, 'the same processes serve');
  for (const [flow, since] of await counts(site))
    t.ok(since >= (marks.get(flow) ?? Infinity), `it was not put there anew: ${flow}`);
  await site.clean(t);
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
  const site = await Site.open(t, undefined);
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
