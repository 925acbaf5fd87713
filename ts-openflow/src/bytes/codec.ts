import type { Domain, Reader } from './reader.ts';
import type { Writer } from './writer.ts';

/** One description of a piece of the wire, from which both directions come. */
export interface Codec<T> {
  read(r: Reader): T;
  write(w: Writer, value: T): void;
}

/** The values that a codec carries. */
export type Infer<C> = C extends Codec<infer T> ? T : never;

type Fields = Readonly<Record<string, Codec<never> | Codec<unknown>>>;

/** What a struct of these fields looks like; doc comments of the fields come along. */
export type StructOf<F> = { readonly [K in keyof F]: Infer<F[K]> };

export const u8: Codec<number> = { read: (r) => r.u8(), write: (w, v) => w.u8(v) };
export const u16: Codec<number> = { read: (r) => r.u16(), write: (w, v) => w.u16(v) };
export const u32: Codec<number> = { read: (r) => r.u32(), write: (w, v) => w.u32(v) };
export const u64: Codec<bigint> = { read: (r) => r.u64(), write: (w, v) => w.u64(v) };

/** An unsigned integer of `length` bytes. */
export function uint(length: number): Codec<bigint> {
  return { read: (r) => r.uint(length), write: (w, v) => w.uint(v, length) };
}

/** An Ethernet address: 48 bits as a bigint. */
export const mac: Codec<bigint> = uint(6);

/** All the bytes that are left in the parent. */
export const rest: Codec<Uint8Array> = { read: (r) => r.raw(r.remaining), write: (w, v) => w.raw(v) };

/** `value`, then `length` bytes of zero. What is received there is not looked at. */
export function padded<T>(value: Codec<T>, length: number): Codec<T> {
  return {
    read(r) {
      const read = value.read(r);
      r.skip(length);
      return read;
    },
    write(w, v) {
      value.write(w, v);
      w.zeros(length);
    },
  };
}

/** `value`, then zeros until both together are `length` bytes. */
export function filled<T>(value: Codec<T>, length: number): Codec<T> {
  return {
    read(r) {
      const end = r.offset + length;
      const read = value.read(r);
      r.skip(Math.max(0, end - r.offset));
      return read;
    },
    write(w, v) {
      const end = w.length + length;
      value.write(w, v);
      w.zeros(Math.max(0, end - w.length));
    },
  };
}

/** `length` bytes of zero, then `value`. */
export function after<T>(length: number, value: Codec<T>): Codec<T> {
  return {
    read(r) {
      r.skip(length);
      return value.read(r);
    },
    write(w, v) {
      w.zeros(length);
      value.write(w, v);
    },
  };
}

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder();

/** Text in exactly `length` bytes, ended by NUL: at most `length - 1` bytes of UTF-8. */
export function text(length: number): Codec<string> {
  return {
    read(r) {
      const bytes = r.raw(length);
      const end = bytes.indexOf(0);
      return fromUtf8.decode(end < 0 ? bytes : bytes.subarray(0, end));
    },
    write(w, v) {
      const bytes = utf8.encode(v);
      if (bytes.byteLength >= length) w.fail(`text of ${bytes.byteLength} bytes, at most ${length - 1} fit`);
      w.raw(bytes);
      w.zeros(length - bytes.byteLength);
    },
  };
}

/** No value, `length` bytes of zero. */
export function nothing(length = 0): Codec<object> {
  return {
    read(r) {
      r.skip(length);
      return {};
    },
    write: (w) => w.zeros(length),
  };
}

/** Fields one after the other, without padding. */
export function struct<const F extends Fields>(fields: F): Codec<StructOf<F>> {
  const entries = Object.entries(fields) as [string, Codec<unknown>][];
  return {
    read(r) {
      const value: Record<string, unknown> = {};
      for (const [name, codec] of entries) {
        r.path.push(name);
        value[name] = codec.read(r);
        r.path.pop();
      }
      return value as StructOf<F>;
    },
    write(w, value) {
      const source = value as Record<string, unknown>;
      for (const [name, codec] of entries) {
        w.path.push(name);
        codec.write(w, source[name]);
        w.path.pop();
      }
    },
  };
}

/** Items until the parent ends. */
export function list<T>(item: Codec<T>): Codec<readonly T[]> {
  return {
    read(r) {
      const items: T[] = [];
      while (r.remaining > 0) {
        const start = r.offset;
        r.path.push(items.length);
        items.push(item.read(r));
        r.path.pop();
        if (r.offset === start) r.fail('length', 'an item of no bytes');
      }
      return items;
    },
    write(w, items) {
      if (!Array.isArray(items)) w.fail(`${String(items)} is not a list`);
      for (const [index, value] of items.entries()) {
        w.path.push(index);
        item.write(w, value);
        w.path.pop();
      }
    },
  };
}

/** A 16-bit count of bytes, itself included, then the rest of the structure. */
export function lengthFirst<T>(body: Codec<T>, domain: Domain = 'request'): Codec<T> {
  return {
    read(r) {
      const length = r.u16();
      return r.within(length - 2, domain, (inner) => body.read(inner));
    },
    write(w, value) {
      const start = w.length;
      w.u16(0);
      body.write(w, value);
      w.patch16(start, w.length - start);
    },
  };
}

/** One layout for 1.3 and another one for 1.5, for the same value. */
export function byVersion<T>(v13: Codec<T>, v15: Codec<T>): Codec<T> {
  return {
    read: (r) => (r.version < 5 ? v13 : v15).read(r),
    write: (w, v) => (w.version < 5 ? v13 : v15).write(w, v),
  };
}

/** The same bytes, another value: `from` the value of `inner`, `to` it and back. */
export function mapped<A, B>(inner: Codec<A>, from: (value: A) => B, to: (value: B) => A): Codec<B> {
  return { read: (r) => from(inner.read(r)), write: (w, v) => inner.write(w, to(v)) };
}
