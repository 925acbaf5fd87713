import { EncodeError } from './errors.ts';

/**
 * Messages are written one behind the other into a larger array, and each is a view of its part, as Node does it
 * with small Buffers: an array of its own would cost as much as all the rest of encoding it.
 */
const poolBytes = 16384;
/** A larger message gets an array of its own. */
const maxPooled = 4096;
/** What is left of the pool; undefined while a Writer has it. */
let pool: Uint8Array | undefined;
let poolUsed = 0;

// 64-bit numbers are taken apart here, as the reader puts them together.
const words = new Uint32Array(2);
const wide = new BigUint64Array(words.buffer);
const lowWord = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 0 : 1;
const highWord = 1 - lowWord;
const max64 = 0xffffffffffffffffn;

const maxima = Array.from({ length: 17 }, (_, bytes) => (1n << BigInt(8 * bytes)) - 1n);
const largest = (bytes: number) => maxima[bytes] ?? (1n << BigInt(8 * bytes)) - 1n;

const noPath: (string | number)[] = [];

/**
 * Network-order bytes. Every number is checked against its width. Only a `tracing` writer knows where it is by
 * name: what cannot be written is written once more by one, for an error that says where.
 */
export class Writer {
  /** The wire version that layouts are chosen by: 4 is OpenFlow 1.3, 6 is 1.5. */
  version: number;
  readonly tracing: boolean;
  /** The names of what is being written, outermost first, if tracing. */
  readonly path: (string | number)[];
  /** Where the next byte goes in `bytes`; only differences of it mean anything to the message. */
  length: number;
  /** Not zeroed, and another array after the next `take`. */
  bytes: Uint8Array;
  readonly #start: number;

  constructor(version: number, tracing: boolean) {
    this.version = version;
    this.tracing = tracing;
    this.path = tracing ? [] : noPath;
    // It has no bytes any more if the caller gave it away to another thread.
    const fits = pool !== undefined && pool.length >= poolUsed + maxPooled;
    this.bytes = fits ? (pool as Uint8Array) : new Uint8Array(poolBytes);
    this.#start = fits ? poolUsed : 0;
    this.length = this.#start;
    pool = undefined;
  }

  u8(value: number): void {
    if (typeof value !== 'number' || (value & 0xff) !== value) this.#misfit(value, 0xff);
    const at = this.take(1);
    this.bytes[at] = value;
  }

  u16(value: number): void {
    if (typeof value !== 'number' || (value & 0xffff) !== value) this.#misfit(value, 0xffff);
    this.patch16(this.take(2), value);
  }

  u32(value: number): void {
    if (typeof value !== 'number' || value >>> 0 !== value) this.#misfit(value, 0xffffffff);
    this.#put32(this.take(4), value);
  }

  u64(value: bigint): void {
    if (typeof value !== 'bigint') this.fail(`${String(value)} is not a bigint`);
    if (value < 0n || value > max64) this.fail(`${value} does not fit 8 bytes`);
    this.put64(this.take(8), value);
  }

  /** A big-endian unsigned integer of `length` bytes. */
  uint(value: bigint, length: number): void {
    if (typeof value !== 'bigint') this.fail(`${String(value)} is not a bigint`);
    if (value < 0n || value > largest(length)) this.fail(`${value} does not fit ${length} bytes`);
    let at = this.take(length) + length;
    let left = length;
    for (; left >= 8; left -= 8) {
      at -= 8;
      this.put64(at, left > 8 ? value & max64 : value);
      if (left > 8) value >>= 64n;
    }
    if (left === 0) return;
    wide[0] = value;
    let low = words[lowWord] as number;
    const high = words[highWord] as number;
    for (let n = 0; n < left; n++) {
      if (n === 4) low = high;
      this.bytes[--at] = low & 0xff;
      low >>>= 8;
    }
  }

  /** A big-endian unsigned integer of 1 to 4 bytes. */
  small(value: number, length: number): void {
    if (length === 4) this.u32(value);
    else if (length === 2) this.u16(value);
    else if (length === 1) this.u8(value);
    else this.uint(BigInt(value), length);
  }

  raw(bytes: Uint8Array): void {
    const start = this.take(bytes.byteLength);
    this.bytes.set(bytes, start);
  }

  zeros(length: number): void {
    const start = this.take(length);
    const { bytes } = this;
    for (let at = start; at < start + length; at++) bytes[at] = 0;
  }

  /** Sets the byte at `at`. */
  patch8(at: number, value: number): void {
    if (typeof value !== 'number' || (value & 0xff) !== value) this.#misfit(value, 0xff);
    this.bytes[at] = value;
  }

  /** Sets the 16-bit number at `at`, for lengths that are known only afterwards. */
  patch16(at: number, value: number): void {
    if (typeof value !== 'number' || (value & 0xffff) !== value) this.#misfit(value, 0xffff);
    const { bytes } = this;
    bytes[at] = value >> 8;
    bytes[at + 1] = value & 0xff;
  }

  /** Sets the 64-bit number at `at`, which has been found to be one. */
  put64(at: number, value: bigint): void {
    wide[0] = value;
    this.#put32(at, words[highWord] as number);
    this.#put32(at + 4, words[lowWord] as number);
  }

  /** The message; the writer is of no use afterwards. */
  finish(): Uint8Array {
    const { bytes, length } = this;
    if (length - this.#start > maxPooled) return bytes.slice(this.#start, length);
    pool = bytes;
    // To a multiple of 8: a caller may want to look at it as words.
    poolUsed = (length + 7) & ~7;
    return bytes.subarray(this.#start, length);
  }

  fail(detail: string): never {
    throw new EncodeError(this.path.join('.'), detail);
  }

  /** Makes room for `length` bytes; gives where they go. */
  take(length: number): number {
    const start = this.length;
    if (start + length > this.bytes.length) this.#grow(start + length);
    this.length = start + length;
    return start;
  }

  #put32(at: number, value: number): void {
    const { bytes } = this;
    bytes[at] = value >>> 24;
    bytes[at + 1] = (value >>> 16) & 0xff;
    bytes[at + 2] = (value >>> 8) & 0xff;
    bytes[at + 3] = value & 0xff;
  }

  #grow(needed: number): void {
    const larger = new Uint8Array(Math.max(needed, 2 * this.bytes.length));
    larger.set(this.bytes);
    this.bytes = larger;
  }

  #misfit(value: number, max: number): never {
    this.fail(`${String(value)} is not a whole number from 0 to ${max}`);
  }
}
