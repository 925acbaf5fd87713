/**
 * The audit on compiled tables: it has nothing to say of clean ones, whatever the chains and the state of
 * their instances, and it finds whatever is planted among them.
 */
import fc from 'fast-check';
import t from 'tap';
import { groupTypes, parseFlow, ports } from 'ts-openflow';
import { auditSwitch, type SwitchAudit } from '../../../src/compiler/audit/audit.ts';
import { compile, viewsOf } from '../../../src/compiler/compile.ts';
import { flowText } from '../../../src/compiler/flow.ts';
import { encodeNextHop, encodePlace, NEXT_HOP_MASK, PLACE_MASK } from '../../../src/compiler/metadata.ts';
import type { CompileInput } from '../../../src/compiler/view.ts';
import type { Declared, ServiceMatch } from '../../../src/model/declared.ts';
import { ownerOfCookie, type SwitchContent } from '../../../src/model/desired.ts';
import type { Facts } from '../../../src/model/facts.ts';
import type { InstanceId, Name, OfPort, PathId } from '../../../src/model/ids.ts';
import type { Steering } from '../../../src/model/steering.ts';
import { bob, chain, declare, factsOf, hop, planOf, pool, shared } from '../world.ts';
import { matchArbitrary } from './service-meaning.ts';

const PORT = { alice: 1, bob: 2, uplink: 3 };
type Hop = { readonly ready: boolean; readonly onFailure: 'closed' | 'open' };
type World = { readonly input: CompileInput; readonly held: SwitchContent };

function compiled(declared: Declared, steering: Steering, notReady: readonly string[] = []): World {
  const input: CompileInput = {
    declared,
    steering,
    facts: withMorePorts(factsOf(steering, notReady)),
    interfacePrefix: 'cs',
    rejected: new Set(),
  };
  const [of] = compile(input).switches.values();
  if (of === undefined) throw new Error('nothing was compiled');
  const flows = of.flows.map((flow) => parseFlow(flowText(flow)));
  const isolated = [...of.isolated].filter(([, isolation]) => isolation === 'all').map(([port]) => port);
  return {
    input,
    held: {
      flows: flows.map((flow) => ({ ...flow, stats: [] })),
      groups: of.groups,
      bridge: { failMode: 'secure', isolated: new Set(isolated), untagged: new Set() },
    },
  };
}

/** A port that nobody has declared, and the bridge's own. */
function withMorePorts(facts: Facts): Facts {
  const switches = [...facts.switches].map(([dpid, fact]) => {
    const more = [
      ['s1-eth4', 4],
      ['s1', ports.local],
    ] as const;
    const mac = bob.mac;
    const added = more.map(
      ([name, ofport]) => [name, { name, ofport: ofport as OfPort, mac, linkUp: true }] as const,
    );
    return [dpid, { ...fact, ports: new Map([...fact.ports, ...added]) }] as const;
  });
  return { ...facts, switches: new Map(switches) };
}

function audit({ input, held }: World): SwitchAudit {
  const [view] = viewsOf(input);
  if (view === undefined) throw new Error('the switch is not known');
  const work = auditSwitch(view, held, {
    chain: (owner) => `chain-${owner}` as Name,
    hop: (instance) => `hop-of-${instance}`,
  });
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

const specs = (hops: readonly Hop[]) => hops.map(({ onFailure }) => hop('firewall', { onFailure }));
const hopsArbitrary = fc.array(
  fc.record({ ready: fc.boolean(), onFailure: fc.constantFrom('closed' as const, 'open' as const) }),
  { minLength: 1, maxLength: 6 },
);
const unchainedArbitrary = fc.constantFrom('normal' as const, 'drop' as const);

t.test('nothing is found on clean tables, whatever the chains and their state', async () => {
  fc.assert(
    fc.property(
      hopsArbitrary,
      hopsArbitrary,
      fc.array(matchArbitrary, { maxLength: 3 }),
      unchainedArbitrary,
      fc.boolean(),
      fc.array(fc.nat(30)),
      (hops, others, service, unchained, isWhole, dead) => {
        const services = service.length === 0 ? [] : [serviceChain(service, others, isWhole ? 7 : 8)];
        const chains = [...(isWhole ? [chain(specs(hops), { uid: 9 }, ['alice', 'bob'])] : []), ...services];
        const declared = declare(chains, { unchained });
        const before = planOf(declared);
        const edited = declare(
          [
            ...(isWhole ? [chain(specs(others), { uid: 9, generation: 2 }, ['alice', 'bob'])] : []),
            ...services,
          ],
          { unchained },
        );
        const staged = planOf(edited, before, 1000);
        const flipped = planOf(edited, staged, 1000);
        for (const [at, steering] of [
          [declared, before],
          [edited, staged],
          [edited, flipped],
        ] as const) {
          const { findings } = audit(
            compiled(
              at,
              steering,
              dead.map((n) => `i${n}`),
            ),
          );
          if (findings.length > 0) throw new Error(JSON.stringify(findings.slice(0, 2), null, 1));
        }
      },
    ),
    { numRuns: 150 },
  );
});

/** Alice and bob share instances on a chain; hops of their own stand before them. */
function sharedWorld(hops: readonly Hop[], instances: number, dead: readonly string[] = []): World {
  const made = chain([...specs(hops), shared('edge'), shared('core')], { uid: 1 }, ['alice', 'bob']);
  const pools = [pool('edge', instances), pool('core', 1)];
  const declared = declare([made], { pools });
  return compiled(declared, planOf(declared, planOf(declared)), dead);
}

t.test('nothing is found on clean tables of shared instances', async () => {
  const hops = fc.array(
    fc.record({ ready: fc.boolean(), onFailure: fc.constantFrom('closed' as const, 'open' as const) }),
    { maxLength: 2 },
  );
  fc.assert(
    fc.property(hops, fc.integer({ min: 1, max: 3 }), fc.array(fc.nat(9)), (own, instances, dead) => {
      const { findings } = audit(
        sharedWorld(
          own,
          instances,
          dead.map((n) => `i${n}`),
        ),
      );
      if (findings.length > 0) throw new Error(JSON.stringify(findings.slice(0, 2), null, 1));
    }),
    { numRuns: 60 },
  );
});

t.test('bypass and cross-talk among those who share instances are found', async (t) => {
  const clean = sharedWorld([], 1);
  const [entry] = clean.held.flows.filter(
    ({ table, match }) =>
      table === 1 && match.length === 1 && match[0]?.field === 'in_port' && match[0].value === 1,
  );
  t.ok(entry, 'alice comes in');
  const tags = clean.held.flows.filter(
    ({ table, match }) =>
      table === 0 &&
      match.some(({ field }) => field === 'vlan_vid') &&
      match.some((one) => one.field === 'in_port' && Number(one.value) >= 10),
  );
  t.ok(tags.length > 0, 'packets come back by port and tag');
  for (const flow of [
    'table=0,priority=9999,in_port=1,actions=output:10',
    'table=0,priority=9999,in_port=1,actions=push_vlan:0x8100,set_field:4297->vlan_vid,output:10',
    'table=0,priority=9999,in_port=11,actions=output:3',
    'table=0,priority=9999,in_port=11,dl_vlan=77,actions=output:3',
    'table=0,priority=9999,in_port=10,actions=pop_vlan,output:1',
    'table=3,priority=9999,tcp,tp_dst=80,actions=output:2',
    'table=4,priority=9999,dl_dst=00:00:00:00:00:01,actions=output:2',
    'table=4,priority=9999,udp,actions=output:1',
  ]) {
    const { findings } = audit(withFlow(clean, `cookie=0xbad,${flow}`));
    t.ok(
      findings.some(({ flows }) => flows.some((one) => one.includes('0xbad'))),
      flow,
    );
  }
});

function serviceChain(service: readonly ServiceMatch[], hops: readonly Hop[], uid: number) {
  const made = chain(specs(hops), { uid }, ['alice']);
  return { ...made, spec: { ...made.spec, name: 'service' as Name, service, priority: 5 } };
}

/** Two hops for alice, both ready, and one for bob, on a switch that switches what is unchained. */
function twoHops(): World {
  const ready = { ready: true, onFailure: 'closed' } as const;
  const declared = declare([
    chain(specs([ready, ready]), { uid: 1 }, ['alice']),
    chain(specs([ready]), { uid: 2 }, ['bob']),
  ]);
  return compiled(declared, planOf(declared));
}
const withFlow = ({ input, held }: World, text: string): World => ({
  input,
  held: { ...held, flows: [...held.flows, { ...parseFlow(text), stats: [] }] },
});

const next = (port: number): string => hex(encodeNextHop({ kind: 'port', port: port as OfPort }));
const into = (instance: number, side: 'left' | 'right'): string =>
  hex(encodeNextHop({ kind: 'instance', instance: `i${instance}` as InstanceId, side }));
const place = (path: number, direction: 'upstream' | 'downstream', hopsDone: number): string =>
  hex(encodePlace({ path: path as PathId, direction, hopsDone }));
const hex = (value: bigint): string => `0x${value.toString(16)}`;
const [PLACE, NEXT] = [hex(PLACE_MASK), hex(NEXT_HOP_MASK)];

/** Conditions that leave something of the packets that they are put on. */
const narrowArbitrary = fc
  .subarray([
    'dl_src=00:00:00:00:00:01',
    'dl_vlan=7',
    'ip,nw_dst=10.9.0.0/16',
    'tcp,tp_dst=443',
    'ipv6,ipv6_dst=2001:db8::/33',
    'udp,tp_src=0x100/0xff00',
    'arp',
    'vlan_tci=0x0000/0x1000',
  ])
  .map((parts) =>
    parts.filter(
      (part, i) => !/ip|tcp|udp|arp/.test(part) || parts.findIndex((one) => /ip|tcp|udp|arp/.test(one)) === i,
    ),
  )
  .map((parts) => parts.filter((part) => !parts.includes('dl_vlan=7') || !part.startsWith('vlan_tci')));
/** Ways out for what comes in at alice's port, past her chain. */
const outArbitrary = fc.constantFrom(
  'output:3',
  'output:2',
  'NORMAL',
  'FLOOD',
  'CONTROLLER:65535',
  'LOCAL',
  'set_field:00:00:00:00:00:99->eth_dst,output:3',
  'push_vlan:0x8100,set_field:4105->vlan_vid,output:3',
  'clone(output:3),goto_table:1',
  'write_actions(output:3)',
  'group:7',
  'group:8',
  'resubmit(,77)',
  'resubmit(3,1)',
  `set_field:${next(PORT.uplink)}/${NEXT}->metadata,resubmit(,4)`,
  'learn(table=9,NXM_OF_ETH_SRC[])',
  'load:3->NXM_NX_REG4[],output:NXM_NX_REG4[]',
  'goto_table:3',
  `write_metadata:${place(1, 'upstream', 1)}/${PLACE},goto_table:2`,
  `write_metadata:${place(1, 'upstream', 2)}/${PLACE},goto_table:2`,
  `write_metadata:${place(2, 'upstream', 0)}/${PLACE},goto_table:2`,
  `write_metadata:${next(PORT.uplink)}/${NEXT},goto_table:4`,
  `write_metadata:${into(2, 'left')}/${NEXT},goto_table:4`,
  `write_metadata:${into(3, 'left')}/${NEXT},goto_table:4`,
  'output:20',
  'output:30',
  'output:11',
);
const GROUPS: SwitchContent['groups'] = [
  ...[
    { group: 7, groupType: groupTypes.all },
    { group: 8, groupType: groupTypes.select },
  ].map((one) => ({
    ...one,
    properties: [],
    buckets: [10, 3].map((port, bucketId) => ({
      bucketId,
      properties: [],
      actions: [{ type: 'output', port, maxLen: 0 } as const],
    })),
  })),
];

t.test('foreign flows of any shape that lead around a hop are found', async () => {
  const clean = twoHops();
  fc.assert(
    fc.property(narrowArbitrary, outArbitrary, fc.constantFrom(0, 1), (narrow, out, table) => {
      if (table === 1 && /goto_table:1|resubmit\(3,1\)/.test(out)) return;
      const match = ['in_port=1', ...narrow].join();
      const planted = withFlow(clean, `cookie=0xbad,table=${table},priority=40000,${match},actions=${out}`);
      const beyond = parseFlow(`table=77,priority=1,actions=output:3`);
      const held = {
        ...planted.held,
        groups: GROUPS,
        flows: [...planted.held.flows, { ...beyond, stats: [] }],
      };
      const { findings } = audit({ ...planted, held });
      const named = findings.filter(
        ({ subscriber, direction, flows }) =>
          subscriber === 'alice' && direction === 'upstream' && flows.some((flow) => flow.includes('0xbad')),
      );
      if (named.length === 0) throw new Error(`not found; but ${JSON.stringify(findings)}`);
    }),
    { numRuns: 400 },
  );
});

t.test('what reaches a subscriber past its chain is found, from wherever it comes', async (t) => {
  const clean = twoHops();
  for (const flow of [
    'table=0,priority=9999,in_port=3,dl_dst=00:00:00:00:00:01,actions=output:1',
    'table=0,priority=9999,in_port=3,udp,tp_dst=53,actions=output:1',
    'table=0,priority=9999,in_port=2,actions=output:1',
    'table=0,priority=9999,in_port=LOCAL,actions=output:1',
    'table=0,priority=9999,actions=FLOOD',
    'table=1,priority=9999,in_port=3,dl_dst=00:00:00:00:00:01,tcp,actions=NORMAL',
    'table=0,priority=9999,in_port=3,dl_dst=00:00:00:00:00:01,actions=output:10',
    'table=0,priority=9999,in_port=3,arp,actions=output:1,goto_table:1',
    'table=0,priority=9999,in_port=10,actions=output:3',
    'table=0,priority=9999,in_port=11,dl_src=00:00:00:00:00:01,actions=output:3',
    'table=0,priority=9999,in_port=20,actions=output:1',
    'table=0,priority=9999,in_port=20,actions=NORMAL',
    'table=3,priority=9999,dl_src=00:00:00:00:00:07,actions=NORMAL',
  ]) {
    const { findings } = audit(withFlow(clean, `cookie=0xbad,${flow}`));
    t.ok(
      findings.some(({ flows }) => flows.some((one) => one.includes('0xbad'))),
      flow,
    );
  }
  for (const flow of [
    'table=0,priority=9999,in_port=LOCAL,actions=output:3',
    'table=0,priority=9999,in_port=1,tcp,tp_dst=25,actions=drop',
    'table=7,priority=9999,actions=NORMAL',
    'table=0,priority=1,in_port=1,actions=output:3',
    'table=1,priority=300,in_port=3,dl_dst=00:00:00:00:00:77,actions=LOCAL',
    'table=0,priority=9999,in_port=1,dl_type=0x88cc,actions=CONTROLLER:65535',
  ])
    t.strictSame(audit(withFlow(clean, `cookie=0x900d,${flow}`)).findings, [], `no harm: ${flow}`);
});

t.test('any flow of the controller that is changed or deleted so as to open a way is found', async (t) => {
  const clean = twoHops();
  const { flows } = clean.held;
  const found = (changed: SwitchContent['flows']) =>
    audit({ ...clean, held: { ...clean.held, flows: changed } }).findings.length > 0;
  const counts = { changed: 0, deleted: 0 };
  for (const flow of flows) {
    const rest = flows.filter((other) => other !== flow);
    const [only, ...more] = flow.match;
    const isGuard = flow.table === 3 && only?.field === 'eth_dst';
    const isEntry = flow.table === 1 && only?.field === 'in_port' && more.length === 0;
    if (isGuard || isEntry) {
      counts.deleted++;
      t.ok(found(rest), `deleted: ${flowText(flow)}`);
    }
    if (ownerOfCookie(flow.cookie) === 0) continue;
    counts.changed++;
    const action = { type: 'output', port: ports.normal, maxLen: 0 } as const;
    const normal = { ...flow, instructions: [{ type: 'applyActions', actions: [action] }] } as const;
    t.ok(found([...rest, normal]), `NORMAL instead: ${flowText(flow)}`);
  }
  t.equal(counts.deleted, 4);
  t.ok(counts.changed > 20);
});

t.test('what no flow says: the fail mode, isolation, and a bridge that cannot be asked', async (t) => {
  const clean = twoHops();
  const bridge = (change: Partial<NonNullable<SwitchContent['bridge']>> | undefined) => {
    const held = { ...clean.held, bridge: change && { ...clean.held.bridge, ...change } };
    return audit({ ...clean, held: held as SwitchContent }).findings;
  };
  t.match(bridge({ failMode: 'standalone' }), [{ kind: 'exposed', detail: /fail_mode/ }]);
  const isolated = new Set([...(clean.held.bridge?.isolated ?? [])].filter((port) => port !== PORT.alice));
  t.match(bridge({ isolated }), [{ kind: 'bypass', subscriber: 'alice', direction: 'downstream' }]);
  t.match(bridge(undefined), [{ kind: 'unknown', detail: /OVSDB/ }]);
});

t.test('a hop that is passed over: said where it fails open, found where it does not', async (t) => {
  const open = { ready: false, onFailure: 'open' } as const;
  const declared = declare([chain(specs([open]), {}, ['alice'])]);
  const steering = planOf(declared);
  const asDeclared = compiled(declared, steering, ['i1']);
  t.match(audit(asDeclared), { findings: [], passedOver: [{ subscriber: 'alice', hop: 'hop-of-i1' }] });
  // The same tables, with the instance back, or with a hop that was declared closed.
  const back = compiled(declared, steering);
  const ways = ({ input, held }: World): readonly string[] => {
    const { findings } = audit({ input, held: { ...held, flows: asDeclared.held.flows } });
    return [
      ...new Set(findings.map(({ kind, subscriber, direction }) => `${kind} ${subscriber} ${direction}`)),
    ];
  };
  const both = ['bypass alice upstream', 'bypass alice downstream'];
  t.strictSame(ways(back), both);
  const closed = declare([chain(specs([{ ...open, onFailure: 'closed' }]), {}, ['alice'])]);
  const wrong = compiled(closed, planOf(closed), ['i1']);
  t.strictSame(ways(wrong), both);
});

t.test('a finding names the packets and the flows that they meet', async (t) => {
  const planted = withFlow(twoHops(), 'cookie=0xbad,priority=900,in_port=1,tcp,tp_dst=443,actions=output:3');
  const [finding] = audit(planted).findings;
  t.match(finding, {
    kind: 'bypass',
    switch: 's1',
    subscriber: 'alice',
    direction: 'upstream',
    detail: 'what belongs to chain chain-1 goes to port s1-eth3, and its path does not begin there',
    packets: /^tcp,in_port=1,tp_dst=443$/,
    flows: [/^cookie=0xbad, priority=900,tcp,in_port=1,tp_dst=443 actions=output:3$/],
  });
});

t.test('the work grows with the subscribers, not with their square', async (t) => {
  const classesOf = (count: number): number => {
    const subscribers = Array.from({ length: count }, (_, i) => ({
      ...bob,
      name: `n${i}` as Name,
      mac: `02:00:00:00:${hex2(i >> 8)}:${hex2(i & 255)}` as typeof bob.mac,
      attachment: { switch: 's1' as Name, port: `p${i}` },
      ipv4: [],
    }));
    const hops = specs([{ ready: true, onFailure: 'closed' }]);
    const declared = declare(
      [
        chain(
          hops,
          {},
          subscribers.map(({ name }) => name),
        ),
      ],
      { subscribers },
    );
    const steering = planOf(declared);
    const facts = factsOf(steering);
    const [dpid, fact] = [...facts.switches][0] ?? [];
    if (dpid === undefined || fact === undefined) throw new Error('there is no switch');
    const more = subscribers.map(
      ({ attachment: { port } }, i) =>
        [port, { name: port, ofport: (100_000 + i) as OfPort, mac: bob.mac, linkUp: true }] as const,
    );
    const input = {
      declared,
      steering,
      facts: { ...facts, switches: new Map([[dpid, { ...fact, ports: new Map([...fact.ports, ...more]) }]]) },
      interfacePrefix: 'cs',
      rejected: new Set<PathId>(),
    };
    const [of] = compile(input).switches.values();
    const isolated = new Set(
      [...(of?.isolated ?? [])].filter(([, how]) => how === 'all').map(([port]) => port),
    );
    const held = {
      flows: (of?.flows ?? []).map((flow) => ({ ...parseFlow(flowText(flow)), stats: [] })),
      groups: [],
      bridge: { failMode: 'secure' as const, isolated, untagged: new Set<never>() },
    };
    const { findings, classes } = audit({ input, held });
    t.strictSame(findings, []);
    return classes;
  };
  const [small, large] = [classesOf(50), classesOf(500)];
  t.ok(large < 11 * small, `${small} sets of packets for 50 subscribers, ${large} for 500`);
});
const hex2 = (n: number): string => n.toString(16).padStart(2, '0');
