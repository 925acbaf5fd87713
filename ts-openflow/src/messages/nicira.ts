import { after, type Codec, list, padded, rest, struct, u8, u16, u32, u64, uint } from '../bytes/codec.ts';
import { row } from '../bytes/tlv.ts';
import { type Match, oxm } from '../match.ts';
import { properties } from './properties.ts';

/** Properties of Open vSwitch's packet-in (NXPINT_*), each at most once. */
export const packetInPropertyTable = {
  packet: row(0, struct({ data: rest })),
  /** Bytes of the whole packet, when `packet` is only its beginning. */
  fullLength: row(1, struct({ value: u32 })),
  bufferId: row(2, struct({ value: u32 })),
  tableId: row(3, struct({ value: u8 })),
  cookie: row(4, struct({ value: after(4, u64) })),
  /** One of packetInReasons. */
  reason: row(5, struct({ value: u8 })),
  metadata: row(6, struct({ match: list(oxm) })),
  /** What the action that sent it said. */
  userdata: row(7, struct({ data: rest })),
  /** Give it back in a `resume` and the packet goes on where it stopped. */
  continuation: row(8, struct({ data: rest })),
} as const;

/** NXT_PACKET_IN2 and NXT_RESUME. */
export const packetIn2 = struct({ properties: properties(packetInPropertyTable) });

const packetInHead = struct({
  bufferId: u32,
  /** Bytes of the whole packet; `data` may be less. */
  totalLength: u16,
  /** One of packetInReasons. */
  reason: u8,
  table: u8,
  cookie: u64,
  matchBytes: padded(u16, 6),
});
const oxms = list(oxm);

/** A packet-in as NXT_PACKET_IN has it: that of OpenFlow with a match that has no header. */
export interface NxPacketIn
  extends Omit<typeof packetInHead extends Codec<infer T> ? T : never, 'matchBytes'> {
  readonly match: Match;
  readonly data: Uint8Array;
}

export const packetIn: Codec<NxPacketIn> = {
  read(r) {
    const { matchBytes, ...head } = packetInHead.read(r);
    const match = r.within(matchBytes, 'match', () => oxms.read(r));
    r.skip((-matchBytes & 7) + 2);
    return { ...head, match, data: r.raw(r.remaining) };
  },
  write(w, v) {
    const start = w.length;
    packetInHead.write(w, { ...v, matchBytes: 0 });
    const from = w.length;
    oxms.write(w, v.match);
    const matchBytes = w.length - from;
    w.patch16(start + 16, matchBytes);
    w.zeros((-matchBytes & 7) + 2);
    w.raw(v.data);
  },
};

/** What an IPFIX exporter of the switch has done. */
export const ipfixStats = struct({
  exporters: list(
    struct({
      totalFlows: u64,
      currentFlows: u64,
      packets: u64,
      ipv4Packets: u64,
      ipv6Packets: u64,
      errorPackets: u64,
      ipv4ErrorPackets: u64,
      ipv6ErrorPackets: u64,
      txPackets: u64,
      txErrors: u64,
      /** 0 in the statistics of a bridge. */
      collectorSet: padded(u32, 4),
    }),
  ),
});

/** NXT_SET_PACKET_IN_FORMAT: 0 as OpenFlow has it, 1 NXT_PACKET_IN, 2 NXT_PACKET_IN2. */
export const packetInFormat = struct({ format: u32 });

/** NXT_SET_CONTROLLER_ID: which controller actions reach this connection. */
export const controllerId = struct({ controllerId: after(6, u16) });

const tlvMaps = list(
  struct({
    optionClass: u16,
    optionType: u8,
    /** Bytes of the option: a multiple of 4, up to 124. */
    optionLength: u8,
    /** The n of tun_metadata<n>. */
    index: padded(u16, 2),
  }),
);

/** NXT_TLV_TABLE_MOD: which tunnel options are which tun_metadata field. 0 add, 1 delete, 2 clear. */
export const tlvTableMod = struct({ command: padded(u16, 6), maps: tlvMaps });

export const tlvTableReply = struct({ maxSpace: u32, maxFields: padded(u16, 10), maps: tlvMaps });

const tuple = struct({
  tuple: properties({
    /** IPv4 addresses are mapped: ::ffff:10.0.0.1. */
    src: row(0, struct({ address: uint(16) })),
    dst: row(1, struct({ address: uint(16) })),
    srcPort: row(2, struct({ port: padded(u16, 2) })),
    dstPort: row(3, struct({ port: padded(u16, 2) })),
    icmpId: row(4, struct({ id: padded(u16, 2) })),
    icmpType: row(5, struct({ icmpType: u8 })),
    icmpCode: row(6, struct({ icmpCode: u8 })),
  }),
});

/** Which connections are forgotten; none of these is all. */
export const ctFlushPropertyTable = {
  original: row(0, after(4, tuple)),
  reply: row(1, after(4, tuple)),
  zone: row(2, struct({ zone: padded(u16, 2) })),
} as const;

/** NXT_CT_FLUSH */
export const ctFlush = struct({ protocol: padded(u8, 7), properties: properties(ctFlushPropertyTable) });

/** NXT_CT_FLUSH_ZONE */
export const ctFlushZone = struct({ zone: after(6, u16) });
