import { TextError } from './error.ts';

/** `01.02.ff` */
export function printBytes(data: Uint8Array): string {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, '0')).join('.');
}

/** The other way; dots may be left out. */
export function parseBytes(text: string): Uint8Array {
  const digits = text.replaceAll('.', '');
  if (digits.length % 2 !== 0 || /[^0-9a-f]/i.test(digits)) throw new TextError(`not bytes: ${text}`);
  return Uint8Array.from({ length: digits.length / 2 }, (_, at) =>
    Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16),
  );
}
