/**
 * Where encoding flow-mods allocates: the bytes for each message, by function, as a heap profile samples them. Nothing
 * of src/match.ts is to be among them: an OXM is written without an object of its own. `uint` is the halves of values of
 * more than 64 bits.
 * Usage: node ts-openflow/bench/allocations.ts
 */

import { readFileSync } from 'node:fs';
import { type HeapProfiler, Session } from 'node:inspector/promises';
import { decode, encode, type Message } from '../src/index.ts';

const flowMods = readFileSync(new URL('../test/vectors/ovs.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line): Message => decode(Buffer.from(JSON.parse(line).hex, 'hex')))
  .filter(({ type, version }) => type === 'flowMod' && version === 4);

function encodeAll(rounds: number): void {
  for (let round = 0; round < rounds; round++) for (const message of flowMods) encode(message);
}

const rounds = 300;
const session = new Session();
session.connect();
// What the compiler does first is not looked at.
encodeAll(3000);
await session.post('HeapProfiler.startSampling', {
  samplingInterval: 512,
  includeObjectsCollectedByMajorGC: true,
  includeObjectsCollectedByMinorGC: true,
});
encodeAll(rounds);
const { profile } = await session.post('HeapProfiler.stopSampling');

const sizes = new Map<string, number>();
function count({ callFrame, selfSize, children }: HeapProfiler.SamplingHeapProfileNode): void {
  const file = callFrame.url.split('/ts-openflow/').at(-1) ?? '';
  const name = `${callFrame.functionName || '(module)'} ${file}`;
  sizes.set(name, (sizes.get(name) ?? 0) + selfSize);
  for (const child of children) count(child);
}
count(profile.head);
for (const [name, size] of [...sizes].sort((a, b) => b[1] - a[1])) {
  const each = size / rounds / flowMods.length;
  if (each >= 1) process.stdout.write(`${each.toFixed(1).padStart(8)} bytes a message: ${name}\n`);
}
