import { ChainstitchError } from '../../model/errors.ts';

const BYTE = { open: 0x7b, openList: 0x5b, close: 0x7d, closeList: 0x5d, quote: 0x22, escape: 0x5c } as const;
const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

const broken = (detail: string, cause?: unknown): ChainstitchError =>
  new ChainstitchError('ovsdb-failed', `the OVSDB server sent what cannot be read: ${detail}`, { cause });

/**
 * Cuts a byte stream into the JSON objects that JSON-RPC writes one after the other without a separator
 * (RFC 7047, section 4). It looks at every byte once, and keeps no more than the bytes of one object.
 */
export class JsonStream {
  readonly #maxBytes: number;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;

  constructor(limits: { readonly maxBytes: number }) {
    this.#maxBytes = limits.maxBytes;
  }

  /** Gives the objects that these bytes complete. @throws ChainstitchError `ovsdb-failed`; the stream is lost then */
  push(chunk: Uint8Array): object[] {
    const objects: object[] = [];
    let start = 0;
    for (let at = 0; at < chunk.byteLength; at++) {
      const byte = chunk[at] ?? 0;
      if (this.#depth === 0) {
        if (isSpace(byte)) continue;
        if (byte !== BYTE.open) throw broken('no JSON object');
        start = at;
      }
      if (!this.#ends(byte)) continue;
      this.#keep(chunk.subarray(start, at + 1));
      objects.push(this.#take());
    }
    if (this.#depth > 0) this.#keep(chunk.slice(start));
    return objects;
  }

  /** Follows strings and nesting; true at the bracket that closes the object. */
  #ends(byte: number): boolean {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false;
      else if (byte === BYTE.escape) this.#escaped = true;
      else if (byte === BYTE.quote) this.#inString = false;
      return false;
    }
    if (byte === BYTE.quote) this.#inString = true;
    else if (byte === BYTE.open || byte === BYTE.openList) this.#depth++;
    else if (byte === BYTE.close || byte === BYTE.closeList) return --this.#depth === 0;
    return false;
  }

  #keep(part: Uint8Array): void {
    this.#bytes += part.byteLength;
    if (this.#bytes > this.#maxBytes) throw broken(`an object of more than ${this.#maxBytes} bytes`);
    this.#parts.push(part);
  }

  #take(): object {
    const whole = this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    try {
      return JSON.parse(this.#decoder.decode(whole)) as object;
    } catch (error) {
      throw broken('no JSON', error);
    }
  }
}
