/** Random requests, made from the contract: mostly what it allows, and now and then what it does not. */
import fc, { type Arbitrary } from 'fast-check';
import { contract } from '../../../src/northbound/contract.ts';

type Schema = {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly propertyNames?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
};
type Parameter = { readonly name: string; readonly in: 'path' | 'query' | 'header'; readonly schema: Schema };
type Content = {
  readonly schema: Schema;
  readonly examples?: Readonly<Record<string, { readonly $ref?: string }>>;
};
type Operation = {
  readonly parameters?: readonly (Parameter | Schema)[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Content>> } | Schema;
};

export type RandomRequest = {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
};

/** Names that are likely to be there, so that requests meet objects and one another. */
const NAMES = [
  's1',
  'out',
  'alice',
  'c',
  'firewall',
  'bob',
  'new',
  'acme.alice',
  'acme.c',
  'beta.bob',
  'beta.c',
];

/** Values that have been somebody's undoing. */
const NASTY = fc.constantFrom<unknown>(
  null,
  '',
  '__proto__',
  'constructor',
  '\u0000',
  '../../etc/passwd',
  '%00',
  'é'.repeat(200),
  '\ud800',
  -1,
  2 ** 53,
  1e308,
  [],
  {},
  true,
  JSON.parse('{"__proto__":{"polluted":true}}'),
  { constructor: { prototype: { polluted: true } } },
  Array.from({ length: 40 }).reduce<unknown>((inner) => [inner], 1),
  'x'.repeat(10_000),
);

function deref<T>(value: T | { readonly $ref?: string }): T {
  const { $ref } = value as { readonly $ref?: string };
  if ($ref === undefined) return value as T;
  const target = $ref
    .slice(2)
    .split('/')
    .reduce<unknown>((at, token) => (at as Record<string, unknown>)[token], contract);
  return deref(target as T);
}

/** A value that the schema accepts, as a rule, and with some luck one that is spoilt in one place. */
function anyValue(schema: Schema, depth = 0): Arbitrary<unknown> {
  const right = rightValue(schema, depth);
  return fc.oneof({ weight: 30, arbitrary: right }, { weight: 1, arbitrary: NASTY });
}

function rightValue(given: Schema, depth: number): Arbitrary<unknown> {
  const schema = deref<Schema>(given);
  if (given.$ref?.endsWith('/Name') === true) return fc.constantFrom(...NAMES);
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const choices = schema.anyOf ?? (schema.properties === undefined ? schema.oneOf : undefined);
  if (choices !== undefined) return fc.oneof(...choices.map((choice) => anyValue(choice, depth)));
  const type = Array.isArray(schema.type) ? (schema.type[0] as string) : schema.type;
  switch (type) {
    case 'object':
      return objectOf(schema, depth);
    case 'array':
      return fc.array(anyValue(schema.items ?? {}, depth + 1), {
        minLength: Math.min(schema.minItems ?? 0, 3),
        maxLength: Math.min(schema.maxItems ?? 3, depth > 4 ? 1 : 3),
      });
    case 'integer':
    case 'number':
      return fc.integer({
        min: schema.minimum ?? 0,
        max: Math.max(schema.minimum ?? 0, schema.maximum ?? 1000),
      });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'string':
      return textOf(schema);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function textOf({ pattern, format, minLength = 0, maxLength = 20 }: Schema): Arbitrary<string> {
  if (format === 'ipv4') return fc.ipV4();
  if (format === 'ipv6') return fc.ipV6();
  if (pattern !== undefined) {
    // What is looked for behind a place is more than the generator can do.
    const plain = pattern.replaceAll(/\(\?[=!][^)]*\)/g, '');
    return fc.stringMatching(new RegExp(plain));
  }
  return fc.string({ minLength, maxLength: Math.min(maxLength, 40) });
}

function objectOf(schema: Schema, depth: number): Arbitrary<unknown> {
  const { properties = {}, required = [], additionalProperties, oneOf } = schema;
  if (depth > 8) return fc.constant({});
  const known = fc.record(
    Object.fromEntries(Object.entries(properties).map(([name, of]) => [name, anyValue(of, depth + 1)])),
    { requiredKeys: [...required] },
  );
  const extra =
    typeof additionalProperties === 'object'
      ? fc.dictionary(textOf(deref(schema.propertyNames ?? {})), anyValue(additionalProperties, depth + 1), {
          maxKeys: 3,
        })
      : additionalProperties === false
        ? fc.oneof(
            { weight: 20, arbitrary: fc.constant({}) },
            { weight: 1, arbitrary: fc.constant({ extra: 1 }) },
          )
        : fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 2 });
  // Of fields that exclude one another, one set stays.
  const rivals = (oneOf ?? []).map((one) => one.required ?? []);
  const pick = fc.nat({ max: Math.max(rivals.length - 1, 0) });
  return fc.tuple(known, extra, pick).map(([own, more, chosen]) => {
    const dropped = rivals.flatMap((names, index) => (index === chosen ? [] : names));
    return Object.fromEntries(
      Object.entries({ ...more, ...own }).filter(([name]) => !dropped.includes(name)),
    );
  });
}

function parametersOf(list: readonly (Parameter | Schema)[]): readonly Parameter[] {
  return list.map((one) => deref<Parameter>(one));
}

/** Texts as they may stand in a header: node refuses to send others, and so does any client. */
const headerText = (value: unknown): string =>
  String(value)
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .slice(0, 400);

/** Query parameters that some routes have and others have not. */
const STRAY = [
  'wait=active',
  'wait=gone',
  'timeout=1ms',
  'dryRun=true',
  'fields=spec.name',
  'limit=2',
  'cursor=x',
  'x=1',
];

/** What the contract shows as an example, under a name that may be taken. */
function exampleOf({ examples = {}, schema }: Content): Arbitrary<unknown> {
  const [example] = Object.values(examples).map((one) => deref<{ value?: unknown }>(one as never).value);
  if (example === undefined) return anyValue(schema);
  const isNamed = typeof example === 'object' && example !== null && 'name' in example;
  if (!isNamed) return fc.constant(example);
  return fc
    .constantFrom(...NAMES, undefined)
    .map((name) => (name === undefined ? example : { ...example, name }));
}

/**
 * @param shuns paths that are left out, because what they answer has no end or costs time
 * @param only the others
 */
export function requests(shuns: readonly string[], only = /./): Arbitrary<RandomRequest> {
  const operations = Object.entries(contract.paths)
    .filter(([path]) => !shuns.includes(path) && only.test(path))
    .flatMap(([path, item]) =>
      ['get', 'put', 'post', 'patch', 'delete']
        .filter((method) => item[method] !== undefined)
        .map((method) => ({
          path,
          method,
          item: item as unknown as Record<string, Operation & readonly Parameter[]>,
        })),
    );
  return fc.oneof(
    ...operations.map(({ path, method, item }) => {
      const operation = item[method] as Operation;
      const parameters = parametersOf([...(item['parameters'] ?? []), ...(operation.parameters ?? [])]);
      const content =
        operation.requestBody &&
        deref<{ content: Record<string, Content> }>(operation.requestBody as never).content;
      const types = Object.keys(content ?? {});
      const body: Arbitrary<unknown> =
        content === undefined
          ? fc.constant(undefined)
          : fc.oneof(
              { weight: 12, arbitrary: anyValue((Object.values(content)[0] as Content).schema) },
              { weight: 8, arbitrary: exampleOf(Object.values(content)[0] as Content) },
              {
                weight: 1,
                arbitrary: fc.constantFrom('', '{', '[[[[', '"\\ud800"', 'null', '{"a":1,"a":2}', '[1,2'),
              },
            );
      const values = fc.tuple(
        ...parameters.map(({ name, in: where, schema }) =>
          fc.oneof(
            {
              weight: where === 'path' ? 20 : 1,
              arbitrary: anyValue(schema).map((value) => ({ name, where, value })),
            },
            { weight: where === 'path' ? 1 : 5, arbitrary: fc.constant({ name, where, value: undefined }) },
          ),
        ),
      );
      const stray = fc.oneof(
        { weight: 8, arbitrary: fc.constant('') },
        { weight: 1, arbitrary: fc.constantFrom(...STRAY) },
      );
      const type = fc.oneof(
        { weight: 20, arbitrary: fc.constant(types[0]) },
        {
          weight: 1,
          arbitrary: fc.constantFrom('application/yaml', 'text/plain', 'x', 'application/merge-patch+json'),
        },
      );
      return fc.tuple(values, body, stray, type).map(([given, sent, more, media]): RandomRequest => {
        const in_ = (where: string) =>
          given.filter((one) => one.where === where && (one.value !== undefined || where === 'path'));
        // As a rule the name in the path is the one in the body; otherwise little would ever be changed.
        const own = nameOf(sent);
        const url = in_('path').reduce(
          (at, { name, value }) =>
            at.replace(`{${name}}`, () =>
              inUrl(value === undefined ? '~' : name === 'name' && own !== undefined ? own : value),
            ),
          path,
        );
        const query = [...in_('query').map(({ name, value }) => `${name}=${inUrl(value)}`), more]
          .filter(Boolean)
          .join('&');
        return {
          method: method.toUpperCase(),
          url: query === '' ? url : `${url}?${query}`,
          headers: {
            ...Object.fromEntries(in_('header').map(({ name, value }) => [name, headerText(value)])),
            ...(sent === undefined || media === undefined ? {} : { 'content-type': media }),
          },
          body: sent,
        };
      });
    }),
  );
}

function nameOf(body: unknown): string | undefined {
  const { name } = (typeof body === 'object' ? (body ?? {}) : {}) as { name?: unknown };
  return NAMES.find((one) => one === name);
}

function inUrl(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return encodeURIComponent((text ?? '').toWellFormed()).slice(0, 500) || '~';
}
