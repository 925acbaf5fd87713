import {
  after,
  type Codec,
  filled,
  list,
  nothing,
  padded,
  rest,
  struct,
  u8,
  u16,
  u32,
  u64,
} from '../bytes/codec.ts';
import { row, type TlvRow, tlv } from '../bytes/tlv.ts';
import { type FieldRef, type MatchField, oxm, oxmHeader, type UnknownMatchField } from '../match.ts';
import { experimenters } from '../registry/numbers.ts';
import type { Action } from './index.ts';
import { learn, learn2 } from './learn.ts';

function nicira<T>(subtype: number, body: Codec<T>): TlvRow<T> {
  return { code: 0xffff, body, experimenter: { id: experimenters.nicira, subtype } };
}

/** One that Open vSwitch takes before 1.5 only, as the standard then has it. */
function before15<T>(subtype: number, body: Codec<T>): TlvRow<T> {
  return { ...nicira(subtype, body), only: 'before15' };
}

const ref = oxmHeader as Codec<FieldRef | UnknownMatchField>;

/** Which bits of a field: offset in the upper 10 bits, their number minus 1 in the lower 6. */
export function offsetBits(offset: number, bits: number): number {
  return (offset << 6) | (bits - 1);
}

/** Some bits of a field, as most of these actions name them. */
const slice = {
  /** `offset << 6 | bits - 1`; see offsetBits. */
  offsetBits: u16,
};

// An action list within an action is read when the table of actions is complete.
const actionList: Codec<readonly Action[]> = list({
  read: (r) => nestedAction().read(r),
  write: (w, v) => nestedAction().write(w, v),
});
let nested: Codec<Action> | undefined;

/** Tells this file what an action is: nested lists need the finished table. */
export function setNestedAction(codec: Codec<Action>): void {
  nested = codec;
}

function nestedAction(): Codec<Action> {
  if (!nested) throw new Error('actions are not set up');
  return nested;
}

/** Connection tracking: the flags are 1 for commit, 2 for force. */
export interface Ct {
  readonly flags: number;
  /** The field that holds the zone; absent when `zone` is the number itself. */
  readonly zoneField?: FieldRef | UnknownMatchField;
  /** The zone, or, with `zoneField`, its bits as of offsetBits. */
  readonly zone: number;
  /** The table in which the tracked packet goes on; 255 for none. */
  readonly table: number;
  /** The port of the protocol whose payload is followed: 21 for FTP, 69 for TFTP, 0 for none. */
  readonly alg: number;
  readonly actions: readonly Action[];
}

const ct: Codec<Ct> = {
  read(r) {
    const flags = r.u16();
    const immediate = r.peek32(0) === 0;
    if (immediate) r.skip(4);
    const zoneField = immediate ? {} : { zoneField: ref.read(r) };
    const zone = r.u16();
    const table = r.u8();
    r.skip(3);
    const alg = r.u16();
    return { flags, ...zoneField, zone, table, alg, actions: actionList.read(r) };
  },
  write(w, v) {
    w.u16(v.flags);
    if (v.zoneField) ref.write(w, v.zoneField);
    else w.u32(0);
    w.u16(v.zone);
    w.u8(v.table);
    w.zeros(3);
    w.u16(v.alg);
    actionList.write(w, v.actions);
  },
};

/** Address translation inside ct; every part of the range may be absent. */
export interface Nat {
  /** 1 source, 2 destination, 4 persistent, 8 hash, 16 random. */
  readonly flags: number;
  readonly ipv4Min?: number;
  readonly ipv4Max?: number;
  readonly ipv6Min?: bigint;
  readonly ipv6Max?: bigint;
  readonly portMin?: number;
  readonly portMax?: number;
}

const natParts = [
  { name: 'ipv4Min', bit: 1, bytes: 4 },
  { name: 'ipv4Max', bit: 2, bytes: 4 },
  { name: 'ipv6Min', bit: 4, bytes: 16 },
  { name: 'ipv6Max', bit: 8, bytes: 16 },
  { name: 'portMin', bit: 16, bytes: 2 },
  { name: 'portMax', bit: 32, bytes: 2 },
] as const;

const nat: Codec<Nat> = {
  read(r) {
    r.skip(2);
    const value: Record<string, number | bigint> = { flags: r.u16() };
    const present = r.u16();
    for (const { name, bit, bytes } of natParts) {
      if (!(present & bit)) continue;
      const number = r.uint(bytes);
      value[name] = bytes === 16 ? number : Number(number);
    }
    return value as unknown as Nat;
  },
  write(w, v) {
    w.zeros(2);
    w.u16(v.flags);
    w.u16(natParts.reduce((bits, { name, bit }) => bits | (v[name] === undefined ? 0 : bit), 0));
    for (const { name, bytes } of natParts) {
      const number = v[name];
      if (number !== undefined) w.uint(BigInt(number), bytes);
    }
  },
};

/** Actions to be done on a copy of the packet. */
export interface Clone {
  readonly actions: readonly Action[];
}

const clone: Codec<Clone> = {
  read(r) {
    r.skip(6);
    return { actions: actionList.read(r) };
  },
  write(w, v) {
    w.zeros(6);
    actionList.write(w, v.actions);
  },
};

const countedIds: Codec<{ readonly ids: readonly number[] }> = {
  read(r) {
    const count = r.u16();
    r.skip(4);
    if (2 * count > r.remaining) r.fail('length', `${count} ids claimed`);
    return { ids: Array.from({ length: count }, () => r.u16()) };
  },
  write(w, v) {
    w.u16(v.ids.length);
    w.zeros(4);
    for (const id of v.ids) w.u16(id);
  },
};

const resubmit = struct({
  /** in_port for the new lookup; 0xfff8 keeps it. A port number of 16 bits. */
  inPort: u16,
  /** 255 is the current table. */
  table: padded(u8, 3),
});

const stack = struct({
  offset: u16,
  field: ref,
  bits: u16,
});

/** Members are ports of 16 bits; only as many as are counted are there. */
export interface MemberBundle {
  readonly algorithm: number;
  readonly fields: number;
  readonly basis: number;
  /** The header NXM_OF_IN_PORT: members are ports. */
  readonly memberType: number;
  readonly offsetBits: number;
  /** The field that is written; `bundle` has none. */
  readonly dst?: FieldRef | UnknownMatchField;
  readonly members: readonly number[];
}

const memberTarget = filled(ref, 8);

const memberBundle: Codec<MemberBundle> = {
  read(r) {
    const [algorithm, fields, basis, memberType] = [r.u16(), r.u16(), r.u16(), r.u32()];
    const [count, offsetBits] = [r.u16(), r.u16()];
    const none = r.peek32(0) === 0;
    if (none) r.skip(8);
    const dst = none ? {} : { dst: memberTarget.read(r) };
    if (2 * count > r.remaining) r.fail('length', `${count} members claimed`);
    const members = Array.from({ length: count }, () => r.u16());
    return { algorithm, fields, basis, memberType, offsetBits, ...dst, members };
  },
  write(w, v) {
    w.u16(v.algorithm);
    w.u16(v.fields);
    w.u16(v.basis);
    w.u32(v.memberType);
    w.u16(v.members.length);
    w.u16(v.offsetBits);
    if (v.dst) memberTarget.write(w, v.dst);
    else w.zeros(8);
    for (const member of v.members) w.u16(member);
  },
};

const controllerProperty = tlv(
  {
    maxLen: row(0, struct({ value: padded(u16, 2) })),
    controllerId: row(1, struct({ value: padded(u16, 2) })),
    reason: row(2, struct({ value: u8 })),
    userdata: row(3, struct({ value: rest })),
    pause: row(4, nothing()),
    meter: row(5, struct({ value: u32 })),
  },
  { domain: 'property', padding: 'outside', subtypeBytes: 4 },
);

const sampled = {
  /** Of 65535. */
  probability: u16,
  collectorSet: u32,
  obsDomain: u32,
  obsPoint: u32,
};

/** Actions of Open vSwitch (nicira-ext; ovs-actions(7)). */
export const niciraActions = {
  /** Looks up again in the current table. */
  resubmit: nicira(1, resubmit),
  setTunnel: nicira(2, struct({ id: after(2, u32) })),
  popQueue: nicira(5, nothing(6)),
  /** From 1.5 on it goes as copyField. */
  regMove: before15(6, struct({ bits: u16, srcOffset: u16, dstOffset: u16, src: ref, dst: ref })),
  /** From 1.5 on it goes as setField with a mask. */
  regLoad: before15(7, struct({ ...slice, dst: ref, value: u64 })),
  note: nicira(8, struct({ data: rest })),
  setTunnel64: nicira(9, struct({ id: after(6, u64) })),
  multipath: nicira(
    10,
    struct({
      fields: u16,
      basis: padded(u16, 2),
      algorithm: u16,
      maxLink: u16,
      arg: padded(u32, 2),
      ...slice,
      dst: ref,
    }),
  ),
  /** Chooses among ports by hash: like multipath, but over `members` that are up. */
  bundle: nicira(12, memberBundle),
  /** Like `bundle`, with the chosen port written to `dst`. */
  bundleLoad: nicira(13, memberBundle),
  resubmitTable: nicira(14, resubmit),
  outputReg: nicira(15, struct({ ...slice, src: ref, maxLen: padded(u16, 6) })),
  learn: nicira(16, learn),
  exit: nicira(17, nothing(6)),
  decTtl: nicira(18, nothing(6)),
  finTimeout: nicira(19, struct({ idleTimeout: u16, hardTimeout: padded(u16, 2) })),
  controller: nicira(20, struct({ maxLen: u16, controllerId: u16, reason: padded(u8, 1) })),
  decTtlIds: nicira(21, countedIds),
  stackPush: nicira(27, stack),
  stackPop: nicira(28, stack),
  sample: nicira(29, struct(sampled)),
  outputReg2: nicira(32, struct({ ...slice, maxLen: u16, src: ref })),
  /** A set-field with mask, for versions whose own has none. */
  regLoad2: before15(33, struct({ field: oxm as Codec<MatchField> })),
  conjunction: nicira(34, struct({ clause: u8, clauses: u8, id: u32 })),
  ct: nicira(35, ct),
  nat: nicira(36, nat),
  controller2: nicira(37, struct({ properties: after(6, list(controllerProperty)) })),
  sample2: nicira(38, struct({ ...sampled, samplingPort: padded(u16, 6) })),
  outputTrunc: nicira(39, struct({ port: u16, maxLen: u32 })),
  /** `direction` is 0 any, 1 ingress, 2 egress. */
  sample3: nicira(41, struct({ ...sampled, samplingPort: u16, direction: padded(u8, 5) })),
  clone: nicira(42, clone),
  ctClear: nicira(43, nothing(6)),
  resubmitTableCt: nicira(44, resubmit),
  learn2: nicira(45, learn2),
  encap: nicira(46, struct({ headerSize: u16, packetType: u32, properties: rest })),
  decap: nicira(47, struct({ packetType: after(2, u32) })),
  decNshTtl: nicira(48, nothing(6)),
  deleteField: nicira(50, struct({ field: filled(ref, 14) })),
  checkPktLarger: nicira(49, struct({ length: u16, offset: u16, dst: ref })),
} as const;
