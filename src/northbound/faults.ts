/**
 * What ajv found, in sentences: what is wrong, where, and what would be right.
 */
import type { ErrorObject } from 'ajv';
import { closest } from '../model/closest.ts';
import type { Fault } from '../model/errors.ts';
import { formatMeans } from './formats.ts';

/** More than this many help nobody, and a hostile body could ask for tens of thousands. */
const MAX_FAULTS = 50;
/** Of what ajv found, as much is looked at: sorting out alternatives takes time with its square. */
const MAX_ERRORS = 1000;

/** Of the schemas and the parameters of ajv's errors, what sentences are made of. */
type Schema = { readonly 'x-means'?: unknown; readonly description?: unknown; readonly properties?: object };
type Params = {
  readonly additionalProperty?: string;
  readonly unevaluatedProperty?: string;
  readonly missingProperty?: string;
  readonly type?: unknown;
  readonly allowedValues?: readonly unknown[];
  readonly allowedValue?: unknown;
  readonly pattern?: string;
  readonly format?: string;
  readonly limit?: number;
  readonly multipleOf?: number;
  readonly i?: number;
  readonly j?: number;
  readonly passingSchemas?: unknown;
};
type AnyError = Omit<ErrorObject<string, Params, unknown>, 'parentSchema'> & {
  readonly parentSchema?: Schema;
  /** Of a choice: what each alternative finds wrong. */
  readonly alternatives?: readonly AnyError[];
};

/**
 * @param pointer where the validated value is within the body
 */
export function explainErrors(errors: readonly ErrorObject[], pointer = ''): readonly Fault[] {
  const faults: Fault[] = [];
  const seen = new Set<string>();
  for (const error of withoutNoise(errors.slice(0, MAX_ERRORS) as readonly AnyError[])) {
    const fault = { pointer: pointer + placeOf(error), detail: sentence(error) };
    const key = `${fault.pointer} ${fault.detail}`;
    if (seen.has(key)) continue;
    seen.add(key);
    if (faults.length === MAX_FAULTS) {
      faults.push({ pointer, detail: 'and more; these are the first of them' });
      break;
    }
    faults.push(fault);
  }
  return faults;
}

/** Escapes one token of a JSON pointer (RFC 6901, section 3). */
export function pointerToken(token: string | number): string {
  return String(token).replaceAll('~', '~0').replaceAll('/', '~1');
}

/**
 * Where alternatives fail, ajv reports the faults of every one of them. Those deeper inside belong to the
 * alternative that was meant; the ones at the alternatives' own place only say that others were not.
 */
function withoutNoise(errors: readonly AnyError[]): readonly AnyError[] {
  let kept = errors.filter(({ keyword }) => keyword !== 'if' && keyword !== 'propertyNames');
  for (const choice of errors.filter(({ keyword }) => keyword === 'oneOf' || keyword === 'anyOf')) {
    const at = choice.instancePath;
    const inside = isInside(choice);
    const hasDeeper = kept.some((error) => error.instancePath.startsWith(`${at}/`));
    const isShape = (error: AnyError): boolean =>
      error !== choice && error.instancePath === at && inside(error);
    const alternatives = kept.filter(isShape);
    kept = kept.flatMap((error) => {
      if (error === choice) return hasDeeper ? [] : [{ ...choice, alternatives }];
      return isShape(error) ? [] : [error];
    });
  }
  return kept;
}

/** Whether an error comes out of one of the alternatives of a choice, as far as its schema path tells. */
function isInside(choice: AnyError): (error: AnyError) => boolean {
  const branches = Array.isArray(choice.schema) ? (choice.schema as unknown[]) : [];
  const referred = branches.flatMap((branch) => {
    const target = (branch as { $ref?: unknown } | null)?.$ref;
    return typeof target === 'string' ? [target] : [];
  });
  return ({ schemaPath }) =>
    schemaPath.startsWith(`${choice.schemaPath}/`) ||
    referred.some((target) => schemaPath.startsWith(`${target}/`));
}

function placeOf(error: AnyError): string {
  const { additionalProperty, unevaluatedProperty } = error.params;
  const extra = additionalProperty ?? unevaluatedProperty ?? error.propertyName;
  return typeof extra === 'string' ? `${error.instancePath}/${pointerToken(extra)}` : error.instancePath;
}

function sentence(error: AnyError): string {
  const { keyword, params, parentSchema = {}, data } = error;
  const means = parentSchema['x-means'];
  const limit = params.limit;
  switch (keyword) {
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return unknownField(String(params.additionalProperty ?? params.unevaluatedProperty), parentSchema);
    case 'required':
      return `the field \`${params.missingProperty}\` is missing`;
    case 'type':
      return wrongType(params.type, data);
    case 'enum':
      return wrongChoice(params.allowedValues ?? [], data);
    case 'const':
      return `has to be ${JSON.stringify(params.allowedValue)}`;
    case 'pattern':
      if (typeof means === 'string') return `has to be ${means}`;
      return `does not match ${params.pattern}${described(parentSchema)}`;
    case 'format':
      return formatMeans(String(params.format), data);
    case 'minimum':
      return `has to be at least ${limit}`;
    case 'maximum':
      return `has to be at most ${limit}`;
    case 'exclusiveMinimum':
      return `has to be more than ${limit}`;
    case 'exclusiveMaximum':
      return `has to be less than ${limit}`;
    case 'multipleOf':
      return `has to be a multiple of ${params.multipleOf}`;
    case 'minLength':
      return `has to have at least ${limit} characters`;
    case 'maxLength':
      return `has to have at most ${limit} characters`;
    case 'minItems':
      return `has to have at least ${plural(limit, 'item')}`;
    case 'maxItems':
      return `has to have at most ${plural(limit, 'item')}`;
    case 'minProperties':
      return `has to have at least ${plural(limit, 'field')}`;
    case 'maxProperties':
      return `has to have at most ${plural(limit, 'field')}`;
    case 'uniqueItems':
      return `items ${params.j} and ${params.i} are the same`;
    case 'oneOf':
    case 'anyOf':
      return wrongAlternative(error);
    case 'false schema':
      return 'is not allowed here';
    default:
      return error.message ?? `breaks the rule ${keyword}`;
  }
}

function unknownField(name: string, parentSchema: Schema): string {
  const known = Object.keys(parentSchema.properties ?? {});
  const near = closest(name, known);
  const hint =
    near !== undefined
      ? `did you mean \`${near}\`?`
      : known.length === 0
        ? 'there are none'
        : `there are ${names(known)}`;
  return `there is no field \`${name}\` here; ${hint}`;
}

function wrongType(expected: unknown, data: unknown): string {
  const types = Array.isArray(expected) ? expected.map(String) : String(expected).split(',');
  const found = data === null ? 'null' : Array.isArray(data) ? 'array' : typeof data;
  // YAML reads 0000000000000001 and `no` as a number and a word of its own.
  const hint =
    types.includes('string') && found !== 'object' && found !== 'array' ? '; write it in quotes' : '';
  return `has to be ${types.map((type) => article(type)).join(' or ')} and is ${article(found)}${hint}`;
}

function wrongChoice(allowed: readonly unknown[], data: unknown): string {
  const texts = allowed.filter((value): value is string => typeof value === 'string');
  const near = typeof data === 'string' ? closest(data, texts) : undefined;
  const values = allowed.map((value) => JSON.stringify(value)).join(', ');
  return `has to be ${allowed.length === 1 ? '' : 'one of '}${values}${near === undefined ? '' : `; did you mean ${JSON.stringify(near)}?`}`;
}

function wrongAlternative({ parentSchema = {}, schema, params, data, alternatives = [] }: AnyError): string {
  const means = parentSchema['x-means'];
  if (typeof means === 'string') return `${means}; here it is ${params.passingSchemas ? 'both' : 'neither'}`;
  const branches = (Array.isArray(schema) ? schema : []) as {
    required?: string[];
    format?: string;
    const?: unknown;
  }[];
  const required = branches.flatMap((branch) => branch.required ?? []);
  if (required.length > 1 && typeof data === 'object') return `has to have exactly one of ${names(required)}`;
  const formats = branches.flatMap(({ format }) =>
    format === undefined ? [] : [formatMeans(format, undefined)],
  );
  if (formats.length > 1) return formats.join(', or ').replaceAll(', or has to be', ', or');
  const sentences = [...new Set(alternatives.map(sentence))].slice(0, 3);
  return sentences.length > 0
    ? sentences.join(', or ')
    : `is none of the forms that are allowed here${described(parentSchema)}`;
}

function described(schema: Schema): string {
  return typeof schema.description === 'string' ? ` (${schema.description})` : '';
}

function names(list: readonly string[]): string {
  return [...new Set(list)].map((name) => `\`${name}\``).join(', ');
}

function article(type: string): string {
  if (type === 'null') return 'null';
  return /^[aeio]/.test(type) ? `an ${type}` : `a ${type}`;
}

function plural(count: unknown, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
