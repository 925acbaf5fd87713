import { type FieldName, type FieldSpec, fields } from '../registry/fields.ts';
import { ports } from '../registry/numbers.ts';
import {
  bigintToIpv6,
  bigintToMac,
  ipv4ToNumber,
  ipv6ToBigint,
  macToBigint,
  numberToIpv4,
} from './addresses.ts';
import { TextError } from './error.ts';

/** A value and the bits of it that count. */
export interface Masked {
  readonly value: bigint;
  readonly mask?: bigint;
}

/** Reserved ports as ovs-ofctl prints them. */
const portNames: Readonly<Record<string, number>> = {
  IN_PORT: ports.inPort,
  TABLE: ports.table,
  NORMAL: ports.normal,
  FLOOD: ports.flood,
  ALL: ports.all,
  CONTROLLER: ports.controller,
  LOCAL: ports.local,
  ANY: ports.any,
  UNSET: ports.unset,
};

export function printPort(port: number): string {
  return Object.entries(portNames).find(([, number]) => number === port)?.[0] ?? String(port);
}

export function parsePort(text: string): number {
  return portNames[text.toUpperCase()] ?? Number(parseInteger(text));
}

/** Ports of Open vSwitch's own actions have 16 bits; their reserved ones are the low half of OpenFlow's. */
export function printPort16(port: number): string {
  return printPort(port >= 0xff00 ? (port | 0xffff0000) >>> 0 : port);
}

export function parsePort16(text: string): number {
  return parsePort(text) & 0xffff;
}

/** A number in decimal, or in hexadecimal after 0x. */
export function parseInteger(text: string): bigint {
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(text)) throw new TextError(`not a number: ${text}`);
  return BigInt(text);
}

/** Fragments: the value, its mask (all bits if absent) and their name. */
const fragments: readonly (readonly [name: string, value: bigint, mask?: bigint])[] = [
  ['no', 0n],
  ['yes', 1n, 1n],
  ['first', 1n],
  ['later', 3n],
  ['not_later', 0n, 2n],
];

/** Names of bits, the least significant first. */
const flagNames = {
  tcpFlags: ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr', 'ns'],
  ctState: ['new', 'est', 'rel', 'rpl', 'inv', 'trk', 'snat', 'dnat'],
  tunFlags: ['oam'],
} as const;

/** As printf's %#x has it. */
export const hex = (value: bigint) => (value === 0n ? '0' : `0x${value.toString(16)}`);

/** The length of a prefix mask, or undefined if the ones are not all at the upper end. */
function prefixLength(mask: bigint, width: number): number | undefined {
  const inverse = ((1n << BigInt(width)) - 1n) ^ mask;
  return (inverse & (inverse + 1n)) === 0n ? width - inverse.toString(2).replace(/^0/, '').length : undefined;
}

function printAddress({ value, mask }: Masked, width: number, print: (address: bigint) => string): string {
  if (mask === undefined) return print(value);
  return `${print(value)}/${prefixLength(mask, width) ?? print(mask)}`;
}

const ones = (bits: number) => (1n << BigInt(bits)) - 1n;

/** The bits of a value that count, by name; those without one as `[hex]`. */
function printFlags({ value, mask }: Masked, names: readonly string[], spec: FieldSpec): string {
  const exact = mask === undefined && spec.format !== 'tunFlags';
  const count = mask ?? ones(spec.bits);
  const words: string[] = [];
  for (let bit = 0; bit < spec.bits; bit++) {
    const set = (value >> BigInt(bit)) & 1n;
    const name = names[bit] ?? `[${(1n << BigInt(bit)).toString(16)}]`;
    if (exact && set) words.push(name);
    if (!exact && (count >> BigInt(bit)) & 1n) words.push(`${set ? '+' : '-'}${name}`);
  }
  return exact ? words.join('|') || '0' : words.join('');
}

/** A flag's bit by its name, or by itself as `[hex]`. */
function flagBit(name: string, names: readonly string[]): bigint {
  const [, digits] = /^\[([0-9a-f]+)\]$/.exec(name) ?? [];
  if (digits) return BigInt(`0x${digits}`);
  const bit = names.indexOf(name.toLowerCase());
  if (bit < 0) throw new TextError(`no flag called ${name}`);
  return 1n << BigInt(bit);
}

function parseFlags(text: string, names: readonly string[]): Masked {
  if (/^(0x)?\d/.test(text)) return parseMaskedInteger(text);
  if (!/^[+-]/.test(text))
    return { value: text.split('|').reduce((sum, name) => sum | flagBit(name, names), 0n) };
  let value = 0n;
  let mask = 0n;
  for (const part of text.match(/[+-][^+-]*/g) ?? []) {
    const bit = flagBit(part.slice(1), names);
    mask |= bit;
    if (part.startsWith('+')) value |= bit;
  }
  return { value, mask };
}

function parseMaskedInteger(text: string): Masked {
  const [value = '', mask] = text.split('/');
  return { value: parseInteger(value), ...(mask === undefined ? {} : { mask: parseInteger(mask) }) };
}

function parseAddress(text: string, width: number, parse: (address: string) => bigint): Masked {
  const [value = '', mask] = text.split('/');
  if (mask === undefined) return { value: parse(value) };
  if (!/^\d+$/.test(mask)) return { value: parse(value), mask: parse(mask) };
  if (Number(mask) > width) throw new TextError(`/${mask} is longer than the address`);
  return { value: parse(value), mask: ones(width) ^ ((1n << BigInt(width - Number(mask))) - 1n) };
}

function printPacketType(value: bigint): string {
  return `(${value >> 16n},${value & 0xffffn ? hex(value & 0xffffn) : 0})`;
}

function parsePacketType(text: string): Masked {
  const [, space = '', type = ''] = /^\((\w+),(\w+)\)$/.exec(text) ?? [];
  return { value: (parseInteger(space) << 16n) | parseInteger(type) };
}

/** A value of a field as ovs-ofctl writes it. */
export function printValue(name: FieldName, masked: Masked): string {
  const spec: FieldSpec = fields[name];
  const { value, mask } = masked;
  switch (spec.format) {
    case 'decimal':
      return mask === undefined ? String(value) : `${hex(value)}/${hex(mask)}`;
    case 'hex':
      return mask === undefined ? hex(value) : `${hex(value)}/${hex(mask)}`;
    case 'flowLabel': {
      const label = (bits: bigint) => `0x${bits.toString(16).padStart(5, '0')}`;
      return mask === undefined ? label(value) : `${label(value)}/${label(mask)}`;
    }
    case 'mac':
      return mask === undefined ? bigintToMac(value) : `${bigintToMac(value)}/${bigintToMac(mask)}`;
    case 'ipv4':
      return printAddress(masked, 32, (address) => numberToIpv4(Number(address)));
    case 'ipv6':
      return printAddress(masked, 128, bigintToIpv6);
    case 'port':
      return mask === undefined ? printPort(Number(value)) : `${hex(value)}/${hex(mask)}`;
    case 'frag':
      return (
        fragments.find(([, v, m]) => v === value && m === mask)?.[0] ?? `${hex(value)}/${hex(mask ?? 3n)}`
      );
    case 'packetType':
      return printPacketType(value);
    default:
      return printFlags(masked, flagNames[spec.format], spec);
  }
}

/** The other way; throws a TextError. */
export function parseValue(name: FieldName, text: string): Masked {
  const spec: FieldSpec = fields[name];
  switch (spec.format) {
    case 'mac': {
      const [value = '', mask] = text.split('/');
      return { value: macToBigint(value), ...(mask === undefined ? {} : { mask: macToBigint(mask) }) };
    }
    case 'ipv4':
      return parseAddress(text, 32, (address) => BigInt(ipv4ToNumber(address)));
    case 'ipv6':
      return parseAddress(text, 128, ipv6ToBigint);
    case 'port':
      return text.includes('/') ? parseMaskedInteger(text) : { value: BigInt(parsePort(text)) };
    case 'frag': {
      const found = fragments.find(([fragment]) => fragment === text);
      if (!found) throw new TextError(`not a kind of fragment: ${text}`);
      return { value: found[1], ...(found[2] === undefined ? {} : { mask: found[2] }) };
    }
    case 'packetType':
      return parsePacketType(text);
    case 'decimal':
    case 'hex':
    case 'flowLabel':
      return parseMaskedInteger(text);
    default:
      return parseFlags(text, flagNames[spec.format]);
  }
}
