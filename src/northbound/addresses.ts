/**
 * Texts of addresses: the one right spelling, and which addresses one host can have.
 */
import { isIPv4, isIPv6 } from 'node:net';

/** RFC 5952's spelling of an IPv6 address; undefined where the text is none. */
export function canonicalIpv6(text: string): string | undefined {
  const words = isIPv6(text) && !text.includes('%') ? ipv6Words(text) : undefined;
  return words && formatIpv6(words);
}

/** A prefix with zeros after its length and RFC 5952's spelling; undefined where the text is none. */
export function canonicalCidr(text: string): string | undefined {
  const match = /^([0-9a-fA-F.:]+)\/(0|[1-9][0-9]{0,2})$/.exec(text);
  if (match === null) return undefined;
  const [, address = '', length = ''] = match;
  const bits = Number(length);
  if (isIPv4(address) && bits <= 32) {
    const bytes = address.split('.').map(Number);
    return `${clearAfter(bytes, 8, bits).join('.')}/${bits}`;
  }
  if (isIPv6(address) && bits <= 128)
    return `${formatIpv6(clearAfter(ipv6Words(address), 16, bits))}/${bits}`;
  return undefined;
}

/** Why no single host can have this IPv4 address; undefined where one can. */
export function ipv4Objection(address: string): string | undefined {
  const first = Number(address.split('.')[0]);
  if (first === 0) return 'is in 0.0.0.0/8, which no host has';
  if (first === 127) return 'is a loopback address';
  if (first >= 224) return 'is no unicast address';
  return undefined;
}

/** Why no single host can have this IPv6 address, or why it is not spelled right; undefined where all is well. */
export function ipv6Objection(address: string): string | undefined {
  const right = canonicalIpv6(address);
  if (right === undefined) return 'is no IPv6 address';
  if (right !== address) return `has to be written as RFC 5952 recommends: ${right}`;
  const words = ipv6Words(address);
  if (((words[0] ?? 0) & 0xff00) === 0xff00) return 'is a multicast address';
  if (words.slice(0, 5).every((word) => word === 0))
    return 'is unspecified, loopback or an IPv4 address in disguise';
  return undefined;
}

function clearAfter(parts: readonly number[], width: number, bits: number): number[] {
  return parts.map((part, index) => {
    const kept = Math.min(Math.max(bits - index * width, 0), width);
    return part & ~((1 << (width - kept)) - 1);
  });
}

function ipv6Words(text: string): number[] {
  const withoutDots = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...bytes) => {
    const [a, b, c, d] = bytes.slice(0, 4).map(Number) as [number, number, number, number];
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
  const [head = '', tail] = withoutDots.split('::');
  const words = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
  const left = words(head);
  const right = words(tail ?? '');
  return tail === undefined
    ? left
    : [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
}

/** Shortens the longest run of two or more zero words, the first of equals. */
function formatIpv6(words: readonly number[]): string {
  let best = { start: -1, length: 1 };
  for (let start = 0; start < words.length; start++) {
    let length = 0;
    while (words[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  // RFC 5952, section 5: an IPv4-mapped address keeps its dotted half.
  if (best.start === 0 && best.length === 5 && words[5] === 0xffff) {
    const [high = 0, low = 0] = words.slice(6);
    return `::ffff:${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  }
  const hex = (part: readonly number[]): string => part.map((word) => word.toString(16)).join(':');
  if (best.start < 0) return hex(words);
  return `${hex(words.slice(0, best.start))}::${hex(words.slice(best.start + best.length))}`;
}
