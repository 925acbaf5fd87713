/** Looks over a Reader's shoulder: counts what it does, or writes down where it found what. */
import type { Reader } from '../../src/bytes/reader.ts';

/** A number on the wire. */
export interface Num {
  readonly at: number;
  readonly bytes: number;
}

/** A part of the message that a length bounds. */
export interface Box {
  readonly start: number;
  readonly end: number;
  /** The number that bounds it, if one was read before that says so. */
  readonly length: Num | undefined;
  /** Zeros follow that fill up the counted length to a multiple of 8. */
  padded: boolean;
}

/** An entry of a list, with its header and padding. */
export interface Item {
  readonly list: string;
  start: number;
  end: number;
}

/** What is where in one message. As it comes from reading, no layout is told twice. */
export interface Shape {
  readonly numbers: Num[];
  readonly boxes: Box[];
  readonly items: Map<string, Item>;
}

/** More work than a message of that size may cost. */
export class OverBudget extends Error {
  override readonly name = 'OverBudget';
}

class NotTracing extends Error {}

/** A length may count a header before what it bounds: this much at most. */
const longestHeader = 24;
/** The number that is a length stands close before what it bounds. */
const numbersBack = 8;

const word = (bytes: Uint8Array, { at, bytes: width }: Num) =>
  width === 1 ? (bytes[at] ?? 0) : (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);

/**
 * Everything that decode does with bytes goes through take, open, peek16, peek32 and remaining of a Reader; so does
 * each turn of a loop over the wire, and what is between two of these is bounded by what the first one took. `work`
 * is one for each of these calls and one for each byte taken: a count, the same on every machine.
 */
export class Watch {
  work = 0;
  #allowed = Number.POSITIVE_INFINITY;
  #shape: Shape | undefined;
  /** The boxes with a known length by where they end. */
  readonly #closed = new Map<number, Box[]>();

  constructor(reader: typeof Reader) {
    const original = reader.prototype;
    const { take, open, peek16, peek32 } = original;
    const watch = this;
    const remaining = Object.getOwnPropertyDescriptor(original, 'remaining')?.get;
    if (!remaining) throw new Error('Reader.remaining is gone');
    original.take = function (length) {
      watch.#count(1);
      const start = take.call(this, length);
      watch.#count(length);
      watch.#took(this, start, length);
      return start;
    };
    original.open = function (length, domain) {
      watch.#count(1);
      const end = open.call(this, length, domain);
      watch.#opened(this, length);
      return end;
    };
    original.peek16 = function (ahead) {
      watch.#count(1);
      const value = peek16.call(this, ahead);
      watch.#shape?.numbers.push({ at: this.offset + ahead, bytes: 2 });
      return value;
    };
    original.peek32 = function (ahead) {
      watch.#count(1);
      return peek32.call(this, ahead);
    };
    Object.defineProperty(original, 'remaining', {
      get(this: Reader) {
        watch.#count(1);
        return remaining.call(this);
      },
    });
  }

  /** Runs with a budget of work; gives what `run` gives and leaves in `work` what it took. */
  within<T>(budget: number, run: () => T): T {
    this.work = 0;
    this.#allowed = budget;
    try {
      return run();
    } finally {
      this.#allowed = Number.POSITIVE_INFINITY;
    }
  }

  /** What is where in the bytes that `run` decodes, as far as it gets on that budget. */
  shapeOf(budget: number, run: () => unknown): Shape {
    const shape: Shape = { numbers: [], boxes: [], items: new Map() };
    this.#shape = shape;
    this.#closed.clear();
    try {
      this.within(budget, run);
    } catch {
      // Up to where it is broken there is a shape.
    } finally {
      this.#shape = undefined;
    }
    return shape;
  }

  #count(work: number): void {
    this.work += work;
    if (this.work > this.#allowed) throw new OverBudget(`more work than ${this.#allowed}`);
  }

  #took(reader: Reader, at: number, bytes: number): void {
    const shape = this.#shape;
    if (!shape) return;
    // Compiled code takes many fields at once: decode tries again with a tracing reader, which does not.
    if (!reader.tracing) throw new NotTracing();
    for (const box of this.#closed.get(at) ?? [])
      if (box.length && bytes > 0 && bytes === (-word(reader.bytes, box.length) & 7)) box.padded = true;
    if (bytes <= 8 && bytes > 0) shape.numbers.push({ at, bytes });
    let list = '';
    for (const name of reader.path) {
      if (typeof name === 'number') this.#grow(shape, list, `${list}.${name}`, at, at + bytes);
      list = `${list}.${name}`;
    }
  }

  #grow(shape: Shape, list: string, key: string, start: number, end: number): void {
    const item = shape.items.get(key);
    if (item) item.end = Math.max(item.end, end);
    else shape.items.set(key, { list, start, end });
  }

  #opened(reader: Reader, length: number): void {
    const shape = this.#shape;
    if (!shape) return;
    const bounds = (number: Num) => {
      const header = word(reader.bytes, number) - length;
      return number.bytes <= 2 && header >= 0 && header <= longestHeader && header % 2 === 0;
    };
    const found = shape.numbers.slice(-numbersBack).findLast(bounds);
    const end = reader.offset + length;
    const box = { start: reader.offset, end, length: found, padded: false };
    shape.boxes.push(box);
    this.#closed.set(end, [...(this.#closed.get(end) ?? []), box]);
  }
}
