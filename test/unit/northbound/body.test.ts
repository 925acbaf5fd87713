import fc from 'fast-check';
import t from 'tap';
import { stringify } from 'yaml';
import { ChainstitchError } from '../../../src/model/errors.ts';
import { parseBody } from '../../../src/northbound/body.ts';

const parse = (type: 'json' | 'yaml', text: string) => parseBody(type, new TextEncoder().encode(text));

function refusal(type: 'json' | 'yaml', text: string): string {
  try {
    return `accepted as ${JSON.stringify(parse(type, text))}`;
  } catch (error) {
    if (!(error instanceof ChainstitchError) || error.code !== 'malformed-request') throw error;
    return [error.message, ...error.faults.map(({ pointer, detail }) => `${pointer}: ${detail}`)].join('; ');
  }
}

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

t.test('JSON and YAML say the same', async (t) => {
  const names = fc.string({ unit: 'grapheme', maxLength: 8 }).filter((name) => name !== '__proto__');
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      tie('list'),
      tie('map'),
    ),
    list: fc.array(tie('value'), { maxLength: 4 }),
    map: fc.dictionary(names, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  }));
  fc.assert(
    fc.property(value, (sample) => {
      const json = JSON.stringify(sample);
      t.strictSame(parse('json', json), JSON.parse(json));
      t.strictSame(parse('yaml', stringify(sample)), JSON.parse(json));
    }),
    { numRuns: 100 },
  );
});

t.test('a name that is given twice is refused, with the place', async (t) => {
  t.match(refusal('json', '{"a": 1, "b": {"c": [{}, {"x": 1, "x": 1}]}}'), '/b/c/1/x: `x` is given twice');
  t.match(refusal('json', '{"a": 1, "\\u0061": 2}'), '/a: `a` is given twice', 'however it is spelled');
  t.match(refusal('json', '{"a/b": {"~": 1, "~": 2}}'), '/a~1b/~0: ');
  t.match(refusal('yaml', 'a: {b: 1, "b": 2}'), '/a/b: `b` is given twice');
  const alike = '{"a": {"x": 1}, "b": {"x": "},{\\"x\\":"}, "c": [{"x": 1}, {"x": "x"}], "x": 1}';
  t.same(parse('json', alike), JSON.parse(alike), 'the same name in other objects is no repetition');
});

t.test('prototypes stay out of reach', async (t) => {
  t.match(refusal('json', '{"a": {"__proto__": {"admin": true}}}'), '/a/__proto__: use another name');
  t.match(refusal('yaml', '__proto__: {admin: true}'), 'is not allowed');
  t.equal(({} as { admin?: boolean }).admin, undefined);
});

t.test('what would be slow is refused', async (t) => {
  for (const type of ['json', 'yaml'] as const) {
    t.match(refusal(type, nested(30)), 'accepted', type);
    t.match(refusal(type, nested(34)), 'deeper than 32', type);
    t.match(refusal(type, `[${'0,'.repeat(4096)}0]`), 'at most 4096 items', type);
  }
  const start = performance.now();
  for (const bomb of [
    nested(20_000),
    '['.repeat(40_000),
    '{"a":'.repeat(8_000),
    '- '.repeat(20_000),
    '? '.repeat(20_000),
    '&a '.repeat(10_000),
  ]) {
    t.notMatch(refusal('json', bomb), /^accepted/, bomb.slice(0, 10));
    t.notMatch(refusal('yaml', bomb), /^accepted/, bomb.slice(0, 10));
  }
  t.ok(performance.now() - start < 10_000, `${Math.round(performance.now() - start)} ms`);
  t.match(refusal('yaml', 'a: &a [x, x]\nb: [*a, *a]'), /anchors and tags|aliases/);
});

t.test('YAML that is no JSON is refused', async (t) => {
  const cases: [string, RegExp][] = [
    ['a: .nan', /\/a: write a finite number/],
    ['a: .inf', /finite/],
    ['1: x', /a name is no text/],
    ['[a]: x', /a name is no text/],
    ['a: !!binary aGk=', /none that JSON has/],
    ['a: !thing x', /not YAML|anchors and tags/],
    ['a: 1\n---\nb: 2', /holds 2 documents/],
    ['a: [1', /line 1, column/],
    ['a: \t- b: c: d', /not YAML/],
    ['', /empty/],
    ['# nothing', /holds 0 documents|accepted as null/],
  ];
  for (const [text, message] of cases) t.match(refusal('yaml', text), message, JSON.stringify(text));
  t.same(
    parse('yaml', 'mac: 00:00:00:00:00:01\non: no\nn: 0x10'),
    { mac: '00:00:00:00:00:01', on: 'no', n: 16 },
    'YAML 1.2',
  );
});

t.test('any bytes end in a value or in a refusal', async (t) => {
  fc.assert(
    fc.property(fc.constantFrom('json', 'yaml'), fc.uint8Array({ maxLength: 64 }), (type, bytes) => {
      try {
        parseBody(type, bytes);
      } catch (error) {
        if (!(error instanceof ChainstitchError)) throw error;
      }
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(
      fc.array(
        fc.constantFrom(
          '{',
          '}',
          '[',
          ']',
          ':',
          '- ',
          '\n',
          ' ',
          'a',
          '"',
          '&a',
          '*a',
          '!',
          '|',
          '>',
          '?',
          ',',
          '#',
          '%',
        ),
      ),
      (parts) => {
        refusal('yaml', parts.join(''));
        refusal('json', parts.join(''));
      },
    ),
    { numRuns: 2000 },
  );
  t.pass('none did anything else');
});
