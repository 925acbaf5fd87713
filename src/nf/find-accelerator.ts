/** Finds out what guests run fastest with here, for somebody who only wants to know. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject, OwnFunctionSpec } from '../model/declared.ts';
import { AcceleratorChoice } from './accelerator.ts';
import type { Accelerator } from './argv.ts';
import { systemClock } from './clock.ts';
import { RunDir } from './rundir.ts';

/** A function that every configuration suits, so that a guest of it boots. */
const UNDEMANDING = 'counter';

/** Boots guests for some seconds. What is in doubt is `tcg`. */
export async function findAccelerator(
  imageDir: string,
  functions: readonly OwnFunctionSpec[],
): Promise<Accelerator> {
  const spec = functions.find(({ name }) => name === UNDEMANDING);
  if (spec === undefined) return 'tcg';
  const directory = mkdtempSync(join(tmpdir(), 'chainstitch-doctor-'));
  try {
    const options = { qemu: 'qemu-system-x86_64', runDir: new RunDir(directory), clock: systemClock };
    return await new AcceleratorChoice(undefined, options).for(join(imageDir, spec.image), {} as JsonObject);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
