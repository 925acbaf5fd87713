/**
 * A map that never changes and is cheap to change: `with` and `without` answer a new map that shares all but a few
 * hundred entries with the old one. Text comes in the alphabet of its code units, and a walk can begin in the
 * middle, so a list can be read page by page. What two such maps share need not be compared: what has changed from
 * one to the other costs as much as the change.
 */

type Entry<K, V> = readonly [K, V];
type Chunk<K, V> = readonly Entry<K, V>[];

/** Entries of a chunk: it is copied at each change, as is the list of chunks. Split in two when it grows over. */
const CHUNK_MAX = 512;

export class SortedMap<K extends string | number, V> implements ReadonlyMap<K, V> {
  static readonly #empty = new SortedMap<never, never>([], 0);
  /** None is empty. */
  readonly #chunks: readonly Chunk<K, V>[];
  readonly size: number;

  private constructor(chunks: readonly Chunk<K, V>[], size: number) {
    this.#chunks = chunks;
    this.size = size;
    Object.freeze(this);
  }

  /** @param entries in any order; of two with one key the last one counts */
  static from<K extends string | number, V>(entries: Iterable<Entry<K, V>>): SortedMap<K, V> {
    const sorted = [...new Map(entries)].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    if (sorted.length === 0) return SortedMap.#empty as SortedMap<never, V> as SortedMap<K, V>;
    const chunks: Chunk<K, V>[] = [];
    for (let at = 0; at < sorted.length; at += CHUNK_MAX / 2)
      chunks.push(sorted.slice(at, at + CHUNK_MAX / 2));
    return new SortedMap(chunks, sorted.length);
  }

  get(key: K): V | undefined {
    const chunk = this.#chunks[this.#chunkOf(key)];
    const entry = chunk?.[lowerBound(chunk, key)];
    return entry?.[0] === key ? entry[1] : undefined;
  }

  has(key: K): boolean {
    const chunk = this.#chunks[this.#chunkOf(key)];
    return chunk?.[lowerBound(chunk, key)]?.[0] === key;
  }

  with(key: K, value: V): SortedMap<K, V> {
    const index = this.#chunkOf(key);
    const chunk = this.#chunks[index];
    if (chunk === undefined) return new SortedMap([[[key, value]]], 1);
    const at = lowerBound(chunk, key);
    const isNew = chunk[at]?.[0] !== key;
    const next = chunk.toSpliced(at, isNew ? 0 : 1, [key, value]);
    const half = next.length >> 1;
    const parts = next.length > CHUNK_MAX ? [next.slice(0, half), next.slice(half)] : [next];
    return new SortedMap(this.#chunks.toSpliced(index, 1, ...parts), this.size + (isNew ? 1 : 0));
  }

  /** Many changes at once; a key whose value is undefined goes. */
  withAll(changes: ReadonlyMap<K, V | undefined>): SortedMap<K, V> {
    if (changes.size > this.size / 8 + 8) {
      const all = new Map<K, V | undefined>([...this, ...changes]);
      return SortedMap.from([...all].filter((entry): entry is [K, V] => entry[1] !== undefined));
    }
    let map: SortedMap<K, V> = this;
    for (const [key, value] of changes) map = value === undefined ? map.without(key) : map.with(key, value);
    return map;
  }

  without(key: K): SortedMap<K, V> {
    const index = this.#chunkOf(key);
    const chunk = this.#chunks[index];
    const at = chunk === undefined ? 0 : lowerBound(chunk, key);
    if (chunk?.[at]?.[0] !== key) return this;
    const next = chunk.toSpliced(at, 1);
    return new SortedMap(this.#chunks.toSpliced(index, 1, ...(next.length > 0 ? [next] : [])), this.size - 1);
  }

  /** The entries whose keys come after this text, which need not be a key; all of them without one. */
  *after(key?: K): Generator<[K, V], undefined> {
    let index = key === undefined ? 0 : this.#chunkOf(key);
    const first = this.#chunks[index];
    let at = key === undefined || first === undefined ? 0 : lowerBound(first, key);
    if (first?.[at]?.[0] === key && key !== undefined) at++;
    for (; index < this.#chunks.length; index++, at = 0) {
      const chunk = this.#chunks[index] as Chunk<K, V>;
      for (; at < chunk.length; at++) yield chunk[at] as unknown as [K, V];
    }
    return undefined;
  }

  /** The keys whose values are others than in an earlier map, or that only one of the two has; in no order. */
  changedSince(before: SortedMap<K, V>): readonly K[] {
    if (before === this) return [];
    const [ours, theirs] = [new Set(this.#chunks), new Set(before.#chunks)];
    const changed: K[] = [];
    for (const chunk of this.#chunks) {
      if (theirs.has(chunk)) continue;
      for (const [key, value] of chunk) if (before.get(key) !== value) changed.push(key);
    }
    for (const chunk of before.#chunks) {
      if (ours.has(chunk)) continue;
      for (const [key] of chunk) if (!this.has(key)) changed.push(key);
    }
    return changed;
  }

  entries(): Generator<[K, V], undefined> {
    return this.after();
  }

  [Symbol.iterator](): Generator<[K, V], undefined> {
    return this.after();
  }

  *keys(): Generator<K, undefined> {
    for (const [key] of this.after()) yield key;
    return undefined;
  }

  *values(): Generator<V, undefined> {
    for (const [, value] of this.after()) yield value;
    return undefined;
  }

  forEach(visit: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const chunk of this.#chunks) for (const [key, value] of chunk) visit(value, key, this);
  }

  /** The chunk that has the key or would take it: the last one that begins at or before it. */
  #chunkOf(key: K): number {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#chunks[middle]?.[0]?.[0] as K) <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** The map itself where it is one already. */
export function sorted<K extends string | number, V>(map: ReadonlyMap<K, V>): SortedMap<K, V> {
  return map instanceof SortedMap ? map : SortedMap.from(map);
}

/** Changes to a map as they add up; the map stays as it is. */
export class Edited<K extends string | number, V> {
  readonly #before: SortedMap<K, V>;
  readonly #changes = new Map<K, V | undefined>();

  constructor(before: ReadonlyMap<K, V>) {
    this.#before = sorted(before);
  }

  get(key: K): V | undefined {
    return this.#changes.has(key) ? this.#changes.get(key) : this.#before.get(key);
  }

  has(key: K): boolean {
    return this.get(key) !== undefined;
  }

  set(key: K, value: V): void {
    this.#changes.set(key, value);
  }

  delete(key: K): void {
    if (this.#before.has(key)) this.#changes.set(key, undefined);
    else this.#changes.delete(key);
  }

  /** Those before in their order, then the new ones. A change meanwhile is not seen. */
  *entries(): Generator<[K, V], undefined> {
    const changes = new Map(this.#changes);
    for (const [key, value] of this.#before) {
      const now = changes.has(key) ? changes.get(key) : value;
      if (now !== undefined) yield [key, now];
    }
    for (const [key, value] of changes) if (value !== undefined && !this.#before.has(key)) yield [key, value];
    return undefined;
  }

  *values(): Generator<V, undefined> {
    for (const [, value] of this.entries()) yield value;
    return undefined;
  }

  [Symbol.iterator](): Generator<[K, V], undefined> {
    return this.entries();
  }

  /** The map with the changes; the same one where there are none. */
  finish(): SortedMap<K, V> {
    return this.#before.withAll(this.#changes);
  }
}

/** The place of the first entry whose key is not before this one. */
function lowerBound<K extends string | number, V>(chunk: Chunk<K, V>, key: K): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((chunk[middle]?.[0] as K) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
