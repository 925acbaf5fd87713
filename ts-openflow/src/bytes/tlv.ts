import { type Codec, type Tagged, tagged } from './codec.ts';
import type { Domain, Reader } from './reader.ts';
import type { Writer } from './writer.ts';

/** One kind of type-length-value: its number on the wire and what follows the header. */
export interface TlvRow<T = unknown> {
  readonly code: number;
  readonly body: Codec<T>;
  /** For an experimenter's kind: who defined it, and under what number of 16 or 32 bits. */
  readonly experimenter?: { readonly id: number; readonly subtype: number };
  /** Before 1.5 the same thing was an experimenter's. */
  readonly before15?: { readonly id: number; readonly subtype: number; readonly body: Codec<T> };
  /** The versions that have it, where not all do. */
  readonly only?: 'before15' | 'from15';
}

/** The discriminated union of a table of rows, told apart by `type`. */
export type TlvUnion<R> = {
  [K in keyof R]: R[K] extends TlvRow<infer T> ? { readonly type: K } & T : never;
}[keyof R];

/** A kind that the table does not have. It encodes to the bytes it came from. */
export interface UnknownTlv {
  readonly type: 'unknown';
  readonly code: number;
  /** What follows the 4-byte header, inner padding included. */
  readonly data: Uint8Array;
}

/** An experimenter's kind that the table does not have. */
export interface ExperimenterTlv {
  readonly type: 'experimenter';
  /** The experimenter id: an IEEE OUI or a number given by ONF. */
  readonly experimenter: number;
  /** What follows the experimenter id. */
  readonly data: Uint8Array;
}

export interface TlvStyle {
  readonly domain: Domain;
  /** `inside`: the length counts the padding to 8 bytes; `outside`: it does not. */
  readonly padding: 'inside' | 'outside';
  /** The width in bytes of an experimenter's own number, where rows of an experimenter exist. */
  readonly subtypeBytes: 2 | 4;
}

interface Known {
  readonly name: string;
  readonly body: Tagged;
  readonly only: 'before15' | 'from15' | undefined;
}

/** Whether a version is one of those. Anything between 1.3 and 1.5 is like 1.3. */
function inVersion(only: Known['only'], version: number): boolean {
  return only === undefined || (only === 'before15') === version < 5;
}

const experimenterCode = 0xffff;
const headerBytes = 4;

/** A kind of the standard. */
export function row<T>(code: number, body: Codec<T>): TlvRow<T> {
  return { code, body };
}

/** A list entry of the table: encode, decode and the union of types all come from it. */
export function tlv<const R extends Readonly<Record<string, TlvRow<never> | TlvRow<unknown>>>>(
  rows: R,
  style: TlvStyle,
): Codec<TlvUnion<R> | UnknownTlv | ExperimenterTlv> {
  type Any = { readonly type: string };
  const named = new Map<string, TlvRow>(Object.entries(rows) as [string, TlvRow][]);
  /** By code; an array, as one is looked up for every action. */
  const standard: Known[] = [];
  const foreign = new Map<number, Known[]>();
  for (const [name, { code, body, experimenter, before15, only }] of named) {
    const known = { name, body: tagged(name, [], body), only: before15 ? 'from15' : only } as const;
    if (experimenter) foreignOf(experimenter.id)[experimenter.subtype] = { ...known, only };
    else standard[code] = known;
    if (before15) {
      const old = { name, body: tagged(name, [], before15.body), only: 'before15' } as const;
      foreignOf(before15.id)[before15.subtype] = old;
    }
  }

  function foreignOf(experimenter: number): Known[] {
    const found = foreign.get(experimenter) ?? [];
    foreign.set(experimenter, found);
    return found;
  }

  function readBodyOf(r: Reader, known: Known): Any {
    if (!r.tracing) return known.body.read(r) as Any;
    r.path.push(known.name);
    const value = known.body.read(r) as Any;
    r.path.pop();
    return value;
  }

  function readBody(r: Reader, code: number): Any {
    const known = standard[code];
    if (known && inVersion(known.only, r.version)) return readBodyOf(r, known);
    if (code !== experimenterCode) return { type: 'unknown', code, data: r.raw(r.remaining) } as Any;
    const experimenter = r.u32();
    if (r.remaining >= style.subtypeBytes) {
      const subtype = style.subtypeBytes === 2 ? r.peek16(0) : r.peek32(0);
      const found = foreign.get(experimenter)?.[subtype];
      if (found && inVersion(found.only, r.version)) {
        r.skip(style.subtypeBytes);
        return readBodyOf(r, found);
      }
    }
    return { type: 'experimenter', experimenter, data: r.raw(r.remaining) } as Any;
  }

  function writeBody(w: Writer, value: Any): void {
    if (value.type === 'unknown') {
      const { code, data } = value as UnknownTlv;
      w.u16(code);
      w.u16(0);
      w.raw(data);
      return;
    }
    if (value.type === 'experimenter') {
      const { experimenter, data } = value as ExperimenterTlv;
      w.u16(experimenterCode);
      w.u16(0);
      w.u32(experimenter);
      w.raw(data);
      return;
    }
    const known = named.get(value.type) ?? w.fail(`no kind called ${String(value.type)}`);
    if (!inVersion(known.only, w.version)) w.fail(`OpenFlow wire version ${w.version} has no ${value.type}`);
    const old = w.version < 5 ? known.before15 : undefined;
    const foreign = old ?? known.experimenter;
    // The length comes when it is known.
    if (!foreign) w.u32(known.code * 0x10000);
    else {
      w.u32(experimenterCode * 0x10000);
      w.u32(foreign.id);
      if (style.subtypeBytes === 2) w.u16(foreign.subtype);
      else w.u32(foreign.subtype);
    }
    (old?.body ?? known.body).write(w, value);
  }

  return {
    read(r) {
      const code = r.u16();
      const length = r.u16();
      if (length < headerBytes)
        r.fail('length', `length ${length} is shorter than its own header`, r.badLength(style.domain));
      if (style.padding === 'inside' && length % 8 !== 0)
        r.fail('align', `length ${length} is not a multiple of 8`, r.badLength(style.domain));
      const outerDomain = r.domain;
      const outerEnd = r.open(length - headerBytes, style.domain);
      const value = readBody(r, code);
      if (style.padding === 'inside' && r.remaining < 8) r.skip(r.remaining);
      r.close(outerEnd, outerDomain);
      if (style.padding === 'outside') r.skip(Math.min(-length & 7, r.remaining));
      return value as unknown as TlvUnion<R>;
    },
    write(w, value) {
      const start = w.length;
      writeBody(w, value as Any);
      const pad = -(w.length - start) & 7;
      if (style.padding === 'inside' && pad > 0) w.zeros(pad);
      w.patch16(start + 2, w.length - start);
      if (style.padding === 'outside') w.zeros(pad);
    },
  };
}
