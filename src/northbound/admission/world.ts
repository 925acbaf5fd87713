/**
 * What a change is judged against, and how the judgement is collected.
 */
import { closest } from '../../model/closest.ts';
import type { Declared, FunctionSpec, Kind, Stored, SwitchSpec } from '../../model/declared.ts';
import type { ErrorCode, Fault } from '../../model/errors.ts';
import type { InstanceId, Name } from '../../model/ids.ts';
import { API_LIMITS } from '../../model/limits.ts';
import { type ObjectMap, objectMap } from '../../model/object-map.ts';

export type World = {
  /** All that would be declared, what is judged among it. */
  readonly declared: Declared;
  /** What is declared until then. */
  readonly before: Declared;
  /** The same with what the caller does not see, and must not be told of: the names in it least of all. */
  readonly whole: Declared;
  readonly builtIns: ReadonlyMap<Name, FunctionSpec>;
  /** The pool that an instance is in now. */
  readonly poolOf: (id: InstanceId) => Name | undefined;
  /** The instance that has this port of a switch, where it is a machine of somebody else's. */
  readonly holderOf: (at: Name, port: string) => InstanceId | undefined;
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
    const found = this.#faults.get(code) ?? [];
    if (faults.length > 0 && found.length < API_LIMITS.faults) this.#faults.set(code, [...found, ...faults]);
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

export function objectsOf<K extends Kind>(world: World, kind: K): ObjectMap<K> {
  return objectMap(world.declared, kind);
}

/** Every spec but this one's that is found by the key (model/object-map.ts). */
export function* othersBy<K extends Kind>(
  world: World,
  kind: K,
  key: string,
  name: Name,
): Generator<Stored<K>['spec']> {
  for (const { spec } of objectsOf(world, kind).by(key)) if (spec.name !== name) yield spec;
}

export function functionNamed(world: World, name: Name): FunctionSpec | undefined {
  return world.builtIns.get(name) ?? world.declared.functions.get(name)?.spec;
}

/** The function of this name; says so where there is none. */
export function requireFunction(
  world: World,
  name: Name,
  pointer: string,
  objections: Objections,
): FunctionSpec | undefined {
  const found = functionNamed(world, name);
  if (found === undefined) {
    const known = [...world.builtIns.keys(), ...world.declared.functions.keys()];
    objections.add('unknown-reference', pointer, noSuch('function', name, known));
  }
  return found;
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
  for (const { spec } of objectsOf(world, 'uplinks').byBeginning(`port ${switchName}/`)) return spec.name;
  return undefined;
}

/** Why a port cannot be had that no declared pool names any more. */
export const heldBy = (holder: InstanceId): string =>
  `instance ${holder} is on this port until what is under way there is done; try again after that`;

export function noSuch(noun: string, name: string, known: Iterable<string>): string {
  const near = closest(name, known);
  return `there is no ${noun} ${name}${near === undefined ? '' : `; did you mean ${near}?`}`;
}
