import {
  byVersion,
  type Codec,
  type Infer,
  list,
  padded,
  struct,
  u8,
  u16,
  u32,
  u64,
} from '../bytes/codec.ts';
import type { Reader } from '../bytes/reader.ts';
import type { Writer } from '../bytes/writer.ts';
import { instructions } from '../instructions.ts';
import { type Match, match } from '../match.ts';
import { groups } from '../registry/numbers.ts';

/** ofp_flow_monitor_request (OpenFlow 1.5.1, 7.3.5.20). */
const monitor15 = struct({
  monitor: u32,
  /** ports.any for all. */
  outPort: u32,
  /** groups.any for all. */
  outGroup: u32,
  /** Bits: 1 initial, 2 add, 4 removed, 8 modify, 16 instructions, 32 no abbreviations, 64 only own changes. */
  monitorFlags: u16,
  /** 255 for all. */
  table: u8,
  /** 0 add, 1 modify, 2 delete. */
  command: u8,
  match,
});
type Monitor = Infer<typeof monitor15> & Omit<Counted, 'match'>;

/** The extension of 1.3 tells the length of a match a second time, among the fields before it. */
export interface Counted {
  readonly match: Match;
  /** That length where it is not the match's own: Open vSwitch does not look at it. */
  readonly matchBytes?: number;
}

function readCounted(r: Reader, matchBytes: number): Counted {
  const length = r.peek16(2);
  const read = match.read(r);
  return length === matchBytes ? { match: read } : { match: read, matchBytes };
}

/** Writes `head`, a structure whose count of match bytes is `countAt` bytes from its start, then the match. */
function writeCounted<T extends { matchBytes: number }>(
  w: Writer,
  head: Codec<T>,
  v: T,
  countAt: number,
  counted: Counted,
) {
  const start = w.length;
  head.write(w, v);
  const [from, lengthOffset] = [w.length, 2];
  match.write(w, counted.match);
  const { bytes } = w;
  const length = ((bytes[from + lengthOffset] ?? 0) << 8) | (bytes[from + lengthOffset + 1] ?? 0);
  w.patch16(start + countAt, counted.matchBytes ?? length);
}

const monitorHead13 = struct({
  monitor: u32,
  monitorFlags: u16,
  matchBytes: u16,
  outPort: u32,
  table: padded(u8, 3),
});

/** onf_flow_monitor_request. It has no groups, and there is another message to end a monitor. */
const monitor13: Codec<Monitor> = {
  read(r) {
    const { matchBytes, ...head } = monitorHead13.read(r);
    return { ...head, outGroup: groups.any, command: 0, ...readCounted(r, matchBytes) };
  },
  write(w, v) {
    if (v.outGroup !== groups.any) w.fail('a flow monitor of OpenFlow 1.3 asks for no group');
    if (v.command !== 0) w.fail('a flow monitor of OpenFlow 1.3 can only be added');
    writeCounted(w, monitorHead13, { ...v, matchBytes: 0 }, 6, v);
  },
};

export const flowMonitorRequest = struct({ monitors: list(byVersion<Monitor>(monitor13, monitor15)) });

const full15 = struct({
  table: u8,
  /** One of flowRemovedReasons, when removed. */
  reason: u8,
  idleTimeout: u16,
  hardTimeout: u16,
  priority: padded(u16, 4),
  cookie: u64,
  match,
  instructions,
});
type Full = Infer<typeof full15> & Omit<Counted, 'match'>;

const fullHead13 = struct({
  reason: u16,
  priority: u16,
  idleTimeout: u16,
  hardTimeout: u16,
  matchBytes: u16,
  table: padded(u8, 1),
  cookie: u64,
});

const full13: Codec<Full> = {
  read(r) {
    const { matchBytes, ...head } = fullHead13.read(r);
    return { ...head, ...readCounted(r, matchBytes), instructions: instructions.read(r) };
  },
  write(w, v) {
    writeCounted(w, fullHead13, { ...v, matchBytes: 0 }, 8, v);
    instructions.write(w, v.instructions);
  },
};

const full = byVersion<Full>(full13, full15);

/** By number, in 1.5; 1.3 begins with `added` and has messages of their own for the last two. */
const events = ['initial', 'added', 'removed', 'modified', 'abbreviated', 'paused', 'resumed'] as const;
const firstOf = (version: number) => (version < 5 ? 1 : 0);
const lastOf = (version: number) => (version < 5 ? 4 : 6);

/** What happened to a flow, or to the monitor itself. `abbreviated` is a change that this controller asked for. */
export type FlowUpdate =
  | ({ readonly event: 'initial' | 'added' | 'removed' | 'modified' } & Full)
  | { readonly event: 'abbreviated'; readonly xid: number }
  | { readonly event: 'paused' | 'resumed' }
  | { readonly event: 'unknown'; readonly code: number; readonly data: Uint8Array };

const headerBytes = 4;

function readUpdate(r: Reader, code: number): FlowUpdate {
  const number = code + firstOf(r.version);
  const event = number <= lastOf(r.version) ? events[number] : undefined;
  switch (event) {
    case undefined:
      return { event: 'unknown', code, data: r.raw(r.remaining) };
    case 'abbreviated':
      return { event, xid: r.u32() };
    case 'paused':
    case 'resumed':
      r.skip(4);
      return { event };
    default:
      return { event, ...full.read(r) };
  }
}

function codeOf(w: Writer, update: FlowUpdate): number {
  if (update.event === 'unknown') return update.code;
  const number = events.indexOf(update.event);
  if (number < firstOf(w.version) || number > lastOf(w.version))
    w.fail(`OpenFlow wire version ${w.version} has no event ${update.event}`);
  return number - firstOf(w.version);
}

/** ofp_flow_update_header: the length comes before the type. */
const flowUpdate: Codec<FlowUpdate> = {
  read(r) {
    const length = r.u16();
    const code = r.u16();
    return r.within(length - headerBytes, 'request', () => readUpdate(r, code));
  },
  write(w, v) {
    const start = w.length;
    w.u16(0);
    w.u16(codeOf(w, v));
    if ('match' in v) full.write(w, v);
    else if (v.event === 'abbreviated') w.u32(v.xid);
    else if (v.event === 'unknown') w.raw(v.data);
    else w.zeros(4);
    w.patch16(start, w.length - start);
  },
};

export const flowUpdates = struct({ updates: list(flowUpdate) });
