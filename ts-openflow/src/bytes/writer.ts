import { EncodeError } from './errors.ts';

/** A growing buffer of network-order bytes. Every number is checked against its width. */
export class Writer {
  /** The wire version that layouts are chosen by: 4 is OpenFlow 1.3, 6 is 1.5. */
  version: number;
  /** The names of what is being written, outermost first. */
  readonly path: (string | number)[] = [];
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  constructor(version: number) {
    this.version = version;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  u8(value: number): void {
    this.#check(value, 0xff);
    const start = this.#grow(1);
    this.#view.setUint8(start, value);
  }

  u16(value: number): void {
    this.#check(value, 0xffff);
    const start = this.#grow(2);
    this.#view.setUint16(start, value);
  }

  u32(value: number): void {
    this.#check(value, 0xffffffff);
    const start = this.#grow(4);
    this.#view.setUint32(start, value);
  }

  u64(value: bigint): void {
    if (typeof value !== 'bigint') this.fail(`${String(value)} is not a bigint`);
    if (value < 0n || value >> 64n !== 0n) this.fail(`${value} does not fit 8 bytes`);
    const start = this.#grow(8);
    this.#view.setBigUint64(start, value);
  }

  /** A big-endian unsigned integer of `length` bytes. */
  uint(value: bigint, length: number): void {
    if (typeof value !== 'bigint') this.fail(`${String(value)} is not a bigint`);
    if (value < 0n || value >> BigInt(8 * length) !== 0n) this.fail(`${value} does not fit ${length} bytes`);
    let at = this.#grow(length) + length;
    let left = length;
    for (; left >= 8; left -= 8) {
      at -= 8;
      this.#view.setBigUint64(at, value & 0xffffffffffffffffn);
      value >>= 64n;
    }
    for (; left > 0; left--) {
      this.#view.setUint8(--at, Number(value & 0xffn));
      value >>= 8n;
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
    const start = this.#grow(bytes.byteLength);
    this.#bytes.set(bytes, start);
  }

  zeros(length: number): void {
    const start = this.#grow(length);
    this.#bytes.fill(0, start, start + length);
  }

  /** Sets the byte at `offset`. */
  patch8(offset: number, value: number): void {
    this.#check(value, 0xff);
    this.#view.setUint8(offset, value);
  }

  /** Sets the 16-bit number at `offset`, for lengths that are known only afterwards. */
  patch16(offset: number, value: number): void {
    this.#check(value, 0xffff);
    this.#view.setUint16(offset, value);
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  fail(detail: string): never {
    throw new EncodeError(this.path.join('.'), detail);
  }

  #check(value: number, max: number): void {
    if (!Number.isInteger(value) || value < 0 || value > max)
      this.fail(`${String(value)} is not a whole number from 0 to ${max}`);
  }

  #grow(length: number): number {
    const start = this.#length;
    const needed = start + length;
    if (needed > this.#bytes.byteLength) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.byteLength));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.#length = needed;
    return start;
  }
}
