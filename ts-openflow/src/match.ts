import type { Codec } from './bytes/codec.ts';
import type { Reader } from './bytes/reader.ts';
import type { Writer } from './bytes/writer.ts';
import {
  type FieldName,
  type FieldSpec,
  fields,
  oxmClasses,
  type SmallField,
  type WideField,
} from './registry/fields.ts';

/** A header other than the one this version prefers; it is kept so that encoding gives the same bytes. */
export type HeaderForm = string;

/** A field of at most 32 bits. */
export interface SmallMatchField {
  readonly field: SmallField;
  readonly value: number;
  /** Ones where the value counts. Absent: all of it. */
  readonly mask?: number;
  readonly form?: HeaderForm;
}

/** A field of more than 32 bits. */
export interface WideMatchField {
  readonly field: WideField;
  readonly value: bigint;
  /** Ones where the value counts. Absent: all of it. Of a tunnel option 0n asks only whether it is there. */
  readonly mask?: bigint;
  readonly form?: HeaderForm;
  /** Of a tunnel option: its bytes, 0 to 124. Absent: as many words of 4 bytes as value and mask take. */
  readonly length?: number;
}

/** A field that the registry does not have, or not with this length. It encodes to the bytes it came from. */
export interface UnknownMatchField {
  readonly field: 'unknown';
  readonly class: number;
  /** 0 to 127. */
  readonly number: number;
  readonly hasMask: boolean;
  /** Value, then mask; for the experimenter class its id comes first. */
  readonly data: Uint8Array;
}

export type KnownMatchField = SmallMatchField | WideMatchField;
export type MatchField = KnownMatchField | UnknownMatchField;
/** All must hold. The order is kept, and prerequisites must come first. */
export type Match = readonly MatchField[];

/** A field without a value, as actions name it. */
export interface FieldRef {
  readonly field: FieldName;
  /** The header has its mask bit set: in table features, that the field may be masked. */
  readonly masked?: true;
  readonly form?: HeaderForm;
  /** Of a tunnel option: its bytes, if not 124. */
  readonly length?: number;
}

interface Header {
  readonly form: string;
  readonly class: number;
  readonly number: number;
  readonly experimenter?: number;
}

interface Resolved {
  readonly name: FieldName;
  /** These three of its spec, as objects of one shape are the faster to look into. */
  readonly kind: FieldSpec['kind'];
  readonly bytes: number;
  readonly variable: boolean;
  readonly headers: readonly Header[];
  readonly preferred13: Header;
  readonly preferred15: Header;
}

const resolved = new Map<string, Resolved>();
const byHeader = new Map<number, readonly [Resolved, Header]>();

for (const [name, spec] of Object.entries(fields) as [FieldName, FieldSpec][]) {
  const headers = spec.headers.split(' ').map((form): Header => {
    const [kind = '', number = ''] = form.split(':');
    return { form, number: Number(number), ...(oxmClasses[kind] ?? { class: -1 }) };
  });
  const preferred15 = headers[0] as Header;
  const preferred13 = headers.find((h) => h.form.startsWith('onf')) ?? preferred15;
  const { kind, bytes, variable = false } = spec;
  const entry = { name, kind, bytes, variable, headers, preferred13, preferred15 };
  resolved.set(name, entry);
  for (const header of headers)
    byHeader.set(headerKey(header.class, header.number, header.experimenter), [entry, header]);
}

/** A number for each header, as a lookup is done for every field of every message. */
function headerKey(oxmClass: number, number: number, experimenter: number | undefined): number {
  return experimenter === undefined ? oxmClass * 128 + number : 2 ** 23 + experimenter * 128 + number;
}

function preferred(entry: Resolved, version: number): Header {
  return version < 5 ? entry.preferred13 : entry.preferred15;
}

/** How many bytes the value takes that an OXM of `length` bytes has; undefined if it cannot be of that field. */
function valueBytes({ bytes, variable }: Resolved, length: number, hasMask: boolean): number | undefined {
  const found = hasMask ? length / 2 : length;
  return found === bytes || (variable && found < bytes && Number.isInteger(found)) ? found : undefined;
}

function usualLength(value: bigint, mask: bigint | undefined): number {
  if (mask === 0n) return 0;
  const digits = (value | (mask ?? 0n)).toString(16).length;
  return 4 * Math.ceil(digits / 8);
}

/** The bytes of its value on the wire. */
export function wireBytes(entry: KnownMatchField): number {
  const { bytes, variable }: FieldSpec = fields[entry.field];
  if (!variable) return bytes;
  const { value, mask, length } = entry as WideMatchField;
  return length ?? usualLength(value, mask);
}

/** The registry's entry of a field. */
export function fieldSpec(name: FieldName): FieldSpec {
  return fields[name];
}

/** All ones in the width of a field. */
export function fullMask(name: FieldName): bigint {
  return (1n << BigInt(fields[name].bits)) - 1n;
}

/**
 * A match field from a number of any kind, for code that does not know the field beforehand. Bits of the value
 * that the mask leaves out become 0: a switch refuses a flow-mod with others (7.2.3.5).
 */
export function matchField(
  field: FieldName,
  value: number | bigint,
  mask?: number | bigint,
): KnownMatchField {
  const convert = fields[field].kind === 'number' ? Number : BigInt;
  if (mask === undefined) return { field, value: convert(value) } as KnownMatchField;
  return { field, value: convert(BigInt(value) & BigInt(mask)), mask: convert(mask) } as KnownMatchField;
}

const rankOf = new Map<string, number>(Object.keys(fields).map((name, index) => [name, index]));

/** The order of the registry, in which prerequisites come first; unknown fields come last. */
export function byRegistry(a: { readonly field: string }, b: { readonly field: string }): number {
  return (rankOf.get(a.field) ?? rankOf.size) - (rankOf.get(b.field) ?? rankOf.size);
}

const experimenterClass = 0xffff;

/** All of it comes from the registry, so nothing has to be checked. */
function writeHeader(w: Writer, header: Header, hasMask: boolean, valueBytes: number): void {
  const at = w.take(4);
  const { bytes } = w;
  bytes[at] = header.class >> 8;
  bytes[at + 1] = header.class & 0xff;
  bytes[at + 2] = (header.number << 1) | (hasMask ? 1 : 0);
  bytes[at + 3] = (header.experimenter === undefined ? 0 : 4) + valueBytes * (hasMask ? 2 : 1);
  if (header.experimenter !== undefined) w.u32(header.experimenter);
}

/** The form to be kept: none, if the version would take that header anyway. */
function formOf(entry: Resolved, header: Header, version: number): HeaderForm | undefined {
  return header === preferred(entry, version) ? undefined : header.form;
}

function lookUp(w: Writer, ref: FieldRef): Resolved {
  return resolved.get(ref.field) ?? w.fail(`no field called ${String(ref.field)}`);
}

function headerOf(w: Writer, { form }: FieldRef, entry: Resolved): Header {
  return form === undefined ? preferred(entry, w.version) : headerNamed(w, form, entry);
}

/** Apart from headerOf, as what a closure sees is allocated whether or not it is made. */
function headerNamed(w: Writer, form: HeaderForm, entry: Resolved): Header {
  return entry.headers.find((h) => h.form === form) ?? w.fail(`${entry.name} has no header ${form}`);
}

/** A literal for each set of properties, as copying from one object to another costs more than all the rest. */
function matchFieldOf(
  field: FieldName,
  value: number | bigint,
  mask: number | bigint | undefined,
  form: HeaderForm | undefined,
): MatchField {
  if (mask === undefined)
    return (form === undefined ? { field, value } : { field, value, form }) as KnownMatchField;
  return (form === undefined ? { field, value, mask } : { field, value, mask, form }) as KnownMatchField;
}

/** With its length, if that is not the usual one. */
function optionOf(entry: WideMatchField, length: number): WideMatchField {
  return length === usualLength(entry.value, entry.mask) ? entry : { ...entry, length };
}

function readValue(r: Reader, { kind }: Resolved, bytes: number): number | bigint {
  return kind === 'number' ? r.small(bytes) : r.uint(bytes);
}

function writeValue(w: Writer, bytes: number, value: number | bigint): void {
  if (typeof value === 'number') w.small(value, bytes);
  else w.uint(value, bytes);
}

function optionBytes(w: Writer, value: KnownMatchField): number {
  const bytes = wireBytes(value);
  const most = fields[value.field].bytes;
  return bytes >= 0 && bytes <= most ? bytes : w.fail(`${bytes} bytes are not 0 to ${most}`);
}

/** One OXM TLV (OpenFlow 1.5.1, 7.2.3.2): header of 4 bytes (8 for an experimenter), value, mask. */
export const oxm: Codec<MatchField> = {
  read(r) {
    const oxmClass = r.u16();
    const low = r.u8();
    const length = r.u8();
    const number = low >> 1;
    const hasMask = (low & 1) === 1;
    const outerDomain = r.domain;
    const outerEnd = r.open(length, 'match');
    const experimenter = oxmClass === experimenterClass && length >= 4 ? r.peek32(0) : undefined;
    const known = byHeader.get(headerKey(oxmClass, number, experimenter));
    const idBytes = experimenter === undefined ? 0 : 4;
    const bytes = known && valueBytes(known[0], length - idBytes, hasMask);
    let value: MatchField;
    if (bytes !== undefined) {
      const [entry, header] = known as readonly [Resolved, Header];
      if (idBytes > 0) r.skip(idBytes);
      const number = readValue(r, entry, bytes);
      const mask = hasMask ? readValue(r, entry, bytes) : undefined;
      value = matchFieldOf(entry.name, number, mask, formOf(entry, header, r.version));
      if (entry.variable) value = optionOf(value as WideMatchField, bytes);
    } else value = { field: 'unknown', class: oxmClass, number, hasMask, data: r.raw(length) };
    r.close(outerEnd, outerDomain);
    return value;
  },
  write(w, value) {
    if (value.field === 'unknown') {
      w.u16(value.class);
      w.u8((value.number << 1) | (value.hasMask ? 1 : 0));
      w.u8(value.data.byteLength);
      w.raw(value.data);
      return;
    }
    const entry = lookUp(w, value);
    const header = headerOf(w, value, entry);
    const { kind } = entry;
    if (typeof value.value !== kind || typeof (value.mask ?? value.value) !== kind)
      w.fail(`${value.field} takes a ${kind}`);
    const bytes = entry.variable ? optionBytes(w, value) : entry.bytes;
    writeHeader(w, header, value.mask !== undefined, bytes);
    writeValue(w, bytes, value.value);
    if (value.mask !== undefined) writeValue(w, bytes, value.mask);
  },
};

/** An OXM header alone, as actions and table features name a field. */
export const oxmHeader: Codec<FieldRef | UnknownMatchField> = {
  read(r) {
    const oxmClass = r.u16();
    const low = r.u8();
    const length = r.u8();
    const number = low >> 1;
    const hasMask = (low & 1) === 1;
    const experimenter = oxmClass === experimenterClass ? r.u32() : undefined;
    const known = byHeader.get(headerKey(oxmClass, number, experimenter));
    const bytes = known && valueBytes(known[0], length - (experimenter === undefined ? 0 : 4), hasMask);
    if (known && bytes !== undefined) {
      const field = known[0].name;
      const form = formOf(known[0], known[1], r.version);
      if (bytes !== known[0].bytes) return { field, ...(hasMask && { masked: true }), length: bytes };
      if (hasMask) return form === undefined ? { field, masked: true } : { field, masked: true, form };
      return form === undefined ? { field } : { field, form };
    }
    const id = new Uint8Array(experimenter === undefined ? 1 : 5);
    id[0] = length;
    if (experimenter !== undefined) new DataView(id.buffer).setUint32(1, experimenter);
    return { field: 'unknown', class: oxmClass, number, hasMask, data: id };
  },
  write(w, value) {
    if (value.field === 'unknown') {
      w.u16(value.class);
      w.u8((value.number << 1) | (value.hasMask ? 1 : 0));
      w.raw(value.data);
      return;
    }
    const entry = lookUp(w, value);
    const bytes = value.length ?? entry.bytes;
    if (!(bytes === entry.bytes || (entry.variable && bytes >= 0 && bytes < entry.bytes)))
      w.fail(`${value.field} is not of ${bytes} bytes`);
    writeHeader(w, headerOf(w, value, entry), value.masked === true, bytes);
  },
};

const oxmMatchType = 1;

/** ofp_match (OpenFlow 1.5.1, 7.2.3.1): type, length without padding, OXM TLVs, padding to 8 bytes. */
export const match: Codec<Match> = {
  read(r) {
    const type = r.u16();
    const length = r.u16();
    if (type !== oxmMatchType) r.fail('type', `match type ${type}`, { type: 4, code: 0 });
    if (length < 4) r.fail('length', `length ${length} is shorter than its own header`, { type: 4, code: 1 });
    const found: MatchField[] = [];
    const outerDomain = r.domain;
    const outerEnd = r.open(length - 4, 'match');
    while (r.remaining > 0) {
      if (r.tracing) r.path.push(found.length);
      found.push(oxm.read(r));
      if (r.tracing) r.path.pop();
    }
    r.close(outerEnd, outerDomain);
    r.skip(-length & 7);
    return found;
  },
  write(w, value) {
    if (!Array.isArray(value)) w.fail(`${String(value)} is not a list`);
    const start = w.length;
    w.u16(oxmMatchType);
    w.u16(0);
    for (let index = 0; index < value.length; index++) {
      if (w.tracing) w.path.push(index);
      oxm.write(w, value[index] as MatchField);
      if (w.tracing) w.path.pop();
    }
    const length = w.length - start;
    w.patch16(start + 2, length);
    w.zeros(-length & 7);
  },
};
