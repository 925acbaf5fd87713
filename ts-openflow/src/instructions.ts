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
  /** 1.3; from 1.5 on it is an action, as which it goes there, before all others. */
  meter: { ...row(6, struct({ meter: u32 })), only: 'before15' },
  /** 1.5: an event when a statistic passes one of the thresholds. Flags: 1 periodic, 2 only first. */
  statTrigger: { ...row(7, struct({ flags: u32, thresholds: oxsList })), only: 'from15' },
} as const;

export type Instruction = TlvUnion<typeof instructionTable> | UnknownTlv | ExperimenterTlv;

export const instruction: Codec<Instruction> = tlv(instructionTable, {
  domain: 'instruction',
  padding: 'inside',
  subtypeBytes: 4,
});

const asGiven: Codec<readonly Instruction[]> = list(instruction);

const startsWithMeter = (entry: Instruction) =>
  entry.type === 'applyActions' && entry.actions[0]?.type === 'meter';

/** A meter where that version has it: an instruction of its own in 1.3, the first action from 1.5 on. */
function formFor(given: readonly Instruction[], version: number): readonly Instruction[] {
  if (version < 5) {
    if (!given.some(startsWithMeter)) return given;
    return given.flatMap((entry): Instruction[] => {
      const [first, ...others] = entry.type === 'applyActions' ? entry.actions : [];
      if (first?.type !== 'meter') return [entry];
      return [
        { type: 'meter', meter: first.meter },
        { type: 'applyActions', actions: others },
      ];
    });
  }
  if (!given.some((entry) => entry.type === 'meter')) return given;
  const meters = given.filter((entry) => entry.type === 'meter');
  const applied = given.flatMap((entry) => (entry.type === 'applyActions' ? entry.actions : []));
  const rest = given.filter(({ type }) => type !== 'meter' && type !== 'applyActions');
  return [{ type: 'applyActions', actions: [...meters, ...applied] }, ...rest];
}

export const instructions: Codec<readonly Instruction[]> = {
  read: (r) => asGiven.read(r),
  write: (w, v) => asGiven.write(w, formFor(v, w.version)),
};
