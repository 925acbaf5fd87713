import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { decode, encode, fromJson, messageFromJson, printMessage, toJson } from '../src/index.ts';

const cli = fileURLToPath(new URL('../src/cli/ofprint.ts', import.meta.url));
const vectors: { hex: string }[] = readFileSync(new URL('./vectors/ovs.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line));

const ofprint = (input: string | Buffer, ...args: string[]) =>
  execFileSync(process.execPath, ['--no-warnings', cli, ...args], {
    input,
    encoding: 'utf8',
    maxBuffer: 1e9,
  });

const linesOf = (text: string): Record<string, unknown>[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

t.test('JSON and back loses nothing', async (t) => {
  for (const { hex } of vectors) {
    const json = toJson(decode(Buffer.from(hex, 'hex')));
    const again = Buffer.from(encode(messageFromJson(json))).toString('hex');
    if (again !== hex) t.equal(again, hex);
  }
  const odd = { text: '0x10', more: 'str:hex:', n: 5n, bytes: Uint8Array.from([1, 255]), plain: 'hello' };
  t.same(fromJson(toJson(odd)), odd);
});

t.test('every message prints', async (t) => {
  for (const { hex } of vectors) {
    const text = printMessage(decode(Buffer.from(hex, 'hex')));
    if (/undefined|\[object|NaN/.test(text)) t.fail(text);
  }
});

t.test('--decode and --encode are the inverse of each other', async (t) => {
  const asked = vectors.map(({ hex }, id) => JSON.stringify({ id, hex })).join('\n');
  const decoded = ofprint(`${asked}\nnot json\n{"id":"x","hex":"0400"}`, '--decode');
  const answers = linesOf(decoded);
  t.equal(answers.length, vectors.length + 2);
  t.match(answers.at(-2), { id: null, ok: false, error: { name: 'SyntaxError' } });
  t.match(answers.at(-1), { id: 'x', ok: false, error: { name: 'DecodeError', rule: 'truncated' } });
  const good = decoded.trim().split('\n').slice(0, vectors.length).join('\n');
  const back = linesOf(ofprint(good, '--encode'));
  t.same(
    back.map(({ hex }) => hex),
    vectors.map(({ hex }) => hex),
  );
  t.match(linesOf(ofprint('{"id":1,"msg":{"type":"nonsense","version":4,"xid":1}}', '--encode'))[0], {
    id: 1,
    ok: false,
    error: { name: 'EncodeError' },
  });
});

t.test('a stream prints, raw or as hexadecimal text', async (t) => {
  const hello = '04000008000000010402000a000000020102';
  const expected = [
    'OFPT_HELLO (OF1.3) (xid=0x1):',
    ' version bitmap: 0x01, 0x02, 0x03, 0x04',
    'OFPT_ECHO_REQUEST (OF1.3) (xid=0x2): 2 bytes of payload',
    '00000000  01 02                                           |..              |',
    '',
  ].join('\n');
  t.equal(ofprint(Buffer.from(hello, 'hex')), expected);
  t.equal(ofprint(`${hello.slice(0, 16)}\n${hello.slice(16)}`), expected);
});
