/**
 * The audit on a real switch: it proves that there is no bypass, and finds one that a stranger plants, of
 * whatever shape, from the tables that are read back.
 */
import '../harness/ovs-netns.ts';
import t from 'tap';
import type { AuditReport } from '../../src/model/audit-report.ts';
import { HOSTS, Site } from '../harness/site.ts';
import { Dice, firewallConfig, seedOf } from '../harness/site-faults.ts';

const chainOf = (name: string, hops: readonly string[]) => ({
  name,
  subscribers: [name],
  hops: hops.map((hop) => ({ name: hop, function: 'firewall', config: firewallConfig([]) })),
});

t.test(
  'no bypass is proven on the tables of the switch, and 100 of 100 planted ones are found',
  async (t) => {
    const dice = new Dice(seedOf(t));
    const site = await Site.open(t);
    await site.declareLab(t);
    t.match(await site.call('GET', '/v1/audit'), { status: 404 });
    for (const [name, hops] of [
      ['alice', ['one', 'two']],
      ['bob', ['one']],
    ] as const) {
      const made = await site.call('POST', '/v1/chains?wait=active&timeout=30s', chainOf(name, hops));
      t.match(made, { status: 201, body: { status: { phase: 'active' } } });
    }
    const audit = async (): Promise<AuditReport> =>
      (await site.call('POST', '/v1/audit')).body as unknown as AuditReport;
    const clean = await audit();
    t.match(clean, { result: 'proven', findings: [], unproven: [], passedOver: [], subscribers: 2 });
    t.match((await site.call('GET', '/v1/audit')).body, clean, 'and can be read again');

    const of = (...args: string[]) => site.ovs.ofctl('-O', 'OpenFlow15', ...args);
    const group = (id: number, type: string) =>
      of(
        'add-group',
        's1',
        `group_id=${id},type=${type},bucket=actions=1,bucket=actions=2,bucket=actions=3,bucket=actions=4`,
      );
    await group(7, 'all');
    await group(8, 'select');
    t.match(await audit(), { result: 'proven' }, 'groups and flows that nothing leads to do no harm');

    const plants = { alice: { from: 1, to: 3 }, bob: { from: 2, to: 3 } } as const;
    const missed: string[] = [];
    for (let i = 0; i < 100; i++) {
      const victim = dice.pick(['alice', 'bob'] as const);
      const upstream = dice.below(2) === 0;
      const { from, to } = upstream ? plants[victim] : { from: plants[victim].to, to: plants[victim].from };
      const whose = upstream ? '' : `,dl_dst=${HOSTS[victim].mac}`;
      const narrow = dice.pick([
        '',
        ',ip',
        ',tcp,tp_dst=80',
        ',ipv6',
        ',dl_vlan=9',
        ',udp,tp_src=0x400/0xfc00',
      ]);
      const actions = dice.pick([
        `output:${to}`,
        `goto_table:${dice.pick([3, 200])}`,
        'NORMAL',
        'FLOOD',
        'group:7',
        'group:8',
        `resubmit(,200)`,
        `clone(output:${to}),drop`.replace(',drop', ''),
        `write_actions(output:${to})`,
        `set_field:00:00:00:00:00:99->eth_src,output:${to}`,
        `load:${to}->NXM_NX_REG3[],output:NXM_NX_REG3[]`,
        'learn(table=200,priority=9,NXM_OF_ETH_DST[])',
      ]);
      // Into table 3 a chained subscriber's own address is dropped by its guard, whoever sends there.
      if (actions === 'goto_table:3' && !upstream) continue;
      await of('add-flow', 's1', `cookie=0xbad,table=200,priority=1,actions=output:${to}`);
      const flow = `cookie=0xbad,priority=${1000 + dice.below(60_000)},in_port=${from}${whose}${narrow},actions=${actions}`;
      await of('add-flow', 's1', flow);
      const { result, findings } = await audit();
      const named = findings.some(
        ({ subscriber, direction, flows }) =>
          subscriber === victim &&
          direction === (upstream ? 'upstream' : 'downstream') &&
          flows.some((one) => one.startsWith('cookie=0xbad')),
      );
      if (result !== 'violated' || !named) missed.push(`${flow}: ${JSON.stringify(findings.slice(0, 2))}`);
      await of('del-flows', 's1', 'cookie=0xbad/-1');
    }
    t.strictSame(missed, []);
    t.match(await audit(), { result: 'proven', findings: [] }, 'and nothing is found once they are gone');
    await site.equal(t);
    await site.clean(t, { controller: [/"the audit found something"/] });
  },
);
