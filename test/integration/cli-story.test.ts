/**
 * The story of the README told with the command alone: a real switch, real unikernels.
 */
import '../harness/ovs-netns.ts';
import t from 'tap';
import { EXITS } from '../../src/cli/exits.ts';
import { run } from '../harness/command.ts';
import { eventually } from '../harness/ovs-eventually.ts';
import { HOSTS, Site } from '../harness/site.ts';

t.test('a stranger tells the story', async (t) => {
  const site = await Site.open(t);
  const env = { CHAINSTITCH_URL: `http://127.0.0.1:${site.apiPort}` };
  const cli = (...argv: string[]) => run(argv, { env });
  const feed = (input: string, ...argv: string[]) => run(argv, { env, input });

  const lab = `kind: switches
spec: { name: s1, dpid: "0000000000000001", unchained: normal, ovsdb: "${site.ovs.ovsdb}" }
---
kind: uplinks
spec: { name: core, attachment: { switch: s1, port: s1-eth3 } }
---
kind: subscribers
spec: { name: alice, attachment: { switch: s1, port: s1-eth1 }, mac: "${HOSTS.alice.mac}", ipv4: [${HOSTS.alice.ip}] }
`;
  t.match(await feed(lab, 'apply', '-f', '-'), { status: 0, err: '' });
  await eventually(t, 'the switch has come', async () => {
    const { out } = await cli('get', 'switches', 's1', '-o', 'json');
    return JSON.parse(out).status.connection === 'connected';
  });
  const file = new URL('../../chains/alice-protected.yaml', import.meta.url).pathname;
  const planned = await cli('plan', '-f', file, '--exit-code');
  t.equal(planned.status, EXITS.findings.status, 'it would change something');
  t.match(
    planned.out,
    /^\+ chains\/alice-protected\n\+ instance i1: firewall for .*alice.*\nswitch s1: \d+ flows, then \d+\n/,
  );
  t.match(planned.out, /\n {2}\+ .*table=\d.*\n/);
  t.match(await cli('apply', '-f', file, '--wait'), {
    status: 0,
    out: 'chains/alice-protected created\nchains/alice-protected in force\n',
  });
  t.match(await cli('plan', '-f', file, '--exit-code'), { status: 0, out: '  chains/alice-protected\n' });
  t.match((await cli('get', 'chains')).out, /\nalice-protected +active +1 +alice +firewall +-\n$/);
  t.match(
    (await cli('describe', 'chain', 'alice-protected')).out,
    /\n {2}alice +\d+ +firewall-1 +firewall +i1 +ready/,
  );
  t.match((await cli('describe', 'instance', 'i1')).out, /Counters\n {2}left:\n {4}rxPackets: /);
  const explained = await cli(
    'explain',
    '--subscriber',
    'alice',
    'eth_type=0x0800',
    'nw_proto=6',
    'tcp_dst=22',
  );
  t.equal(explained.err, '');
  t.match(explained.out, /\nhops: firewall-1 \(i1\)\noutcome: leaves at s1-eth3 of s1\n$/);
  const top = await cli('top', '--interval', '200ms');
  t.match(top.out, /^INSTANCE +CHAIN .*\ni1 +alice-protected +alice +firewall-1 +1\/1 +\d/);
  const metrics = await (await fetch(`${env.CHAINSTITCH_URL}/metrics`)).text();
  t.match(await cli('delete', 'chain', 'alice-protected'), { status: 0 });
  t.equal((await cli('get', 'chain', 'alice-protected')).status, EXITS['not-found'].status);

  const log = site.log.map((line) => JSON.parse(line) as Record<string, unknown>);
  const stored = log.find(({ msg, kind }) => msg === 'created' && kind === 'chains');
  const { reqId, storeRevision } = stored ?? {};
  t.match(
    log.filter((line) => line['reqId'] === reqId).map(({ part, msg, status }) => ({ part, msg, status })),
    [
      { part: 'northbound', msg: 'created' },
      { part: 'northbound', msg: 'answered', status: 200 },
    ],
    'a request by its id',
  );
  t.same(
    log
      .filter((line) => line['storeRevision'] === storeRevision)
      .map(({ part, msg }) => [part, msg])
      .slice(0, 3),
    [
      ['northbound', 'created'],
      ['control', 'compiled'],
      ['southbound', 'switch made equal'],
    ],
    'and what it led to, by the revision, to the barrier of the switch',
  );
  for (const line of [
    /^chainstitch_switch_in_force\{switch="s1"\} 1$/m,
    /^chainstitch_switch_flows_wanted\{switch="s1"\} [1-9]/m,
    /^chainstitch_instance_boot_seconds_count\{kind="(tcg|kvm|process)"\} 1$/m,
    /^chainstitch_bundle_seconds_count\{outcome="committed"\} [1-9]/m,
    /^chainstitch_store_write_seconds_count [1-9]/m,
    /^chainstitch_api_requests_total\{method="POST",route="\/v1\/apply",status="200"\} \d+$/m,
  ]) {
    t.match(metrics, line);
  }
  await site.clean(t);
});
