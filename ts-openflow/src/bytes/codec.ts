import { compileRead, compileWrite, type Entries, type Fixed } from './compile.ts';
import type { Domain, Reader } from './reader.ts';
import type { Writer } from './writer.ts';

/** One description of a piece of the wire, from which both directions come. */
export interface Codec<T> {
  read(r: Reader): T;
  write(w: Writer, value: T): void;
  /** For a number of fixed width: what it is, so that compiled code need not call. */
  readonly fixed?: Fixed;
  /** For a structure: its fields, so that it can be read into an object that has more. */
  readonly fields?: Entries;
  /** Bytes after the fields. */
  readonly trailing?: number;
}

/** The values that a codec carries. */
export type Infer<C> = C extends Codec<infer T> ? T : never;

type Fields = Readonly<Record<string, Codec<never> | Codec<unknown>>>;

/** What a struct of these fields looks like; doc comments of the fields come along. */
export type StructOf<F> = { readonly [K in keyof F]: Infer<F[K]> };

const fixed = (bytes: Fixed['bytes']): Fixed => ({ before: 0, bytes, after: 0 });

export const u8: Codec<number> = { read: (r) => r.u8(), write: (w, v) => w.u8(v), fixed: fixed(1) };
export const u16: Codec<number> = { read: (r) => r.u16(), write: (w, v) => w.u16(v), fixed: fixed(2) };
export const u32: Codec<number> = { read: (r) => r.u32(), write: (w, v) => w.u32(v), fixed: fixed(4) };
export const u64: Codec<bigint> = { read: (r) => r.u64(), write: (w, v) => w.u64(v), fixed: fixed(8) };

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
    ...(value.fixed && { fixed: { ...value.fixed, after: value.fixed.after + length } }),
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
    ...(value.fixed && { fixed: { ...value.fixed, before: value.fixed.before + length } }),
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

/** No value, `length` bytes of zero. */
export function nothing(length = 0): Codec<object> {
  return {
    fields: [],
    trailing: length,
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
  const codec: Codec<StructOf<F>> = {
    fields: entries,
    // Compiled when first used: most programs meet few of the structures.
    read(r) {
      codec.read = compileRead(entries, (r) => readSlowly(entries, r)) as typeof codec.read;
      return codec.read(r);
    },
    write(w, value) {
      codec.write = compileWrite(entries, (w, value) => writeSlowly(entries, w, value as Named));
      codec.write(w, value);
    },
  };
  return codec;
}

type Named = Record<string, unknown>;

/** What compiled code does, but knowing the names of what is being read. */
function readSlowly(entries: Entries, r: Reader): object {
  const value: Named = {};
  for (const [name, codec] of entries) {
    if (r.tracing) r.path.push(name);
    value[name] = codec.read(r);
    if (r.tracing) r.path.pop();
  }
  return value;
}

function writeSlowly(entries: Entries, w: Writer, value: Named): void {
  for (const [name, codec] of entries) {
    if (w.tracing) w.path.push(name);
    codec.write(w, value[name]);
    if (w.tracing) w.path.pop();
  }
}

/** Reads into an object that has more than what is read. */
export interface Tagged {
  read(r: Reader, ...given: unknown[]): object;
}

/**
 * Reads `body` into an object that first has `type`, then what is given by the names of `given`. A structure is
 * read into such an object at once.
 */
export function tagged(type: string, given: readonly string[], body: Codec<unknown>): Tagged {
  const { fields, trailing } = body;
  function copying(r: Reader, ...values: unknown[]): object {
    const head: Named = { type };
    for (const [index, name] of given.entries()) head[name] = values[index];
    return Object.assign(head, body.read(r));
  }
  if (!fields) return { read: copying };
  const result: Tagged = {
    read(r, ...values) {
      result.read = compileRead(fields, copying, { trailing: trailing ?? 0, type, given });
      return result.read(r, ...values);
    },
  };
  return result;
}

/** Items until the parent ends. */
export function list<T>(item: Codec<T>): Codec<readonly T[]> {
  return {
    read(r) {
      const items: T[] = [];
      while (r.remaining > 0) {
        const start = r.offset;
        if (r.tracing) r.path.push(items.length);
        items.push(item.read(r));
        if (r.tracing) r.path.pop();
        if (r.offset === start) r.fail('length', 'an item of no bytes');
      }
      return items;
    },
    write(w, items) {
      if (!Array.isArray(items)) w.fail(`${String(items)} is not a list`);
      for (let index = 0; index < items.length; index++) {
        if (w.tracing) w.path.push(index);
        item.write(w, items[index] as T);
        if (w.tracing) w.path.pop();
      }
    },
  };
}

/** A 16-bit count of bytes, itself included, then the rest of the structure. */
export function lengthFirst<T>(body: Codec<T>, domain: Domain = 'request'): Codec<T> {
  return {
    read(r) {
      const length = r.u16();
      const outerDomain = r.domain;
      const outerEnd = r.open(length - 2, domain);
      const value = body.read(r);
      r.close(outerEnd, outerDomain);
      return value;
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
