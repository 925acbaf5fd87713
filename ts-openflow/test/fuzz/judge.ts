/** What every call on hostile bytes has to hold to. */
import type * as Library from '../../src/index.ts';
import type { Message } from '../../src/index.ts';
import type { Watch } from './watch.ts';

/**
 * Work that decoding a message may take, as Watch counts it: the dearest byte is an entry of a list by itself, which is
 * asked for (1), taken (1) and visited (1); broken bytes are read twice, to name the place.
 */
export const budget = (bytes: number) => 8 * bytes + 100;
/** Numbers, texts, lists and objects that may come of a message: its memory, but for a view of its bytes. */
export const valuesFor = (bytes: number) => 2 * bytes + 100;

const rules = new Set([
  'truncated',
  'length',
  'trailing',
  'align',
  'version',
  'type',
  'value',
  'depth',
  'limit',
]);

export interface Verdict {
  /** A message's type, or the rule that was broken. */
  readonly result: string;
  readonly ok: boolean;
  /** Of the budget, 0 to 1. */
  readonly work: number;
}

function countValues(value: unknown): number {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return 1;
  let sum = 1;
  for (const entry of Object.values(value)) sum += countValues(entry);
  return sum;
}

/** Throws an Error that says what is wrong with what the library does with `bytes`. */
export function judge(bytes: Uint8Array, library: typeof Library, watch: Watch): Verdict {
  const allowed = budget(bytes.byteLength);
  const read = () => watch.within(allowed, () => library.decode(bytes));
  let message: Message;
  try {
    message = read();
  } catch (error) {
    if (!(error instanceof library.DecodeError)) throw error;
    judgeError(error, bytes, library);
    return { result: error.rule, ok: false, work: watch.work / allowed };
  }
  const { work } = watch;
  const values = countValues(message);
  if (values > valuesFor(bytes.byteLength)) throw new Error(`${values} values of ${bytes.byteLength} bytes`);
  judgeValue(message, library);
  return { result: message.type, ok: true, work: work / allowed };
}

function judgeError(error: Library.DecodeError, bytes: Uint8Array, library: typeof Library): void {
  const { offset, rule, path, ofError, message } = error;
  if (!(offset >= 0 && offset <= bytes.byteLength)) throw new Error(`offset ${offset}`);
  if (!rules.has(rule)) throw new Error(`rule ${rule}`);
  if (typeof path !== 'string' || path.length > 400) throw new Error(`path ${path}`);
  if (message.length > 1000) throw new Error(`a message of ${message.length} characters`);
  const named = library.errorName({ errorType: ofError.type, code: ofError.code });
  if (!named) throw new Error(`no OpenFlow error ${ofError.type}, ${ofError.code}`);
  if (bytes.byteLength >= 8) library.encode(library.errorAnswer(error, bytes));
}

/** What is read can be printed and written, and what is written reads as the same. */
function judgeValue(message: Message, library: typeof Library): void {
  library.printMessage(message);
  const text = library.toJson(message);
  let written: Uint8Array;
  try {
    written = library.encode(message);
  } catch (error) {
    if (error instanceof library.EncodeError) return;
    throw error;
  }
  const again = library.toJson(library.decode(written));
  if (again !== text)
    throw new Error(`reads as\n${text.slice(0, 2000)}\nis written and reads as\n${again.slice(0, 2000)}`);
}
