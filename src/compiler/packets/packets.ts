/**
 * A set of packets under way through tables: what they have in common, and what they are known not to be.
 * Where the truth cannot be told in these terms the set is larger than it is, never smaller: what a proof
 * about it excludes is excluded.
 */
import type { FieldName } from 'ts-openflow';
import { type Bits, type Cube, contains, exactly, meet, outside } from './cube.ts';

/** Packets that are not in the set. */
export type Exclusion = {
  /** Cubes of them that have something in common with this one. */
  near(cube: Cube): Iterable<Cube>;
  /** Whether any of them says something of this field. */
  mentions(field: FieldName): boolean;
};

/** All packets of any of these cubes. */
export const exclude = (cubes: readonly Cube[]): Exclusion => ({
  near: () => cubes,
  mentions: (field) => cubes.some((cube) => cube.has(field)),
});

export class Packets {
  readonly cube: Cube;
  /** One packet that has no other fields than these: a flow that asks for another one does not match it. */
  readonly isOne: boolean;
  readonly #exclusions: readonly Exclusion[];

  private constructor(cube: Cube, isOne: boolean, exclusions: readonly Exclusion[]) {
    this.cube = cube;
    this.isOne = isOne;
    this.#exclusions = exclusions;
  }

  static all(cube: Cube): Packets {
    return new Packets(cube, false, []);
  }

  static one(fields: ReadonlyMap<FieldName, bigint>): Packets {
    return new Packets(
      new Map([...fields].map(([field, value]) => [field, exactly(field, value)])),
      true,
      [],
    );
  }

  /** The value of a field that all have in common; undefined where they differ. */
  valueOf(field: FieldName): bigint | undefined {
    const bits = this.cube.get(field);
    return bits !== undefined && bits.mask === exactly(field, 0n).mask ? bits.value : undefined;
  }

  /** Those that a cube admits; undefined if its own bits say already that there is none. */
  within(cube: Cube): Packets | undefined {
    if (this.isOne) return contains(cube, this.cube) ? this : undefined;
    const met = meet(this.cube, cube);
    return met === undefined ? undefined : new Packets(met, false, this.#exclusions);
  }

  without(exclusion: Exclusion): Packets {
    return new Packets(this.cube, this.isOne, [...this.#exclusions, exclusion]);
  }

  /** Some of them, as a cube; undefined if there is none. */
  example(): Cube | undefined {
    const others = this.#near();
    if (!this.isOne) return outside(this.cube, others);
    return others.some((other) => contains(other, this.cube)) ? undefined : this.cube;
  }

  /** What becomes of them when bits of a field are written. */
  set(field: FieldName, { value, mask }: Bits): Packets {
    const old = this.cube.get(field) ?? { value: 0n, mask: 0n };
    const bits = { value: (old.value & ~mask) | (value & mask), mask: old.mask | mask };
    return this.#rewritten(field, bits);
  }

  /** Bits of a field may now be anything. */
  forget(field: FieldName, mask: bigint = exactly(field, 0n).mask): Packets {
    const old = this.cube.get(field) ?? { value: 0n, mask: 0n };
    return this.#rewritten(field, { value: old.value & ~mask, mask: old.mask & ~mask });
  }

  #rewritten(field: FieldName, bits: Bits): Packets {
    const cube = new Map(this.cube);
    if (bits.mask === 0n) cube.delete(field);
    else cube.set(field, bits);
    if (this.isOne) return new Packets(cube, true, []);
    const [concerned, others] = partition(this.#exclusions, (exclusion) => exclusion.mentions(field));
    if (concerned.length === 0) return new Packets(cube, false, others);
    const written: Map<FieldName, Bits> = new Map();
    const before = this.cube.get(field);
    if (before !== undefined) written.set(field, before);
    const kept = concerned.flatMap((exclusion) =>
      [...exclusion.near(this.cube)].flatMap((other) => {
        const asked = other.get(field);
        if (asked === undefined) return [other];
        // It says of all of these what they were, so what else it says still holds; or else it says nothing now.
        if (!contains(new Map([[field, asked]]), written)) return [];
        const rest = new Map(other);
        rest.delete(field);
        return [rest];
      }),
    );
    return new Packets(cube, false, kept.length === 0 ? others : [...others, exclude(kept)]);
  }

  #near(): readonly Cube[] {
    return this.#exclusions.flatMap((exclusion) => [...exclusion.near(this.cube)]);
  }
}

function partition<T>(list: readonly T[], holds: (one: T) => boolean): [T[], T[]] {
  const yes: T[] = [];
  const no: T[] = [];
  for (const one of list) (holds(one) ? yes : no).push(one);
  return [yes, no];
}
