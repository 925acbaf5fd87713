import { DecodeError } from '../bytes/errors.ts';
import { bytesToHex, hexToBytes } from '../bytes/hex.ts';
import { FrameDecoder } from '../frame.ts';
import { messageFromJson, toJson } from '../json.ts';
import { decode, encode } from '../message.ts';
import { printMessage } from '../text/message.ts';

interface Request {
  readonly id?: unknown;
  readonly hex?: unknown;
  readonly msg?: unknown;
}

function describe(error: unknown): object {
  if (!(error instanceof DecodeError))
    return { name: (error as Error).name, detail: (error as Error).message };
  const { name, path, offset, rule, ofError, message } = error;
  return { name, path, offset, rule, ofError, detail: message };
}

/** The answer to one line of JSON; what goes wrong is an answer too. */
export function answer(line: string, handle: (request: Request) => object): string {
  let id: unknown = null;
  try {
    const request = JSON.parse(line) as Request;
    id = request.id ?? null;
    return toJson({ id, ok: true, ...handle(request) });
  } catch (error) {
    return toJson({ id, ok: false, error: describe(error) });
  }
}

export function decodeLine({ hex }: Request): object {
  if (typeof hex !== 'string') throw new SyntaxError('"hex" is missing');
  return { msg: decode(hexToBytes(hex)) };
}

export function encodeLine({ msg }: Request): object {
  const bytes = encode(messageFromJson(JSON.stringify(msg)));
  return { hex: bytesToHex(bytes) };
}

/** Raw bytes as they are; hexadecimal text as the bytes it means. */
function toBytes(input: Uint8Array): Uint8Array {
  const text = new TextDecoder('latin1').decode(input).replace(/\s+/g, '');
  return /^[0-9a-f]+$/i.test(text) ? hexToBytes(text) : input;
}

/** Every message of the input as text; a message that is broken as what is wrong with it. */
export function printStream(input: Uint8Array): { lines: string[]; failed: boolean } {
  const lines: string[] = [];
  let failed = false;
  const attempt = (run: () => string) => {
    try {
      lines.push(run());
    } catch (error) {
      failed = true;
      lines.push(`error: ${(error as Error).message}`);
    }
  };
  const frames = new FrameDecoder();
  attempt(() => {
    for (const frame of frames.push(toBytes(input))) attempt(() => printMessage(decode(frame)));
    if (frames.pending > 0)
      throw new SyntaxError(`the last message is not complete: ${frames.pending} bytes of it`);
    return '';
  });
  return { lines: lines.filter((line) => line !== ''), failed };
}
