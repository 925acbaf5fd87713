/**
 * Promise 5: what was acknowledged survives `kill -9` at any moment, and nothing is there in half.
 * SEED=... runs the same moments again.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { Name } from '../../src/model/ids.ts';
import { openStore } from '../../src/store/store.ts';

const { SEED } = process.env;
const seed = Number(SEED ?? Date.now() % 1_000_000);
const writer = fileURLToPath(new URL('store-writer.ts', import.meta.url));

type Acknowledged = { object: number; steering: number };

/** Runs the writer, kills it some time after its first acknowledgement, and returns the last of each kind. */
async function writeAndKill(file: string, mode: string, afterMs: number): Promise<Acknowledged> {
  const child = spawn(process.execPath, ['--no-warnings', writer, file, mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const closed = once(child, 'close');
  await Promise.race([once(child.stdout, 'data'), closed]);
  await sleep(afterMs);
  child.kill('SIGKILL');
  await closed;
  const last = { object: 0, steering: 0 };
  // A line without its end was never acknowledged.
  for (const line of output.split('\n').slice(0, -1)) {
    const [what, step] = line.split(' ');
    if (what === 'object' || what === 'steering') last[what] = Number(step);
  }
  return last;
}

/** What is wrong with the store, given what was acknowledged. */
function faults(file: string, acknowledged: Acknowledged): string[] {
  const store = openStore(file);
  const found: string[] = [];
  const alice = store.declared().subscribers.get('alice' as Name);
  const generation = alice?.generation ?? 0;
  if (generation < acknowledged.object)
    found.push(`lost: object ${acknowledged.object}, stored ${generation}`);
  if (generation > acknowledged.object + 1) found.push(`object ${generation} was never asked for`);
  const labels = new Set(Object.values(alice?.spec.labels ?? {}));
  if (labels.size > 1 || (generation > 0 && !labels.has(`step-${generation}`))) found.push('half an object');
  if (store.declared().revision !== generation) found.push('revision and object differ');

  const { nextPath, nextOwner, nextInstance, owners, paths } = store.steering();
  const steps = new Set([nextPath, nextOwner, nextInstance, owners.get(1) ?? 1]);
  for (const { chain } of paths.values()) steps.add(Number(chain.slice('step-'.length)));
  if (steps.size !== 1) found.push(`half of steering: ${[...steps].join(', ')}`);
  if (nextPath < acknowledged.steering)
    found.push(`lost: steering ${acknowledged.steering}, stored ${nextPath}`);
  store.close();
  return found;
}

/** A number from 0 up to 1 from a seed (mulberry32). */
function randomizer(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 4_294_967_296;
  };
}

t.test('nothing acknowledged is lost and nothing is there in half', async (t) => {
  t.comment(`SEED=${seed}`);
  const random = randomizer(seed);
  const file = `${t.testdir()}/state.db`;
  let writes = 0;
  for (let round = 1; round <= 12; round++) {
    const acknowledged = await writeAndKill(file, 'honest', random() * 60);
    t.same(faults(file, acknowledged), [], `round ${round}: ${JSON.stringify(acknowledged)}`);
    writes = Math.max(writes, acknowledged.object);
  }
  t.ok(writes > 12, `${writes} writes in all`);
});

for (const mode of ['acknowledge-first', 'many-transactions']) {
  t.test(`the test sees the fault "${mode}"`, async (t) => {
    const random = randomizer(seed);
    const file = `${t.testdir()}/state.db`;
    let seen: string[] = [];
    for (let round = 1; round <= 100 && seen.length === 0; round++) {
      seen = faults(file, await writeAndKill(file, mode, random() * 60));
    }
    t.not(seen.length, 0, seen.join('; '));
  });
}
