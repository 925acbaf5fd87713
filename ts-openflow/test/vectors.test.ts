import { readFileSync } from 'node:fs';
import t from 'tap';
import { decode, encode } from '../src/index.ts';

interface Vector {
  readonly from: string;
  readonly command: string;
  readonly hex: string;
}

const vectors: Vector[] = readFileSync(new URL('./vectors/ovs.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line));

t.test('there are more than 300 different vectors', async (t) => {
  t.ok(new Set(vectors.map(({ hex }) => hex)).size >= 300);
});

t.test('next to nothing of what Open vSwitch says is unknown', async (t) => {
  const unknown = vectors.filter(({ hex }) =>
    /^(unknown|experimenter)$/.test(decode(Buffer.from(hex, 'hex')).type),
  );
  t.same(
    new Set(unknown.map(({ command }) => command.slice('OpenFlow13 '.length))),
    new Set(['ct-flush BR']),
  );
});

/** Everything in a value that the library has no name for. */
function unnamed(value: unknown): string[] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return [];
  const { type, field, experimenter, number } = value as Record<string, unknown>;
  const own =
    field === 'unknown'
      ? [`field ${number}`]
      : type === 'unknown' || type === 'experimenter'
        ? [`${type} ${experimenter}`]
        : [];
  return [...own, ...Object.values(value).flatMap(unnamed)];
}

t.test('what has no name in it is known', async (t) => {
  const found = new Set(vectors.flatMap(({ hex }) => unnamed(decode(Buffer.from(hex, 'hex')))));
  // 40 to 103 are the tunnel options.
  const tunnelOptions = [...found].filter((name) => /^field (4\d|[5-9]\d|10[0-3])$/.test(name));
  t.equal(tunnelOptions.length, 64);
  for (const name of tunnelOptions) found.delete(name);
  // Counters that Open vSwitch adds to ports, and the message that ovs-ofctl ct-flush sends.
  t.same(found, new Set(['experimenter 43521', 'experimenter 8992']));
});

t.test('every message of Open vSwitch encodes to the bytes that it was decoded from', async (t) => {
  for (const { from, command, hex } of vectors) {
    const message = decode(Buffer.from(hex, 'hex'));
    const again = Buffer.from(encode(message)).toString('hex');
    if (again !== hex) t.equal(again, hex, `${from}: ${command}`);
  }
});
