import type { Message, MessageType } from './message.ts';
import { multipartFlags } from './registry/numbers.ts';

/** The types whose messages may come in several parts. */
export type ReplyType = Extract<MessageType, `${string}Reply`>;
type PartOf = Extract<Message, { flags: number; type: ReplyType }>;

export interface MultipartLimits {
  /** Parts of one reply. */
  readonly maxParts?: number;
  /** Entries of one reply, all parts together. */
  readonly maxEntries?: number;
  /** Bytes of one reply, all parts together, as far as push is told of them. */
  readonly maxBytes?: number;
}

/** A part is 64 KiB at most: together no more than 256 MiB even if push is not told of bytes. */
const defaults = { maxParts: 4096, maxEntries: 4_000_000, maxBytes: 2 ** 28 };

/** Too many parts, entries or bytes, or parts that do not belong together. */
export class MultipartError extends Error {
  override readonly name = 'MultipartError';
}

/**
 * Joins the parts of one reply. Make one for each request, give it the replies with the request's xid; it
 * gives the whole when the last part is there, and undefined until then.
 */
export class MultipartAssembler {
  readonly #limits: Required<MultipartLimits>;
  #whole: PartOf | undefined;
  #parts = 0;
  #entries = 0;
  #bytes = 0;

  constructor(limits: MultipartLimits = {}) {
    this.#limits = { ...defaults, ...limits };
  }

  /** Takes one part; `byteLength` is that of the message it was decoded from. */
  push<M extends PartOf>(part: M, byteLength = 0): M | undefined {
    this.#bytes += byteLength;
    if (++this.#parts > this.#limits.maxParts)
      throw new MultipartError(`more than ${this.#limits.maxParts} parts`);
    if (this.#bytes > this.#limits.maxBytes)
      throw new MultipartError(`more than ${this.#limits.maxBytes} bytes`);
    if (!this.#whole) this.#whole = { ...part };
    else if (this.#whole.type !== part.type || this.#whole.xid !== part.xid)
      throw new MultipartError(
        `${part.type} ${part.xid} among parts of ${this.#whole.type} ${this.#whole.xid}`,
      );
    this.#append(this.#whole, part);
    if ((part.flags & multipartFlags.more) !== 0) return undefined;
    const whole = { ...this.#whole, flags: part.flags };
    this.#whole = undefined;
    this.#parts = 0;
    this.#entries = 0;
    this.#bytes = 0;
    return whole as M;
  }

  #append(into: PartOf, part: PartOf): void {
    const whole = into as unknown as Record<string, unknown>;
    for (const [name, value] of Object.entries(part)) {
      if (!Array.isArray(value)) continue;
      this.#entries += value.length;
      if (this.#entries > this.#limits.maxEntries)
        throw new MultipartError(`more than ${this.#limits.maxEntries} entries`);
      const sofar = whole[name];
      if (this.#parts === 1 || !Array.isArray(sofar)) whole[name] = [...value];
      else for (const entry of value) sofar.push(entry);
    }
  }
}
