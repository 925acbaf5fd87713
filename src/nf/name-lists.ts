/**
 * The operator's lists of names, made into tables that guests are given. A table is a file of the run directory that
 * all instances with the same lists have together.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { ChainstitchError } from '../model/errors.ts';
import { CONTRACT } from './contract.ts';
import { makeTable, readList } from './names.ts';

/** No name leads out of the directory. */
const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

export class NameLists {
  readonly #directory: string;
  readonly #tables: string;

  /** Lists are `<directory>/<name>.txt`; tables are made in `tables`. */
  constructor(directory: string, tables: string) {
    this.#directory = directory;
    this.#tables = tables;
  }

  /**
   * The file with the table of these lists as they are now.
   *
   * @throws ChainstitchError `host-failed` when there is no such list, one of its lines is no name, or all are too long
   */
  table(names: readonly string[]): string {
    const strange = names.find((name) => !NAME.test(name));
    if (strange !== undefined)
      throw new ChainstitchError('host-failed', `${JSON.stringify(strange)} cannot be the name of a list`);
    const files = names.map((name) => ({ name, path: join(this.#directory, `${name}.txt`) }));
    const version = createHash('sha256');
    for (const { name, path } of files) {
      const { mtimeMs, size, ino } = of(name, () => statSync(path));
      version.update(`${path} ${mtimeMs} ${size} ${ino}\n`);
    }
    const table = join(this.#tables, `${version.digest('hex').slice(0, 32)}.names`);
    if (existsSync(table)) return table;
    const keys = files.map(({ name, path }) => of(name, () => readList(readFileSync(path, 'utf8'))));
    const bytes = makeTable(keys.flat());
    if (bytes.length > CONTRACT.CONTRACT_MAX_DATA)
      throw new ChainstitchError(
        'host-failed',
        `the lists ${names.join(', ')} need ${bytes.length} bytes together, the most is ${CONTRACT.CONTRACT_MAX_DATA}`,
      );
    mkdirSync(this.#tables, { recursive: true, mode: 0o700 });
    // In one step, and never written again: guests have its pages in their memory.
    writeFileSync(`${table}.new`, bytes, { mode: 0o600 });
    renameSync(`${table}.new`, table);
    return table;
  }
}

function of<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new ChainstitchError(
      'host-failed',
      `the list ${name} cannot be used: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
}
