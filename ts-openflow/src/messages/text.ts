import type { Codec } from '../bytes/codec.ts';

const utf8 = new TextEncoder();
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const firstStray = 0xdc00;

/** UTF-8; if it is not, each byte above 127 as the lone surrogate 0xdc00 and the byte. */
function toText(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return Array.from(bytes, (byte) => String.fromCharCode(byte < 128 ? byte : firstStray + byte)).join('');
  }
}

function toBytes(text: string): Uint8Array {
  const stray = /[\udc80-\udcff]/.test(text) && !text.isWellFormed();
  if (!stray) return utf8.encode(text);
  return Uint8Array.from(text, (char) => char.charCodeAt(0) & 0xff);
}

/**
 * Text in exactly `length` bytes, filled up with NUL. Nothing is lost: bytes that are not UTF-8 read as lone
 * surrogates, and what stands behind a NUL stays in the text together with it.
 */
export function text(length: number): Codec<string> {
  return {
    read(r) {
      const bytes = r.raw(length);
      let end = bytes.byteLength;
      while (end > 0 && bytes[end - 1] === 0) end--;
      return toText(bytes.subarray(0, end));
    },
    write(w, v) {
      const bytes = toBytes(v);
      if (bytes.byteLength > length) w.fail(`text of ${bytes.byteLength} bytes, at most ${length} fit`);
      w.raw(bytes);
      w.zeros(length - bytes.byteLength);
    },
  };
}
