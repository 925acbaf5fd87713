/** Keeping real switches equal to what is desired, over OpenFlow 1.3 and 1.5. */
import net from 'node:net';
import t, { type Test } from 'tap';
import { type Bucket, groupTypes, type Instruction } from 'ts-openflow';
import type { DesiredFlow, DesiredGroup } from '../../src/model/desired.ts';
import type { Dpid, OwnerId } from '../../src/model/ids.ts';
import { type Ovs, startOvs } from '../harness/ovs.ts';
import { eventually } from '../harness/ovs-eventually.ts';
import {
  desiredFlow,
  desiredSwitch,
  outputTo,
  startSouthbound,
  type TestSouthbound,
} from '../harness/ovs-southbound.ts';

const dpid = '00000000000000c1' as Dpid;
const goTo = (table: number): readonly Instruction[] => [{ type: 'gotoTable', table }];
const FLOWS: readonly DesiredFlow[] = [
  desiredFlow({ owner: 0, table: 0, priority: 0 }),
  desiredFlow({ owner: 1, table: 0, match: [{ field: 'in_port', value: 1 }], instructions: goTo(1) }),
  desiredFlow({
    owner: 1,
    table: 1,
    match: [{ field: 'metadata', value: 5n, mask: 0xffn }],
    instructions: [{ type: 'writeMetadata', value: 6n, mask: 0xffn }, ...goTo(2)],
  }),
  desiredFlow({
    owner: 2,
    table: 1,
    match: [
      { field: 'eth_dst', value: 1n << 40n, mask: 1n << 40n },
      { field: 'eth_type', value: 0x86dd },
      { field: 'nw_proto', value: 58 },
      { field: 'icmpv6_type', value: 135 },
      { field: 'nd_target', value: 0xfe800000000000000000000000000001n },
    ],
    instructions: outputTo(1),
  }),
  desiredFlow({
    owner: 2,
    table: 2,
    match: [
      { field: 'eth_type', value: 0x0806 },
      { field: 'arp_tpa', value: 0x0a000001 },
    ],
    instructions: outputTo(0xfffffffa),
  }),
];

/** A unix socket that leads to another one until it is closed. */
async function relay(from: string, to: string): Promise<{ close(): void }> {
  const ends: net.Socket[] = [];
  const server = net.createServer((near) => {
    const far = net.connect(to);
    for (const end of [near, far]) ends.push(end.on('error', () => {}));
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(from, resolve));
  return {
    close() {
      server.close();
      for (const end of ends) end.destroy();
    },
  };
}

for (const version of ['OpenFlow13', 'OpenFlow15'] as const) {
  type World = { ovs: Ovs; southbound: TestSouthbound; of: (...args: string[]) => Promise<string> };

  async function start(t: Test): Promise<World> {
    const ovs = await startOvs({ datapath: 'dummy' });
    t.teardown(() => ovs.stop());
    const southbound = await startSouthbound(t);
    await ovs.addBridge('br1', { dpid, controller: southbound.target, protocols: version });
    await ovs.vsctl('add-port', 'br1', 'p1', '--', 'set', 'interface', 'p1', 'ofport_request=1');
    southbound.switches.manage([{ dpid, ovsdb: ovs.ovsdb }]);
    await eventually(t, 'connected', () => southbound.fact(dpid)?.connection === 'connected');
    await eventually(t, 'the port is seen', () => southbound.fact(dpid)?.ports.get('p1')?.ofport === 1);
    return { ovs, southbound, of: (...args) => ovs.ofctl('-O', version, ...args) };
  }

  const applied = (southbound: TestSouthbound, desired: { digest: string }) =>
    southbound.fact(dpid)?.applied?.digest === desired.digest;
  const flowsOf = async (ovs: Ovs) => (await ovs.dumpFlows('br1', { version })).sort();
  /** Times that changes were carried into the switch. */
  const repairs = ({ lines }: TestSouthbound) =>
    lines.filter(({ message }) => message === 'switch made equal').length;

  /** Ends a test: the switch is read again, nothing differs, and no log has anything to say. */
  async function ends(
    t: Test,
    { ovs, southbound }: World,
    expected: readonly string[],
    allowed: RegExp[] = [],
  ) {
    const before = repairs(southbound);
    southbound.switches.want([]);
    southbound.switches.want([desiredSwitch(dpid, FLOWS)]);
    await eventually(t, 'read again', () => applied(southbound, desiredSwitch(dpid, FLOWS)));
    t.equal(repairs(southbound), before, 'the difference is empty');
    t.strictSame(await flowsOf(ovs), expected);
    t.strictSame(await ovs.unexpectedLogLines(allowed), []);
    t.strictSame(
      southbound.lines.filter(({ level }) => level === 'error'),
      [],
    );
  }

  t.test(`${version}: nothing is sent before something is wanted`, async (t) => {
    const { ovs, southbound, of } = await start(t);
    await of('add-flow', 'br1', 'table=0,cookie=0xc5c5000000010000,priority=3,actions=drop');
    t.match(southbound.fact(dpid), { protocol: version === 'OpenFlow13' ? 'OpenFlow 1.3' : 'OpenFlow 1.5' });
    southbound.switches.want([desiredSwitch('00000000000000ff' as Dpid, FLOWS)]);
    t.equal((await flowsOf(ovs)).length, 1);
    t.equal(southbound.fact(dpid)?.applied, undefined);
    t.equal(southbound.fact('00000000000000ff' as Dpid)?.connection, 'disconnected');
    t.strictSame(await ovs.unexpectedLogLines(), []);
  });

  t.test(`${version}: made equal and kept so`, async (t) => {
    const world = await start(t);
    const { ovs, southbound, of } = world;
    await of('add-flow', 'br1', 'table=7,cookie=0x1234,priority=9,actions=drop');
    const foreign = 'cookie=0x1234, table=7, priority=9 actions=drop';
    const desired = desiredSwitch(dpid, FLOWS);
    southbound.switches.want([desired]);
    await eventually(t, 'applied', () => applied(southbound, desired));
    t.strictSame(southbound.fact(dpid)?.rejections, []);
    t.strictSame([...(southbound.fact(dpid)?.applied?.owners.keys() ?? [])], [0, 1, 2]);
    const installed = await flowsOf(ovs);
    t.equal(installed.length, FLOWS.length + 1);
    t.ok(installed.includes(foreign), 'the flow of a stranger stays');

    const ages = async () =>
      new Map(
        (await ovs.dumpFlows('br1', { version, stats: true })).map((line) => [
          line.replace(/ (duration|n_packets|n_bytes|idle_age)=[^,]*,/g, ''),
          Number(/duration=([\d.]+)s/.exec(line)?.[1]),
        ]),
      );
    let before = await ages();
    for (const flow of installed.filter((line) => line !== foreign)) {
      const [head = ''] = flow.split(' actions=');
      const count = repairs(southbound);
      const place = head.replace(/cookie=0x\w+, /, '').replace(/ /g, '');
      await of('--strict', 'del-flows', 'br1', place);
      await eventually(t, `put back: ${head}`, async () => repairs(southbound) > count);
    }
    t.strictSame(await flowsOf(ovs), installed);
    before = await ages();
    await of('mod-flows', 'br1', 'table=1,metadata=5/0xff,actions=drop');
    t.notSame(await flowsOf(ovs), installed);
    await eventually(t, 'an edited flow is repaired', async () => {
      return JSON.stringify(await flowsOf(ovs)) === JSON.stringify(installed);
    });
    await of('add-flow', 'br1', 'table=2,cookie=0xc5c5000000090000,priority=9,actions=drop');
    await eventually(t, 'a flow under our cookie that is not wanted goes', async () => {
      return JSON.stringify(await flowsOf(ovs)) === JSON.stringify(installed);
    });
    await of('add-flow', 'br1', 'table=0,cookie=0x77,priority=100,in_port=1,actions=drop');
    await eventually(t, 'a flow in the place of ours is replaced', async () => {
      return JSON.stringify(await flowsOf(ovs)) === JSON.stringify(installed);
    });
    const after = await ages();
    const kept = [...before].filter(([flow]) => !/metadata=0x5|in_port=/.test(flow));
    t.equal(kept.length, 4);
    for (const [flow, age] of kept) t.ok((after.get(flow) ?? -1) > age, `goes on counting: ${flow}`);
    await ends(t, world, installed);
  });

  t.test(`${version}: a flow that somebody keeps changing is named`, async (t) => {
    const world = await start(t);
    const { ovs, southbound, of } = world;
    const desired = desiredSwitch(dpid, FLOWS);
    southbound.switches.want([desired]);
    await eventually(t, 'applied', () => applied(southbound, desired));
    const installed = await flowsOf(ovs);
    await eventually(t, 'named', async () => {
      await of('mod-flows', 'br1', 'table=1,metadata=5/0xff,actions=drop');
      return /metadata=0x5/.test(southbound.fact(dpid)?.problem ?? '');
    });
    await eventually(t, 'forgotten', () => southbound.fact(dpid)?.problem === undefined);
    await ends(t, world, installed);
  });

  t.test(`${version}: a flow that the switch refuses holds up nobody else`, async (t) => {
    const world = await start(t);
    const { ovs, southbound } = world;
    const poison: readonly (readonly [string, DesiredFlow, RegExp])[] = [
      [
        'read',
        desiredFlow({ owner: 3, table: 5, instructions: goTo(4) }),
        /OFPBIC_BAD_TABLE_ID|OFPBRC_BAD_TABLE_ID/,
      ],
      [
        'out port',
        desiredFlow({ owner: 4, table: 5, priority: 7, instructions: outputTo(0xfffffff0) }),
        /OFPBAC_BAD_OUT_PORT/,
      ],
      [
        'group',
        desiredFlow({
          owner: 5,
          table: 5,
          priority: 8,
          instructions: [{ type: 'applyActions', actions: [{ type: 'group', group: 77 }] }],
        }),
        /OFPBAC_BAD_OUT_GROUP/,
      ],
    ];
    // No version has this: an EncodeError before anything is sent.
    const unsayable = desiredFlow({
      owner: 6,
      table: 5,
      priority: 9,
      match: [{ field: 'metadata', value: 1n << 70n }],
    });
    const innocent = desiredFlow({ owner: 5, table: 6 });
    const desired = desiredSwitch(dpid, [...poison.map(([, flow]) => flow), unsayable, innocent, ...FLOWS]);
    southbound.switches.want([desired]);
    await eventually(t, 'applied', () => applied(southbound, desired));
    const fact = southbound.fact(dpid);
    t.strictSame([...(fact?.applied?.owners.keys() ?? [])].sort(), [0, 1, 2], 'what was confirmed');
    for (const [name, flow, reason] of poison) {
      const rejection = fact?.rejections.find(({ owner }) => owner === flow.owner);
      t.match(rejection, { digest: desired.owners.get(flow.owner), reason, flow: /table=5/ }, name);
    }
    t.ok(
      fact?.rejections.some(({ owner }) => owner === unsayable.owner),
      'what cannot be said',
    );
    t.equal((await flowsOf(ovs)).length, FLOWS.length, 'all of the others, nothing of these');
    southbound.switches.want([desiredSwitch(dpid, FLOWS)]);
    await eventually(
      t,
      'forgotten once it is not wanted',
      () => southbound.fact(dpid)?.rejections.length === 0,
    );
    await ends(t, world, await flowsOf(ovs), [/OFPBIC|OFPBRC|OFPBAC|bundle/i]);
  });

  t.test(`${version}: groups are read, compared and repaired like flows`, async (t) => {
    const world = await start(t);
    const { ovs, southbound, of } = world;
    for (const port of ['p2', 'p3']) await ovs.vsctl('add-port', 'br1', port);
    const groups = async () => (await of('dump-groups', 'br1')).split('\n').slice(1).sort();
    await of('add-group', 'br1', 'group_id=7,type=all,bucket=actions=1');
    const bucket = (bucketId: number, port: number, properties: Bucket['properties'] = []): Bucket => ({
      bucketId,
      properties,
      actions: [
        { type: 'setField', field: { field: 'metadata', value: 5n } },
        { type: 'output', port, maxLen: 0 },
      ],
    });
    const group = (low: number, groupType: number, buckets: readonly Bucket[]): DesiredGroup => {
      const hashed = version === 'OpenFlow15' && groupType === groupTypes.select;
      const properties = hashed
        ? [{ type: 'selectionMethod', method: 'hash', param: 0n, fields: [] } as const]
        : [];
      return { owner: 2 as OwnerId, group: 0xc5000000 + low, groupType, buckets, properties };
    };
    const GROUPS = [
      group(1, groupTypes.all, [bucket(0, 1), bucket(1, 2)]),
      group(2, groupTypes.select, [
        bucket(0, 1, [{ type: 'weight', weight: 1 }]),
        bucket(1, 2, [{ type: 'weight', weight: 30 }]),
      ]),
      group(3, groupTypes.indirect, [bucket(0, 3)]),
      group(4, groupTypes.fastFailover, [
        bucket(0, 1, [{ type: 'watchPort', port: 1 }]),
        bucket(1, 2, [{ type: 'watchPort', port: 2 }]),
      ]),
    ];
    const uses = (low: number) =>
      desiredFlow({
        owner: 2,
        table: 9,
        priority: low,
        instructions: [{ type: 'applyActions', actions: [{ type: 'group', group: 0xc5000000 + low }] }],
      });
    const desired = desiredSwitch(dpid, [...FLOWS, ...[1, 2, 3, 4].map(uses)], [], GROUPS);
    southbound.switches.want([desired]);
    await eventually(t, 'applied', () => applied(southbound, desired));
    t.strictSame(southbound.fact(dpid)?.rejections, []);
    const [whole, flows] = [await groups(), await flowsOf(ovs)];
    t.equal(whole.length, GROUPS.length + 1);
    t.strictSame(
      await southbound.switches.reconcile(dpid),
      { changes: 0, rejections: [] },
      'nothing differs',
    );

    const isWhole = async () =>
      JSON.stringify(await groups()) === JSON.stringify(whole) &&
      JSON.stringify(await flowsOf(ovs)) === JSON.stringify(flows);
    const hands = [
      ['del-groups', 'br1', `group_id=${0xc5000002}`],
      ['mod-group', 'br1', `group_id=${0xc5000001},type=all,bucket=actions=3`],
      ['mod-group', 'br1', `group_id=${0xc5000003},type=select,bucket=actions=1`],
      ['add-group', 'br1', `group_id=${0xc5000009},type=all,bucket=actions=1`],
    ];
    for (const hand of hands) {
      await of(...hand);
      await eventually(t, `repaired: ${hand[0]} ${hand[2]}`, isWhole);
    }
    const poison = { ...group(5, groupTypes.indirect, [bucket(0, 1), bucket(1, 2)]), owner: 5 as OwnerId };
    const poisoned = desiredSwitch(dpid, desired.flows, [], [...GROUPS, poison]);
    southbound.switches.want([poisoned]);
    await eventually(t, 'applied', () => applied(southbound, poisoned));
    t.match(southbound.fact(dpid)?.rejections, [
      { owner: 5, reason: /OFPGMFC_/, flow: /group_id=3305111557,type=indirect/ },
    ]);
    t.ok(await isWhole(), 'and nothing else is held up');
    southbound.switches.want([desiredSwitch(dpid, FLOWS)]);
    await eventually(t, 'what is not wanted goes, the group of a stranger stays', async () => {
      const left = await groups();
      return left.length === 1 && /group_id=7/.test(left[0] ?? '');
    });
    await ends(t, world, await flowsOf(ovs));
  });

  t.test(`${version}: compared on demand, and what was refused is tried again`, async (t) => {
    const world = await start(t);
    const { ovs, southbound, of } = world;
    await t.rejects(southbound.switches.reconcile('00000000000000ff' as Dpid), {
      code: 'switch-not-connected',
    });
    await t.rejects(southbound.switches.reconcile(dpid), {
      code: 'switch-failed',
      message: /nothing is wanted/,
    });
    const refused = desiredFlow({
      owner: 3,
      table: 5,
      instructions: [{ type: 'applyActions', actions: [{ type: 'group', group: 77 }] }],
    });
    const desired = desiredSwitch(dpid, [...FLOWS, refused]);
    southbound.switches.want([desired]);
    await eventually(t, 'applied', () => applied(southbound, desired));
    t.match(await southbound.switches.reconcile(dpid), { changes: 0, rejections: [{ owner: 3 }] });
    await of('add-group', 'br1', 'group_id=77,type=all,bucket=actions=1');
    await of('del-flows', 'br1', 'table=2');
    const results = await Promise.all([1, 2, 3].map(() => southbound.switches.reconcile(dpid)));
    t.strictSame(
      results.map(({ rejections }) => rejections),
      [[], [], []],
      'each who asks has the answer of a look that began later',
    );
    t.equal((await flowsOf(ovs)).length, FLOWS.length + 1);
    const asked = southbound.switches.reconcile(dpid).then(
      () => t.pass('it was done before'),
      (error) => t.match(error, { code: 'switch-not-connected' }, 'nobody waits for a switch that is gone'),
    );
    await ovs.stopVswitchd();
    await asked;
    await eventually(t, 'gone', () => southbound.fact(dpid)?.connection === 'disconnected');
    await t.rejects(southbound.switches.reconcile(dpid), { code: 'switch-not-connected' });
    await t.rejects(southbound.switches.read(dpid), { code: 'switch-not-connected' });
    await ovs.startVswitchd();
    await eventually(t, 'back', () => applied(southbound, desired));
    southbound.switches.want([desiredSwitch(dpid, FLOWS)]);
    await eventually(t, 'as before', async () => (await flowsOf(ovs)).length === FLOWS.length);
    await ends(t, world, await flowsOf(ovs));
  });

  t.test(`${version}: what a switch really holds is read whole`, async (t) => {
    const world = await start(t);
    const { ovs, southbound, of } = world;
    await ovs.vsctl('add-port', 'br1', 'p2', '--', 'set', 'interface', 'p2', 'ofport_request=2');
    await of('add-flow', 'br1', 'table=7,cookie=0x1234,priority=9,actions=resubmit(,8)');
    await of('add-group', 'br1', 'group_id=7,type=all,bucket=actions=1');
    const desired = desiredSwitch(dpid, FLOWS, [[1, 'all']]);
    southbound.switches.want([desired]);
    await eventually(t, 'applied', () => applied(southbound, desired));
    const content = await southbound.switches.read(dpid);
    t.equal(content.flows.length, FLOWS.length + 1);
    t.match(
      content.flows.filter(({ cookie }) => cookie === 0x1234n),
      [{ table: 7, instructions: [{ actions: [{ type: 'resubmitTable', table: 8 }] }] }],
    );
    t.match(content.groups, [{ group: 7 }]);
    t.strictSame(content.bridge, { failMode: 'secure', isolated: new Set([1]), untagged: new Set() });
    await ends(t, world, await flowsOf(ovs));
  });

  t.test(`${version}: the newest of many wishes wins, also over a new connection`, async (t) => {
    const world = await start(t);
    const { ovs, southbound } = world;
    const final = desiredSwitch(dpid, FLOWS);
    for (let i = 0; i < 20; i++)
      southbound.switches.want([
        desiredSwitch(dpid, [desiredFlow({ owner: 1, priority: i, instructions: outputTo(1) })]),
      ]);
    southbound.switches.want([final]);
    await eventually(t, 'applied', () => applied(southbound, final));
    const installed = await flowsOf(ovs);
    t.equal(installed.length, FLOWS.length);
    await ovs.stopVswitchd();
    await eventually(t, 'disconnected', () => southbound.fact(dpid)?.connection === 'disconnected');
    t.equal(southbound.fact(dpid)?.applied, undefined);
    t.ok(southbound.fact(dpid)?.ports.has('p1'), 'the last known ports stay');
    await ovs.startVswitchd();
    await eventually(t, 'applied again', () => applied(southbound, final));
    await ends(t, world, installed);
  });

  t.test(`${version}: without OVSDB, flows go on and isolation is not claimed`, async (t) => {
    const world = await start(t);
    const { ovs, southbound } = world;
    // Only our way to it is cut: an ovs-vswitchd that loses its database at a bad moment stops whole.
    const way = await relay(`${ovs.dir}/relay.sock`, `${ovs.dir}/db.sock`);
    t.teardown(() => way.close());
    southbound.switches.manage([{ dpid, ovsdb: `unix:${ovs.dir}/relay.sock` }]);
    const first = desiredSwitch(dpid, [], [[1, 'none']]);
    southbound.switches.want([first]);
    await eventually(t, 'applied', () => applied(southbound, first));
    way.close();
    await eventually(t, 'noticed', () => southbound.fact(dpid)?.problem !== undefined);
    const flowsOnly = desiredSwitch(dpid, FLOWS, [[1, 'none']]);
    southbound.switches.want([flowsOnly]);
    await eventually(t, 'flows are applied', () => applied(southbound, flowsOnly));
    const isolated = desiredSwitch(dpid, FLOWS, [[1, 'all']]);
    southbound.switches.want([isolated]);
    await eventually(t, 'nothing is claimed', () => southbound.fact(dpid)?.applied === undefined);
    t.equal((await flowsOf(ovs)).length, FLOWS.length, 'the flows are there all the same');
    const back = await relay(`${ovs.dir}/relay.sock`, `${ovs.dir}/db.sock`);
    t.teardown(() => back.close());
    await eventually(t, 'applied when it is back', () => applied(southbound, isolated));
    t.equal(southbound.fact(dpid)?.problem, undefined);
    await ends(t, world, await flowsOf(ovs));
  });

  t.test(`${version}: NORMAL is kept off a port`, async (t) => {
    const world = await start(t);
    const { ovs, southbound } = world;
    const desired = desiredSwitch(dpid, FLOWS, [[1, 'all']]);
    southbound.switches.want([desired]);
    await eventually(t, 'applied', () => applied(southbound, desired));
    const trunks = () => ovs.vsctl('get', 'port', 'p1', 'trunks');
    t.equal(await trunks(), '[4095]', 'when it is said to be applied');
    await ovs.vsctl('clear', 'port', 'p1', 'trunks', 'vlan_mode');
    await eventually(t, 'a stranger is corrected', async () => (await trunks()) === '[4095]');
    const open = desiredSwitch(dpid, FLOWS, [[1, 'none']]);
    southbound.switches.want([open]);
    await eventually(t, 'applied', () => applied(southbound, open));
    t.equal(await trunks(), '[]');
    await ends(t, world, await flowsOf(ovs));
  });
}
