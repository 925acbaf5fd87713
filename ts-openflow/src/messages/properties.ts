import { type Codec, list } from '../bytes/codec.ts';
import { type ExperimenterTlv, type TlvRow, type TlvUnion, tlv, type UnknownTlv } from '../bytes/tlv.ts';

type Rows = Readonly<Record<string, TlvRow<never> | TlvRow<unknown>>>;

/** A list of properties as most structures end in (OpenFlow 1.5.1, 7.1.2): their length leaves out the padding. */
export function properties<const R extends Rows>(
  rows: R,
): Codec<readonly (TlvUnion<R> | UnknownTlv | ExperimenterTlv)[]> {
  return list(tlv(rows, { domain: 'property', padding: 'outside', subtypeBytes: 4 }));
}
