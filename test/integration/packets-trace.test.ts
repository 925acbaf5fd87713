/**
 * The interpreter of flow tables against Open vSwitch's own: random flows of every kind of action that it
 * knows, put into a real switch and read back, and random packets traced through both.
 */
import { randomInt } from 'node:crypto';
import t from 'tap';
import { type FieldName, type FlowDesc, parseMatch } from 'ts-openflow';
import { FlowTables } from '../../src/compiler/packets/flow-table.ts';
import { Packets } from '../../src/compiler/packets/packets.ts';
import { type Effect, run } from '../../src/compiler/packets/run.ts';
import type { Dpid } from '../../src/model/ids.ts';
import { startOvs } from '../harness/ovs.ts';
import { eventually } from '../harness/ovs-eventually.ts';
import { startSouthbound } from '../harness/ovs-southbound.ts';

const dpid = '00000000000000e1' as Dpid;
const seed = Number(process.env['CHAINSTITCH_TEST_SEED'] ?? randomInt(2 ** 31));
t.comment(`CHAINSTITCH_TEST_SEED=${seed}`);

let state = seed;
const below = (n: number): number => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * n);
};
const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
const some = <T>(list: readonly T[], most: number): T[] =>
  Array.from({ length: below(most + 1) }, () => pick(list));

const PORTS = [1, 2, 3, 4] as const;
const TABLES = 5;
const mac = (): string => `00:00:00:00:00:0${below(4)}`;

/** Each part of a match at most once; what another part needs comes with it. */
function someMatch(): string {
  const parts = [
    () => `in_port=${pick(PORTS)}`,
    () => `dl_dst=${mac()}`,
    () => `dl_src=${mac()}/00:00:00:00:00:0${below(4)}`,
    () => `dl_dst=01:00:00:00:00:00/01:00:00:00:00:00`,
    () => `metadata=${below(4)}/0x${1 + below(3)}`,
    () => `reg${below(2)}=${below(3)}`,
    () => pick([`vlan_tci=0x0000`, `dl_vlan=${below(3)}`, 'vlan_tci=0x1000/0x1000']),
    () => pick(['arp', 'ip', `ip,nw_dst=10.0.0.${below(4)}`, `tcp,tp_dst=${below(3)}`, `tcp,tp_dst=0/1`]),
  ];
  const chosen = new Map(
    some(parts, 3).map((part) => [parts.indexOf(part) % 3 === 1 ? 'dl' : parts.indexOf(part), part]),
  );
  return [...chosen.values()].map((part) => part()).join(',');
}

function someAction(table: number, nested = false): string {
  const next = 1 + below(TABLES + 1);
  const actions = [
    () => `output:${pick(PORTS)}`,
    () => `output:${pick(PORTS)}`,
    () => 'in_port',
    () => 'controller',
    () => `set_field:${mac()}->eth_dst`,
    () => `set_field:${below(4)}->metadata`,
    () => `set_field:${below(3)}->reg${below(2)}`,
    () => `move:NXM_NX_REG0[0..7]->NXM_NX_REG1[0..7]`,
    () => `load:${below(4)}->NXM_NX_REG${below(2)}[1..2]`,
    () => `push_vlan:0x8100,set_field:${4096 + below(3)}->vlan_vid`,
    () => 'pop_vlan',
    () => `group:${1 + below(2)}`,
    () => 'note:01.02',
    ...(nested
      ? []
      : [
          () => `resubmit(,${next})`,
          () => `resubmit(${pick(PORTS)},${next})`,
          () => `clone(${someAction(table, true)})`,
          () => 'exit',
          () => 'output:NXM_NX_REG0[0..7]',
        ]),
  ];
  return pick(actions)();
}

function someFlow(): string {
  const table = below(TABLES);
  const instructions = [
    ...some([0, 1, 2], 3).map(() => someAction(table)),
    ...(below(5) === 0 ? ['clear_actions'] : []),
    ...(below(4) === 0 ? [`write_actions(output:${pick(PORTS)})`] : []),
    ...(below(3) === 0 ? [`write_metadata:${below(4)}/0x${1 + below(3)}`] : []),
    ...(below(3) > 0 ? [`goto_table:${table + 1 + below(TABLES - table)}`] : []),
  ];
  const head = [`table=${table}`, `priority=${below(4) * 100 + below(1000)}`, someMatch()];
  return `${head.filter(Boolean).join(',')},actions=${instructions.join(',') || 'drop'}`;
}

function somePacket(): readonly string[] {
  const kinds = [
    ['eth_type=0x0806'],
    ['eth_type=0x88cc'],
    ['eth_type=0x0800', `nw_dst=10.0.0.${below(4)}`, 'nw_proto=17'],
    ['eth_type=0x0800', `nw_dst=10.0.0.${below(4)}`, 'nw_proto=6', `tp_dst=${below(3)}`],
  ];
  const tag = below(2) === 0 ? ['vlan_tci=0'] : [`vlan_tci=0x${(0x1000 + below(3)).toString(16)}`];
  const to = pick([mac(), 'ff:ff:ff:ff:ff:ff', '01:00:00:00:00:00']);
  return [`in_port=${pick(PORTS)}`, `dl_src=${mac()}`, `dl_dst=${to}`, ...tag, ...pick(kinds)];
}

/** What comes out, in the order of no importance. */
const said = (effects: readonly Effect[]): string =>
  effects
    .flatMap((effect) => {
      // The interpreter does not know which ports there are.
      if (effect.kind === 'output')
        return PORTS.some((port) => port === effect.port) ? [`${effect.port}`] : [];
      return effect.kind === 'drop' ? [] : [effect.kind];
    })
    .sort()
    .join();

t.test('random packets go the same ways', async (t) => {
  const ovs = await startOvs({ datapath: 'dummy' });
  t.teardown(() => ovs.stop());
  const southbound = await startSouthbound(t);
  await ovs.addBridge('br1', { dpid, controller: southbound.target });
  for (const port of PORTS) {
    const name = `p${port}`;
    await ovs.vsctl('add-port', 'br1', name, '--', 'set', 'interface', name, `ofport_request=${port}`);
  }
  await ovs.ofctl(
    '-O',
    'OpenFlow15',
    'add-group',
    'br1',
    'group_id=1,type=all,bucket=actions=1,bucket=actions=push_vlan:0x8100,2',
  );
  await ovs.ofctl(
    '-O',
    'OpenFlow15',
    'add-group',
    'br1',
    'group_id=2,type=indirect,bucket=actions=set_field:1->reg1,3',
  );
  await eventually(t, 'connected', () => southbound.fact(dpid)?.connection === 'connected');
  const numbers = new Map(
    [...(await ovs.appctl('dpif/show')).matchAll(/ p(\d) \d+\/(\d+):/g)].map(([, port = '', of = '']) => [
      of,
      port,
    ]),
  );
  const told: string[] = [];
  let compared = 0;
  for (let round = 0; round < 8; round++) {
    await ovs.ofctl('-O', 'OpenFlow15', 'del-flows', 'br1');
    const flows: string[] = [];
    for (let i = 0; i < 30; i++) {
      const flow = someFlow();
      // What no switch takes is no matter of this test.
      await ovs.ofctl('-O', 'OpenFlow15', 'add-flow', 'br1', flow).then(
        () => flows.push(flow),
        () => {},
      );
    }
    const content = await southbound.switches.read(dpid);
    const tables = new FlowTables<FlowDesc>(content.flows, content.groups);
    const sets = new Map(
      PORTS.map((port) => {
        const start = Packets.all(new Map([...tables.fresh, ...inPort(port)]));
        return [port, new Set(run(tables, start).events.map(({ effect }) => said([effect])))] as const;
      }),
    );
    for (let i = 0; i < 20; i++) {
      const packet = somePacket();
      const fields = new Map<FieldName, bigint>([['vlan_vid', 0n]]);
      for (const field of parseMatch(
        packet
          .map((part) => part.replace('vlan_tci=0x', 'vlan_vid=0x'))
          .filter((part) => part !== 'vlan_tci=0'),
      ))
        if (field.field !== 'unknown') fields.set(field.field, BigInt(field.value));
      for (const [field, { value }] of tables.fresh) fields.set(field, value);
      const { events } = run(tables, Packets.one(fields));
      const effects = events.map(({ effect }) => effect);
      const trace = await ovs.appctl('ofproto/trace', 'br1', packet.join());
      if (/Translation failed|resubmit(s| actions) recursed|over 4096/.test(trace)) continue;
      const [, text = ''] = /Datapath actions: (.*)/.exec(trace) ?? [];
      const outputs = [...text.matchAll(/(?:^|,|\()(\d+)(?=,|\)|$)/g)].map(
        ([, of = '']) => numbers.get(of) ?? `?${of}`,
      );
      const controllers = [
        ...trace.matchAll(/^ +(?:\d+\. )?>?(?:CONTROLLER:|Sending packet to the controller)/gm),
      ].length;
      const real = [...outputs, ...Array.from({ length: controllers }, () => 'controller')].sort().join();
      const ours = said(effects);
      compared++;
      if (real !== ours)
        told.push(`${packet.join()}\n  real ${real}\n  ours ${ours}\n${trace}\n${flows.join('\n')}`);
      const port = Number(fields.get('in_port')) as (typeof PORTS)[number];
      const missing = effects.filter(
        (effect) => effect.kind !== 'drop' && !sets.get(port)?.has(said([effect])),
      );
      if (missing.length > 0)
        told.push(`${packet.join()}: the set of all packets knows no ${said(missing)}\n${flows.join('\n')}`);
    }
  }
  t.strictSame(told.slice(0, 2), []);
  t.ok(compared > 100, `${compared} packets were compared`);
});

const inPort = (port: number): readonly (readonly [FieldName, { value: bigint; mask: bigint }])[] => [
  ['in_port', { value: BigInt(port), mask: 0xffffffffn }],
];
