import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { DecodeError, decode, encode, errorAnswer, FrameDecoder, type Message } from '../src/index.ts';

const samples: Uint8Array[] = readFileSync(new URL('./vectors/ovs.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => Buffer.from(JSON.parse(line).hex, 'hex'))
  .filter((bytes) => bytes.byteLength <= 2000);

/** A message, or the DecodeError that says why not. Anything else that is thrown fails the test. */
function attempt(read: () => Message): Message | DecodeError {
  try {
    return read();
  } catch (error) {
    if (error instanceof DecodeError) return error;
    throw error;
  }
}

interface Library {
  decode(bytes: Uint8Array): Message;
  encode(message: Message): Uint8Array;
}

function judge(bytes: Uint8Array, { decode, encode }: Library): void {
  const result = attempt(() => decode(bytes));
  if (result instanceof DecodeError) {
    if (result.offset < 0 || result.offset > bytes.byteLength) throw new Error(`offset ${result.offset}`);
    return;
  }
  // What is read is written, and reads as the same again: padding and lengths aside.
  const written = encode(result);
  const again = encode(decode(written));
  if (Buffer.compare(written, again) !== 0) throw new Error('not stable');
}

const library: Library = { decode, encode };

const mutated = fc
  .record({
    sample: fc.constantFrom(...samples),
    changes: fc.array(fc.record({ at: fc.nat(), to: fc.integer({ min: 0, max: 255 }) }), {
      minLength: 1,
      maxLength: 6,
    }),
    cut: fc.option(fc.nat(), { freq: 3 }),
  })
  .map(({ sample, changes, cut }) => {
    const bytes = Uint8Array.from(sample);
    for (const { at, to } of changes) bytes[at % bytes.byteLength] = to;
    if (cut === null) return bytes;
    const short = bytes.subarray(0, cut % (bytes.byteLength + 1));
    // A frame whose header tells its own length is what a hostile peer can make a decoder see.
    if (short.byteLength >= 4) new DataView(short.buffer).setUint16(2, short.byteLength);
    return short;
  });

t.test('changed messages give a value or a DecodeError', async () => {
  fc.assert(
    fc.property(mutated, (bytes) => judge(bytes, library)),
    { numRuns: 20_000, seed: 7 },
  );
});

t.test('random bytes give a value or a DecodeError', async () => {
  const header = fc
    .record({
      version: fc.constantFrom(4, 6),
      type: fc.integer({ min: 0, max: 36 }),
      body: fc.uint8Array({ maxLength: 300 }),
    })
    .map(({ version, type, body }) => {
      const length = 8 + body.byteLength;
      return Uint8Array.from([version, type, length >> 8, length & 255, 0, 0, 0, 1, ...body]);
    });
  fc.assert(
    fc.property(header, (bytes) => judge(bytes, library)),
    { numRuns: 20_000, seed: 8 },
  );
});

t.test('the judge notices what it is there for', async (t) => {
  const find = (library: Library) => () =>
    fc.assert(
      fc.property(mutated, (bytes) => judge(bytes, library)),
      { numRuns: 2000, seed: 7 },
    );
  const throwsRangeError = (bytes: Uint8Array) => {
    if (bytes.byteLength % 7 === 0) throw new RangeError('offset is outside');
    return decode(bytes);
  };
  t.throws(find({ decode: throwsRangeError, encode }), /Property failed/);
  let calls = 0;
  const forgets = (message: Message) => encode({ ...message, xid: calls++ });
  t.throws(find({ decode, encode: forgets }), /Property failed/);
});

const lengthOf = (bytes: Uint8Array) => (bytes[2] ?? 0) * 256 + (bytes[3] ?? 0);

t.test('a length of zero, or shorter than a header, ends in an error and not in a loop', async (t) => {
  for (const sample of samples) {
    for (let at = 8; at + 2 <= Math.min(sample.byteLength, 200); at += 2) {
      for (const length of [0, 1, 3, 4, 7, 0xffff]) {
        const bytes = Uint8Array.from(sample);
        new DataView(bytes.buffer).setUint16(at, length);
        judge(bytes, library);
      }
    }
  }
  t.equal(lengthOf(samples[0] ?? new Uint8Array()), samples[0]?.byteLength);
});

t.test('the error tells where and what to answer', async (t) => {
  // A flow-mod whose action has length 0.
  const bytes = Buffer.from(
    '040e005800000001000000000000000000000000000000000000000000000000ffffffffffffffffffffffff0000000000010004000000000004001800000000000000000000000200000000000000000000',
    'hex',
  );
  bytes.writeUInt16BE(bytes.byteLength, 2);
  const error = attempt(() => decode(bytes));
  t.match(error, {
    name: 'DecodeError',
    rule: 'length',
    path: 'flowMod.instructions.0.applyActions.actions.0',
    ofError: { type: 2, code: 1 },
  });
  if (!(error instanceof DecodeError)) return;
  const answer = decode(encode(errorAnswer(error, bytes)));
  t.match(answer, { type: 'error', version: 4, xid: 1, errorType: 2, code: 1 });
  t.same(answer.type === 'error' && answer.data, Uint8Array.from(bytes.subarray(0, 64)));
  t.match(
    attempt(() => decode(Uint8Array.from([9, 14, 0, 8, 0, 0, 0, 1]))),
    {
      rule: 'version',
      ofError: { type: 1, code: 0 },
    },
  );
});

t.test('frames come out whole however the stream is cut', async () => {
  const stream = Buffer.concat(samples.slice(0, 60));
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 50 }), (sizes) => {
      const frames = new FrameDecoder();
      const found: Uint8Array[] = [];
      let at = 0;
      for (let turn = 0; at < stream.byteLength; turn++) {
        const size = sizes[turn % sizes.length] ?? 1;
        for (const frame of frames.push(stream.subarray(at, at + size))) found.push(Uint8Array.from(frame));
        at += size;
      }
      return frames.pending === 0 && Buffer.compare(Buffer.concat(found), stream) === 0;
    }),
    { numRuns: 300, seed: 9 },
  );
});

t.test('a frame decoder refuses what it cannot follow', async (t) => {
  const frames = new FrameDecoder({ maxBytes: 100 });
  const push = (...bytes: number[]) => [...frames.push(Uint8Array.from(bytes))];
  t.throws(() => push(4, 0, 0, 7, 0, 0, 0, 0), { name: 'DecodeError', rule: 'length' });
  const long = new FrameDecoder({ maxBytes: 100 });
  t.throws(() => [...long.push(Uint8Array.from([4, 0, 0, 101, 0, 0, 0, 0]))], {
    name: 'DecodeError',
    rule: 'limit',
  });
});
