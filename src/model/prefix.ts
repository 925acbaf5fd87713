/** Address prefixes as numbers. */
export type Prefix = {
  readonly version: 4 | 6;
  readonly address: bigint;
  /** 0 to 32 or 128. */
  readonly bits: number;
};

export const prefixWidth = ({ version }: Prefix): number => (version === 4 ? 32 : 128);

/** @param text a prefix in its one right spelling, such as `192.0.2.0/24` or `2001:db8::/32` */
export function parsePrefix(text: string): Prefix {
  const [address = '', length] = text.split('/');
  const bits = Number(length);
  if (!address.includes(':')) {
    const value = address.split('.').reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    return { version: 4, address: value, bits };
  }
  const [head = '', tail] = address.split('::');
  const words = (part: string): string[] => (part === '' ? [] : part.split(':').flatMap(dottedAsWords));
  const left = words(head);
  const right = words(tail ?? '');
  const zeros = Array<string>(8 - left.length - right.length).fill('0');
  const value = [...left, ...zeros, ...right].reduce((sum, word) => (sum << 16n) | BigInt(`0x${word}`), 0n);
  return { version: 6, address: value, bits };
}

/** An IPv4-mapped address ends in dotted decimal (RFC 5952, section 5). */
function dottedAsWords(word: string): string[] {
  if (!word.includes('.')) return [word];
  const [a = 0, b = 0, c = 0, d = 0] = word.split('.').map(Number);
  return [((a << 8) | b).toString(16), ((c << 8) | d).toString(16)];
}

/** Whether there is an address in both. */
export function prefixesOverlap(a: Prefix, b: Prefix): boolean {
  if (a.version !== b.version) return false;
  const shift = BigInt(prefixWidth(a) - Math.min(a.bits, b.bits));
  return a.address >> shift === b.address >> shift;
}
