/** Asks the catalogue's schema and a booted guest what they say about the same configurations. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Test } from 'tap';

import { FORMATS } from '../../src/northbound/formats.ts';
import { startMachine } from './machine.ts';

const functions = resolve(import.meta.dirname, '../../unikernels/functions');

export type Verdicts = {
  /** Both accept it; the first one is what the guest boots with. */
  readonly both: readonly unknown[];
  readonly neither: readonly unknown[];
  /** Only the guest refuses: what compares two values, which JSON Schema cannot. */
  readonly guestOnly: readonly unknown[];
};

export async function agree(t: Test, name: string, { both, neither, guestOnly }: Verdicts): Promise<void> {
  const { configSchema, memoryMiB } = JSON.parse(
    readFileSync(join(functions, name, 'function.json'), 'utf8'),
  );
  const validate = new Ajv2020({
    strict: true,
    strictTypes: false,
    strictRequired: false,
    formats: FORMATS,
  }).compile(configSchema);
  const { console } = await startMachine(t, { function: name, memoryMiB, config: both[0] });
  const guest = async (config: unknown): Promise<boolean> =>
    (await console.configure(1, config)).startsWith('config ok');
  const check = async (configs: readonly unknown[], schema: boolean, accepted: boolean): Promise<void> => {
    for (const config of configs)
      t.strictSame([validate(config), await guest(config)], [schema, accepted], JSON.stringify(config));
  };
  await check(both, true, true);
  await check(neither, false, false);
  await check(guestOnly, true, false);
}
