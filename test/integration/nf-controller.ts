/**
 * A controller that runs instances until it is killed, for tests of what it leaves behind. It says each change
 * of its facts on stdout as a line of JSON. Run by the tests of nf.
 *
 * Arguments: the run directory, and what is wanted as JSON.
 */
import { writeSync } from 'node:fs';
import type { WantedInstance } from '../../src/model/desired.ts';
import { createInstances } from '../../src/nf/index.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { imageDir, newManager } from './nf-world.ts';

const [runDir = '', text = '[]'] = process.argv.slice(2);
const wanted: WantedInstance[] = JSON.parse(text);
const { instances, settled } = createInstances({
  runDir,
  imageDir,
  listDir: runDir,
  ports: newManager(),
  wake: () => tell(),
  log: silentLog(),
});
await settled;
instances.want(wanted);
tell();

function tell(): void {
  writeSync(1, `${JSON.stringify([...(instances?.facts().values() ?? [])])}\n`);
}
