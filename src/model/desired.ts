/**
 * What the network is to be made equal to: flows and port settings of each switch, and the instances.
 */
import type { FlowDesc, GroupDesc, Instruction, Match } from 'ts-openflow';
import type { CountPoint } from './counters.ts';
import type { JsonObject, OwnFunctionSpec, SwitchSpec } from './declared.ts';
import type { Dpid, InstanceId, Mac, OfPort, OwnerId } from './ids.ts';
import type { DesiredParts } from './parts.ts';

export type DesiredFlow = {
  readonly owner: OwnerId;
  readonly table: number;
  /** 0 to 65535, higher first. */
  readonly priority: number;
  readonly cookie: bigint;
  readonly match: Match;
  readonly instructions: readonly Instruction[];
  /** What its counts are the counts of; no part of the flow as a switch holds it. */
  readonly counts?: readonly CountPoint[];
};

/** A group of ours: the upper byte of its number is GROUP_MARK. Over OpenFlow 1.3 buckets have no ids. */
export type DesiredGroup = GroupDesc & { readonly owner: OwnerId };

export type DesiredSwitch = {
  readonly dpid: Dpid;
  /** The revision of the declared objects that it was made from; not in the digest. For the log. */
  readonly revision?: number;
  /** Digest of all that follows. */
  readonly digest: string;
  /** Digests of what is each owner's. */
  readonly owners: ReadonlyMap<OwnerId, string>;
  /** Digests of what has to be in the switch for each owner: what is the owner's, and what else its parts hold. */
  readonly needs: ReadonlyMap<OwnerId, string>;
  /** The parts that all of the following comes out of. */
  readonly parts: DesiredParts;
  readonly flows: readonly DesiredFlow[];
  /** What the flows refer to; numbers are unique. */
  readonly groups: readonly DesiredGroup[];
  /** What NORMAL is kept off, port by port. Ports not named are left as they are. */
  readonly isolated: ReadonlyMap<OfPort, Isolation>;
};

/**
 * What NORMAL is kept off at a port, both ways.
 *
 * - `none`: of nothing; the port is as its operator has it
 * - `tagged`: of frames with a VLAN tag, which on a link between switches are the labelled frames of chains
 * - `all`: of everything
 */
export type Isolation = 'none' | 'tagged' | 'all';

/** Our flows carry this in the cookie's upper 16 bits; a flow without it is foreign and left alone. */
export const COOKIE_MARK = 0xc5c5n << 48n;
export const COOKIE_MARK_MASK = 0xffffn << 48n;
/** The 32 bits after the mark say whose flow it is. */
export const ownerOfCookie = (cookie: bigint): OwnerId => Number((cookie >> 16n) & 0xffffffffn) as OwnerId;

/** A group has no cookie, so its number says whose it is: ours have this in their upper 8 bits. */
export const GROUP_MARK = 0xc5;
export const groupNumber = (number: number): number => ((GROUP_MARK << 24) | number) >>> 0;
export const isOurGroup = (group: number): boolean => group >>> 24 === GROUP_MARK;

/** What a switch really holds, of everybody. */
export type SwitchContent = {
  readonly flows: readonly FlowDesc[];
  readonly groups: readonly GroupDesc[];
  /** As OVSDB has them now; undefined while that cannot be known. */
  readonly bridge: BridgeContent | undefined;
};
export type BridgeContent = {
  /** `standalone`: a bridge that has lost its controllers becomes a learning switch. */
  readonly failMode: 'secure' | 'standalone';
  /** Ports that NORMAL is kept off. */
  readonly isolated: ReadonlySet<OfPort>;
  /** Ports where NORMAL carries untagged frames alone. */
  readonly untagged: ReadonlySet<OfPort>;
};
/**
 * The frames that links are found with: LLDP to the nearest-bridge group address (IEEE 802.1AB, table 7-1),
 * which no conforming bridge passes on, so that what is found has nothing in between.
 */
export const LLDP_GROUP = '01:80:c2:00:00:0e' as Mac;
export const LLDP_TYPE = 0x88cc;

/**
 * The frames by which a switch finds out whether an instance passes any: continuity check messages (IEEE 802.1Q,
 * clause 20) to the group address that Open vSwitch gives them.
 */
export const PROBE_GROUP = '01:23:20:00:00:30' as Mac;
export const PROBE_TYPE = 0x8902;

export type WantedInterface = { readonly port: string; readonly mac: Mac };

/** Of an instance that has the function's blank config and is nobody's yet; those of hops begin with 1. */
export const BLANK_REVISION = 0;

export type WantedInstance = {
  readonly id: InstanceId;
  readonly function: OwnFunctionSpec;
  readonly config: JsonObject;
  readonly revision: number;
  /** The bridge that its two ports are to be on. */
  readonly bridge: Pick<SwitchSpec, 'dpid' | 'ovsdb'>;
  /** The subscriber's side. */
  readonly left: WantedInterface;
  /** The uplink's side. */
  readonly right: WantedInterface;
};
