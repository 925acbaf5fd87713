import { bytesToHex, hexToBytes } from '../bytes/hex.ts';
import { TextError } from './error.ts';

/** `01.02.ff` */
export function printBytes(data: Uint8Array): string {
  return bytesToHex(data, '.');
}

/** The other way; dots may be left out. */
export function parseBytes(text: string): Uint8Array {
  const digits = text.replaceAll('.', '');
  if (digits.length % 2 !== 0 || /[^0-9a-f]/i.test(digits)) throw new TextError(`not bytes: ${text}`);
  return hexToBytes(digits);
}
