/**
 * `?fields=spec.name,status.phase`: only these parts of what would be answered. A field that the schema does not have
 * is refused, since it could only be a mistake.
 */
import { closest } from '../model/closest.ts';
import type { Json, JsonObject } from '../model/declared.ts';
import { contract } from './contract.ts';
import { invalid } from './list.ts';

const MAX_FIELDS = 32;
const PREFIX = '#/components/schemas/';

/** @throws ChainstitchError `invalid-parameter` */
export function selection(text: string | undefined, schema: string): (shown: unknown) => unknown {
  if (text === undefined) return (shown) => shown;
  const paths = text.split(',').map((path) => path.split('.'));
  if (paths.length > MAX_FIELDS)
    throw invalid(`the query parameter \`fields\` has more than ${MAX_FIELDS} fields`);
  for (const path of paths) check(path, { $ref: PREFIX + schema });
  return (shown) => select(shown as Json, paths);
}

function select(value: Json, paths: readonly (readonly string[])[]): Json {
  if (paths.some((path) => path.length === 0)) return value;
  if (Array.isArray(value)) return value.map((item) => select(item as Json, paths));
  if (typeof value !== 'object' || value === null) return value;
  const object = value as JsonObject;
  const names = new Set(paths.map(([name = '']) => name));
  return Object.fromEntries(
    [...names]
      .filter((name) => Object.hasOwn(object, name) && object[name] !== undefined)
      .map((name) => [
        name,
        select(
          object[name] as Json,
          paths.filter(([first]) => first === name).map((path) => path.slice(1)),
        ),
      ]),
  );
}

type Schema = {
  readonly $ref?: string;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: unknown;
};

function check(path: readonly string[], root: Schema): void {
  let at: readonly Schema[] = [root];
  for (const [depth, name] of path.entries()) {
    const objects = at.flatMap(resolved);
    const known = objects.flatMap(({ properties }) => Object.keys(properties ?? {}));
    const isOpen = objects.some(
      ({ properties, additionalProperties }) => properties === undefined && additionalProperties !== false,
    );
    at = objects.flatMap(({ properties }) =>
      properties !== undefined && Object.hasOwn(properties, name) ? [properties[name] as Schema] : [],
    );
    // Inside labels and configurations anything may stand.
    if (at.length === 0 && isOpen && name !== '') return;
    if (at.length > 0) continue;
    const near = closest(name, known);
    const there = path.slice(0, depth).join('.');
    throw invalid(
      `the query parameter \`fields\` names \`${path.join('.')}\`, and there is no \`${name}\`` +
        `${there === '' ? '' : ` in \`${there}\``}${near === undefined ? '' : `; did you mean \`${near}\`?`}`,
    );
  }
}

/** The object schemas that a schema stands for; of a list, those of its items. A text or a number has none. */
function resolved(schema: Schema): readonly Schema[] {
  if (schema.$ref !== undefined) {
    const target = contract.components.schemas[schema.$ref.slice(PREFIX.length)] as Schema | undefined;
    return [...(target === undefined ? [] : resolved(target))];
  }
  if (schema.anyOf !== undefined) return schema.anyOf.flatMap(resolved);
  if (schema.items !== undefined) return resolved(schema.items);
  return (schema as JsonObject)['type'] === 'object' ? [schema] : [];
}
