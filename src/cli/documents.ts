/**
 * Declarations in files: YAML with one object or several, each a `kind` and a `spec`. Every one remembers where
 * it stands, so that a fault in it can be shown by file and line.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Document, isNode, LineCounter, parseAllDocuments } from 'yaml';
import { closest } from '../model/closest.ts';
import { type Json, type JsonObject, KINDS, type Kind } from '../model/declared.ts';
import { Failure, type Place } from './failure.ts';

export type Declaration = {
  readonly kind: Kind;
  readonly name: string;
  /** The object without what only the controller writes. */
  readonly body: { readonly kind: Kind; readonly spec: JsonObject };
  /** `file:line:column` of a place in the object, by JSON pointer; of the object where the place is not found. */
  locate(pointer: string): string;
};

/** What the controller adds when it shows an object: left out when one is sent back. */
const SHOWN_ONLY = new Set(['uid', 'generation', 'createdAt', 'updatedAt', 'status', 'declared', 'builtIn']);

/**
 * All declarations of these files, in the order in which they can be made: what others need comes first.
 *
 * @param paths files, directories with `*.yaml`, `*.yml` and `*.json` in them, or `-` for the standard input
 * @throws Failure `input`, with every fault of every file
 */
export function readDeclarations(paths: readonly string[]): readonly Declaration[] {
  const places: Place[] = [];
  const found = paths.flatMap(filesOf).flatMap((file) => declarationsIn(file, places));
  const seen = new Map<string, Declaration>();
  for (const one of found) {
    const key = `${one.kind}/${one.name}`;
    const before = seen.get(key);
    if (before)
      places.push({ where: one.locate(''), detail: `${key} stands at ${before.locate('')} already` });
    seen.set(key, one);
  }
  if (places.length > 0) {
    throw new Failure('input', 'the declarations cannot be read', {
      places,
      remedy: 'Correct what is pointed at; chains/README.md shows what a declaration looks like.',
    });
  }
  if (found.length === 0) throw new Failure('input', `there are no declarations in ${paths.join(', ')}`);
  return [...found].sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind));
}

function filesOf(path: string): readonly string[] {
  if (path === '-') return [path];
  try {
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path)
      .filter((name) => /\.(ya?ml|json)$/.test(name))
      .sort()
      .map((name) => join(path, name));
  } catch (error) {
    throw new Failure('input', `${path} cannot be read: ${(error as Error).message}`);
  }
}

function declarationsIn(file: string, places: Place[]): readonly Declaration[] {
  let text: string;
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new Failure('input', `${file} cannot be read: ${(error as Error).message}`);
  }
  const shown = file === '-' ? 'standard input' : file;
  const lines = new LineCounter();
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${shown}:${line}:${col}`;
  };
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  return [...documents].flatMap((document): readonly Declaration[] => {
    const problems = [...document.errors, ...document.warnings];
    for (const { pos, message } of problems) places.push({ where: at(pos[0]), detail: message });
    if (problems.length > 0 || document.contents === null) return [];
    const start = document.contents.range[0];
    const fault = (detail: string): readonly Declaration[] => {
      places.push({ where: at(start), detail });
      return [];
    };
    let value: Json;
    try {
      value = document.toJS({ maxAliasCount: 0 }) as Json;
    } catch {
      return fault('aliases are not understood; write the value out');
    }
    if (!isObject(value)) return fault('this is no object with `kind` and `spec`');
    const { kind, spec, ...rest } = value;
    if (!isKind(kind)) return fault(kindFault(kind));
    if (!isObject(spec)) return fault('`spec` is missing or is no object');
    const { name } = spec;
    if (typeof name !== 'string' || name === '') return fault('`spec.name` is missing or is no text');
    const unknown = Object.keys(rest).find((key) => !SHOWN_ONLY.has(key));
    if (unknown !== undefined) return fault(`there is no \`${unknown}\` beside \`kind\` and \`spec\``);
    const locate = (pointer: string): string => at(offsetOf(document, pointer) ?? start);
    return [{ kind, name, body: { kind, spec }, locate }];
  });
}

function kindFault(kind: Json | undefined): string {
  if (kind === undefined) return `\`kind\` is missing; it is one of ${KINDS.join(', ')}`;
  const near = closest(String(kind), KINDS);
  return `there is no kind ${JSON.stringify(kind)}; ${near ? `did you mean ${near}?` : `it is one of ${KINDS.join(', ')}`}`;
}

/** Where the value of a pointer stands, or the innermost one around it that there is. */
function offsetOf(document: Document.Parsed, pointer: string): number | undefined {
  const path = pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
  for (let length = path.length; length >= 0; length--) {
    const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return undefined;
}

const isKind = (value: Json | undefined): value is Kind => (KINDS as readonly unknown[]).includes(value);
const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
