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

/**
 * A cursor over bytes of the network that never leaves the structure it is in: `within` narrows it to a
 * child, and every read is checked against the narrowed end. All integers are big-endian.
 */
export class Reader {
  readonly bytes: Uint8Array;
  /** The wire version that layouts are chosen by: 4 is OpenFlow 1.3, 6 is 1.5. */
  version: number;
  /** The names of what is being read, outermost first. */
  readonly path: (string | number)[] = [];
  readonly #view: DataView;
  #domain: Domain = 'request';
  #offset = 0;
  #end: number;
  #depth = 0;

  constructor(bytes: Uint8Array, version: number) {
    // A Buffer would give Buffers, which are not equal to what encode and JSON know as bytes.
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.version = version;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = bytes.byteLength;
  }

  /** Bytes from the start of the message. */
  get offset(): number {
    return this.#offset;
  }

  /** Bytes left in the structure being read. */
  get remaining(): number {
    return this.#end - this.#offset;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  /** A big-endian unsigned integer of `length` bytes. */
  uint(length: number): bigint {
    const start = this.#take(length);
    let value = 0n;
    let at = start;
    for (; at + 8 <= start + length; at += 8) value = (value << 64n) | this.#view.getBigUint64(at);
    for (; at < start + length; at++) value = (value << 8n) | BigInt(this.#view.getUint8(at));
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
    const start = this.#take(length);
    return this.bytes.subarray(start, start + length);
  }

  skip(length: number): void {
    this.#take(length);
  }

  /** Looks at a 16-bit number `ahead` bytes away without taking it. */
  peek16(ahead: number): number {
    if (ahead + 2 > this.remaining)
      this.fail('truncated', `${ahead + 2} bytes needed, ${this.remaining} left`);
    return this.#view.getUint16(this.#offset + ahead);
  }

  /** Looks at a 32-bit number `ahead` bytes away without taking it. */
  peek32(ahead: number): number {
    if (ahead + 4 > this.remaining)
      this.fail('truncated', `${ahead + 4} bytes needed, ${this.remaining} left`);
    return this.#view.getUint32(this.#offset + ahead);
  }

  /** Reads a child of exactly `length` bytes; the child must use them all. */
  within<T>(length: number, domain: Domain, read: (r: Reader) => T): T {
    const outerEnd = this.#end;
    const outerDomain = this.#domain;
    this.#domain = domain;
    if (length < 0 || length > outerEnd - this.#offset)
      this.fail('length', `${length} bytes claimed, ${outerEnd - this.#offset} left`);
    if (++this.#depth > maxDepth) this.fail('depth', `nested deeper than ${maxDepth}`);
    this.#end = this.#offset + length;
    const value = read(this);
    if (this.#offset !== this.#end) this.fail('trailing', `${this.#end - this.#offset} bytes too many`);
    this.#depth--;
    this.#end = outerEnd;
    this.#domain = outerDomain;
    return value;
  }

  fail(rule: Rule, detail: string, ofError = this.badLength(this.#domain)): never {
    throw new DecodeError(this.path.join('.'), this.#offset, rule, ofError, detail);
  }

  /** The OpenFlow error of a wrong length in that part of the protocol. */
  badLength(domain: Domain): OfErrorCode {
    return domain === 'property' && this.version < 5 ? badPropertyLength13 : badLength[domain];
  }

  #take(length: number): number {
    const start = this.#offset;
    if (length > this.#end - start)
      this.fail('truncated', `${length} bytes needed, ${this.#end - start} left`);
    this.#offset = start + length;
    return start;
  }
}
