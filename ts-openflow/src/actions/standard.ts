import { after, type Codec, nothing, padded, struct, u8, u16, u32 } from '../bytes/codec.ts';
import { row } from '../bytes/tlv.ts';
import { type FieldRef, type MatchField, oxm, oxmHeader, type UnknownMatchField } from '../match.ts';

/** Where bits are copied from and to. */
const copyFields = {
  /** How many bits: 1 to the width of the field. */
  bits: u16,
  /** The first bit in the source, counted from the least significant. */
  srcOffset: u16,
  dstOffset: padded(u16, 2),
  src: oxmHeader as Codec<FieldRef | UnknownMatchField>,
  dst: oxmHeader as Codec<FieldRef | UnknownMatchField>,
};

export const copyFieldBody = struct(copyFields);

/** A field to be set: as a whole in 1.3.5 (7.2.5), which leaves no room for a mask. */
const settable: Codec<MatchField> = {
  read(r) {
    const field = oxm.read(r);
    if (r.version < 5 && field.field !== 'unknown' && field.mask !== undefined)
      r.fail('value', 'OpenFlow 1.3 sets no field with a mask', badSetArgument);
    return field;
  },
  write: (w, v) => oxm.write(w, v),
};
const badSetArgument = { type: 2, code: 15 };

/** The actions of the standard (OpenFlow 1.5.1, 7.2.6; 1.3.5, 7.2.5). */
export const standardActions = {
  output: row(
    0,
    struct({
      port: u32,
      /** Bytes sent when the port is the controller; 0xffff sends the packet whole. */
      maxLen: padded(u16, 6),
    }),
  ),
  copyTtlOut: row(11, nothing(4)),
  copyTtlIn: row(12, nothing(4)),
  setMplsTtl: row(15, struct({ ttl: padded(u8, 3) })),
  decMplsTtl: row(16, nothing(4)),
  pushVlan: row(17, struct({ ethertype: padded(u16, 2) })),
  popVlan: row(18, nothing(4)),
  pushMpls: row(19, struct({ ethertype: padded(u16, 2) })),
  /** `ethertype` is that of the packet after the label is gone, unless another label follows. */
  popMpls: row(20, struct({ ethertype: padded(u16, 2) })),
  setQueue: row(21, struct({ queue: u32 })),
  group: row(22, struct({ group: u32 })),
  setNwTtl: row(23, struct({ ttl: padded(u8, 3) })),
  decNwTtl: row(24, nothing(4)),
  /** With a mask it is the standard's from 1.5 on, and goes as Open vSwitch's regLoad2 before. */
  setField: row(25, struct({ field: settable })),
  pushPbb: row(26, struct({ ethertype: padded(u16, 2) })),
  popPbb: row(27, nothing(4)),
  /** 1.5; in 1.3 it is ONF's extension EXT-320. */
  copyField: {
    ...row(28, copyFieldBody),
    before15: { id: 0x4f4e4600, subtype: 3200, body: after(2, copyFieldBody) },
  },
  /** 1.5; in 1.3 it is an instruction, as which it goes there if it is the first action. */
  meter: { ...row(29, struct({ meter: u32 })), only: 'from15' },
} as const;
