import { actions } from '../actions/index.ts';
import { byVersion, type Codec, nothing, padded, rest, struct, u8, u16, u32, u64 } from '../bytes/codec.ts';
import { row } from '../bytes/tlv.ts';
import { match } from '../match.ts';
import { port } from './port.ts';
import { properties as listOf } from './properties.ts';
import { text } from './text.ts';

/** ofp_error_msg (OpenFlow 1.5.1, 7.5.4). */
const plainError = struct({
  errorType: u16,
  code: u16,
  /** At least 64 bytes of the message it is about; for HELLO_FAILED ASCII text. */
  data: rest,
});

const experimenterErrorType = 0xffff;

/** What went wrong. `experimenter` is there when `errorType` is 0xffff; `code` is then its own number. */
export interface ErrorBody {
  readonly errorType: number;
  readonly code: number;
  readonly experimenter?: number;
  readonly data: Uint8Array;
}

export const errorMessage: Codec<ErrorBody> = {
  read(r) {
    if (r.peek16(0) !== experimenterErrorType) return plainError.read(r);
    return { errorType: r.u16(), code: r.u16(), experimenter: r.u32(), data: r.raw(r.remaining) };
  },
  write(w, v) {
    w.u16(v.errorType);
    w.u16(v.code);
    if (v.errorType === experimenterErrorType) w.u32(v.experimenter ?? w.fail('an experimenter is needed'));
    w.raw(v.data);
  },
};

export const echo = struct({ data: rest });

/** ofp_switch_features (OpenFlow 1.5.1, 7.3.1). */
export const featuresReply = struct({
  /** The lower 48 bits are a MAC address of the switch, as a rule. */
  datapathId: u64,
  /** Packets that can be buffered at once. */
  bufferCount: u32,
  tableCount: u8,
  /** 0 for the main connection. */
  auxiliaryId: padded(u8, 2),
  /** Bits of capabilities. */
  capabilities: u32,
  reserved: u32,
});

/** ofp_switch_config (OpenFlow 1.5.1, 7.3.2). */
export const switchConfig = struct({
  /** One of configFlags. */
  flags: u16,
  /** Bytes of a packet that go to the controller when no action says otherwise; 0xffff for all. */
  missSendLength: u16,
});

/** ofp_packet_in (OpenFlow 1.5.1, 7.4.1). */
export const packetIn = struct({
  /** noBuffer, or where the switch keeps the packet. */
  bufferId: u32,
  /** Bytes of the whole packet; `data` may be less. */
  totalLength: u16,
  /** One of packetInReasons. */
  reason: u8,
  /** The table that was looked up. */
  table: u8,
  /** Of the flow that sent it; all ones for none. */
  cookie: u64,
  /** in_port, metadata, tun_id, registers: what the packet itself does not say. */
  match: padded(match, 2),
  data: rest,
});

const packetOut13 = struct({ bufferId: u32, inPort: u32, actionBytes: padded(u16, 6) });
const packetOut15 = struct({ bufferId: u32, actionBytes: padded(u16, 2), match });

type Actions = typeof actions extends Codec<infer T> ? T : never;
type MatchValue = typeof match extends Codec<infer T> ? T : never;

/** A packet to be sent. */
export interface PacketOut {
  /** noBuffer, or what a packet-in said. */
  readonly bufferId: number;
  /** What the packet comes with. 1.3 has room for `in_port` alone, and needs it. */
  readonly match: MatchValue;
  readonly actions: Actions;
  /** The frame; empty if it is in a buffer. */
  readonly data: Uint8Array;
}

/** ofp_packet_out (OpenFlow 1.5.1, 7.3.6). */
export const packetOut: Codec<PacketOut> = byVersion<PacketOut>(
  {
    read(r) {
      const { bufferId, inPort, actionBytes } = packetOut13.read(r);
      const list = r.within(actionBytes, 'action', () => actions.read(r));
      return {
        bufferId,
        match: [{ field: 'in_port', value: inPort }],
        actions: list,
        data: r.raw(r.remaining),
      };
    },
    write(w, v) {
      const [inPort, ...others] = v.match;
      if (inPort?.field !== 'in_port' || others.length > 0)
        return w.fail('OpenFlow 1.3 takes in_port and nothing else');
      const start = w.length;
      packetOut13.write(w, { bufferId: v.bufferId, inPort: inPort.value, actionBytes: 0 });
      writeActions(w, v, start + 8);
    },
  },
  {
    read(r) {
      const { bufferId, actionBytes, match } = packetOut15.read(r);
      const list = r.within(actionBytes, 'action', () => actions.read(r));
      return { bufferId, match, actions: list, data: r.raw(r.remaining) };
    },
    write(w, v) {
      const start = w.length;
      packetOut15.write(w, { bufferId: v.bufferId, actionBytes: 0, match: v.match });
      writeActions(w, v, start + 4);
    },
  },
);

function writeActions(w: Parameters<typeof actions.write>[0], v: PacketOut, lengthAt: number): void {
  const start = w.length;
  actions.write(w, v.actions);
  w.patch16(lengthAt, w.length - start);
  w.raw(v.data);
}

/** ofp_port_status (OpenFlow 1.5.1, 7.4.3). */
export const portStatus = struct({
  /** One of portReasons. */
  reason: padded(u8, 7),
  port,
});

/** Since 1.5.1 a role message names its controller; Open vSwitch and 1.3 leave 0 there. */
export const role = struct({
  /** One of roles. */
  role: u32,
  shortId: padded(u16, 2),
  /** Grows with every new primary; older ones are refused. */
  generationId: u64,
});

/** ofp_role_status (OpenFlow 1.5.1, 7.4.4). */
export const roleStatus = struct({
  role: u32,
  /** 0 another controller asked, 1 configuration, 2 experimenter. */
  reason: padded(u8, 3),
  generationId: u64,
  properties: listOf({}),
});

/** ofp_desc (OpenFlow 1.5.1, 7.3.5.1). */
export const desc = struct({
  /** Manufacturer. */
  manufacturer: text(256),
  hardware: text(256),
  software: text(256),
  serialNumber: text(32),
  /** For people. */
  datapath: text(256),
});

export const empty = nothing();

const mask = struct({
  /** Bits of 1 << reason. */
  mask: u32,
});

/** ofp_async_config_prop_type (OpenFlow 1.5.1, 7.3.10), for secondary and for primary or equal controllers. */
export const asyncPropertyTable = {
  packetInSecondary: row(0, mask),
  packetInPrimary: row(1, mask),
  portStatusSecondary: row(2, mask),
  portStatusPrimary: row(3, mask),
  flowRemovedSecondary: row(4, mask),
  flowRemovedPrimary: row(5, mask),
  roleStatusSecondary: row(6, mask),
  roleStatusPrimary: row(7, mask),
  tableStatusSecondary: row(8, mask),
  tableStatusPrimary: row(9, mask),
  requestForwardSecondary: row(10, mask),
  requestForwardPrimary: row(11, mask),
  flowStatsSecondary: row(12, mask),
  flowStatsPrimary: row(13, mask),
  controllerStatusSecondary: row(14, mask),
  controllerStatusPrimary: row(15, mask),
  /** An experimenter's for secondary controllers; that for others is of type `experimenter`. */
  experimenterSecondary: row(0xfffe, struct({ experimenter: u32, data: rest })),
} as const;

const asyncProperties = listOf(asyncPropertyTable);
type AsyncProperties = typeof asyncProperties extends Codec<infer T> ? T : never;

/** Which asynchronous messages this connection gets. */
export interface AsyncConfig {
  /** 1.3 has exactly the six of packet-in, port-status and flow-removed. */
  readonly properties: AsyncProperties;
}

// The order of the six numbers of 1.3.
const fixedAsync = [
  'packetInPrimary',
  'packetInSecondary',
  'portStatusPrimary',
  'portStatusSecondary',
  'flowRemovedPrimary',
  'flowRemovedSecondary',
] as const;

export const asyncConfig: Codec<AsyncConfig> = byVersion<AsyncConfig>(
  {
    read: (r) => ({ properties: fixedAsync.map((type) => ({ type, mask: r.u32() })) }),
    write(w, v) {
      const left = [...v.properties];
      for (const type of fixedAsync) {
        const at = left.findIndex((property) => property.type === type);
        const [found] = at < 0 ? [] : left.splice(at, 1);
        w.u32(found && 'mask' in found ? found.mask : 0);
      }
      if (left.length > 0) w.fail(`OpenFlow 1.3 has no asynchronous property ${left[0]?.type}`);
    },
  },
  struct({ properties: asyncProperties }),
);
