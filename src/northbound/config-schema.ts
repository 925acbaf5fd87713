/**
 * Schemas that functions bring with them: whether one can be taken, and whether a hop's config satisfies it.
 */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { unusableMembers } from '../model/boot.ts';
import type { FunctionSpec, Json, JsonObject } from '../model/declared.ts';
import type { Fault } from '../model/errors.ts';
import { API_LIMITS } from '../model/limits.ts';
import { explainErrors, pointerToken } from './faults.ts';
import { FORMATS } from './formats.ts';
import { MAX_TEXT, patternObjection } from './pattern-cost.ts';

const DIALECT = 'https://json-schema.org/draft/2020-12/schema';
/** Schemas visited for one value of a config at worst, references followed. */
const MAX_VISITS = 10_000;
/** Keywords that reach outside the schema, give it another dialect, or resolve at run time. */
const FORBIDDEN = ['$id', '$anchor', '$dynamicRef', '$dynamicAnchor', '$vocabulary', '$recursiveRef'];

/** The keywords that are looked at by name. */
type Schema = JsonObject & {
  readonly $schema?: Json;
  readonly $ref?: Json;
  readonly $defs?: Json;
  readonly pattern?: Json;
  readonly patternProperties?: Json;
};

/** Where a schema has other schemas in it. */
const ONE = [
  'additionalProperties',
  'unevaluatedProperties',
  'propertyNames',
  'items',
  'unevaluatedItems',
  'contains',
  'not',
  'if',
  'then',
  'else',
];
const LIST = ['allOf', 'anyOf', 'oneOf', 'prefixItems'];
const MAP = ['properties', 'patternProperties', 'dependentSchemas', '$defs'];

/** What keeps a schema from being taken; `pointer` is where the schema stands in the body. */
export function configSchemaFaults(schema: JsonObject, pointer: string): readonly Fault[] {
  const size = JSON.stringify(schema).length;
  if (size > API_LIMITS.configSchemaBytes) {
    return [{ pointer, detail: `has ${size} bytes as JSON and may have ${API_LIMITS.configSchemaBytes}` }];
  }
  const { $schema } = schema as Schema;
  if ($schema !== undefined && $schema !== DIALECT) {
    return [{ pointer: `${pointer}/$schema`, detail: `has to be ${DIALECT}` }];
  }
  const ajv = newAjv();
  if (!ajv.validateSchema(schema)) return explainErrors((ajv.errors ?? []) as ErrorObject[], pointer);
  const dangers = new Inspector(schema).inspect();
  if (dangers.length > 0) return dangers.map((fault) => ({ ...fault, pointer: pointer + fault.pointer }));
  try {
    ajv.compile(schema);
    return [];
  } catch (error) {
    return [{ pointer, detail: `is not a schema that can be used: ${(error as Error).message}` }];
  }
}

/** What somebody else runs is not configured from here. */
const NOTHING: JsonObject = { type: 'object', additionalProperties: false };

/** What is wrong with a hop's config; `pointer` is where the config stands in the body. */
export function configFaults(spec: FunctionSpec, config: Json, pointer: string): readonly Fault[] {
  const validate = compiled(spec.configSchema ?? NOTHING);
  if (!validate(config)) return explainErrors(validate.errors ?? [], pointer);
  if (spec.boot === undefined) return [];
  return unusableMembers(spec.boot, config as JsonObject).map(({ member, why }) => ({
    pointer: `${pointer}/${member}`,
    detail: why,
  }));
}

// Stored specs are frozen, and the same object until they are replaced.
const cache = new WeakMap<JsonObject, ValidateFunction>();

function compiled(schema: JsonObject): ValidateFunction {
  const known = cache.get(schema);
  if (known !== undefined) return known;
  const validate = newAjv().compile(schema);
  cache.set(schema, validate);
  return validate;
}

/** One for each schema: ajv keeps what it has compiled for as long as it lives. */
function newAjv(): Ajv2020 {
  return new Ajv2020({
    allErrors: true,
    verbose: true,
    strictSchema: true,
    strictTypes: false,
    strictTuples: false,
    formats: FORMATS,
    code: { regExp: boundedRegExp },
    logger: false,
  });
}

/** The cost of a pattern was counted for texts up to a length; a longer text does not match. */
function boundedRegExp(pattern: string, flags: string): { test(text: string): boolean; toString(): string } {
  const expression = new RegExp(pattern, flags);
  return {
    test: (text) => text.length <= MAX_TEXT && expression.test(text),
    // ajv tells patterns apart by this, and takes two with the same text for one.
    toString: () => `bounded ${expression}`,
  };
}
// ajv asks for it when it writes code to a file, which is not done here.
boundedRegExp.code = 'new RegExp';

/** Looks for what makes a well-formed schema a dangerous one. */
class Inspector {
  readonly #root: Schema;
  readonly #faults: Fault[] = [];
  readonly #visits = new Map<JsonObject, number>();
  readonly #open = new Set<JsonObject>();

  constructor(root: Schema) {
    this.#root = root;
  }

  inspect(): readonly Fault[] {
    const visits = this.#visit(this.#root, '');
    if (this.#faults.length === 0 && visits > MAX_VISITS) {
      this.#object('', 'takes too long to apply: references multiply; use fewer of them within one another');
    }
    return this.#faults;
  }

  /** How many schemas are applied when this one is, each as often as it is referred to. */
  #visit(schema: Json | undefined, pointer: string): number {
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return 0;
    const object = schema as Schema;
    const known = this.#visits.get(object);
    if (known !== undefined) return known;
    if (this.#open.has(object)) {
      this.#object(pointer, 'refers to itself; a config is no tree');
      return 0;
    }
    this.#open.add(object);
    this.#checkKeywords(object, pointer);
    let visits = 1 + this.#follow(object.$ref, pointer);
    for (const [child, at] of children(object, pointer)) visits += this.#visit(child, at);
    this.#open.delete(object);
    this.#visits.set(object, visits);
    return visits;
  }

  #checkKeywords(schema: Schema, pointer: string): void {
    for (const keyword of FORBIDDEN) {
      if (Object.hasOwn(schema, keyword))
        this.#object(`${pointer}/${keyword}`, 'is not allowed in a configSchema');
    }
    if (schema.$schema !== undefined && pointer !== '')
      this.#object(`${pointer}/$schema`, 'is allowed at the top only');
    if (typeof schema.pattern === 'string') this.#checkPattern(schema.pattern, `${pointer}/pattern`);
    for (const pattern of Object.keys((schema.patternProperties as object | undefined) ?? {})) {
      this.#checkPattern(pattern, `${pointer}/patternProperties/${pointerToken(pattern)}`);
    }
  }

  #checkPattern(pattern: string, pointer: string): void {
    const objection = patternObjection(pattern);
    if (objection !== undefined) this.#object(pointer, objection);
  }

  #follow(ref: Json | undefined, pointer: string): number {
    if (ref === undefined) return 0;
    const name = typeof ref === 'string' ? /^#\/\$defs\/([^/%~]+)$/.exec(ref)?.[1] : undefined;
    const defs = this.#root.$defs as JsonObject | undefined;
    if (name === undefined || defs === undefined || !Object.hasOwn(defs, name)) {
      this.#object(`${pointer}/$ref`, 'has to refer to a definition of this schema, as in #/$defs/name');
      return 0;
    }
    return this.#visit(defs[name], `/$defs/${name}`);
  }

  #object(pointer: string, detail: string): void {
    this.#faults.push({ pointer, detail });
  }
}

function* children(schema: JsonObject, pointer: string): Generator<[Json | undefined, string]> {
  for (const keyword of ONE) yield [schema[keyword], `${pointer}/${keyword}`];
  for (const keyword of LIST) {
    const list = schema[keyword];
    if (Array.isArray(list))
      for (const [index, item] of list.entries()) yield [item as Json, `${pointer}/${keyword}/${index}`];
  }
  for (const keyword of MAP) {
    const map = schema[keyword];
    if (typeof map !== 'object' || map === null || Array.isArray(map)) continue;
    for (const [name, item] of Object.entries(map))
      yield [item as Json, `${pointer}/${keyword}/${pointerToken(name)}`];
  }
}
