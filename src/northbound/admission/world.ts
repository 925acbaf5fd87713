/**
 * What a change is judged against, and how the judgement is collected.
 */
import { closest } from '../../model/closest.ts';
import type { Declared, FunctionSpec, Kind, Stored, SwitchSpec } from '../../model/declared.ts';
import type { ErrorCode, Fault } from '../../model/errors.ts';
import type { Name } from '../../model/ids.ts';

export type World = {
  readonly declared: Declared;
  readonly builtIns: ReadonlyMap<Name, FunctionSpec>;
};

/** Why a change is not admitted. */
export type Refusal = {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly faults: readonly Fault[];
};

/** The kinds of objection, from the one that is to be mended first. */
const OBJECTIONS = {
  'built-in': 'functions that come with the product cannot be changed',
  'invalid-body': 'the body has a fault',
  'unknown-reference': 'the body names something that does not exist',
  'invalid-config': "a hop's config does not satisfy its function's schema",
  conflict: 'the body contradicts what is stored',
  'in-use': 'other objects need it',
} as const satisfies Partial<Record<ErrorCode, string>>;

export type Objection = keyof typeof OBJECTIONS;

/** Collects all that speaks against a change. */
export class Objections {
  readonly #faults = new Map<Objection, Fault[]>();

  add(code: Objection, pointer: string, detail: string): void {
    this.addAll(code, [{ pointer, detail }]);
  }

  addAll(code: Objection, faults: readonly Fault[]): void {
    if (faults.length > 0) this.#faults.set(code, [...(this.#faults.get(code) ?? []), ...faults]);
  }

  /** The first kind of objection with all of its faults: what it hides may be gone once these are mended. */
  refusal(): Refusal | undefined {
    for (const code of Object.keys(OBJECTIONS) as Objection[]) {
      const faults = this.#faults.get(code);
      if (faults !== undefined) return { code, detail: OBJECTIONS[code], faults };
    }
    return undefined;
  }
}

export function objectsOf<K extends Kind>(world: World, kind: K): ReadonlyMap<Name, Stored<K>> {
  return world.declared[kind] as ReadonlyMap<Name, Stored<K>>;
}

/** Every spec of a kind but the one that is being replaced. */
export function* othersOf<K extends Kind>(world: World, kind: K, name: Name): Generator<Stored<K>['spec']> {
  for (const [other, { spec }] of objectsOf(world, kind)) if (other !== name) yield spec;
}

export function functionNamed(world: World, name: Name): FunctionSpec | undefined {
  return world.builtIns.get(name) ?? world.declared.functions.get(name)?.spec;
}

/** The switch of this name; says so where there is none. */
export function requireSwitch(
  world: World,
  name: Name,
  pointer: string,
  objections: Objections,
): SwitchSpec | undefined {
  const found = world.declared.switches.get(name)?.spec;
  if (found === undefined) {
    objections.add('unknown-reference', pointer, noSuch('switch', name, world.declared.switches.keys()));
  }
  return found;
}

export function uplinkOf(world: World, switchName: Name): Name | undefined {
  for (const [name, { spec }] of world.declared.uplinks)
    if (spec.attachment.switch === switchName) return name;
  return undefined;
}

export function noSuch(noun: string, name: string, known: Iterable<string>): string {
  const near = closest(name, known);
  return `there is no ${noun} ${name}${near === undefined ? '' : `; did you mean ${near}?`}`;
}
