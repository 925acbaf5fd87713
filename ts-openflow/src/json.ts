import { bytesToHex, hexToBytes } from './bytes/hex.ts';
import { decode, encode, type Message } from './message.ts';

/**
 * Messages as JSON and back, without loss. JSON has no bigints and no bytes: a bigint is the string `0x…`, bytes
 * are the string `hex:…`. A string that begins with one of these or with `str:` gets `str:` before it.
 */
export function toJson(value: unknown): string {
  // By name from its holder, as a Buffer turns itself into something else before it gets here.
  return JSON.stringify(value, function (this: Record<string, unknown>, key) {
    const entry = this[key];
    if (typeof entry === 'bigint') return `0x${entry.toString(16)}`;
    if (entry instanceof Uint8Array) return `hex:${bytesToHex(entry)}`;
    if (typeof entry === 'string' && /^(0x|hex:|str:)/.test(entry)) return `str:${entry}`;
    return entry;
  });
}

/** The other way. Throws a SyntaxError if `text` is not JSON or a string in it is none of the above. */
export function fromJson(text: string): unknown {
  return JSON.parse(text, (_key, entry: unknown) => {
    if (typeof entry !== 'string') return entry;
    if (entry.startsWith('0x')) return BigInt(entry);
    if (entry.startsWith('hex:')) return hexToBytes(entry.slice(4));
    return entry.startsWith('str:') ? entry.slice(4) : entry;
  });
}

/** The message that a line of JSON is: checked by encoding and decoding it, for JSON may be anything. */
export function messageFromJson(text: string): Message {
  return decode(encode(fromJson(text) as Message));
}
