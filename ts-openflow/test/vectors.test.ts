import { readFileSync } from 'node:fs';
import t from 'tap';
import { decode, encode } from '../src/index.ts';
import { messageTable } from '../src/messages/table.ts';

interface Vector {
  readonly from: string;
  readonly command: string;
  readonly hex: string;
}

function read(file: string): Vector[] {
  const lines = readFileSync(new URL(`./vectors/${file}`, import.meta.url), 'utf8')
    .trim()
    .split('\n');
  return lines.map((line) => JSON.parse(line));
}

/** What Open vSwitch and its tools sent, and what os-ken makes of messages that they never send. */
const vectors = [...read('ovs.jsonl'), ...read('osken.jsonl')];

t.test('there are more than 300 different vectors', async (t) => {
  t.ok(new Set(vectors.map(({ hex }) => hex)).size >= 300);
});

/** No switch or tool at hand sends these: their layouts rest on the text of the standard (layout.test.ts). */
const notRecorded = {
  // Open vSwitch takes them and never sends them itself.
  4: ['setControllerId', 'cancelFlowMonitor', 'experimenterMultipartReply'],
  6: [
    'setControllerId',
    'controllerStatus',
    'controllerStatusReply',
    'bundleFeaturesReply',
    'flowStatsReply',
    'experimenterMultipartReply',
  ],
} as const;

t.test('every type of message is recorded, or is known not to be', async (t) => {
  const messages = vectors.map(({ hex }) => decode(Buffer.from(hex, 'hex')));
  for (const version of [4, 6] as const) {
    const found = new Set(messages.filter((message) => message.version === version).map(({ type }) => type));
    const place = version === 4 ? 'v13' : 'v15';
    const all = Object.entries(messageTable).filter(([, row]) => row[place]);
    const missing = all.map(([type]) => type).filter((type) => !found.has(type as never));
    t.same(new Set(missing), new Set(notRecorded[version]), `version ${version}`);
    t.ok(found.has('bundleAdd') && found.has('requestForward'));
    t.comment(`version ${version}: ${all.length - missing.length} of ${all.length} types recorded`);
  }
});

t.test('no message is unknown', async (t) => {
  const unknown = vectors.filter(({ hex }) =>
    /^(unknown|experimenter)$/.test(decode(Buffer.from(hex, 'hex')).type),
  );
  t.same(unknown, []);
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
  // Counters that Open vSwitch adds to ports; what os-ken was given on purpose.
  t.same(found, new Set(['experimenter 43521', 'experimenter 10061943', 'experimenter 1193046']));
});

t.test('every message encodes to the bytes that it was decoded from', async (t) => {
  for (const { from, command, hex } of vectors) {
    const message = decode(Buffer.from(hex, 'hex'));
    const again = Buffer.from(encode(message)).toString('hex');
    if (again !== hex) t.equal(again, hex, `${from}: ${command}`);
  }
});
