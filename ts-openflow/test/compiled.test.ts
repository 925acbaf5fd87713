import { spawnSync } from 'node:child_process';
import t from 'tap';
import { decode, EncodeError, encode, type Message } from '../src/index.ts';

const features: Message = {
  type: 'featuresReply',
  version: 4,
  xid: 7,
  datapathId: 0xfedcba9876543210n,
  bufferCount: 0xffffffff,
  tableCount: 254,
  auxiliaryId: 0,
  capabilities: 0x4f,
  reserved: 0,
};

t.test('a number of the wrong kind or size ends in an EncodeError that says where', async (t) => {
  for (const wrong of [5n, -1, 256, 1.5, Number.NaN, '5', undefined, null, [5]])
    t.throws(
      () => encode({ ...features, tableCount: wrong as number }),
      { name: 'EncodeError', path: 'featuresReply.tableCount' },
      String(wrong),
    );
  for (const wrong of [5, -1n, 1n << 64n, '5', undefined])
    t.throws(
      () => encode({ ...features, datapathId: wrong as bigint }),
      { name: 'EncodeError', path: 'featuresReply.datapathId' },
      String(wrong),
    );
});

t.test('encoded messages do not overlap, whatever is encoded or fails in between', async (t) => {
  const sizes = Array.from({ length: 300 }, (_, n) => (n * 97) % 6000);
  const echoes = sizes.map((size, n): Message => {
    return { type: 'echoRequest', version: 4, xid: n, data: new Uint8Array(size).fill(n) };
  });
  const encoded = echoes.map((echo) => {
    t.throws(() => encode({ ...features, xid: -1 }), EncodeError);
    return encode(echo);
  });
  t.same(encoded.map(decode), echoes);
  for (const bytes of encoded) bytes.fill(0xff);
  t.same(decode(encode(features)), features, 'what was in the array before does not shine through');
});

t.test('an array that was given away is not written to', async (t) => {
  const buffer = encode(features).buffer as ArrayBuffer;
  structuredClone(buffer, { transfer: [buffer] });
  t.same(decode(encode(features)), features);
});

t.test('where code may not be made from strings the same comes out, slowly', async (t) => {
  const vectors = new URL('./vectors.test.ts', import.meta.url).pathname;
  const { status } = spawnSync(process.execPath, ['--disallow-code-generation-from-strings', vectors], {
    stdio: 'ignore',
  });
  t.equal(status, 0);
});
