/** Puts flows together: the vocabulary that all tables share. */
import {
  type Action,
  ipv4ToNumber,
  ipv6ToBigint,
  type Match,
  type MatchField,
  macToBigint,
  printFlow,
  printGroup,
  version15,
  vlanPresent,
} from 'ts-openflow';
import type { CountPoint } from '../model/counters.ts';
import type { SubscriberSpec } from '../model/declared.ts';
import {
  COOKIE_MARK,
  type DesiredFlow,
  type DesiredGroup,
  LLDP_GROUP,
  LLDP_TYPE,
  PROBE_GROUP,
  PROBE_TYPE,
} from '../model/desired.ts';
import type { Ipv4, Ipv6, Mac, OfPort, OwnerId, PathId } from '../model/ids.ts';
import {
  type Direction,
  encodeNextHop,
  encodePlace,
  NEXT_HOP_MASK,
  type NextHop,
  PATH_MASK,
  PLACE_MASK,
  type Place,
} from './metadata.ts';
import { PIPELINE, type TableName } from './pipeline.ts';
import { remembering } from './remembered.ts';

type Instructions = DesiredFlow['instructions'];

/** OFPP_NORMAL: forward as a learning bridge does (OpenFlow 1.5.1, section 7.2.1). */
export const NORMAL_PORT = 0xfffffffa;
export const outputTo = (port: number, maxLen = NO_BUFFER_LIMIT): Action => ({
  type: 'output',
  port,
  maxLen,
});

/** OFPP_CONTROLLER (section 7.2.1). */
export const CONTROLLER_PORT = 0xfffffffd;
const NO_BUFFER_LIMIT = 0;

export const drop: Instructions = [];

export const goTo = (table: TableName): Instructions => [{ type: 'gotoTable', table: PIPELINE[table].id }];

export const placeAt = (place: Place): Instructions => [
  { type: 'writeMetadata', value: encodePlace(place), mask: PLACE_MASK },
  ...goTo('steer'),
];

/** @param tag VLAN id that the frame gets first, on top of what it has */
export const sendTo = (next: NextHop, tag?: number): Instructions => [
  ...(tag === undefined ? [] : [pushTag(tag)]),
  { type: 'writeMetadata', value: encodeNextHop(next), mask: NEXT_HOP_MASK },
  ...goTo('egress'),
];

/** Of a customer VLAN (IEEE 802.1Q). */
const VLAN_ETHERTYPE = 0x8100;

const pushTag = (tag: number): Instructions[number] => ({
  type: 'applyActions',
  actions: [
    { type: 'pushVlan', ethertype: VLAN_ETHERTYPE },
    { type: 'setField', field: { field: 'vlan_vid', value: vlanPresent | tag } },
  ],
});

/** Takes the tag off that pushTag has put on. */
export const popTag: Instructions[number] = { type: 'applyActions', actions: [{ type: 'popVlan' }] };
export const tagged = (tag: number): MatchField => ({ field: 'vlan_vid', value: vlanPresent | tag });

export const output = (port: OfPort): Instructions => apply(port);
/** Out of the port that the frame came in at, which OpenFlow wants said (OpenFlow 1.5.1, section 7.2.1). */
export const outputBack: Instructions = apply(0xfffffff8);
export const normal: Instructions = apply(NORMAL_PORT);
/** With OFPCML_NO_BUFFER: all of the frame goes to the controller (section 7.2.6.1). */
export const toController: Instructions = apply(CONTROLLER_PORT, 0xffff);
/** As little of it as a switch sends: that there is one is all that matters. */
export const callController: Action = outputTo(CONTROLLER_PORT, 64);

/** All of it: what else stands in the metadata is written anew behind it. */
export const setMetadata = (value: bigint): Action => ({
  type: 'setField',
  field: { field: 'metadata', value },
});

/** OFPP_IN_PORT of 16 bits: looks up as from the port that the frame has come in at. */
const SAME_PORT = 0xfff8;
export const resubmitTo = (table: TableName): Action => ({
  type: 'resubmitTable',
  inPort: SAME_PORT,
  table: PIPELINE[table].id,
});

/** With these actions before all others. A flow has one instruction of a kind (OpenFlow 1.5.1, section 5.5). */
export function before(actions: readonly Action[], instructions: Instructions): Instructions {
  if (actions.length === 0) return instructions;
  const applied = instructions.flatMap((one) => (one.type === 'applyActions' ? one.actions : []));
  return [
    { type: 'applyActions', actions: [...actions, ...applied] },
    ...instructions.filter(({ type }) => type !== 'applyActions'),
  ];
}

function apply(port: number, maxLen = NO_BUFFER_LIMIT): Instructions {
  return [{ type: 'applyActions', actions: [outputTo(port, maxLen)] }];
}

export const inPort = (port: OfPort): MatchField => ({ field: 'in_port', value: port });
export const ethDst = (mac: Mac): MatchField => ({ field: 'eth_dst', value: macToBigint(mac) });

/**
 * A tag with VLAN 4095, which no frame may carry (IEEE 802.1Q, table 9-2) and any sender can write. Ports that
 * NORMAL is kept off are trunks of it, so NORMAL must never see one.
 */
export const isolationVlan: MatchField = { field: 'vlan_vid', value: vlanPresent | 4095 };

/** A tag that gives a priority and no VLAN (IEEE 802.1Q, clause 9.6). */
export const priorityTag: MatchField = { field: 'vlan_vid', value: vlanPresent };
/** OFPVID_NONE: no tag at all (OpenFlow 1.5.1, table 13). */
export const untagged: MatchField = { field: 'vlan_vid', value: 0 };
export const lldp: Match = [untagged, ethDst(LLDP_GROUP), { field: 'eth_type', value: LLDP_TYPE }];

export const probe: Match = [ethDst(PROBE_GROUP), { field: 'eth_type', value: PROBE_TYPE }];

export const atPlace = (place: Place): Match => [
  { field: 'metadata', value: encodePlace(place), mask: PLACE_MASK },
];
/** On a path, one way, wherever on it. */
export const onPath = (path: PathId, direction: Direction): Match => [
  { field: 'metadata', value: encodePlace({ path, direction, hopsDone: 255 }), mask: PATH_MASK },
];
export const boundFor = (next: NextHop): Match => [
  { field: 'metadata', value: encodeNextHop(next), mask: NEXT_HOP_MASK },
];

/** Group addresses have the lowest bit of the first byte set (IEEE 802, clause 8.2). */
const GROUP_BIT = 1n << 40n;
const toGroup: MatchField = { field: 'eth_dst', value: GROUP_BIT, mask: GROUP_BIT };

/** ARP sent to everybody that asks about one address (RFC 826). */
export const arpFor = (address: Ipv4): readonly MatchField[] => [
  toGroup,
  { field: 'eth_type', value: 0x0806 },
  { field: 'arp_tpa', value: ipv4ToNumber(address) },
];

/** What is sent to an address, and ARP about it: questions and answers, whoever they are sent to. */
export const addressedTo = (address: Ipv4): readonly Match[] => [
  [
    { field: 'eth_type', value: 0x0800 },
    { field: 'ip_dst', value: ipv4ToNumber(address) },
  ],
  [
    { field: 'eth_type', value: 0x0806 },
    { field: 'arp_tpa', value: ipv4ToNumber(address) },
  ],
];

/** A neighbour solicitation for one address, sent to a group (RFC 4861, section 4.3). */
export const solicitationOf = (address: Ipv6): readonly MatchField[] => [
  toGroup,
  { field: 'eth_type', value: 0x86dd },
  { field: 'nw_proto', value: 58 },
  { field: 'icmpv6_type', value: 135 },
  { field: 'nd_target', value: ipv6ToBigint(address) },
];

const identities = remembering<SubscriberSpec, readonly Match[]>();

/** What of a frame that comes from the uplink says that it is for this subscriber; one is enough. */
export const identitiesOf = (spec: SubscriberSpec): readonly Match[] =>
  identities(spec, '', () => [
    [ethDst(spec.mac)],
    ...(spec.ipv4 ?? []).map(arpFor),
    ...(spec.ipv6 ?? []).map(solicitationOf),
  ]);

const ipv6Discovery = [133, 134, 135, 136].map(
  (type): Match => [
    { field: 'eth_type', value: 0x86dd },
    { field: 'nw_proto', value: 58 },
    { field: 'icmpv6_type', value: type },
  ],
);
const udp = (etherType: number, from: number, to: number): Match => [
  { field: 'eth_type', value: etherType },
  { field: 'nw_proto', value: 17 },
  { field: 'udp_src', value: from },
  { field: 'udp_dst', value: to },
];
const addressProtocols = (dhcp: readonly Match[]): readonly Match[] => [
  [{ field: 'eth_type', value: 0x0806 }],
  ...ipv6Discovery,
  ...dhcp,
];

/**
 * The protocols by which a host finds addresses: ARP (RFC 826), IPv6 neighbour discovery (RFC 4861), and DHCP
 * with its servers (RFC 2131, RFC 8415).
 */
export const ADDRESS_PROTOCOLS: Readonly<Record<Direction, readonly Match[]>> = {
  upstream: addressProtocols([udp(0x0800, 68, 67), udp(0x86dd, 546, 547)]),
  downstream: addressProtocols([udp(0x0800, 67, 68), udp(0x86dd, 547, 546)]),
};

/**
 * A flow of ours. The cookie says so in its upper 16 bits, then whose it is (32 bits), then which table
 * it stands in (the lowest 8).
 */
export function flow(
  owner: OwnerId,
  table: TableName,
  priority: number,
  match: Match,
  instructions: Instructions,
  counts?: readonly CountPoint[],
): DesiredFlow {
  const { id } = PIPELINE[table];
  const cookie = COOKIE_MARK | (BigInt(owner) << 16n) | BigInt(id);
  return { owner, table: id, priority, cookie, match, instructions, ...(counts ? { counts } : {}) };
}

/** As `ovs-ofctl dump-groups` prints it over OpenFlow 1.5. */
export const groupText = (group: DesiredGroup): string => printGroup(group, version15);

/** As `ovs-ofctl --no-stats dump-flows` prints it. Our flows have no timeouts, flags or importance. */

export const flowText = (flow: Omit<DesiredFlow, 'owner'>): string =>
  printFlow({ idleTimeout: 0, hardTimeout: 0, flags: 0, importance: 0, ...flow });
