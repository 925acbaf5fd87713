import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import {
  decode,
  FrameDecoder,
  type MessageOf,
  MultipartAssembler,
  MultipartError,
  multipartFlags,
} from '../src/index.ts';

const samples: readonly Uint8Array[] = readFileSync(new URL('./vectors/ovs.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line): Uint8Array => Uint8Array.from(Buffer.from(JSON.parse(line).hex, 'hex')));

const small = samples.filter(({ byteLength }) => byteLength <= 1000);
const thousand = Array.from({ length: 1000 }, (_, index) => small[index % small.length] as Uint8Array);

const hex = (frames: readonly Uint8Array[]) => frames.map((frame) => Buffer.from(frame).toString('hex'));

/** The frames that come of the chunks, and the most that was held between two of them. */
function cutInto(chunks: Iterable<Uint8Array>): { frames: Uint8Array[]; held: number } {
  const decoder = new FrameDecoder();
  const frames: Uint8Array[] = [];
  let held = 0;
  for (const chunk of chunks) {
    for (const frame of decoder.push(chunk)) frames.push(frame);
    held = Math.max(held, decoder.pending);
  }
  t.equal(decoder.pending, 0, 'nothing is left');
  return { frames, held };
}

function* chunksOf(stream: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, turn = 0; at < stream.byteLength; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield stream.subarray(at, at + size);
    at += size;
  }
}

t.test('a thousand messages in one chunk come out whole, without a copy', async (t) => {
  const stream = Uint8Array.from(Buffer.concat(thousand));
  const { frames } = cutInto([stream]);
  t.same(hex(frames), hex(thousand));
  t.ok(frames.every((frame) => frame.buffer === stream.buffer));
});

t.test('one byte at a time, they come out whole', async (t) => {
  const { frames, held } = cutInto(chunksOf(Uint8Array.from(Buffer.concat(thousand)), [1]));
  t.same(hex(frames), hex(thousand));
  t.ok(held < Math.max(...thousand.map(({ byteLength }) => byteLength)), `${held} bytes held`);
});

t.test('a chunk that ends in a message costs a copy of that message and of no other', async (t) => {
  const [first, second, third] = [thousand[1], thousand[2], thousand[3]] as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const stream = Uint8Array.from(Buffer.concat([first, second, third]));
  const middle = first.byteLength + 5;
  const [head, tail] = [stream.slice(0, middle), stream.slice(middle)];
  const { frames } = cutInto([head, tail]);
  t.same(hex(frames), hex([first, second, third]));
  const buffers = frames.map(({ buffer }) =>
    buffer === head.buffer ? 'head' : buffer === tail.buffer ? 'tail' : 'own',
  );
  t.same(buffers, ['head', 'own', 'tail']);
});

t.test('however the stream is cut, the same frames come out and at most one part is held', async () => {
  const seed = Number(process.env['OPENFLOW_FUZZ_SEED'] ?? 9);
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...samples), { minLength: 1, maxLength: 30 }),
      fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 20 }),
      (messages, sizes) => {
        const decoder = new FrameDecoder();
        const frames: string[] = [];
        const stream = Uint8Array.from(Buffer.concat(messages));
        let fed = 0;
        let given = 0;
        for (const chunk of chunksOf(stream, sizes)) {
          fed += chunk.byteLength;
          for (const frame of decoder.push(chunk)) {
            frames.push(Buffer.from(frame).toString('hex'));
            given += frame.byteLength;
          }
          // What was fed and not given is held, and it is the beginning of one message.
          if (decoder.pending !== fed - given) return false;
          const next = messages[frames.length];
          if (decoder.pending > 0 && !(next && decoder.pending < next.byteLength)) return false;
        }
        return frames.join() === hex(messages).join();
      },
    ),
    { numRuns: 300, seed },
  );
});

t.test('a frame is not written to by what comes after it', async (t) => {
  const decoder = new FrameDecoder();
  const [first, second] = [thousand[5], thousand[6]] as [Uint8Array, Uint8Array];
  const frames: Uint8Array[] = [];
  for (const chunk of chunksOf(Uint8Array.from(Buffer.concat([first, second])), [3]))
    frames.push(...decoder.push(chunk));
  t.same(hex(frames), hex([first, second]));
});

t.test('a stream that cannot be followed is refused', async (t) => {
  const push = (limit: number, ...bytes: number[]) => [
    ...new FrameDecoder({ maxBytes: limit }).push(Uint8Array.from(bytes)),
  ];
  for (const length of [0, 1, 7])
    t.throws(() => push(100, 4, 0, 0, length, 0, 0, 0, 0), {
      name: 'DecodeError',
      rule: 'length',
      offset: 2,
    });
  t.throws(() => push(100, 4, 0, 0, 101, 0, 0, 0, 0), { name: 'DecodeError', rule: 'limit' });
  t.same(push(100, 4, 0, 0, 100, 0, 0, 0, 0), [], 'the limit itself is allowed');
  const cut = new FrameDecoder({ maxBytes: 100 });
  t.same([...cut.push(Uint8Array.of(4, 0, 0xff))], []);
  t.throws(() => [...cut.push(Uint8Array.of(0xff, 0, 0, 0, 0))], { name: 'DecodeError', rule: 'limit' });
});

const part = (xid: number, flags: number, groups: number): MessageOf<'groupStatsReply'> => {
  const counts = { group: 1, refCount: 0, packetCount: 0n, byteCount: 0n, sec: 0, nsec: 0, buckets: [] };
  return {
    type: 'groupStatsReply',
    version: 6,
    xid,
    flags,
    groups: Array.from({ length: groups }, () => counts),
  };
};

t.test('a flood of parts is refused', async (t) => {
  const floods = {
    parts: { limits: { maxParts: 100 }, entries: 0, bytes: 0 },
    entries: { limits: { maxEntries: 1000 }, entries: 10, bytes: 0 },
    bytes: { limits: { maxBytes: 100_000 }, entries: 0, bytes: 1000 },
  };
  for (const [what, { limits, entries, bytes }] of Object.entries(floods)) {
    const assembler = new MultipartAssembler(limits);
    const flood = () => {
      for (let turn = 0; turn < 1000; turn++) assembler.push(part(1, multipartFlags.more, entries), bytes);
    };
    t.throws(flood, MultipartError, what);
  }
  const unlimited = new MultipartAssembler();
  const flood = () => {
    for (let turn = 0; turn < 5000; turn++) unlimited.push(part(1, multipartFlags.more, 1), 16);
  };
  t.throws(flood, { name: 'MultipartError' }, 'by itself, too');
});

t.test('parts of something else, and parts after the last one, do not mix', async (t) => {
  const assembler = new MultipartAssembler();
  assembler.push(part(1, multipartFlags.more, 1));
  t.throws(() => assembler.push(part(2, 0, 1)), MultipartError);
  const next = new MultipartAssembler();
  t.equal(next.push(part(1, 0, 2))?.groups.length, 2);
  t.equal(next.push(part(1, 0, 3))?.groups.length, 3, 'a new whole');
});

t.test('what is framed decodes', async (t) => {
  for (const frame of new FrameDecoder().push(Uint8Array.from(Buffer.concat(thousand)))) decode(frame);
  t.pass();
});
