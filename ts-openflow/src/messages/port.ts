import {
  after,
  byVersion,
  type Codec,
  list,
  mac,
  padded,
  type StructOf,
  struct,
  u16,
  u32,
} from '../bytes/codec.ts';
import type { Reader } from '../bytes/reader.ts';
import { row } from '../bytes/tlv.ts';
import type { Writer } from '../bytes/writer.ts';
import { oxmHeader } from '../match.ts';
import { properties as listOf } from './properties.ts';
import { text } from './text.ts';

const ethernetFields = {
  /** Features, here and below, are bits of ofp_port_features. */
  current: u32,
  advertised: u32,
  supported: u32,
  peer: u32,
  /** Kilobits per second. */
  currentSpeed: u32,
  /** Kilobits per second. */
  maxSpeed: u32,
};

/** ofp_port_desc_prop_type (OpenFlow 1.5.1, 7.2.1.1) */
export const portPropertyTable = {
  ethernet: row(0, after(4, struct(ethernetFields))),
  optical: row(
    1,
    after(
      4,
      struct({
        supported: u32,
        /** Frequencies and grid spacing in MHz, or wavelengths in nm, as the flags of `supported` say. */
        txMinFreq: u32,
        txMaxFreq: u32,
        txGridFreq: u32,
        rxMinFreq: u32,
        rxMaxFreq: u32,
        rxGridFreq: u32,
        /** Tenths of dBm. */
        txPowerMin: u16,
        txPowerMax: u16,
      }),
    ),
  ),
  /** The pipeline fields that a packet brings along, or takes with it, besides its bytes. */
  pipelineInput: row(2, struct({ fields: list(oxmHeader) })),
  pipelineOutput: row(3, struct({ fields: list(oxmHeader) })),
  /** Where a packet that is sent to this port comes in again. */
  recirculate: row(4, struct({ ports: list(u32) })),
} as const;

const portProperties = listOf(portPropertyTable);

const identity = {
  /** 1 to 0xffffff00, or ports.local. */
  port: u32,
  hwAddr: mac,
  /** At most 15 bytes. */
  name: text(16),
  /** Bits of portConfig: what is asked of the port. */
  config: u32,
  /** Bits of portState: what the port is. */
  state: u32,
};

/** A port of the switch. 1.3 has exactly one property, of type `ethernet`. */
export type Port = StructOf<typeof identity & { properties: typeof portProperties }>;
export type PortProperty = Port['properties'][number];

/** 1.3 has fixed fields where 1.5 has a list: the list then has just the ethernet property. */
function onlyEthernet<T extends { readonly type: string }>(
  w: Writer,
  properties: readonly T[],
): Extract<T, { type: 'ethernet' }> {
  const [first, ...others] = properties;
  if (first?.type !== 'ethernet' || others.length > 0)
    w.fail('OpenFlow 1.3 has room for one ethernet property, no more and no less');
  return first as Extract<T, { type: 'ethernet' }>;
}

const ethernet = struct(ethernetFields);
const identity13 = struct({ ...identity, port: padded(u32, 4), hwAddr: padded(mac, 2) });

const port13: Codec<Port> = {
  read: (r) => ({ ...identity13.read(r), properties: [{ type: 'ethernet', ...ethernet.read(r) }] }),
  write(w, v) {
    identity13.write(w, v);
    ethernet.write(w, onlyEthernet(w, v.properties));
  },
};

const { port: _number, ...afterNumber } = identity;
const tail15 = struct({ ...afterNumber, hwAddr: padded(mac, 2) });

// The length is in the middle of what it counts: after the port number.
const port15: Codec<Port> = {
  read(r: Reader) {
    const length = r.peek16(4);
    return r.within(length, 'request', () => {
      const port = r.u32();
      r.skip(4);
      const { hwAddr, name, config, state } = tail15.read(r);
      return { port, hwAddr, name, config, state, properties: portProperties.read(r) };
    });
  },
  write(w, v) {
    const start = w.length;
    w.u32(v.port);
    w.zeros(4);
    tail15.write(w, v);
    portProperties.write(w, v.properties);
    w.patch16(start + 4, w.length - start);
  },
};

/** ofp_port (OpenFlow 1.5.1, 7.2.1.1; 1.3.5, 7.2.1) */
export const port: Codec<Port> = byVersion(port13, port15);

/** ofp_port_mod_prop_type (OpenFlow 1.5.1, 7.3.4.3) */
export const portModPropertyTable = {
  ethernet: row(0, struct({ advertise: u32 })),
  optical: row(
    1,
    struct({
      configure: u32,
      /** MHz. */
      frequency: u32,
      /** MHz. */
      frequencyOffset: u32,
      gridSpan: u32,
      /** Tenths of dBm. */
      txPower: u32,
    }),
  ),
} as const;

const portModProperties = listOf(portModPropertyTable);

const portModHead = {
  port: padded(u32, 4),
  /** Must be that of the port: a guard against a reused number. */
  hwAddr: padded(mac, 2),
  /** Bits of portConfig. */
  config: u32,
  /** The bits of `config` that are to be set as it says. */
  mask: u32,
};

const portMod15 = struct({ ...portModHead, properties: portModProperties });
const portMod13 = struct({ ...portModHead, advertise: padded(u32, 4) });
export type PortMod = StructOf<typeof portModHead & { properties: typeof portModProperties }>;

/** ofp_port_mod. In 1.3 the only property is `ethernet`. */
export const portMod: Codec<PortMod> = byVersion<PortMod>(
  {
    read(r) {
      const { advertise, ...head } = portMod13.read(r);
      return { ...head, properties: [{ type: 'ethernet', advertise }] };
    },
    write: (w, v) => portMod13.write(w, { ...v, advertise: onlyEthernet(w, v.properties).advertise }),
  },
  portMod15,
);
