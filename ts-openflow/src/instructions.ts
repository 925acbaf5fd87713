import { actions } from './actions/index.ts';
import { after, type Codec, list, nothing, padded, struct, u8, u32, u64 } from './bytes/codec.ts';
import { type ExperimenterTlv, row, type TlvUnion, tlv, type UnknownTlv } from './bytes/tlv.ts';
import { oxsList } from './stats.ts';

/** The instructions of the standard (OpenFlow 1.5.1, 7.2.5; 1.3.5, 7.2.4). */
export const instructionTable = {
  gotoTable: row(1, struct({ table: padded(u8, 3) })),
  /** metadata = (metadata & ~mask) | (value & mask) */
  writeMetadata: row(2, struct({ value: after(4, u64), mask: u64 })),
  writeActions: row(3, struct({ actions: after(4, actions) })),
  applyActions: row(4, struct({ actions: after(4, actions) })),
  clearActions: row(5, nothing(4)),
  /** 1.3; from 1.5 on it is an action. */
  meter: row(6, struct({ meter: u32 })),
  /** 1.5: an event when a statistic passes one of the thresholds. Flags: 1 periodic, 2 only first. */
  statTrigger: row(7, struct({ flags: u32, thresholds: oxsList })),
} as const;

export type Instruction = TlvUnion<typeof instructionTable> | UnknownTlv | ExperimenterTlv;

export const instruction: Codec<Instruction> = tlv(instructionTable, {
  domain: 'instruction',
  padding: 'inside',
  subtypeBytes: 4,
});

export const instructions: Codec<readonly Instruction[]> = list(instruction);
