import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { Reader } from '../src/bytes/reader.ts';
import * as library from '../src/index.ts';
import { DecodeError, decode, encode, errorAnswer } from '../src/index.ts';
import { fuzz, sources } from './fuzz/fuzz.ts';
import { budget, judge } from './fuzz/judge.ts';
import { kinds } from './fuzz/mutate.ts';
import { Watch } from './fuzz/watch.ts';

const { OPENFLOW_FUZZ_SECONDS, OPENFLOW_FUZZ_SEED, CI } = process.env;
const seconds = Number(OPENFLOW_FUZZ_SECONDS ?? 10);
const seed = Number(OPENFLOW_FUZZ_SEED ?? (CI ? 1 : Date.now() % 1_000_000));

/** So many at least, however slow the machine. */
const atLeast = 2000;
const watch = new Watch(Reader);

t.test('vectors changed by their structure end in a value or a DecodeError', async (t) => {
  t.comment(`OPENFLOW_FUZZ_SEED=${seed} OPENFLOW_FUZZ_SECONDS=${seconds}`);
  t.setTimeout((seconds + 60) * 1000);
  const outcome = await fuzz({ sources, seed, milliseconds: seconds * 1000, atLeast });
  if (!('report' in outcome)) return t.fail(`${outcome.ended}: ${outcome.why}\n${outcome.hex}`);
  const { cases, ok, results, kinds: used, work, failure } = outcome.report;
  if (failure) t.fail(`case ${failure.number}: ${failure.error}\n${failure.hex}`);
  t.comment(`${cases} messages, ${ok} of them values; at most ${Math.round(100 * work)} % of the budget`);
  // The run was about something: both ends are common, and every kind of change and of complaint was there.
  t.ok(ok > cases / 10 && ok < (9 * cases) / 10, `${ok} of ${cases}`);
  t.same(new Set(Object.keys(used)), new Set(kinds));
  const complaints = ['truncated', 'length', 'trailing', 'align', 'version', 'type'];
  t.same(
    complaints.filter((rule) => !results[rule]),
    [],
  );
});

/** A copy of the sources with `edits` made to them: file, what is there once, what comes there. */
function broken(t: Test, edits: readonly (readonly [file: string, old: string, now: string])[]): string {
  const copy = mkdtempSync(join(tmpdir(), 'openflow-broken-'));
  t.teardown(() => rmSync(copy, { recursive: true, force: true }));
  cpSync(fileURLToPath(sources), copy, { recursive: true });
  for (const [file, old, now] of edits) {
    const parts = readFileSync(join(copy, file), 'utf8').split(old);
    if (parts.length !== 2) throw new Error(`${file} has not just once: ${old}`);
    writeFileSync(join(copy, file), parts.join(now));
  }
  return pathToFileURL(copy).href;
}

t.test('a loop that does not advance is over budget, at the same case every time', async (t) => {
  // What many a decoder does: it believes a length of 0, and goes on where that says that the entry ends.
  const sources = broken(t, [
    [
      'bytes/tlv.ts',
      'if (length < headerBytes)',
      'if (length === 0) { r.offset -= headerBytes; return { type: "unknown", code }; } if (length < headerBytes)',
    ],
    ['bytes/codec.ts', 'r.offset === start', 'false'],
  ]);
  const found = [];
  for (let run = 0; run < 2; run++) found.push(await fuzz({ sources, seed: 1, milliseconds: 0, atLeast }));
  t.match(found[0], { ended: 'failed', report: { failure: { error: /OverBudget: more work/ } } });
  const [first, second] = found.map((outcome) => 'report' in outcome && outcome.report.failure);
  t.same(first, second);
});

t.test('a loop that asks the reader nothing is stopped, and its bytes are told', async (t) => {
  const sources = broken(t, [['actions/learn.ts', 'r.skip(Math.min(r.remaining, 7));', 'for (;;);']]);
  const outcome = await fuzz({ sources, seed: 1, milliseconds: 0, atLeast }, 5000);
  t.match(outcome, { ended: 'stuck', hex: /ffff....000023200010/ });
});

t.test('the judge notices what it is there for', async (t) => {
  const samples = readFileSync(new URL('./vectors/ovs.jsonl', import.meta.url), 'utf8')
    .trim()
    .split('\n');
  const bytes = Uint8Array.from(Buffer.from(JSON.parse(samples[5] ?? '').hex, 'hex'));
  const with_ = (changes: object) => () => judge(bytes, { ...library, ...changes }, watch);
  t.equal(with_({})().ok, true);
  const throws = (error: Error) => () => {
    throw error;
  };
  t.throws(with_({ decode: throws(new RangeError('outside')) }), RangeError);
  t.throws(with_({ encode: throws(new TypeError('no list')) }), TypeError);
  t.throws(with_({ printMessage: throws(new TypeError('no text')) }), TypeError);
  t.throws(with_({ encode: (message: library.Message) => encode({ ...message, xid: 77 }) }), /reads as/);
  const many = { ...decode(bytes), more: Array.from({ length: 1000 }, () => 0) };
  t.throws(with_({ decode: () => many }), /values/);
  const unnamed = new DecodeError('', 0, 'length', { type: 99, code: 99 }, '');
  t.throws(with_({ decode: throws(unnamed) }), /no OpenFlow error/);
  const outside = new DecodeError('', 9999, 'length', { type: 1, code: 6 }, '');
  t.throws(with_({ decode: throws(outside) }), /offset/);
});

/** A message with this body. */
function message(version: number, type: number, ...body: readonly Uint8Array[]): Uint8Array {
  const whole = Buffer.concat([Uint8Array.of(version, type, 0, 0, 0, 0, 0, 1), ...body]);
  whole.writeUInt16BE(whole.byteLength, 2);
  return Uint8Array.from(whole);
}

const repeated = (hex: string, bytes: number) =>
  Buffer.from(hex.repeat(Math.floor((2 * bytes) / hex.length)), 'hex');

t.test('the largest messages of the smallest things cost what their bytes cost', async (t) => {
  const room = 0xffff - 100;
  const match = Buffer.from('0001000400000000', 'hex');
  const zeros = (length: number) => new Uint8Array(length);
  const counted = (length: number) => Uint8Array.of(length >> 8, length & 255);
  const flow = (list: Uint8Array) => [
    zeros(16),
    Buffer.from('0000000000000000', 'hex'),
    zeros(16),
    match,
    list,
  ];
  const actions = repeated('0012000800000000', room);
  const oxms = repeated('80002a00', room);
  const largest: Readonly<Record<string, Uint8Array>> = {
    'actions of a packet-out': message(4, 13, zeros(8), counted(actions.byteLength), zeros(6), actions),
    'instructions of a flow-mod': message(4, 14, ...flow(repeated('0005000800000000', room))),
    'fields of a packet-in': message(
      4,
      10,
      zeros(16),
      Uint8Array.of(0, 1),
      counted(4 + oxms.byteLength),
      oxms,
      zeros((-4 - oxms.byteLength) & 7),
      zeros(2),
    ),
    'buckets of a group': message(4, 15, zeros(8), repeated('0010000000000000ffffffff00000000', room)),
    'elements of a hello': message(4, 0, repeated('0001000400000000', room)),
    'properties of a role status': message(6, 30, zeros(16), repeated('0009000400000000', room)),
    'updates of a flow monitor': message(
      6,
      19,
      Buffer.from('0010000000000000', 'hex'),
      repeated('0008000500000000', room),
    ),
  };
  for (const [what, bytes] of Object.entries(largest)) {
    const { ok, work } = judge(bytes, library, watch);
    t.ok(ok, `${what}: ${Math.round(100 * work)} % of the budget`);
  }
});

t.test('nesting ends somewhere', async (t) => {
  const bundled = (depth: number): Uint8Array =>
    depth === 0 ? message(6, 5) : message(6, 34, Buffer.from('0000000100000000', 'hex'), bundled(depth - 1));
  t.equal(judge(bundled(10), library, watch).ok, true);
  t.match(judge(bundled(2000), library, watch), { ok: false, result: 'depth' });
  t.ok(budget(bundled(2000).byteLength) > watch.work);
});

t.test('random bytes give a value or a DecodeError', async () => {
  const random = fc
    .record({
      version: fc.constantFrom(4, 6),
      type: fc.integer({ min: 0, max: 36 }),
      body: fc.uint8Array({ maxLength: 300 }),
    })
    .map(({ version, type, body }) => message(version, type, body));
  fc.assert(
    fc.property(random, (bytes) => void judge(bytes, library, watch)),
    { numRuns: 10_000, seed },
  );
});

t.test('the error tells where and what to answer', async (t) => {
  // A flow-mod whose action has length 0.
  const bytes = Buffer.from(
    '040e005800000001000000000000000000000000000000000000000000000000ffffffffffffffffffffffff0000000000010004000000000004001800000000000000000000000200000000000000000000',
    'hex',
  );
  bytes.writeUInt16BE(bytes.byteLength, 2);
  const attempt = (bytes: Uint8Array) => {
    try {
      return decode(bytes);
    } catch (error) {
      return error;
    }
  };
  const error = attempt(bytes);
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
  t.match(attempt(Uint8Array.from([9, 14, 0, 8, 0, 0, 0, 1])), {
    rule: 'version',
    ofError: { type: 1, code: 0 },
  });
});
