import {
  byRegistry,
  fieldSpec,
  fullMask,
  type KnownMatchField,
  type Match,
  type MatchField,
  matchField,
  wireBytes,
} from '../match.ts';
import { type FieldName, fields } from '../registry/fields.ts';

/** A value with its mask, both as bigints: what all fields have in common. */
export interface Bits {
  readonly field: FieldName;
  readonly value: bigint;
  readonly mask: bigint;
}

export function toBits(entry: KnownMatchField): Bits {
  const full = fullMask(entry.field);
  // All of what is on the wire is all there is of a tunnel option.
  const whole = (1n << BigInt(8 * wireBytes(entry))) - 1n;
  const given = entry.mask === undefined ? full : BigInt(entry.mask) & full;
  const mask = given === whole && given !== 0n ? full : given;
  return { field: entry.field, value: BigInt(entry.value) & mask, mask };
}

export function fromBits({ field, value, mask }: Bits): KnownMatchField {
  return matchField(field, value, mask === fullMask(field) ? undefined : mask);
}

/** A field that is a view of others, cut into them: `width` bits each, the first the most significant. */
function cut({ field, value, mask }: Bits, prefix: string, parts: number): Bits[] {
  const first = parts * Number(field.slice(field.indexOf('reg') + 3));
  return Array.from({ length: parts }, (_, index) => {
    const shift = BigInt(32 * (parts - 1 - index));
    const part = (bits: bigint) => (bits >> shift) & 0xffffffffn;
    return { field: `${prefix}${first + index}` as FieldName, value: part(value), mask: part(mask) };
  });
}

/** Fields of which another one is the standard form, in that form. */
function standardForm(bits: Bits): readonly Bits[] {
  const { field, value, mask } = bits;
  if (field.startsWith('xxreg')) return cut(bits, 'reg', 4);
  if (field.startsWith('xreg')) return cut(bits, 'reg', 2);
  if (field === 'nw_tos') return [{ field: 'ip_dscp', value: value >> 2n, mask: mask >> 2n }];
  if (field === 'nxm_in_port')
    return [{ field: 'in_port', value: value >= 0xff00n ? value | 0xffff0000n : value, mask: 0xffffffffn }];
  if (field === 'vlan_tci')
    return [
      { field: 'vlan_vid', value: value & 0x1fffn, mask: mask & 0x1fffn },
      { field: 'vlan_pcp', value: value >> 13n, mask: mask >> 13n },
    ];
  return [bits];
}

/** Packets are Ethernet frames unless something else is matched: saying so says nothing. */
const saysNothing = ({ field, value, mask }: Bits) =>
  (mask === 0n && !fieldSpec(field).variable) || (field === 'packet_type' && value === 0n);

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((byte, index) => byte !== b[index]);
  return at < 0 ? a.byteLength - b.byteLength : (a[at] ?? 0) - (b[at] ?? 0);
}

const byBytes = (a: MatchField, b: MatchField) => {
  if (a.field !== 'unknown' || b.field !== 'unknown') return byRegistry(a, b);
  return a.class - b.class || a.number - b.number || compareBytes(a.data, b.data);
};

/** Two matches of the same packets, as far as a switch's rewriting goes, have the same canonical form. */
export function canonicalMatch(match: Match): Match {
  const known: KnownMatchField[] = [];
  const unknown: MatchField[] = [];
  for (const entry of match) {
    if (entry.field === 'unknown') unknown.push(entry);
    else
      known.push(
        ...standardForm(toBits(entry)).flatMap((bits) => (saysNothing(bits) ? [] : [fromBits(bits)])),
      );
  }
  return [...known, ...unknown].sort(byBytes);
}

/** Fields that canonicalMatch may put into another form, or leave out. */
const hasForms = (field: FieldName): boolean =>
  field.startsWith('x') || ['nw_tos', 'nxm_in_port', 'vlan_tci', 'packet_type'].includes(field);
const formed = new Set((Object.keys(fields) as FieldName[]).filter(hasForms));

const isStandard = (entry: MatchField): boolean =>
  entry.field !== 'unknown' &&
  !formed.has(entry.field) &&
  (entry.mask === undefined || (BigInt(entry.mask) & fullMask(entry.field)) !== 0n);

/** Equal for matches of the same packets, as canonicalMatch is, and quick where there is little to do for it. */
export function matchKey(match: Match): string {
  const standard = match.every(isStandard) ? match : canonicalMatch(match);
  if (standard.length <= 1) return standard[0] === undefined ? '' : entryKey(standard[0]);
  return standard.map(entryKey).sort().join();
}

function entryKey(entry: MatchField): string {
  if (entry.field === 'unknown')
    return `?${entry.class}/${entry.number}/${entry.hasMask}/${entry.data.join('.')}`;
  if (entry.mask === undefined) return `${entry.field}=${entry.value.toString(36)}`;
  const { value, mask } = toBits(entry);
  const exact = `${entry.field}=${value.toString(36)}`;
  return mask === fullMask(entry.field) ? exact : `${exact}/${mask.toString(36)}`;
}
