import {
  after,
  byVersion,
  type Codec,
  lengthFirst,
  padded,
  type StructOf,
  struct,
  u16,
  u32,
  u64,
} from '../bytes/codec.ts';
import { row } from '../bytes/tlv.ts';
import { properties as listOf } from './properties.ts';

const ethernetCounts = {
  rxFrameErrors: u64,
  rxOverrunErrors: u64,
  rxCrcErrors: u64,
  collisions: u64,
};

/** ofp_port_stats_prop_type (OpenFlow 1.5.1, 7.3.5.6). */
export const portStatsPropertyTable = {
  ethernet: row(0, after(4, struct(ethernetCounts))),
  optical: row(
    1,
    after(
      4,
      struct({
        /** Bits: 1 rx tuned, 2 tx tuned, 4 tx power, 16 rx power, 32 tx bias, 64 tx temperature are there. */
        flags: u32,
        /** Frequencies and offsets in MHz, or wavelengths in nm times 100. */
        txFreq: u32,
        txOffset: u32,
        txGridSpan: u32,
        rxFreq: u32,
        rxOffset: u32,
        rxGridSpan: u32,
        /** Tenths of dBm. */
        txPower: u16,
        rxPower: u16,
        /** Tenths of mA. */
        biasCurrent: u16,
        /** Tenths of a degree Celsius. */
        temperature: u16,
      }),
    ),
  ),
} as const;

const properties = listOf(portStatsPropertyTable);

/** Counters that the port does not keep are all ones. */
const counts = {
  rxPackets: u64,
  txPackets: u64,
  rxBytes: u64,
  txBytes: u64,
  rxDropped: u64,
  txDropped: u64,
  rxErrors: u64,
  txErrors: u64,
};

/** How long the port has been there: seconds, and nanoseconds beyond them. */
const age = { sec: u32, nsec: u32 };
const head = { port: u32, ...age, ...counts };

/** What went through a port. 1.3 has exactly one property, of type `ethernet`. */
export type PortStats = StructOf<typeof head & { properties: typeof properties }>;

const portStats13 = struct({ port: padded(u32, 4), ...counts, ...ethernetCounts, ...age });
const portStats15 = lengthFirst(after(2, struct({ ...head, properties })));

/** ofp_port_stats */
export const portStats: Codec<PortStats> = byVersion<PortStats>(
  {
    read(r) {
      const { rxFrameErrors, rxOverrunErrors, rxCrcErrors, collisions, ...others } = portStats13.read(r);
      const ethernet = { rxFrameErrors, rxOverrunErrors, rxCrcErrors, collisions };
      return { ...others, properties: [{ type: 'ethernet', ...ethernet }] };
    },
    write(w, v) {
      const [ethernet, ...others] = v.properties;
      if (ethernet?.type !== 'ethernet' || others.length > 0)
        return w.fail('OpenFlow 1.3 has room for one ethernet property, no more and no less');
      portStats13.write(w, { ...v, ...ethernet });
    },
  },
  portStats15,
);

/** ofp_queue_stats (OpenFlow 1.5.1, 7.3.5.8). */
const queueHead = { port: u32, queue: u32, txBytes: u64, txPackets: u64, txErrors: u64, ...age };
const queueProperties = listOf({});
export type QueueStats = StructOf<typeof queueHead & { properties: typeof queueProperties }>;
const queueStats13 = struct(queueHead);

export const queueStats: Codec<QueueStats> = byVersion<QueueStats>(
  {
    read: (r) => ({ ...queueStats13.read(r), properties: [] }),
    write: (w, v) => queueStats13.write(w, v),
  },
  lengthFirst(after(6, struct({ ...queueHead, properties: queueProperties }))),
);
