/**
 * Bytes of a body to a JSON value, strictly: every doubt about what was meant is a refusal.
 */
import { type Document, isAlias, isCollection, isMap, isScalar, LineCounter, parseAllDocuments } from 'yaml';
import type { Json } from '../model/declared.ts';
import { ChainstitchError, type Fault } from '../model/errors.ts';
import { API_LIMITS } from '../model/limits.ts';
import { pointerToken } from './faults.ts';

/**
 * @param documents how many the body may have if it is YAML; where it is many, they become the `items` of one object
 * @throws ChainstitchError `malformed-request`
 */
export function parseBody(type: 'json' | 'yaml', bytes: Uint8Array, documents: 'one' | 'many' = 'one'): Json {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw malformed('the body is not UTF-8');
  }
  if (text.trim() === '') throw malformed('the body is empty');
  return type === 'json' ? parseJson(text) : parseYaml(text, documents);
}

function parseJson(text: string): Json {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (error) {
    throw malformed(`the body is not JSON: ${(error as Error).message}`);
  }
  refuseDuplicateNames(text);
  return bounded(value);
}

/**
 * JSON.parse keeps the last of two equal names without a word. The text is known to be JSON here, so it is
 * enough to follow its brackets and strings.
 */
function refuseDuplicateNames(text: string): void {
  const tokens = /"(?:[^"\\]|\\.)*"|[{}[\],]/g;
  const scopes: { names: Set<string> | undefined; name: string; index: number }[] = [];
  let expectsName = false;
  for (const [token] of text.matchAll(tokens)) {
    const scope = scopes.at(-1);
    if (token === '{' || token === '[') {
      scopes.push({ names: token === '{' ? new Set() : undefined, name: '', index: 0 });
      if (scopes.length > API_LIMITS.bodyDepth) throw tooDeep();
      expectsName = token === '{';
    } else if (token === '}' || token === ']') {
      scopes.pop();
      expectsName = false;
    } else if (token === ',') {
      expectsName = scope?.names !== undefined;
      if (scope) scope.index++;
    } else if (expectsName && scope?.names) {
      const name = JSON.parse(token) as string;
      const pointer = scopes
        .map((s) => `/${pointerToken(s === scope ? name : s.names ? s.name : s.index)}`)
        .join('');
      if (scope.names.has(name)) throw twice(name, pointer);
      scope.names.add(name);
      scope.name = name;
      expectsName = false;
    }
  }
}

function parseYaml(text: string, allowed: 'one' | 'many'): Json {
  const lines = new LineCounter();
  let documents: Document.Parsed[];
  try {
    documents = [...parseAllDocuments(text, { uniqueKeys: false, lineCounter: lines, prettyErrors: false })];
  } catch (error) {
    throw malformed(`the body is not YAML: ${(error as Error).message}`);
  }
  const [problem] = documents.flatMap(({ errors, warnings }) => [...errors, ...warnings]);
  if (problem !== undefined) {
    const { line, col } = lines.linePos(problem.pos[0]);
    throw malformed(`the body is not YAML: line ${line}, column ${col}: ${problem.message}`);
  }
  if (allowed === 'many') {
    const values = documents
      .filter(({ contents }) => contents !== null && !(isScalar(contents) && contents.value === null))
      .map(({ contents }, index) => yamlValue(contents, `/items/${index}`, 0));
    const [only] = values;
    const isList =
      values.length === 1 && typeof only === 'object' && only !== null && Object.hasOwn(only, 'items');
    return bounded(isList ? only : { items: values });
  }
  const [document] = documents;
  if (document === undefined || documents.length > 1) {
    throw malformed(`the body holds ${documents.length} documents; send one object a request`);
  }
  return bounded(yamlValue(document.contents, '', 0));
}

/**
 * The JSON value of a node. YAML can say more than JSON: aliases, tags and names that are no texts. None of
 * it is needed here, and aliases are how a small text becomes a large value.
 */
function yamlValue(node: unknown, pointer: string, depth: number): Json {
  if (depth > API_LIMITS.bodyDepth) throw tooDeep();
  if (node === null) return null;
  if (isAlias(node)) throw malformed('aliases are not understood', pointer, 'write the value out');
  if ((isCollection(node) || isScalar(node)) && (node.anchor !== undefined || node.tag?.startsWith('!'))) {
    throw malformed('anchors and tags are not understood', pointer, 'leave it out');
  }
  if (isMap(node)) {
    const names = new Set<string>();
    const entries = node.items.map(({ key, value }): [string, Json] => {
      if (!isScalar(key) || typeof key.value !== 'string' || key.anchor !== undefined) {
        throw malformed('a name is no text', pointer, 'write names as plain or quoted text');
      }
      const inside = `${pointer}/${pointerToken(key.value)}`;
      if (names.has(key.value)) throw twice(key.value, inside);
      names.add(key.value);
      return [key.value, yamlValue(value, inside, depth + 1)];
    });
    return Object.fromEntries(entries);
  }
  if (isCollection(node))
    return node.items.map((item, index) => yamlValue(item, `${pointer}/${index}`, depth + 1));
  const value = isScalar(node) ? node.value : undefined;
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw malformed('the number is none that JSON has', pointer, 'write a finite number');
  }
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return value as Json;
  throw malformed('the value is none that JSON has', pointer, 'write text, number, true, false or null');
}

/** Refuses what would be slow or treacherous further on: long lists, and the name that reaches prototypes. */
function bounded(value: Json, pointer = ''): Json {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value) && value.length > API_LIMITS.listItems) {
    throw malformed('a list is too long', pointer, `has to have at most ${API_LIMITS.listItems} items`);
  }
  for (const [name, item] of Object.entries(value)) {
    const inside = `${pointer}/${pointerToken(name)}`;
    if (name === '__proto__')
      throw malformed('the name __proto__ is not allowed', inside, 'use another name');
    bounded(item as Json, inside);
  }
  return value;
}

function malformed(detail: string, pointer?: string, remedy = ''): ChainstitchError {
  const faults: Fault[] = pointer === undefined ? [] : [{ pointer, detail: remedy }];
  return new ChainstitchError('malformed-request', detail, { faults });
}

function tooDeep(): ChainstitchError {
  return malformed(`the body is nested deeper than ${API_LIMITS.bodyDepth} levels`);
}

function twice(name: string, pointer: string): ChainstitchError {
  return malformed(
    'a name is given twice in one object',
    pointer,
    `\`${name}\` is given twice; leave one of them out`,
  );
}
