/**
 * Sets of packets as conditions on bits of their fields: a cube is what one match admits. Pure.
 */
import { canonicalMatch, type FieldName, fullMask, type Match } from 'ts-openflow';

/** The bits that are known, ones in `mask`, and what they are. The others may be anything. */
export type Bits = { readonly value: bigint; readonly mask: bigint };

/** A field that is not there may have any value. */
export type Cube = ReadonlyMap<FieldName, Bits>;

export const ANYTHING: Cube = new Map();

export const exactly = (field: FieldName, value: bigint): Bits => ({ value, mask: fullMask(field) });

/** @returns undefined where the match has a field that nobody knows: then it cannot be told what it admits */
export function cubeOf(match: Match): Cube | undefined {
  const cube = new Map<FieldName, Bits>();
  for (const entry of canonicalMatch(match)) {
    if (entry.field === 'unknown') return undefined;
    const mask = entry.mask === undefined ? fullMask(entry.field) : BigInt(entry.mask);
    cube.set(entry.field, { value: BigInt(entry.value) & mask, mask });
  }
  return cube;
}

/** What both admit; undefined for nothing, and `a` itself where `b` asks for no more than `a` does. */
export function meet(a: Cube, b: Cube): Cube | undefined {
  let met: Map<FieldName, Bits> | undefined;
  for (const [field, wanted] of b) {
    const known = a.get(field);
    if (known === undefined) {
      met ??= new Map(a);
      met.set(field, wanted);
      continue;
    }
    if ((known.value ^ wanted.value) & known.mask & wanted.mask) return undefined;
    const mask = known.mask | wanted.mask;
    if (mask === known.mask) continue;
    met ??= new Map(a);
    met.set(field, { value: known.value | wanted.value, mask });
  }
  return met ?? a;
}

export const overlap = (a: Cube, b: Cube): boolean => {
  for (const [field, wanted] of b) {
    const known = a.get(field);
    if (known !== undefined && (known.value ^ wanted.value) & known.mask & wanted.mask) return false;
  }
  return true;
};

/** Whether every packet of `inner` is in `outer`. */
export const contains = (outer: Cube, inner: Cube): boolean => meet(inner, outer) === inner;

/** Steps of the search below, more than any table of use needs. */
const PATIENCE = 20_000;

/**
 * A packet, or several, of the cube that none of the others admits; undefined if there is none. Where the
 * search is too long for its patience it gives the cube itself: who asks must be content with too much.
 */
export function outside(cube: Cube, others: readonly Cube[]): Cube | undefined {
  let patience = PATIENCE;
  const search = (within: Cube, left: readonly Cube[]): Cube | undefined => {
    const near: Cube[] = [];
    for (const other of left) {
      if (!overlap(within, other)) continue;
      if (contains(other, within)) return undefined;
      near.push(other);
    }
    const [first, ...rest] = near;
    if (first === undefined) return within;
    // A packet outside differs from it in a bit: in this one, or, with this one the same, in a later one.
    let same: Cube | undefined = within;
    for (const [field, bit] of freeBits(first, within)) {
      if (patience-- <= 0) return cube;
      const bits = first.get(field) as Bits;
      const differs: Cube | undefined =
        same && meet(same, new Map([[field, { value: ~bits.value & bit, mask: bit }]]));
      const found = differs && search(differs, rest);
      if (found !== undefined) return found;
      same = same && meet(same, new Map([[field, { value: bits.value & bit, mask: bit }]]));
    }
    return undefined;
  };
  return search(cube, others);
}

/** The bits that a cube asks for and another one leaves open, the most significant first. */
function* freeBits(cube: Cube, within: Cube): Generator<readonly [FieldName, bigint]> {
  for (const [field, { mask }] of cube) {
    const free = mask & ~(within.get(field)?.mask ?? 0n);
    for (let bit = 1n << BigInt(free.toString(2).length - 1); bit > 0n; bit >>= 1n)
      if (free & bit) yield [field, bit];
  }
}
