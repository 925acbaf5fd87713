import { type Codec, list, padded, struct, u8, u16, u32, u64 } from '../bytes/codec.ts';
import type { Reader } from '../bytes/reader.ts';
import { instructions } from '../instructions.ts';
import { match } from '../match.ts';

/** ofp_flow_monitor_request (OpenFlow 1.5.1, 7.3.5.20). */
export const flowMonitorRequest = struct({
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

const full = struct({
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
type Full = typeof full extends Codec<infer T> ? T : never;

const fullEvents = ['initial', 'added', 'removed', 'modified'] as const;

/** What happened to a flow, or to the monitor itself. `abbreviated` is a change that this controller asked for. */
export type FlowUpdate =
  | ({ readonly event: (typeof fullEvents)[number] } & Full)
  | { readonly event: 'abbreviated'; readonly xid: number }
  | { readonly event: 'paused' | 'resumed' }
  | { readonly event: 'unknown'; readonly code: number; readonly data: Uint8Array };

const codes = { abbreviated: 4, paused: 5, resumed: 6 } as const;
const headerBytes = 4;

function readUpdate(r: Reader, code: number): FlowUpdate {
  const event = fullEvents[code];
  if (event) return { event, ...full.read(r) };
  if (code === codes.abbreviated) return { event: 'abbreviated', xid: r.u32() };
  if (code !== codes.paused && code !== codes.resumed)
    return { event: 'unknown', code, data: r.raw(r.remaining) };
  r.skip(4);
  return { event: code === codes.paused ? 'paused' : 'resumed' };
}

function codeOf(update: FlowUpdate): number {
  if (update.event === 'unknown') return update.code;
  return 'match' in update ? fullEvents.indexOf(update.event) : codes[update.event];
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
    w.u16(codeOf(v));
    if ('match' in v) full.write(w, v);
    else if (v.event === 'abbreviated') w.u32(v.xid);
    else if (v.event === 'unknown') w.raw(v.data);
    else w.zeros(4);
    w.patch16(start, w.length - start);
  },
};

export const flowUpdates = struct({ updates: list(flowUpdate) });
