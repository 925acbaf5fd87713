/**
 * The contract in openapi/ is cut into one file per resource. They are joined here into one OpenAPI document.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Json, JsonObject } from '../model/declared.ts';

/** What `x-collection` says in the file of a collection. */
type CollectionNote = {
  readonly kind: string;
  readonly schema: string;
  readonly noun: string;
  readonly item?: string;
};

const ROOT = 'chainstitch.yaml';
const TEMPLATE = 'collection.yaml';
const METHODS = ['get', 'put', 'post', 'patch', 'delete'];

/**
 * The whole contract: the root file first, then what each collection is by the template, then every file's own.
 * Objects are joined member by member and lists one after the other. `x-every-operation` in the root holds what
 * each operation has.
 *
 * @throws Error where two files say different things in one place
 */
export function joinContract(directory: string): JsonObject {
  const read = (name: string): string => readFileSync(join(directory, name), 'utf8');
  const names = readdirSync(directory)
    .filter((name) => name.endsWith('.yaml') && name !== ROOT && name !== TEMPLATE)
    .sort();
  const template = read(TEMPLATE);
  const { 'x-every-operation': everywhere = {}, ...root } = parse(read(ROOT)) as JsonObject;
  let whole: JsonObject = root;
  for (const name of names) {
    const { 'x-collection': note, ...part } = parse(read(name)) as JsonObject;
    if (note !== undefined) {
      const instance = parse(fillIn(template, note as CollectionNote)) as JsonObject;
      whole = merge(whole, instance, name);
    }
    whole = merge(whole, part, name);
  }
  const paths = Object.entries(whole['paths'] as { [path: string]: JsonObject }).map(([path, item]) => [
    path,
    Object.fromEntries(
      Object.entries(item).map(([key, value]) => [
        key,
        METHODS.includes(key) ? merge(value as JsonObject, everywhere as JsonObject, path) : value,
      ]),
    ),
  ]);
  return { ...whole, paths: Object.fromEntries(paths) as JsonObject };
}

function fillIn(template: string, { kind, schema, noun, item = schema }: CollectionNote): string {
  return template
    .replaceAll('<kind>', kind)
    .replaceAll('<Schema>', schema)
    .replaceAll('<Item>', item)
    .replaceAll('<noun>', noun);
}

function merge(into: JsonObject, from: JsonObject, where: string): JsonObject {
  const result: Record<string, Json> = { ...into };
  for (const [key, value] of Object.entries(from)) {
    const before = result[key];
    const at = `${where} ${key}`;
    if (before === undefined) result[key] = value;
    else if (Array.isArray(before) && Array.isArray(value)) result[key] = [...before, ...value];
    else if (isObject(before) && isObject(value)) result[key] = merge(before, value, at);
    else if (before !== value) throw new Error(`the contract says two things at ${at}`);
  }
  return result;
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
