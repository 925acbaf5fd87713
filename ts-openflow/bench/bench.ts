/**
 * How fast messages are decoded and encoded, side by side with Python's libraries: `node bench/bench.ts`.
 *
 * All take turns over the same messages, those that all can read (decode) or write (encode) who can do any of
 * the set. A ratio is the median of the rounds' ratios: what else the machine does disturbs
 * neighbours in time alike. Seconds for each turn may be given as an argument.
 */
import { decode, encode } from '../src/index.ts';
import { sets } from './messages.ts';
import { type Direction, missing, type Peer, peer } from './peer.ts';

const rounds = 9;
const seconds = Number(process.argv[2] ?? 0.5);

const packages = missing();
if (packages.length > 0) {
  process.stderr.write(
    `The libraries to compare with are not installed. Run: apt-get install -y ${packages.join(' ')}\n`,
  );
  process.exit(1);
}

function ours(): Peer {
  let messages: readonly Uint8Array[] = [];
  return {
    async load(given) {
      messages = given;
      const read = [...given.keys()];
      const same = (n: number) =>
        Buffer.compare(encode(decode(given[n] as Uint8Array)), given[n] as Uint8Array);
      return { read, written: read.filter((n) => same(n) === 0) };
    },
    async rate(direction, of, seconds) {
      const bytes = of.map((n) => messages[n] as Uint8Array);
      return direction === 'decode' ? rate(decode, bytes, seconds) : rate(encode, bytes.map(decode), seconds);
    },
    stop() {},
  };
}

function rate<T>(work: (item: T) => unknown, items: readonly T[], seconds: number): number {
  let done = 0;
  const start = performance.now();
  while (performance.now() - start < 1000 * seconds) {
    for (const item of items) work(item);
    done += items.length;
  }
  return (1000 * done) / (performance.now() - start);
}

const peers = {
  'ts-openflow': ours(),
  'os-ken': await peer('os-ken'),
  'python-openflow': await peer('python-openflow'),
};
const names = Object.keys(peers) as (keyof typeof peers)[];

const middle = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
const show = (value: number) => Number(value.toPrecision(3)).toLocaleString('en');
const notes: string[] = [];

async function measure(set: string, direction: Direction, can: Map<string, readonly number[]>) {
  const able = names.filter((name) => can.get(name)?.length);
  const common = (can.get('ts-openflow') ?? []).filter((n) =>
    able.every((name) => can.get(name)?.includes(n)),
  );
  const rates = new Map<string, number[]>(able.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++)
    for (const name of able) rates.get(name)?.push(await peers[name].rate(direction, common, seconds));
  const median = (name: string) => middle(rates.get(name) ?? []);
  const cells = names.map((name) => (able.includes(name) ? show(median(name)) : 'cannot'));
  const ratio = (name: string) =>
    middle((rates.get('ts-openflow') ?? []).map((rate, round) => rate / (rates.get(name)?.[round] ?? 0)));
  const ratios = names.slice(1).map((name) => (able.includes(name) ? `${ratio(name).toFixed(1)} x` : '-'));
  process.stdout.write(`| ${[`${direction} ${set}`, common.length, ...cells, ...ratios].join(' | ')} |\n`);
}

const head = ['messages a second', 'over', ...names, 'to os-ken', 'to python-openflow'];
process.stdout.write(`| ${head.join(' | ')} |\n|---|${'---:|'.repeat(head.length - 1)}\n`);
for (const [set, messages] of Object.entries(sets)) {
  const read = new Map<string, readonly number[]>();
  const written = new Map<string, readonly number[]>();
  for (const name of names) {
    const loaded = await peers[name].load(messages);
    read.set(name, loaded.read);
    written.set(name, loaded.written);
    const [unread, unwritten] = [loaded.read, loaded.written].map((of) => messages.length - of.length);
    if (unread || unwritten)
      notes.push(`${name}, ${messages.length} ${set}: ${unread} not read, ${unwritten} not written back`);
  }
  await measure(set, 'decode', read);
  await measure(set, 'encode', written);
}
for (const name of names) peers[name].stop();

const versions = `Node ${process.versions.node}, Python ${peers['os-ken'].python}`;
process.stdout.write(`\n${versions}, ${rounds} rounds of ${seconds} s each, taking turns; medians.\n`);
for (const note of notes) process.stdout.write(`- ${note}\n`);
