import { type Codec, lengthFirst, list, padded, rest, struct, u8, u16, u32, u64 } from '../bytes/codec.ts';
import { row, tlv } from '../bytes/tlv.ts';

/** In units of the meter's flags: kilobits or packets per second; bursts in kilobits or packets. */
const limits = { rate: u32, burst: u32 };

/** ofp_meter_band_type (OpenFlow 1.5.1, 7.3.4.5.1) */
export const bandTable = {
  drop: row(1, struct({ ...limits, burst: padded(u32, 4) })),
  /** Raises the drop precedence in the DSCP by `precedence` levels. */
  dscpRemark: row(2, struct({ ...limits, precedence: padded(u8, 3) })),
  experimenterBand: row(0xffff, struct({ ...limits, experimenter: u32, data: rest })),
} as const;

const bands = list(tlv(bandTable, { domain: 'request', padding: 'outside', subtypeBytes: 4 }));

/** ofp_meter_mod (OpenFlow 1.5.1, 7.3.4.5). */
export const meterMod = struct({
  /** One of meterCommands. */
  command: u16,
  /** Bits of meterFlags. */
  flags: u16,
  /** 1 to meters.max, or one of meters. */
  meter: u32,
  bands,
});

/** ofp_meter_desc (1.5.1, 7.3.5.14) or ofp_meter_config (1.3.5, 7.3.5.12). */
export const meterDesc = lengthFirst(struct({ flags: u16, meter: u32, bands }));

const meterStatsTail = struct({
  /** Flows in 1.3; flows and others that use it in 1.5. */
  refCount: u32,
  packetInCount: u64,
  byteInCount: u64,
  /** Seconds, and nanoseconds beyond them. */
  sec: u32,
  nsec: u32,
  bands: list(struct({ packetCount: u64, byteCount: u64 })),
});

type Tail = typeof meterStatsTail extends Codec<infer T> ? T : never;

const lengthOffset = 4;

/** ofp_meter_stats (OpenFlow 1.5.1, 7.3.5.13): its length stands after the meter's number. */
export const meterStats: Codec<{ readonly meter: number } & Tail> = {
  read: (r) =>
    r.within(r.peek16(lengthOffset), 'request', () => {
      const meter = r.u32();
      r.skip(8);
      return { meter, ...meterStatsTail.read(r) };
    }),
  write(w, v) {
    const start = w.length;
    w.u32(v.meter);
    w.zeros(8);
    meterStatsTail.write(w, v);
    w.patch16(start + lengthOffset, w.length - start);
  },
};

const meterFeaturesHead = struct({
  /** How many meters there may be. */
  maxMeter: u32,
  /** Bits of 1 << the band's number. */
  bandTypes: u32,
  /** Bits of meterFlags. */
  capabilities: u32,
  maxBands: u8,
  maxColor: padded(u8, 2),
});

type Head = typeof meterFeaturesHead extends Codec<infer T> ? T : never;

/** ofp_meter_features. 1.5 adds `features`; Open vSwitch leaves it out. */
export const meterFeatures: Codec<Head & { readonly features?: number }> = {
  read(r) {
    const head = meterFeaturesHead.read(r);
    if (r.remaining === 0) return head;
    const features = r.u32();
    r.skip(4);
    return { ...head, features };
  },
  write(w, v) {
    meterFeaturesHead.write(w, v);
    if (v.features === undefined) return;
    w.u32(v.features);
    w.zeros(4);
  },
};
