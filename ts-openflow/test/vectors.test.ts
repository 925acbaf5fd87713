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

t.test('every message of Open vSwitch encodes to the bytes that it was decoded from', async (t) => {
  for (const { from, command, hex } of vectors) {
    const message = decode(Buffer.from(hex, 'hex'));
    const again = Buffer.from(encode(message)).toString('hex');
    if (again !== hex) t.equal(again, hex, `${from}: ${command}`);
  }
});
