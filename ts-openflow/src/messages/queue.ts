import { after, type Codec, list, padded, type StructOf, struct, u16, u32 } from '../bytes/codec.ts';
import type { Reader } from '../bytes/reader.ts';
import { row, tlv } from '../bytes/tlv.ts';
import type { Writer } from '../bytes/writer.ts';
import { properties } from './properties.ts';

/** ofp_queue_desc_prop_type (OpenFlow 1.5.1, 7.3.5.9). Rates are tenths of a per cent; above 1000 is none. */
export const queuePropertyTable = {
  minRate: row(1, struct({ rate: padded(u16, 2) })),
  maxRate: row(2, struct({ rate: padded(u16, 2) })),
} as const;

/** ofp_queue_prop_type of 1.3.5, 7.2.2.1: the same with more padding. */
const queueProperties13 = list(
  tlv(
    {
      minRate: row(1, after(4, struct({ rate: padded(u16, 6) }))),
      maxRate: row(2, after(4, struct({ rate: padded(u16, 6) }))),
    },
    { domain: 'request', padding: 'outside', subtypeBytes: 4 },
  ),
);

const queueProperties = properties(queuePropertyTable);
const head = { port: u32, queue: u32 };

/** A queue of a port. */
export type QueueDesc = StructOf<typeof head & { properties: typeof queueProperties }>;

const lengthOffset = 8;

/** Two numbers, the length of all, 6 bytes of padding, properties. */
function queueWith(
  properties: Codec<QueueDesc['properties']>,
  readHead: (r: Reader) => Pick<QueueDesc, 'port' | 'queue'>,
  writeHead: (w: Writer, v: QueueDesc) => void,
): Codec<QueueDesc> {
  return {
    read: (r) =>
      r.within(r.peek16(lengthOffset), 'request', () => {
        const { port, queue } = readHead(r);
        r.skip(8);
        return { port, queue, properties: properties.read(r) };
      }),
    write(w, v) {
      const start = w.length;
      writeHead(w, v);
      w.zeros(8);
      properties.write(w, v.properties);
      w.patch16(start + lengthOffset, w.length - start);
    },
  };
}

const portFirst = struct(head);
const queueFirst = struct({ queue: u32, port: u32 });

/** ofp_queue_desc */
export const queueDesc = queueWith(queueProperties, portFirst.read, portFirst.write);

/** ofp_packet_queue (1.3.5, 7.2.2) */
export const packetQueue = queueWith(queueProperties13, queueFirst.read, queueFirst.write);
