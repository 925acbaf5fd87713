import { DecodeError, type OfErrorCode, type Rule } from './errors.ts';

/** The part of the protocol being read; it decides which OpenFlow error a bad length is. */
export type Domain = 'hello' | 'request' | 'action' | 'instruction' | 'match' | 'property' | 'bundle';

const badLength: Readonly<Record<Domain, OfErrorCode>> = {
  hello: { type: 1, code: 6 },
  request: { type: 1, code: 6 },
  action: { type: 2, code: 1 },
  instruction: { type: 3, code: 7 },
  match: { type: 4, code: 1 },
  property: { type: 14, code: 1 },
  bundle: { type: 17, code: 8 },
};

// 1.3 knows property errors only as errors of table features.
const badPropertyLength13: OfErrorCode = { type: 13, code: 3 };

/** Nested structures (a bundled message with cloned actions with ...) go no deeper than this. */
const maxDepth = 24;

const noPath: (string | number)[] = [];

// 64-bit numbers go through here: putting a bigint together from parts would make three of them.
const words = new Uint32Array(2);
const wide = new BigUint64Array(words.buffer);
const littleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;
const lowWord = littleEndian ? 0 : 1;
const highWord = 1 - lowWord;

/** The 64-bit number of two halves. */
export function join64(high: number, low: number): bigint {
  words[highWord] = high;
  words[lowWord] = low;
  return wide[0] as bigint;
}

/**
 * A cursor over bytes of the network that never leaves the structure it is in: `within` narrows it to a
 * child, and every read is checked against the narrowed end. All integers are big-endian.
 *
 * Only a `tracing` reader knows where it is by name. Reading is done without first; what fails is read once
 * more by a tracing reader, for an error that says where.
 */
export class Reader {
  readonly bytes: Uint8Array;
  /** The wire version that layouts are chosen by: 4 is OpenFlow 1.3, 6 is 1.5. */
  version: number;
  readonly tracing: boolean;
  /** The names of what is being read, outermost first, if tracing. */
  readonly path: (string | number)[];
  /** Bytes from the start of the message. */
  offset = 0;
  #domain: Domain = 'request';
  #end: number;
  #depth = 0;

  constructor(bytes: Uint8Array, version: number, tracing: boolean) {
    this.bytes = bytes;
    this.version = version;
    this.tracing = tracing;
    this.path = tracing ? [] : noPath;
    this.#end = bytes.length;
  }

  /** Bytes left in the structure being read. */
  get remaining(): number {
    return this.#end - this.offset;
  }

  u8(): number {
    return this.bytes[this.take(1)] as number;
  }

  u16(): number {
    return this.#u16At(this.take(2));
  }

  u32(): number {
    return this.#u32At(this.take(4));
  }

  u64(): bigint {
    const start = this.take(8);
    return join64(this.#u32At(start), this.#u32At(start + 4));
  }

  /** A big-endian unsigned integer of `length` bytes. */
  uint(length: number): bigint {
    if (length === 8) return this.u64();
    const start = this.take(length);
    if (length === 6) return join64(this.#u16At(start), this.#u32At(start + 2));
    let value = 0n;
    let at = start;
    for (; at + 8 <= start + length; at += 8)
      value = (value << 64n) | join64(this.#u32At(at), this.#u32At(at + 4));
    for (; at < start + length; at++) value = (value << 8n) | BigInt(this.bytes[at] as number);
    return value;
  }

  /** A big-endian unsigned integer of 1 to 4 bytes. */
  small(length: number): number {
    if (length === 4) return this.u32();
    if (length === 2) return this.u16();
    return length === 1 ? this.u8() : Number(this.uint(length));
  }

  /** A view of the next bytes; it shares memory with what was handed to decode. */
  raw(length: number): Uint8Array {
    const start = this.take(length);
    // Not subarray: a Buffer would give Buffers, which are not equal to what encode and JSON know as bytes.
    return new Uint8Array(this.bytes.buffer, this.bytes.byteOffset + start, length);
  }

  skip(length: number): void {
    this.take(length);
  }

  /** Looks at a 16-bit number `ahead` bytes away without taking it. */
  peek16(ahead: number): number {
    if (ahead + 2 > this.remaining)
      this.fail('truncated', `${ahead + 2} bytes needed, ${this.remaining} left`);
    return this.#u16At(this.offset + ahead);
  }

  /** Looks at a 32-bit number `ahead` bytes away without taking it. */
  peek32(ahead: number): number {
    if (ahead + 4 > this.remaining)
      this.fail('truncated', `${ahead + 4} bytes needed, ${this.remaining} left`);
    return this.#u32At(this.offset + ahead);
  }

  /** Reads a child of exactly `length` bytes; the child must use them all. */
  within<T>(length: number, domain: Domain, read: (r: Reader) => T): T {
    const outerDomain = this.#domain;
    const outerEnd = this.open(length, domain);
    const value = read(this);
    this.close(outerEnd, outerDomain);
    return value;
  }

  /** Begins what `within` does, without a closure; gives what `close` needs. */
  open(length: number, domain: Domain): number {
    const outerEnd = this.#end;
    this.#domain = domain;
    if (length < 0 || length > outerEnd - this.offset)
      this.fail('length', `${length} bytes claimed, ${outerEnd - this.offset} left`);
    if (++this.#depth > maxDepth) this.fail('depth', `nested deeper than ${maxDepth}`);
    this.#end = this.offset + length;
    return outerEnd;
  }

  /** Ends what `open` began, in the part of the protocol that `domain` was then. */
  close(outerEnd: number, outerDomain: Domain): void {
    if (this.offset !== this.#end) this.fail('trailing', `${this.#end - this.offset} bytes too many`);
    this.#depth--;
    this.#end = outerEnd;
    this.#domain = outerDomain;
  }

  get domain(): Domain {
    return this.#domain;
  }

  fail(rule: Rule, detail: string, ofError = this.badLength(this.#domain)): never {
    throw new DecodeError(this.path.join('.'), this.offset, rule, ofError, detail);
  }

  /** The OpenFlow error of a wrong length in that part of the protocol. */
  badLength(domain: Domain): OfErrorCode {
    return domain === 'property' && this.version < 5 ? badPropertyLength13 : badLength[domain];
  }

  /** Goes past `length` bytes; gives where they start. */
  take(length: number): number {
    const start = this.offset;
    if (length > this.#end - start) this.#truncated(length);
    this.offset = start + length;
    return start;
  }

  #truncated(length: number): never {
    this.fail('truncated', `${length} bytes needed, ${this.remaining} left`);
  }

  #u16At(at: number): number {
    const bytes = this.bytes;
    return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  }

  #u32At(at: number): number {
    const b = this.bytes;
    return (
      (((b[at] as number) << 24) |
        ((b[at + 1] as number) << 16) |
        ((b[at + 2] as number) << 8) |
        (b[at + 3] as number)) >>>
      0
    );
  }
}
