/** What this library writes, read by others: Open vSwitch's ovs-ofctl, and Wireshark's dissector for 1.3. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import {
  type Action,
  canonicalMatch,
  decode,
  encode,
  type FieldName,
  type FieldSpec,
  fields,
  flowCommands,
  groups,
  type KnownMatchField,
  type Match,
  type Message,
  type MessageOf,
  matchField,
  noBuffer,
  parseActions,
  ports,
  printActions,
  printMatch,
  toJson,
  type Version,
} from '../src/index.ts';
import { type MessageRow, messageTable } from '../src/messages/table.ts';
import { generate, generatedTypes } from './generate.ts';

const directory = mkdtempSync(join(tmpdir(), 'ofstranger-'));
t.teardown(() => rmSync(directory, { recursive: true, force: true }));

function has(command: string): boolean {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const ip = (proto?: number) => [
  matchField('eth_type', 0x0800),
  ...(proto === undefined ? [] : [matchField('nw_proto', proto)]),
];
const ip6 = (proto?: number, type?: number) => [
  matchField('eth_type', 0x86dd),
  ...(proto === undefined ? [] : [matchField('nw_proto', proto)]),
  ...(type === undefined ? [] : [matchField('icmpv6_type', type)]),
];

/** What each prerequisite of the registry means in a match. */
const prerequisites: Readonly<Record<NonNullable<FieldSpec['needs']>, readonly KnownMatchField[]>> = {
  vlan: [matchField('vlan_vid', 0x1005)],
  mpls: [matchField('eth_type', 0x8847)],
  pbb: [matchField('eth_type', 0x88e7)],
  ip4: ip(),
  ip6: ip6(),
  ip: ip(),
  arp: [matchField('eth_type', 0x0806)],
  tcp: ip(6),
  udp: ip(17),
  sctp: ip(132),
  icmp4: ip(1),
  icmp6: ip6(58),
  nd: ip6(58, 135),
  ndSolicit: ip6(58, 135),
  ndAdvert: ip6(58, 136),
  nsh: [matchField('eth_type', 0x894f), matchField('nsh_mdtype', 1)],
  ct: [...ip(), matchField('ct_state', 0x22, 0x22)],
};

/** Open vSwitch does not have these. */
const notInOvs = new Set(['in_phy_port', 'pbb_isid', 'pbb_uca', 'ipv6_exthdr']);
/**
 * What may be in them is more than bits can say: packet types, tags, fragments, ports, states. Of ERSPAN and GTP-U
 * ovs-ofctl prints less than there is. The recorded vectors have all of them.
 */
const special =
  /^(packet_type|arp_op|nw_tos|nsh_(mdtype|flags|ttl)|vlan_|ip_frag|in_port|actset|recirc|ct_(state|ipv6|nw_proto|tp)|tun_(erspan|gtpu|gbp)|nd_(res|opt))/;

function samples(name: FieldName): readonly Match[] {
  const spec: FieldSpec = fields[name];
  const before = spec.needs ? prerequisites[spec.needs] : [];
  const [ones] = [(1n << BigInt(spec.bits)) - 1n];
  const numbers = fc.sample(fc.bigInt(1n, ones), { numRuns: 3, seed: 11 });
  const masks = spec.maskable ? fc.sample(fc.bigInt(1n, ones - 1n || 1n), { numRuns: 3, seed: 12 }) : [];
  return [
    ...numbers.map((value) => [...before, matchField(name, value)]),
    ...masks.map((mask, index) => [...before, matchField(name, (numbers[index] ?? 0n) & mask, mask)]),
  ];
}

function flowMod(
  version: Version,
  xid: number,
  match: Match,
  actions: readonly Action[],
): MessageOf<'flowMod'> {
  return {
    type: 'flowMod',
    version,
    xid,
    cookie: 0n,
    cookieMask: 0n,
    table: 1,
    command: flowCommands.add,
    idleTimeout: 0,
    hardTimeout: 0,
    priority: 7,
    bufferId: noBuffer,
    outPort: ports.any,
    outGroup: groups.any,
    flags: 0,
    importance: 0,
    match,
    instructions: actions.length === 0 ? [] : [{ type: 'applyActions', actions }],
  };
}

const actionTexts = [
  'output:1',
  'CONTROLLER:128',
  'group:7',
  'set_queue:3',
  'push_vlan:0x8100,set_field:4101->vlan_vid',
  'set_field:02:00:00:00:00:01->eth_dst',
  'set_field:0x5/0xff->metadata',
  'set_field:0x5->reg3',
  'load:0x3->NXM_NX_REG0[4..7]',
  'move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]',
  'resubmit(,3)',
  'resubmit(1,3)',
  'conjunction(1,2/3)',
  'note:01.02.03.04.05.06',
  'clone(output:1),output:2',
  'ct_clear',
  'push:NXM_NX_REG2[],pop:NXM_NX_REG3[]',
  'output:NXM_NX_REG1[0..15]',
  'output(port=2,max_len=100)',
  'meter:5,output:1',
  'exit',
  'learn(table=2,idle_timeout=10,priority=5,delete_learned,cookie=0x7,eth_type=0x800,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[])',
  'learn(table=9,NXM_OF_VLAN_TCI[0..11],load:0x1->NXM_NX_REG0[0],load:NXM_OF_IN_PORT[]->NXM_NX_REG1[0..15])',
  'multipath(symmetric_l3l4+udp,50,hrw,4,0,NXM_NX_REG0[0..7])',
  'bundle(eth_src,0,hrw,ofport,members:1,2,3)',
  'bundle_load(symmetric_l4,60,active_backup,ofport,NXM_NX_REG0[],members:1,2)',
  'controller(reason=no_match,max_len=64,id=3,userdata=01.02.ff,pause)',
  'encap(ethernet)',
  'sample(probability=1,collector_set_id=2,obs_domain_id=3,obs_point_id=4)',
  'sample(probability=1,collector_set_id=2,obs_domain_id=3,obs_point_id=4,sampling_port=5)',
  'sample(probability=1,collector_set_id=2,obs_domain_id=3,obs_point_id=4,sampling_port=LOCAL,egress)',
  'learn(table=3,limit=5,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[])',
  'learn(table=3,limit=5,result_dst=NXM_NX_REG0[3],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[])',
  'encap(nsh(md_type=1))',
  'encap(nsh(md_type=2,tlv(0x1000,10,0x12345678),tlv(0x2000,20,0xfedcba9876543210)))',
  'encap(mpls)',
  'encap(mpls_mc)',
  'set_field:0x1234->tun_metadata0',
  'set_field:0x1234/0xffff->tun_metadata63',
  'move:NXM_NX_TUN_METADATA1[0..31]->NXM_NX_REG0[]',
  'delete_field:tun_metadata3',
];

function messages(version: Version): MessageOf<'flowMod'>[] {
  const matches = (Object.keys(fields) as FieldName[])
    .filter((name) => !notInOvs.has(name) && !special.test(name))
    .flatMap(samples);
  const actions = actionTexts.map((text) => parseActions(text));
  return [...matches.map((match) => [match, []] as const), ...actions.map((list) => [[], list] as const)].map(
    ([match, list], xid) => flowMod(version, xid, match, list),
  );
}

/** What ovs-ofctl prints of a flow-mod: the match after the priority, and the actions. */
function partsOf(line: string): { match: string; actions: string } {
  const [, match = '', actions = ''] = /priority=7,?(\S*) actions=(.*)$/.exec(line) ?? [];
  return { match, actions };
}

const sameInBoth = (actions: string) =>
  actions
    .replace('load:0x5->OXM_OF_METADATA[0..7]', 'set_field:0x5/0xff->metadata')
    .replace('load:0x3->NXM_NX_REG0[4..7]', 'set_field:0x30/0xf0->reg0');

t.test('ovs-ofctl reads every field and action as what was meant', { skip: !has('ovs-ofctl') }, async (t) => {
  for (const version of [4, 6] as const) {
    const sent = messages(version);
    const file = join(directory, `stream${version}`);
    writeFileSync(file, Buffer.concat(sent.map((message) => encode(message))));
    const text = execFileSync('ovs-ofctl', ['ofp-parse', file], { encoding: 'utf8' });
    const lines = text.split('\n').filter((line) => line.startsWith('OFPT_FLOW_MOD'));
    t.equal(lines.length, sent.length, `messages of version ${version}`);
    for (const [index, line] of lines.entries()) {
      const message = sent[index];
      if (!message) continue;
      const [instruction] = message.instructions;
      const actions = instruction?.type === 'applyActions' ? printActions(instruction.actions) : 'drop';
      const expected = { match: printMatch(canonicalMatch(message.match)), actions };
      const got = partsOf(line);
      // ovs-ofctl writes a masked set-field as a load before 1.5, and a load as a masked set-field from then on.
      got.actions = sameInBoth(got.actions);
      expected.actions = sameInBoth(expected.actions);
      if (got.match !== expected.match || got.actions !== expected.actions) t.same(got, expected, line);
    }
  }
});

const perType = 12;
const unknownOnPurpose = [
  'experimenter',
  'unknown',
  'unknownMultipartRequest',
  'unknownMultipartReply',
  'experimenterMultipartRequest',
  'experimenterMultipartReply',
];

/** What Open vSwitch cannot judge: what it does not know. These rest on the standard's text (layout.test.ts). */
const notForOvs: Readonly<Record<Version, ReadonlySet<string>>> = {
  4: new Set(unknownOnPurpose),
  6: new Set([
    ...unknownOnPurpose,
    'controllerStatus',
    'controllerStatusRequest',
    'controllerStatusReply',
    'bundleFeaturesRequest',
    'bundleFeaturesReply',
    'flowStatsRequest',
    'flowStatsReply',
  ]),
};

/** Random messages of every type that a version has. */
function everyType(version: Version): Message[] {
  const place = version === 4 ? 'v13' : 'v15';
  const rows = messageTable as unknown as Readonly<Record<string, MessageRow<never>>>;
  const types = generatedTypes.filter((type) => {
    return rows[type] === undefined || rows[type][place] !== undefined;
  });
  return types.flatMap((type, index) => generate(type, version, perType, 1 + index * perType));
}

const sorted = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(sorted);
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, entry]) => [name, sorted(entry)]),
  );
};

t.test('random messages of every type decode to the value that was encoded', async (t) => {
  t.same(
    new Set(generatedTypes.filter((type) => type in messageTable)),
    new Set(Object.keys(messageTable)),
    'every type is generated',
  );
  for (const version of [4, 6] as const) {
    for (const message of everyType(version)) {
      const again = decode(encode(message));
      if (toJson(sorted(again)) !== toJson(sorted(message))) t.same(sorted(again), sorted(message));
    }
  }
});

/** What ovs-ofctl prints of each message; those inside another one, of the same xid or quoted, belong to it. */
function answersIn(text: string): string[] {
  const answers: string[] = [];
  let last = '';
  for (const part of text.split(/^(?=(?:OFP|NX|ONF)\w+.* \(xid=0x)/m)) {
    const [, xid = ''] = /\(xid=(0x[0-9a-f]+)\)/.exec(part) ?? [];
    if (xid === last || xid === '0xffffffff') answers.push(`${answers.pop()}${part}`);
    else answers.push(part);
    if (xid !== '0xffffffff') last = xid;
  }
  return answers;
}

t.test('ovs-ofctl takes random messages of every type', { skip: !has('ovs-ofctl') }, async (t) => {
  for (const version of [4, 6] as const) {
    const sent = everyType(version).filter(({ type }) => !notForOvs[version].has(type));
    const file = join(directory, `every${version}`);
    writeFileSync(file, Buffer.concat(sent.map((message) => encode(message))));
    const text = execFileSync('ovs-ofctl', ['ofp-parse', file], { encoding: 'utf8', maxBuffer: 1e8 });
    const answers = answersIn(text);
    t.equal(answers.length, sent.length, `messages of version ${version}`);
    for (const [index, answer] of answers.entries()) {
      const message = sent[index];
      const complaint = /\*\*\*|Unknown/.test(answer);
      const inOrder = answer.includes(`(xid=0x${message?.xid.toString(16)})`);
      if (complaint || !inOrder) t.fail(`${message?.type}: ${answer}`);
    }
    t.comment(`version ${version}: ${new Set(sent.map(({ type }) => type)).size} types`);
  }
  // What it is not asked about it does refuse: the list is no longer than it must be.
  for (const version of [4, 6] as const) {
    const refused = everyType(version).filter(({ type }) => notForOvs[version].has(type));
    const file = join(directory, `refused${version}`);
    writeFileSync(file, Buffer.concat(refused.map((message) => encode(message))));
    const text = execFileSync('ovs-ofctl', ['ofp-parse', file], { encoding: 'utf8', maxBuffer: 1e8 });
    t.equal(text.match(/decode error/g)?.length, refused.length, `refused of version ${version}`);
  }
});

/**
 * tshark 4.0 dissects packets in a message as Ethernet, errors as messages, and calls all experimenter parts
 * malformed.
 */
const notForTshark = new Set([
  'packetIn',
  'packetOut',
  'error',
  'experimenterMultipartReply',
  'experimenter',
]);

t.test('tshark finds nothing malformed in what is written for 1.3', { skip: !has('tshark') }, async (t) => {
  const recorded = readFileSync(new URL('./vectors/ovs.jsonl', import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => Buffer.from(JSON.parse(line).hex, 'hex'));
  const again = recorded
    .filter((bytes) => bytes[0] === 4 && bytes.byteLength < 20_000)
    .map((bytes) => decode(bytes))
    .filter(({ type }) => !notForTshark.has(type))
    .map((message) => encode(message));
  const every = everyType(4)
    .filter(({ type }) => !notForTshark.has(type))
    .map((message) => encode(message));
  const sent = [...messages(4).map((message) => encode(message)), ...again, ...every];
  const dump = sent.map((bytes) => {
    const rows: string[] = [];
    for (let at = 0; at < bytes.byteLength; at += 16)
      rows.push(
        `${at.toString(16).padStart(6, '0')} ${Buffer.from(bytes.subarray(at, at + 16))
          .toString('hex')
          .replace(/../g, '$& ')}`,
      );
    return `${rows.join('\n')}\n`;
  });
  const capture = join(directory, 'capture.pcap');
  writeFileSync(join(directory, 'dump'), dump.join('\n'));
  execFileSync('text2pcap', ['-q', '-T', '6653,6653', join(directory, 'dump'), capture], { stdio: 'ignore' });
  const filter = ['-o', 'tcp.desegment_tcp_streams:FALSE', '-o', 'tcp.analyze_sequence_numbers:FALSE'];
  const out = execFileSync(
    'tshark',
    [
      '-r',
      capture,
      ...filter,
      '-T',
      'fields',
      '-e',
      'frame.number',
      '-e',
      'openflow_v4.type',
      '-e',
      '_ws.malformed',
    ],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1e8 },
  );
  const rows = out
    .trim()
    .split('\n')
    .map((row) => row.split('\t'));
  t.equal(rows.length, sent.length);
  const malformed = rows.filter(([, type, bad]) => !type || bad).map(([frame]) => Number(frame) - 1);
  for (const index of malformed) t.fail(Buffer.from(sent[index] ?? []).toString('hex'));
});

/** Whether the Python of the system has os-ken, as Debian packages it. */
function hasOsKen(): boolean {
  try {
    execFileSync('/usr/bin/python3', ['-c', 'import os_ken.ofproto'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

t.test('os-ken reads the replies that Open vSwitch does not have', { skip: !hasOsKen() }, async (t) => {
  t.setTimeout(120_000);
  const head = { version: 6, xid: 1 };
  const uri = { type: 'uri', data: new TextEncoder().encode('tcp:10.0.0.1') } as const;
  const controller = { shortId: 3, role: 2, reason: 1, channelStatus: 1, properties: [uri] };
  const [second, minute] = [
    { sec: 1n, nsec: 2 },
    { sec: 60n, nsec: 3 },
  ];
  const scheduled = {
    type: 'time',
    accuracy: second,
    maxFuture: minute,
    maxPast: second,
    timestamp: minute,
  } as const;
  const flow = { table: 1, reason: 1, priority: 5, match: [matchField('in_port', 4)] };
  const sent: Message[] = [
    { type: 'controllerStatus', ...head, ...controller },
    // One only: os-ken reads on into the next one and finds no end.
    { type: 'controllerStatusReply', ...head, flags: 0, controllers: [controller] },
    { type: 'bundleFeaturesReply', ...head, flags: 0, capabilities: 7, properties: [scheduled] },
    {
      type: 'flowStatsReply',
      ...head,
      flags: 0,
      flows: [{ ...flow, stats: [{ stat: 'packetCount', value: 7n }] }],
    },
  ];
  const script = new URL('./osken-reads.py', import.meta.url).pathname;
  const out = execFileSync('/usr/bin/python3', [script], {
    input: sent.map((message) => `${Buffer.from(encode(message)).toString('hex')}\n`).join(''),
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'ignore'],
    timeout: 60_000,
  });
  const read = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const one = { short_id: 3, role: 2, reason: 1, channel_status: 1 };
  t.match(read[0], { OFPControllerStatus: { status: { OFPControllerStatusStats: one } } });
  t.match(read[1].OFPControllerStatusStatsReply.body, [{ OFPControllerStatusStats: one }]);
  const features = read[2].OFPBundleFeaturesStatsReply.body.OFPBundleFeaturesStats;
  t.match(features.properties[0].OFPBundleFeaturesPropTime, {
    sched_accuracy: { OFPTime: { seconds: 1, nanoseconds: 2 } },
    sched_max_future: { OFPTime: { seconds: 60, nanoseconds: 3 } },
  });
  t.match(read[3].OFPFlowStatsReply.body[0].OFPFlowStats, {
    table_id: 1,
    reason: 1,
    priority: 5,
    stats: { OFPStats: { oxs_fields: [{ OXSTlv: { field: 'packet_count', value: 7 } }] } },
  });
});
