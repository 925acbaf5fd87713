import { type Codec, list } from './bytes/codec.ts';
import type { Reader } from './bytes/reader.ts';
import type { Writer } from './bytes/writer.ts';

/**
 * The statistics of a flow (OXS, OpenFlow 1.5.1, 7.2.4): class 0x8002, the number, what it holds. `pair` is
 * seconds and nanoseconds.
 */
export const statTable = {
  duration: { number: 0, kind: 'pair' },
  idleTime: { number: 1, kind: 'pair' },
  flowCount: { number: 3, kind: 'u32' },
  packetCount: { number: 4, kind: 'u64' },
  byteCount: { number: 5, kind: 'u64' },
} as const;

/** A time: whole seconds, and nanoseconds beyond them. */
export interface TimeStat {
  readonly stat: 'duration' | 'idleTime';
  readonly sec: number;
  readonly nsec: number;
}

export interface FlowCountStat {
  readonly stat: 'flowCount';
  readonly value: number;
}

export interface CountStat {
  readonly stat: 'packetCount' | 'byteCount';
  readonly value: bigint;
}

/** A statistic that the table does not have. It encodes to the bytes it came from. */
export interface UnknownStat {
  readonly stat: 'unknown';
  readonly class: number;
  readonly number: number;
  /** The bit that a mask would have; 0 in all that is standard. */
  readonly reserved: number;
  readonly data: Uint8Array;
}

export type Stat = TimeStat | FlowCountStat | CountStat | UnknownStat;
export type Stats = readonly Stat[];

const oxsClass = 0x8002;
const widths = { pair: 8, u32: 4, u64: 8 } as const;
const names = new Map<number, keyof typeof statTable>();
for (const [name, { number }] of Object.entries(statTable)) names.set(number, name as keyof typeof statTable);

/** The statistic of one name. */
type StatNamed<S extends Stat['stat']> = Stat extends infer T
  ? T extends Stat
    ? S extends T['stat']
      ? T
      : never
    : never
  : never;

/** One statistic by name, or undefined. */
export function stat<S extends Stat['stat']>(stats: Stats, name: S): StatNamed<S> | undefined {
  return stats.find((entry) => entry.stat === name) as StatNamed<S> | undefined;
}

function readStat(r: Reader): Stat {
  const oxs = r.u16();
  const low = r.u8();
  const length = r.u8();
  return r.within(length, 'request', (): Stat => {
    const name = oxs === oxsClass && (low & 1) === 0 ? names.get(low >> 1) : undefined;
    if (!name || widths[statTable[name].kind] !== length)
      return { stat: 'unknown', class: oxs, number: low >> 1, reserved: low & 1, data: r.raw(length) };
    if (name === 'duration' || name === 'idleTime') return { stat: name, sec: r.u32(), nsec: r.u32() };
    if (name === 'flowCount') return { stat: name, value: r.u32() };
    return { stat: name, value: r.u64() };
  });
}

function writeStat(w: Writer, entry: Stat): void {
  if (entry.stat === 'unknown') {
    w.u16(entry.class);
    w.u8((entry.number << 1) | entry.reserved);
    w.u8(entry.data.byteLength);
    w.raw(entry.data);
    return;
  }
  const { number, kind } = statTable[entry.stat] ?? w.fail(`no statistic called ${String(entry.stat)}`);
  w.u16(oxsClass);
  w.u8(number << 1);
  w.u8(widths[kind]);
  if ('sec' in entry) {
    w.u32(entry.sec);
    w.u32(entry.nsec);
  } else if (entry.stat === 'flowCount') w.u32(entry.value);
  else w.u64(entry.value);
}

const entries: Codec<Stats> = list({ read: readStat, write: writeStat });

/** ofp_stats: 2 reserved bytes, length without padding, OXS TLVs, padding to 8 bytes. */
export const oxsList: Codec<Stats> = {
  read(r) {
    r.skip(2);
    const length = r.u16();
    const value = r.within(length - 4, 'request', () => entries.read(r));
    r.skip(Math.min(-length & 7, r.remaining));
    return value;
  },
  write(w, value) {
    const start = w.length;
    w.u16(0);
    w.u16(0);
    entries.write(w, value);
    const length = w.length - start;
    w.patch16(start + 2, length);
    w.zeros(-length & 7);
  },
};
