import { type Codec, list, struct, u32 } from '../bytes/codec.ts';
import type { Reader } from '../bytes/reader.ts';
import { row, type UnknownTlv } from '../bytes/tlv.ts';
import type { Writer } from '../bytes/writer.ts';

/** Bit n of word n / 32: wire version n is spoken. */
const versionBitmap = struct({ bitmaps: list(u32) });

/** ofp_hello_elem_type (OpenFlow 1.5.1, 7.5.1) */
export const helloElementTable = { versionBitmap: row(1, versionBitmap) } as const;

export type HelloElement =
  | { readonly type: 'versionBitmap'; readonly bitmaps: readonly number[] }
  | UnknownTlv;

/** A hello may come in any version and with anything in it: what is not an element is kept, and is no error. */
export interface HelloBody {
  readonly elements: readonly HelloElement[];
  /**
   * What follows the last element if that is not zeros up to a multiple of 8 bytes and then the end. The last
   * element is not padded then.
   */
  readonly extra?: Uint8Array;
}

const headerBytes = 4;
const bitmapCode = helloElementTable.versionBitmap.code;

/** Bytes of the element that is next, without padding; 0 if there is none. */
function nextElement(r: Reader): number {
  const length = r.remaining < headerBytes ? 0 : r.peek16(2);
  const words = r.remaining < headerBytes || r.peek16(0) !== bitmapCode || length % 4 === 0;
  return words && length >= headerBytes && length <= r.remaining ? length : 0;
}

function readElement(r: Reader): HelloElement {
  const code = r.u16();
  const bytes = r.u16() - headerBytes;
  return code === bitmapCode
    ? { type: 'versionBitmap', ...r.within(bytes, 'hello', versionBitmap.read) }
    : { type: 'unknown', code, data: r.raw(bytes) };
}

function writeElement(w: Writer, v: HelloElement): void {
  const start = w.length;
  if (v.type === 'unknown') {
    w.u16(v.code);
    w.u16(0);
    w.raw(v.data);
  } else if (v.type === 'versionBitmap') {
    w.u16(bitmapCode);
    w.u16(0);
    versionBitmap.write(w, v);
  } else w.fail('a hello has elements versionBitmap and unknown');
  w.patch16(start + 2, w.length - start);
}

/** Goes past `length` bytes, or as many as there are; whether they were all there and 0. */
function takePadding(r: Reader, length: number): boolean {
  const bytes = r.raw(Math.min(length, r.remaining));
  return bytes.byteLength === length && bytes.every((byte) => byte === 0);
}

/** ofp_hello: a list of elements, each padded to a multiple of 8 bytes behind its length. */
export const hello: Codec<HelloBody> = {
  read(r) {
    const elements: HelloElement[] = [];
    let end = r.offset;
    let clean = true;
    for (let length = nextElement(r); clean && length > 0; length = nextElement(r)) {
      elements.push(readElement(r));
      end = r.offset;
      clean = takePadding(r, -length & 7);
    }
    if (clean && r.remaining === 0) return { elements };
    r.offset = end;
    return { elements, extra: r.raw(r.remaining) };
  },
  write(w, v) {
    if (!Array.isArray(v.elements)) w.fail('a hello has a list of elements');
    for (const [index, element] of v.elements.entries()) {
      const start = w.length;
      writeElement(w, element);
      if (!v.extra || index < v.elements.length - 1) w.zeros(-(w.length - start) & 7);
    }
    if (v.extra) w.raw(v.extra);
  },
};
