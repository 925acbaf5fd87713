import { DecodeError } from './bytes/errors.ts';

const headerBytes = 8;
const lengthOffset = 2;
const badLength = { type: 1, code: 6 };

export interface FrameLimits {
  /** The longest message that is let through, in bytes; OpenFlow itself ends at 65535, the default. */
  readonly maxBytes?: number;
}

/**
 * Cuts a byte stream into messages. It keeps at most one partial message; whole messages that lie in one
 * chunk come out as views of that chunk, without a copy.
 */
export class FrameDecoder {
  readonly #maxBytes: number;
  #partial: Uint8Array = new Uint8Array(0);
  #have = 0;

  constructor(limits: FrameLimits = {}) {
    this.#maxBytes = limits.maxBytes ?? 0xffff;
  }

  /** Bytes held of a message that is not complete. */
  get pending(): number {
    return this.#have;
  }

  /**
   * Takes the next bytes of the stream, any number of them, and gives the messages that they complete.
   * Throws a DecodeError when the stream cannot be followed: a length below 8 or above the limit. Nothing
   * can be read after that; close the connection.
   */
  *push(chunk: Uint8Array): Generator<Uint8Array> {
    let rest = chunk;
    while (rest.byteLength > 0) {
      if (this.#have > 0) {
        const { message, used } = this.#complete(rest);
        rest = rest.subarray(used);
        if (message) yield message;
        continue;
      }
      const length = rest.byteLength >= headerBytes ? this.#lengthOf(rest) : 0;
      if (length === 0 || length > rest.byteLength) {
        this.#keep(rest, length);
        return;
      }
      yield rest.subarray(0, length);
      rest = rest.subarray(length);
    }
  }

  #keep(bytes: Uint8Array, length: number): void {
    this.#partial = new Uint8Array(length || headerBytes);
    this.#partial.set(bytes);
    this.#have = bytes.byteLength;
  }

  /** Adds to the partial message: its header first, as only that says how long it is. */
  #complete(chunk: Uint8Array): { message?: Uint8Array; used: number } {
    const used = Math.min(chunk.byteLength, this.#partial.byteLength - this.#have);
    this.#partial.set(chunk.subarray(0, used), this.#have);
    this.#have += used;
    if (this.#have < this.#partial.byteLength) return { used };
    const partial = this.#partial;
    const length = this.#lengthOf(partial);
    if (length > partial.byteLength) {
      this.#keep(partial, length);
      return { used };
    }
    this.#have = 0;
    this.#partial = new Uint8Array(0);
    return { message: partial, used };
  }

  #lengthOf(header: Uint8Array): number {
    const length = ((header[lengthOffset] ?? 0) << 8) | (header[lengthOffset + 1] ?? 0);
    if (length < headerBytes)
      throw new DecodeError(
        '',
        lengthOffset,
        'length',
        badLength,
        `length ${length} is shorter than a header`,
      );
    if (length > this.#maxBytes)
      throw new DecodeError(
        '',
        lengthOffset,
        'limit',
        badLength,
        `length ${length} is above ${this.#maxBytes}`,
      );
    return length;
  }
}
