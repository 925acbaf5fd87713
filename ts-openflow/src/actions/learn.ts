import { type Codec, padded, struct, u8, u16, u64 } from '../bytes/codec.ts';
import type { Reader } from '../bytes/reader.ts';
import type { Writer } from '../bytes/writer.ts';
import { type FieldRef, oxmHeader, type UnknownMatchField } from '../match.ts';

/** Bits of a field, from `offset` on; how many, the spec says. */
export interface LearnField {
  readonly field: FieldRef | UnknownMatchField;
  readonly offset: number;
}

/** Where some bits of a learned flow come from and what they are in it. */
export interface LearnSpec {
  /** 1 to 2047. */
  readonly bits: number;
  /** A field of the packet, or a number. */
  readonly from: LearnField | { readonly value: bigint };
  /** `match` and `load` name a field; `output` goes to the port that `from` is. */
  readonly to: ({ readonly as: 'match' | 'load' } & LearnField) | { readonly as: 'output' };
}

const head = struct({
  /** Seconds; 0 for none. */
  idleTimeout: u16,
  /** Seconds; 0 for none. */
  hardTimeout: u16,
  priority: u16,
  cookie: u64,
  /** 1 send flow-removed, 2 delete learned flows with this one; see learnWritesResult. */
  flags: u16,
  table: padded(u8, 1),
  finIdleTimeout: u16,
  finHardTimeout: u16,
});

/** A flow made from the packet: what the MAC table of a learning switch is made with. */
export type Learn = (typeof head extends Codec<infer T> ? T : never) & {
  readonly specs: readonly LearnSpec[];
};

const immediate = 1 << 13;
const kindShift = 11;
const kinds = ['match', 'load', 'output'] as const;
const bitsMask = 0x7ff;

/** A number takes whole 16-bit words. */
const valueBytes = (bits: number) => 2 * Math.ceil(bits / 16);

function readField(r: Reader): LearnField {
  return { field: oxmHeader.read(r), offset: r.u16() };
}

function writeField(w: Writer, v: LearnField): void {
  oxmHeader.write(w, v.field);
  w.u16(v.offset);
}

function readSpec(r: Reader, header: number): LearnSpec {
  const bits = header & bitsMask;
  const as = kinds[(header >> kindShift) & 3];
  if (!as || bits === 0) return r.fail('value', `learn spec 0x${header.toString(16)}`, { type: 2, code: 5 });
  const from = header & immediate ? { value: r.uint(valueBytes(bits)) } : readField(r);
  return { bits, from, to: as === 'output' ? { as } : { as, ...readField(r) } };
}

function writeSpec(w: Writer, { bits, from, to }: LearnSpec): void {
  if (bits < 1 || bits > bitsMask) w.fail(`${bits} bits are not 1 to ${bitsMask}`);
  w.u16(bits | (kinds.indexOf(to.as) << kindShift) | ('value' in from ? immediate : 0));
  if ('value' in from) w.uint(from.value, valueBytes(bits));
  else writeField(w, from);
  if (to.as !== 'output') writeField(w, to);
}

/** Specs until the padding, whose first header is 0. */
const specList: Codec<readonly LearnSpec[]> = {
  read(r) {
    const specs: LearnSpec[] = [];
    while (r.remaining >= 2) {
      const header = r.u16();
      if (header === 0) break;
      specs.push(readSpec(r, header));
    }
    r.skip(Math.min(r.remaining, 7));
    return specs;
  },
  write(w, v) {
    for (const spec of v) writeSpec(w, spec);
  },
};

/** NXAST_LEARN */
export const learn: Codec<Learn> = {
  read: (r) => ({ ...head.read(r), specs: specList.read(r) }),
  write(w, v) {
    head.write(w, v);
    specList.write(w, v.specs);
  },
};

/** A learn with bounds. */
export interface Learn2 extends Learn {
  /** As many learned flows at most, by table and cookie; 0 for no limit. */
  readonly limit: number;
  /** The bit that tells whether there was room. There if and only if `flags` has learnWritesResult. */
  readonly result?: LearnField;
}

/** In the flags of a learn2: there is a `result`. */
export const learnWritesResult = 4;

/** NXAST_LEARN2: a limit, the offset and the header of the result, and then what a learn has. */
export const learn2: Codec<Learn2> = {
  read(r) {
    const value = head.read(r);
    const limit = r.u32();
    const offset = r.u16();
    r.skip(2);
    const hasResult = (value.flags & learnWritesResult) !== 0;
    const result = hasResult ? { result: { field: oxmHeader.read(r), offset } } : {};
    return { ...value, limit, ...result, specs: specList.read(r) };
  },
  write(w, v) {
    const { result } = v;
    if ((result !== undefined) !== ((v.flags & learnWritesResult) !== 0))
      w.fail(`a result and the flag ${learnWritesResult} go together`);
    head.write(w, v);
    w.u32(v.limit);
    w.u16(result?.offset ?? 0);
    w.zeros(2);
    if (result) oxmHeader.write(w, result.field);
    specList.write(w, v.specs);
  },
};
