import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import {
  CONTRACT,
  ContractViolation,
  encodeRequest,
  type GuestLine,
  parseLine,
} from '../../../src/nf/contract.ts';
import { BURST_BYTES, BYTES_PER_SECOND, LineReader, MAX_LINE_BYTES } from '../../../src/nf/lines.ts';

t.test('the host and the guests are built to the same contract', async (t) => {
  const header = resolve(import.meta.dirname, '../../../unikernels/contract.h');
  const defines = readFileSync(header, 'utf8').matchAll(/^#define (CONTRACT_\w+) (.+)$/gm);
  const theirs = Object.fromEntries(
    [...defines].map(([, name, literal]) => [name, JSON.parse(literal ?? '')]),
  );
  t.strictSame(theirs, { ...CONTRACT });
});

t.test('lines that are understood', async (t) => {
  const side = { rxPackets: 1, rxBytes: 60, txPackets: 2, txBytes: 120, dropped: 0, lost: 0 };
  const counters = { left: side, right: side, function: { flows: 3 } };
  const cases: [string, GuestLine][] = [
    [
      'ready contract=1 function=firewall id=i7 revision=3',
      { kind: 'ready', function: 'firewall', id: 'i7', revision: 3 },
    ],
    ['refused reason=no left card', { kind: 'refused', reason: 'no left card' }],
    ['log hello there', { kind: 'log', text: 'hello there' }],
    ['panic out of flows', { kind: 'panic', text: 'out of flows' }],
    ['state {"leases":[]}', { kind: 'state', text: '{"leases":[]}' }],
    ['time ok', { kind: 'time' }],
    ['health ok', { kind: 'health' }],
    [`counters ${JSON.stringify(counters)}`, { kind: 'counters', counters }],
    ['config ok revision=9007199254740991', { kind: 'config-ok', revision: 9007199254740991 }],
    [
      'config refused reason=rules[3]: no such port',
      { kind: 'config-refused', reason: 'rules[3]: no such port' },
    ],
    ['shutdown ok', { kind: 'shutdown' }],
    ['error reason=unknown request', { kind: 'error', reason: 'unknown request' }],
  ];
  for (const [line, meaning] of cases) t.strictSame(parseLine(line), meaning, line);
});

t.test('lines that break the contract', async (t) => {
  const side = '{"rxPackets":1,"rxBytes":1,"txPackets":1,"txBytes":1,"dropped":0,"lost":0}';
  const cases: [string, string][] = [
    ['', 'unknown-line'],
    ['hello', 'unknown-line'],
    ['health okay', 'unknown-line'],
    ['ready contract=2 function=firewall id=i7 revision=3', 'bad-ready'],
    ['ready contract=1 function=firewall id=i7', 'bad-ready'],
    ['ready contract=1 function=fire wall id=i7 revision=3', 'bad-ready'],
    ['ready contract=1 function=firewall id=i7 revision=99999999999999999', 'bad-ready'],
    ['config ok revision=-1', 'unknown-line'],
    ['config ok revision=', 'unknown-line'],
    [`state ${'x'.repeat(12_001)}`, 'line-too-long'],
    ['counters ', 'bad-counters'],
    ['counters null', 'bad-counters'],
    ['counters {}', 'bad-counters'],
    [`counters {"left":${side},"right":${side}}`, 'bad-counters'],
    [`counters {"left":${side},"right":${side.replace('1', '-1')},"function":{}}`, 'bad-counters'],
    [`counters {"left":${side},"right":${side.replace('1', '"1"')},"function":{}}`, 'bad-counters'],
    [`counters {"left":${side},"right":${side.replace('1', '1e999')},"function":{}}`, 'bad-counters'],
  ];
  for (const [line, code] of cases)
    t.throws(() => parseLine(line), { name: 'ContractViolation', code }, line);
});

t.test('whatever a guest says is understood or a violation, and never anything else', async (t) => {
  const prefixes = Object.values(CONTRACT).filter((value) => typeof value === 'string');
  const tail = fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.constant(''));
  const line = fc.tuple(fc.constantFrom(...prefixes, ''), tail).map(([prefix, rest]) => prefix + rest);
  fc.assert(
    fc.property(line, (text) => {
      try {
        parseLine(text);
      } catch (error) {
        if (!(error instanceof ContractViolation)) throw error;
      }
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

t.test('requests as bytes', async (t) => {
  t.equal(encodeRequest({ kind: 'time', seconds: 12 }).toString(), 'time 12\n');
  t.equal(encodeRequest({ kind: 'health' }).toString(), 'health\n');
  const config = Buffer.from('{"name":"ü"}');
  t.equal(encodeRequest({ kind: 'config', revision: 7, config }).toString(), 'config 7 13\n{"name":"ü"}\n');
});

t.test('lines come out as they went in, however the bytes are cut', async (t) => {
  const line = fc.string({
    unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
  });
  fc.assert(
    fc.property(fc.array(line), fc.infiniteStream(fc.integer({ min: 1, max: 40 })), (lines, cuts) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));
      const reader = new LineReader(0);
      const got: string[] = [];
      for (let at = 0; at < bytes.length; ) {
        const size: number = cuts.next().value ?? 1;
        got.push(...reader.push(bytes.subarray(at, at + size), 0));
        at += size;
      }
      return JSON.stringify(got) === JSON.stringify(lines);
    }),
  );
  t.strictSame(
    new LineReader(0).push(Buffer.from('health ok\r\n'), 0),
    ['health ok'],
    'as terminals end lines',
  );
});

t.test('the bounds of what a guest may say', async (t) => {
  const longest = 'x'.repeat(MAX_LINE_BYTES);
  t.strictSame(new LineReader(0).push(Buffer.from(`${longest}\n`), 0), [longest]);
  t.throws(() => new LineReader(0).push(Buffer.from(`${longest}x`), 0), { code: 'line-too-long' });
  const byByte = new LineReader(0);
  t.throws(
    () => {
      for (let i = 0; i <= MAX_LINE_BYTES; i++) byByte.push(Buffer.from('x'), 0);
    },
    { code: 'line-too-long' },
    'a line without an end',
  );
  for (const bytes of ['\x1b[2J\n', 'a\0b\n', 'ü\n', '\x7f\n'])
    t.throws(
      () => new LineReader(0).push(Buffer.from(bytes), 0),
      { code: 'not-ascii' },
      JSON.stringify(bytes),
    );

  const line = Buffer.from(`log ${'x'.repeat(1019)}\n`);
  const burst = new LineReader(0);
  for (let sent = 0; sent < BURST_BYTES; sent += line.length) burst.push(line, 0);
  t.throws(() => burst.push(line, 0), { code: 'flood' });
  const steady = new LineReader(0);
  for (let second = 1; second <= 60; second++) {
    for (let sent = 0; sent < BYTES_PER_SECOND; sent += line.length) steady.push(line, second * 1000);
  }
  t.pass('a minute at the highest steady rate');
});
