import type { FieldRef, UnknownMatchField } from '../match.ts';
import { type FieldName, type FieldSpec, fields } from '../registry/fields.ts';
import { TextError } from './error.ts';
import { fieldByName } from './match.ts';
import { fieldByNxmName, nxmName } from './names.ts';

/** Some bits of a field, from `offset` on. */
export interface Slice {
  readonly ref: FieldRef;
  readonly offset: number;
  readonly bits: number;
}

/** `NXM_NX_REG0[]`, `NXM_NX_REG0[3]` or `NXM_NX_REG0[0..7]`. */
export function printSlice(ref: FieldRef | UnknownMatchField, offset: number, bits: number): string {
  const last = offset + bits - 1;
  if (ref.field === 'unknown') return `oxm(${ref.class},${ref.number})[${offset}..${last}]`;
  const spec: FieldSpec = fields[ref.field];
  const name = nxmName(ref.field);
  if (offset === 0 && bits === spec.bits) return `${name}[]`;
  return bits === 1 ? `${name}[${offset}]` : `${name}[${offset}..${last}]`;
}

/** The same for a slice packed as of offsetBits. */
export function printPacked(ref: FieldRef | UnknownMatchField, offsetBits: number): string {
  return printSlice(ref, offsetBits >> 6, (offsetBits & 63) + 1);
}

function fieldCalled(name: string): FieldName {
  const field = fieldByNxmName(name) ?? fieldByName(name);
  if (!field) throw new TextError(`no field called ${name}`);
  return field;
}

/** The other way; `reg0` and `reg0[0..7]` do as well. */
export function parseSlice(text: string): Slice {
  const [, name = text, range = ''] = /^(\w+)(?:\[([\d.]*)\])?$/.exec(text) ?? [];
  const field = fieldCalled(name);
  const spec: FieldSpec = fields[field];
  if (range === '') return { ref: { field }, offset: 0, bits: spec.bits };
  const [first = '', last = first] = range.split(/\.\.+/);
  const bits = Number(last) - Number(first) + 1;
  if (!(bits >= 1) || Number(last) >= spec.bits)
    throw new TextError(`${text} is not within ${spec.bits} bits`);
  return { ref: { field }, offset: Number(first), bits };
}
