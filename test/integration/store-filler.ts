/**
 * Fills the disk that a store is on, and says as a line of JSON what came of it. Run by store-damage.test.ts in a mount
 * namespace of its own, with a small file system mounted at the directory that is the argument.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ChainstitchError } from '../../src/model/errors.ts';
import { openStore } from '../../src/store/store.ts';
import { ALICE } from '../unit/northbound/support.ts';

const [directory = ''] = process.argv.slice(2);
const file = join(directory, 'state.db');
const ballast = join(directory, 'ballast');
// Freed later, so that the store can go on.
writeFileSync(ballast, new Uint8Array(1_000_000));

const store = openStore(file);
const labels = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`l${i}`, 'x'.repeat(60)]));
const put = (name: string) => ({ op: 'put', kind: 'subscribers', spec: { ...ALICE, name, labels } }) as never;
let written = 0;
let error: unknown;
while (error === undefined && written < 100_000) {
  try {
    await store.commit({ changes: [put(`s${written}`), put(`t${written}`)] });
    written++;
  } catch (thrown) {
    error = thrown;
  }
}
const shown = store.declared().subscribers.size;
rmSync(ballast);
await store.commit({ changes: [put('after')] });
store.close();
const again = openStore(file);
const { subscribers } = again.declared();
process.stdout.write(
  JSON.stringify({
    code: error instanceof ChainstitchError ? error.code : String(error),
    message: error instanceof Error ? error.message : '',
    written,
    shown,
    stored: subscribers.size,
    pairs: Array.from({ length: written }, (_, i) =>
      [`s${i}`, `t${i}`].every((name) => subscribers.has(name as never)),
    ).every(Boolean),
    after: subscribers.has('after' as never),
    newest: again.journal.newest,
  }),
);
again.close();
