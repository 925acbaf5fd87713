/**
 * Writes to a store until it is killed, and acknowledges each write with a line on stdout once it is done.
 * One step writes an object and the steering records; every row of a step carries the step's number, so that
 * half a step can be told from a whole one. Run by store.test.ts.
 *
 * Arguments: the file, and `honest` or one of the faults that show that the test can fail:
 * `acknowledge-first` says that it wrote before it did, `many-transactions` saves steering piece by piece.
 */
import { writeSync } from 'node:fs';
import type { Mac, Name, OwnerId, PathId } from '../../src/model/ids.ts';
import type { PathRecord, Steering } from '../../src/model/steering.ts';
import { openStore } from '../../src/store/store.ts';

const PATHS = 40;
const [file = '', mode = 'honest'] = process.argv.slice(2);
const store = openStore(file);
const name = 'alice' as Name;

for (let step = (store.declared().subscribers.get(name)?.generation ?? 0) + 1; ; step++) {
  if (mode === 'acknowledge-first') acknowledge('object', step);
  const spec = {
    name,
    attachment: { switch: 's1' as Name, port: 'p1' },
    mac: '00:00:00:00:00:01' as Mac,
    // Longer than a page, so that a torn write would show.
    labels: Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`label-${i}`, `step-${step}`])),
  };
  if (step === 1) store.create('subscribers', spec);
  else store.replace('subscribers', spec);
  if (mode !== 'acknowledge-first') acknowledge('object', step);

  const next = steering(step);
  if (mode === 'many-transactions') {
    for (const [id, path] of next.paths) {
      store.saveSteering({ ...next, paths: new Map([...store.steering().paths, [id, path]]) });
    }
  }
  store.saveSteering(next);
  acknowledge('steering', step);
}

function steering(step: number): Steering {
  const path = (id: number): PathRecord => ({
    id: id as PathId,
    owner: 1 as OwnerId,
    chain: `step-${step}` as Name,
    subscriber: name,
    switch: 's1' as Name,
    hops: [],
    state: { phase: 'current' },
  });
  return {
    owners: new Map([[1, step as OwnerId]]),
    paths: new Map(Array.from({ length: PATHS }, (_, i) => [(i + 1) as PathId, path(i + 1)])),
    instances: new Map(),
    members: new Map(),
    nextOwner: step,
    nextPath: step,
    nextInstance: step,
  };
}

/** Writes past every buffer of this process: what is in the pipe survives it. */
function acknowledge(what: 'object' | 'steering', step: number): void {
  writeSync(1, `${what} ${step}\n`);
}
