/**
 * How fast messages are decoded and encoded, next to Python's libraries if they are there: `node bench/bench.ts`.
 * Each library is measured on the messages that it can read itself. PYTHONPATH is passed on.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { decode, encode } from '../src/index.ts';

const milliseconds = 2000;

const vectors: Uint8Array[] = readFileSync(new URL('../test/vectors/ovs.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => Buffer.from(JSON.parse(line).hex, 'hex'));

/** The larger ones would count for all others. */
const maxBytes = 2000;

const sets: Readonly<Record<string, readonly Uint8Array[]>> = {
  'flow-mods, 1.3': vectors.filter((bytes) => bytes[0] === 4 && bytes[1] === 14),
  'flow-mods, 1.5': vectors.filter((bytes) => bytes[0] === 6 && bytes[1] === 14),
  'all up to 2000 bytes, 1.3': vectors.filter((bytes) => bytes[0] === 4 && bytes.byteLength <= maxBytes),
  'all up to 2000 bytes, 1.5': vectors.filter((bytes) => bytes[0] === 6 && bytes.byteLength <= maxBytes),
};

function rate<T>(work: (item: T) => unknown, items: readonly T[]): number {
  let done = 0;
  const start = performance.now();
  while (performance.now() - start < milliseconds) {
    for (const item of items) work(item);
    done += items.length;
  }
  return Math.round((1000 * done) / (performance.now() - start));
}

const print = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

for (const [set, messages] of Object.entries(sets)) {
  const values = messages.map((bytes) => decode(bytes));
  print({
    set,
    library: 'ts-openflow',
    messages: messages.length,
    notRead: 0,
    decodedPerSecond: rate(decode, messages),
    notWritten: 0,
    encodedPerSecond: rate(encode, values),
  });
  const input = messages.map((bytes) => Buffer.from(bytes).toString('hex')).join('\n');
  const peers = spawnSync('python3', [fileURLToPath(new URL('./peers.py', import.meta.url))], {
    input,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  for (const line of peers.stdout.trim().split('\n')) if (line) print({ set, ...JSON.parse(line) });
}
