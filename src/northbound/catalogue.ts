/**
 * The functions that come with the product, one directory each.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FunctionSpec, Json, OwnFunctionSpec } from '../model/declared.ts';
import { ChainstitchError } from '../model/errors.ts';
import { schemaFaults } from './contract.ts';
import { functionFaults } from './function-faults.ts';

/**
 * Reads every `<directory>/<name>/function.json`, by name.
 *
 * @throws ChainstitchError `bad-setting` where the directory cannot be read or a function in it is not right
 */
export function loadCatalogue(directory: string): readonly OwnFunctionSpec[] {
  let entries: string[];
  try {
    entries = readdirSync(directory).sort();
  } catch (error) {
    throw bad(`function-dir ${directory} cannot be read: ${(error as Error).message}`, error);
  }
  return entries
    .map((entry) => ({ entry, file: join(directory, entry, 'function.json') }))
    .filter(({ file }) => existsSync(file))
    .map(({ entry, file }) => loadFunction(entry, file));
}

function loadFunction(entry: string, file: string): OwnFunctionSpec {
  let value: Json;
  try {
    value = JSON.parse(readFileSync(file, 'utf8')) as Json;
  } catch (error) {
    throw bad(`${file} cannot be read: ${(error as Error).message}`, error);
  }
  const faults = schemaFaults('FunctionSpec', value);
  const spec = value as FunctionSpec;
  const all = faults.length > 0 ? faults : functionFaults(spec);
  const [first] = all;
  if (first !== undefined) {
    throw new ChainstitchError('bad-setting', `${file}: ${first.pointer} ${first.detail}`, { faults: all });
  }
  if (spec.external) throw bad(`${file}: a function that comes with the product is not external`);
  if (spec.name !== entry)
    throw bad(`${file}: the function is called ${spec.name} and its directory ${entry}`);
  return spec;
}

function bad(detail: string, cause?: unknown): ChainstitchError {
  return new ChainstitchError('bad-setting', detail, { cause });
}
