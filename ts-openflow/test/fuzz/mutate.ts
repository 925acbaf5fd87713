/** Changes to a message that keep to its structure, or break it in one place. */
import type { Box, Item, Shape } from './watch.ts';

/** Random numbers that are the same for the same seed (mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 to `sides` - 1. */
  roll(sides: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides;
  }

  pick<T>(from: readonly T[]): T | undefined {
    return from[this.roll(Math.max(1, from.length))];
  }
}

export interface Shaped {
  readonly bytes: Uint8Array;
  readonly shape: Shape;
}

export const maxBytes = 0xffff;

const join = (...parts: readonly Uint8Array[]): Uint8Array => {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
};

const replaced = (bytes: Uint8Array, at: number, removed: number, added: Uint8Array) =>
  join(bytes.subarray(0, at), added, bytes.subarray(at + removed));

function put(bytes: Uint8Array, at: number, width: number, value: number): void {
  for (let n = 0; n < width && at + n < bytes.byteLength; n++)
    bytes[at + n] = Math.floor(value / 256 ** (width - 1 - n)) & 0xff;
}

const numberAt = (bytes: Uint8Array, at: number, width: number) =>
  width === 1 ? (bytes[at] ?? 0) : (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);

/** Puts `added` in the place of `removed` bytes; the lengths around it follow, now and then but for one. */
function splice({ bytes, shape }: Shaped, at: number, removed: number, added: Uint8Array, dice: Dice) {
  let changed = replaced(bytes, at, removed, added);
  let delta = added.byteLength - removed;
  const around = shape.boxes
    .filter((box) => box.length && box.length.at < at && box.start <= at && at + removed <= box.end)
    .sort((a, b) => b.start - a.start || a.end - b.end);
  const forgotten = dice.roll(4) === 0 ? dice.pick(around) : undefined;
  for (const box of around) {
    const { length, end, padded } = box as Box & { length: NonNullable<Box['length']> };
    const before = numberAt(changed, length.at, length.bytes);
    if (box !== forgotten) put(changed, length.at, length.bytes, before + delta);
    if (!padded) continue;
    const [old, now] = [-before & 7, -(before + delta) & 7];
    changed = replaced(changed, end + delta, old, new Uint8Array(now));
    delta += now - old;
  }
  return changed;
}

const itemsOf = ({ shape }: Shaped) => [...shape.items.values()];
const bytesOf = ({ bytes }: Shaped, { start, end }: Item) => bytes.subarray(start, end);

/** A length that lies: too short for its own header, odd, past its parent, or off by a little. */
function lie(honest: number, parent: number, dice: Dice): number {
  const lies = [0, 1, 2, 3, 4, 5, 7, 8, honest - 8, honest - 1, honest + 1, honest + 4, honest + 8];
  return dice.pick([...lies, parent + 1, parent + 8, 0x7fff, 0xfff8, 0xffff]) ?? 0;
}

type Mutation = (message: Shaped, dice: Dice, others: readonly Shaped[]) => Uint8Array;

/** Each kind of change, once; a kind that is to come more often stands twice in `weights`. */
const mutations = {
  length(message, dice) {
    const box = dice.pick(message.shape.boxes.filter(({ length }) => length));
    const bytes = Uint8Array.from(message.bytes);
    if (!box?.length) return bytes;
    const honest = numberAt(bytes, box.length.at, box.length.bytes);
    put(bytes, box.length.at, box.length.bytes, lie(honest, bytes.byteLength - box.start, dice));
    return bytes;
  },
  number(message, dice) {
    const number = dice.pick(message.shape.numbers);
    const bytes = Uint8Array.from(message.bytes);
    if (!number) return bytes;
    const value = dice.pick([
      0,
      1,
      2,
      0x7fff,
      0xffff,
      2 ** 31,
      2 ** 32 - 1,
      dice.roll(256),
      dice.roll(65536),
    ]);
    put(bytes, number.at, number.bytes, value ?? 0);
    return bytes;
  },
  bit(message, dice) {
    const bytes = Uint8Array.from(message.bytes);
    const at = dice.roll(bytes.byteLength);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << dice.roll(8));
    return bytes;
  },
  head(message, dice) {
    const bytes = Uint8Array.from(message.bytes);
    bytes[dice.roll(2)] = dice.pick([0, 1, 2, 4, 5, 6, 7, 13, 14, 15, 18, 19, 33, 34, dice.roll(256)]) ?? 0;
    return bytes;
  },
  repeat(message, dice) {
    const item = dice.pick(itemsOf(message));
    if (!item) return message.bytes;
    const copy = bytesOf(message, item);
    return splice(message, item.end, 0, join(...Array.from({ length: 1 + dice.roll(3) }, () => copy)), dice);
  },
  remove(message, dice) {
    const item = dice.pick(itemsOf(message));
    if (!item) return message.bytes;
    return splice(message, item.start, item.end - item.start, new Uint8Array(0), dice);
  },
  swap(message, dice) {
    const first = dice.pick(itemsOf(message));
    const second = dice.pick(itemsOf(message).filter((item) => item.list === first?.list));
    if (!first || !second || first.end > second.start) return message.bytes;
    const { bytes } = message;
    const between = bytes.subarray(first.end, second.start);
    const turned = join(bytesOf(message, second), between, bytesOf(message, first));
    return replaced(bytes, first.start, second.end - first.start, turned);
  },
  nest(message, dice) {
    const [item, into] = [dice.pick(itemsOf(message)), dice.pick(message.shape.boxes)];
    if (!item || !into) return message.bytes;
    return splice(message, into.start, 0, bytesOf(message, item), dice);
  },
  graft(message, dice, others) {
    const other = dice.pick(others);
    const foreign = other && dice.pick(itemsOf(other));
    const into = dice.pick([...itemsOf(message), ...message.shape.boxes]);
    if (!other || !foreign || !into) return message.bytes;
    return splice(message, into.start, 0, bytesOf(other, foreign), dice);
  },
  cut(message, dice) {
    return message.bytes.slice(0, dice.roll(message.bytes.byteLength));
  },
  extend(message, dice) {
    const length = dice.roll(64) === 0 ? maxBytes - message.bytes.byteLength : dice.roll(64);
    return join(message.bytes, new Uint8Array(length).fill(dice.pick([0, 0xff, 4, dice.roll(256)]) ?? 0));
  },
  /** The largest message there can be of one thing. Dear, so it comes seldom. */
  flood(message, dice) {
    const item = dice.roll(8) === 0 ? dice.pick(itemsOf(message)) : undefined;
    if (!item || item.end === item.start) return message.bytes;
    const room = maxBytes - message.bytes.byteLength;
    const copy = bytesOf(message, item);
    const copies = Array.from({ length: Math.floor(room / copy.byteLength) }, () => copy);
    return splice(message, item.end, 0, join(...copies), dice);
  },
} as const satisfies Record<string, Mutation>;

export type Kind = keyof typeof mutations;
export const kinds = Object.keys(mutations) as Kind[];
const weights: readonly Kind[] = [...kinds, 'length', 'length', 'number', 'repeat', 'nest', 'graft'];

/** One change of a kind. The header tells the true length, mostly: a stream would have cut the bytes by it. */
export function mutate(
  message: Shaped,
  dice: Dice,
  others: readonly Shaped[],
): { kind: Kind; bytes: Uint8Array } {
  const kind = dice.pick(weights) ?? 'bit';
  const bytes = Uint8Array.from(mutations[kind](message, dice, others).subarray(0, maxBytes));
  if (dice.roll(16) !== 0) put(bytes, 2, 2, bytes.byteLength);
  return { kind, bytes };
}
