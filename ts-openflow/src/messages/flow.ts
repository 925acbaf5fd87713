import {
  after,
  byVersion,
  type Codec,
  lengthFirst,
  padded,
  struct,
  u8,
  u16,
  u32,
  u64,
} from '../bytes/codec.ts';
import { instructions } from '../instructions.ts';
import { match } from '../match.ts';
import { oxsList, type Stats, stat } from '../stats.ts';

/** ofp_flow_mod (OpenFlow 1.5.1, 7.3.4.2). */
export const flowMod = struct({
  cookie: u64,
  /** For modify and delete: the bits of a flow's cookie that must be equal to `cookie`; 0 for any. */
  cookieMask: u64,
  /** 0 to 254; 255 for all when deleting. */
  table: u8,
  /** One of flowCommands. */
  command: u8,
  /** Seconds without a packet; 0 for none. */
  idleTimeout: u16,
  /** Seconds; 0 for none. */
  hardTimeout: u16,
  /** Higher wins. */
  priority: u16,
  /** noBuffer, or a packet that the switch holds. */
  bufferId: u32,
  /** For deletions: only flows with an output to it; ports.any for all. */
  outPort: u32,
  /** For deletions: only flows with an action to it; groups.any for all. */
  outGroup: u32,
  /** Bits of flowFlags. */
  flags: u16,
  /** 1.5: what is evicted first when the table is full is lowest. In 1.3 these bytes are padding: 0. */
  importance: u16,
  match,
  instructions,
});

/** A flow as the switch describes it. */
const flowDescFields = {
  table: u8,
  priority: u16,
  idleTimeout: u16,
  hardTimeout: u16,
  flags: u16,
  importance: u16,
  cookie: u64,
  match,
  /** Order is kept. 1.3 has exactly duration, packetCount and byteCount. */
  stats: oxsList,
  instructions,
};
const anyFlowDesc = struct(flowDescFields);
export type FlowDesc = typeof anyFlowDesc extends Codec<infer T> ? T : never;

const flowDesc13 = lengthFirst(
  struct({
    table: padded(u8, 1),
    sec: u32,
    nsec: u32,
    priority: u16,
    idleTimeout: u16,
    hardTimeout: u16,
    flags: u16,
    importance: padded(u16, 2),
    cookie: u64,
    packetCount: u64,
    byteCount: u64,
    match,
    instructions,
  }),
);

const flowDesc15 = lengthFirst(after(2, struct({ ...flowDescFields, table: padded(u8, 1) })));

function stats13(v: { sec: number; nsec: number; packetCount: bigint; byteCount: bigint }): Stats {
  return [
    { stat: 'duration', sec: v.sec, nsec: v.nsec },
    { stat: 'packetCount', value: v.packetCount },
    { stat: 'byteCount', value: v.byteCount },
  ];
}

/** What 1.3 can say of statistics; what is not there is 0. */
function fixedStats(stats: Stats) {
  const duration = stat(stats, 'duration');
  return {
    sec: duration?.sec ?? 0,
    nsec: duration?.nsec ?? 0,
    packetCount: stat(stats, 'packetCount')?.value ?? 0n,
    byteCount: stat(stats, 'byteCount')?.value ?? 0n,
  };
}

/** ofp_flow_desc (1.5.1, 7.3.5.2) or ofp_flow_stats (1.3.5, 7.3.5.2). */
export const flowDesc: Codec<FlowDesc> = byVersion<FlowDesc>(
  {
    read(r) {
      // Field by field, here and below: a reply has thousands, and to copy the others is slow.
      const flow = flowDesc13.read(r);
      return {
        table: flow.table,
        priority: flow.priority,
        idleTimeout: flow.idleTimeout,
        hardTimeout: flow.hardTimeout,
        flags: flow.flags,
        importance: flow.importance,
        cookie: flow.cookie,
        match: flow.match,
        stats: stats13(flow),
        instructions: flow.instructions,
      };
    },
    write(w, v) {
      const { sec, nsec, packetCount, byteCount } = fixedStats(v.stats);
      flowDesc13.write(w, {
        table: v.table,
        sec,
        nsec,
        priority: v.priority,
        idleTimeout: v.idleTimeout,
        hardTimeout: v.hardTimeout,
        flags: v.flags,
        importance: v.importance,
        cookie: v.cookie,
        packetCount,
        byteCount,
        match: v.match,
        instructions: v.instructions,
      });
    },
  },
  flowDesc15,
);

/** Which flows a request is about. */
export const flowRequest = struct({
  /** 255 for all. */
  table: padded(u8, 3),
  /** ports.any for all. */
  outPort: u32,
  /** groups.any for all. */
  outGroup: padded(u32, 4),
  cookie: u64,
  /** The bits of `cookie` that count; 0 for all flows. */
  cookieMask: u64,
  match,
});

/** ofp_flow_stats of 1.5 (7.3.5.3): a flow and its statistics, without its instructions. */
export const flowStats = lengthFirst(
  after(
    2,
    struct({
      table: u8,
      /** 0 asked for, 1 a trigger fired. */
      reason: u8,
      priority: u16,
      match,
      stats: oxsList,
    }),
  ),
);

const aggregate13 = struct({ packetCount: u64, byteCount: u64, flowCount: padded(u32, 4) });

/** What the flows of a request amount to. */
export const aggregate: Codec<{ readonly stats: Stats }> = byVersion<{ readonly stats: Stats }>(
  {
    read(r) {
      const { packetCount, byteCount, flowCount } = aggregate13.read(r);
      return {
        stats: [
          { stat: 'packetCount', value: packetCount },
          { stat: 'byteCount', value: byteCount },
          { stat: 'flowCount', value: flowCount },
        ],
      };
    },
    write(w, v) {
      const { packetCount, byteCount } = fixedStats(v.stats);
      aggregate13.write(w, { packetCount, byteCount, flowCount: stat(v.stats, 'flowCount')?.value ?? 0 });
    },
  },
  struct({ stats: oxsList }),
);

/** What is said of a flow that is gone. */
const flowRemovedFields = {
  table: u8,
  /** One of flowRemovedReasons. */
  reason: u8,
  priority: u16,
  idleTimeout: u16,
  hardTimeout: u16,
  cookie: u64,
  match,
  stats: oxsList,
};
const flowRemoved15 = struct(flowRemovedFields);
export type FlowRemoved = typeof flowRemoved15 extends Codec<infer T> ? T : never;

const flowRemoved13 = struct({
  cookie: u64,
  priority: u16,
  reason: u8,
  table: u8,
  sec: u32,
  nsec: u32,
  idleTimeout: u16,
  hardTimeout: u16,
  packetCount: u64,
  byteCount: u64,
  match,
});

/** ofp_flow_removed (OpenFlow 1.5.1, 7.4.2). */
export const flowRemoved: Codec<FlowRemoved> = byVersion<FlowRemoved>(
  {
    read(r) {
      const { sec, nsec, packetCount, byteCount, match, ...head } = flowRemoved13.read(r);
      return { ...head, match, stats: stats13({ sec, nsec, packetCount, byteCount }) };
    },
    write: (w, v) => flowRemoved13.write(w, { ...v, ...fixedStats(v.stats) }),
  },
  flowRemoved15,
);
