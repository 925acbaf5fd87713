/** Addresses as text and as the numbers that match fields hold. The readers throw a TextError. */
import { TextError } from './error.ts';

const macText = /^[0-9a-f]{1,2}(?::[0-9a-f]{1,2}){5}$/i;

/** `02:00:00:00:00:01` to 48 bits. */
export function macToBigint(text: string): bigint {
  if (!macText.test(text)) throw new TextError(`not a MAC address: ${text}`);
  return text.split(':').reduce((value, byte) => (value << 8n) | BigInt(`0x${byte}`), 0n);
}

export function bigintToMac(value: bigint): string {
  const digits = value.toString(16).padStart(12, '0');
  return digits.match(/../g)?.join(':') ?? digits;
}

const ipv4Text = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/** `10.0.0.1` to a number from 0 to 0xffffffff. */
export function ipv4ToNumber(text: string): number {
  const bytes = ipv4Text.exec(text)?.slice(1).map(Number) ?? [];
  if (bytes.length !== 4 || bytes.some((byte) => byte > 255))
    throw new TextError(`not an IPv4 address: ${text}`);
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}

export function numberToIpv4(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
}

const groupText = /^[0-9a-f]{1,4}$/i;

/** The 16-bit groups of one side of `::`; the very last may be an IPv4 address. */
function groupsOf(text: string, isEnd: boolean): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group, index, all) => {
    if (isEnd && index === all.length - 1 && group.includes('.')) {
      const address = ipv4ToNumber(group);
      return [address >>> 16, address & 0xffff];
    }
    if (!groupText.test(group)) throw new TextError(`not a group of an IPv6 address: ${group}`);
    return [Number.parseInt(group, 16)];
  });
}

/** `2001:db8::1` (RFC 4291, 2.2) to 128 bits. */
export function ipv6ToBigint(text: string): bigint {
  const [head = '', tail, ...more] = text.split('::');
  const before = groupsOf(head, tail === undefined);
  const behind = groupsOf(tail ?? '', true);
  const missing = 8 - before.length - behind.length;
  const wrong = more.length > 0 || (tail === undefined ? missing !== 0 : missing < 1);
  if (wrong) throw new TextError(`not an IPv6 address: ${text}`);
  const groups = [...before, ...Array<number>(missing).fill(0), ...behind];
  return groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

/** The canonical text of RFC 5952, and IPv4 notation for mapped and compatible addresses as inet_ntop has it. */
export function bigintToIpv6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) =>
    Number((value >> BigInt(112 - 16 * index)) & 0xffffn),
  );
  const low = Number(value & 0xffffffffn);
  const high = value >> 32n;
  if (high === 0xffffn) return `::ffff:${numberToIpv4(low)}`;
  if (high === 0n && low > 0xffff) return `::${numberToIpv4(low)}`;
  const { start, length } = longestZeros(groups);
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':');
  if (length < 2) return text(groups);
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === 0) end++;
    if (end - start > best.length) best = { start, length: end - start };
  }
  return best;
}
