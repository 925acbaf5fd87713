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

/** Text that is not of the syntax, or says what cannot be said in OpenFlow. The message says which part. */
export class TextError extends Error {
  override readonly name = 'TextError';
}

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
const hex = (value: bigint) => (value === 0n ? '0' : `0x${value.toString(16)}`);

/** The length of a prefix mask, or undefined if the ones are not all at the upper end. */
function prefixLength(mask: bigint, width: number): number | undefined {
  const inverse = ((1n << BigInt(width)) - 1n) ^ mask;
  return (inverse & (inverse + 1n)) === 0n ? width - inverse.toString(2).replace(/^0/, '').length : undefined;
}

function printAddress({ value, mask }: Masked, width: number, print: (address: bigint) => string): string {
  if (mask === undefined) return print(value);
  return `${print(value)}/${prefixLength(mask, width) ?? print(mask)}`;
}

function printFlags({ value, mask }: Masked, names: readonly string[], spec: FieldSpec): string {
  const count = mask ?? (1n << BigInt(spec.bits)) - 1n;
  const known = (1n << BigInt(names.length)) - 1n;
  if ((count & ~known) !== 0n && mask !== undefined) return `${hex(value)}/${hex(mask)}`;
  const has = (bits: bigint, bit: number) => ((bits >> BigInt(bit)) & 1n) === 1n;
  if (mask === undefined && spec.format !== 'tunFlags')
    return names.filter((_, bit) => has(value, bit)).join('|') || '0';
  return names
    .flatMap((name, bit) => (has(count, bit) ? [(has(value, bit) ? '+' : '-') + name] : []))
    .join('');
}

function parseFlags(text: string, names: readonly string[]): Masked {
  if (!/^[+-]/.test(text)) return /^(0x)?\d/.test(text) ? parseMaskedInteger(text) : flagSum(text, names);
  let value = 0n;
  let mask = 0n;
  for (const part of text.match(/[+-][a-z]+/gi) ?? []) {
    const bit = names.indexOf(part.slice(1).toLowerCase());
    if (bit < 0) throw new TextError(`no flag called ${part.slice(1)}`);
    mask |= 1n << BigInt(bit);
    if (part.startsWith('+')) value |= 1n << BigInt(bit);
  }
  return { value, mask };
}

function flagSum(text: string, names: readonly string[]): Masked {
  const value = text.split('|').reduce((sum, name) => {
    const bit = names.indexOf(name);
    if (bit < 0) throw new TextError(`no flag called ${name}`);
    return sum | (1n << BigInt(bit));
  }, 0n);
  return { value };
}

function parseMaskedInteger(text: string): Masked {
  const [value = '', mask] = text.split('/');
  return { value: parseInteger(value), ...(mask === undefined ? {} : { mask: parseInteger(mask) }) };
}

function parseAddress(text: string, width: number, parse: (address: string) => bigint): Masked {
  const [value = '', mask] = text.split('/');
  try {
    if (mask === undefined) return { value: parse(value) };
    if (!/^\d+$/.test(mask)) return { value: parse(value), mask: parse(mask) };
  } catch (error) {
    throw new TextError((error as Error).message);
  }
  if (Number(mask) > width) throw new TextError(`/${mask} is longer than the address`);
  const ones = (1n << BigInt(width)) - 1n;
  return { value: parse(value), mask: ones ^ ((1n << BigInt(width - Number(mask))) - 1n) };
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
    case 'mac':
      return mask === undefined ? bigintToMac(value) : `${bigintToMac(value)}/${bigintToMac(mask)}`;
    case 'ipv4':
      return printAddress(masked, 32, (address) => numberToIpv4(Number(address)));
    case 'ipv6':
      return printAddress(masked, 128, bigintToIpv6);
    case 'port':
      return printPort(Number(value));
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
      try {
        return { value: macToBigint(value), ...(mask === undefined ? {} : { mask: macToBigint(mask) }) };
      } catch (error) {
        throw new TextError((error as Error).message);
      }
    }
    case 'ipv4':
      return parseAddress(text, 32, (address) => BigInt(ipv4ToNumber(address)));
    case 'ipv6':
      return parseAddress(text, 128, ipv6ToBigint);
    case 'port':
      return { value: BigInt(parsePort(text)) };
    case 'frag': {
      const found = fragments.find(([fragment]) => fragment === text);
      if (!found) throw new TextError(`not a kind of fragment: ${text}`);
      return { value: found[1], ...(found[2] === undefined ? {} : { mask: found[2] }) };
    }
    case 'packetType':
      return parsePacketType(text);
    case 'decimal':
    case 'hex':
      return parseMaskedInteger(text);
    default:
      return parseFlags(text, flagNames[spec.format]);
  }
}
