import { after, type Codec, struct, u16, u32 } from '../bytes/codec.ts';
import { type ExperimenterTlv, row, type TlvUnion, type UnknownTlv } from '../bytes/tlv.ts';
import type { Message } from '../message.ts';
import { time } from './controller.ts';
import { properties as listOf } from './properties.ts';

/** ofp_bundle_prop_type (OpenFlow 1.5.1, 7.3.9.4) */
export const bundlePropertyTable = {
  /** When the bundle is to be committed; the flag bundleFlags.time says that it is there. */
  time: row(1, after(4, struct({ scheduled: time }))),
} as const;

export type BundleProperty = TlvUnion<typeof bundlePropertyTable> | UnknownTlv | ExperimenterTlv;

const properties: Codec<readonly BundleProperty[]> = listOf(bundlePropertyTable);

/** ofp_bundle_ctrl_msg (OpenFlow 1.5.1, 7.3.9.2). Over 1.3 it goes as ONF's extension EXT-230. */
export const bundleControl = struct({
  bundle: u32,
  /** One of bundleControls. */
  control: u16,
  /** Bits of bundleFlags; the same in every message of a bundle. */
  flags: u16,
  properties,
});

/** One message of a bundle. */
export interface BundleAdd {
  readonly bundle: number;
  /** Bits of bundleFlags. */
  readonly flags: number;
  /** Its version and xid must be those of the outer message. */
  readonly message: Message;
  readonly properties: readonly BundleProperty[];
}

/** How a whole message is read and written; the table of messages gives it, for it has this one in it. */
export function bundleAdd(message: Codec<Message>): Codec<BundleAdd> {
  return {
    read(r) {
      const bundle = r.u32();
      r.skip(2);
      const flags = r.u16();
      const length = r.peek16(2);
      const inner = r.within(length, 'bundle', () => message.read(r));
      // The padding is there only if properties follow.
      if (r.remaining > 0) r.skip(Math.min(-length & 7, r.remaining));
      return { bundle, flags, message: inner, properties: properties.read(r) };
    },
    write(w, v) {
      w.u32(v.bundle);
      w.zeros(2);
      w.u16(v.flags);
      const start = w.length;
      message.write(w, v.message);
      if (v.properties.length > 0) w.zeros(-(w.length - start) & 7);
      properties.write(w, v.properties);
    },
  };
}
