import fc from 'fast-check';
import t, { type Test } from 'tap';
import type { FunctionSpec, Json, JsonObject } from '../../../src/model/declared.ts';
import { canonicalCidr, canonicalIpv6 } from '../../../src/northbound/addresses.ts';
import { configFaults, configSchemaFaults } from '../../../src/northbound/config-schema.ts';
import { patternObjection } from '../../../src/northbound/pattern-cost.ts';
import { FIREWALL } from './support.ts';

const lines = (faults: readonly { pointer: string; detail: string }[]) =>
  faults.map(({ pointer, detail }) => `${pointer}: ${detail}`);

/** The sentences about a value, for a schema. */
function sentences(t: Test, schema: JsonObject, value: Json): string[] {
  t.same(configSchemaFaults(schema, ''), [], 'the schema itself is taken');
  return lines(configFaults({ ...FIREWALL, configSchema: schema } as FunctionSpec, value, '/c'));
}

t.test('a sentence for every keyword', async (t) => {
  const cases: [JsonObject, Json, string][] = [
    [{ type: 'string' }, 5, '/c: has to be a string and is a number; write it in quotes'],
    [{ type: 'integer' }, '5', '/c: has to be an integer and is a string'],
    [{ type: ['integer', 'null'] }, [], '/c: has to be an integer or null and is an array'],
    [{ enum: ['tcp', 'udp'] }, 'tpc', '/c: has to be one of "tcp", "udp"; did you mean "tcp"?'],
    [{ const: 1 }, 2, '/c: has to be 1'],
    [{ minimum: 1 }, 0, '/c: has to be at least 1'],
    [{ maximum: 1 }, 2, '/c: has to be at most 1'],
    [{ exclusiveMinimum: 1 }, 1, '/c: has to be more than 1'],
    [{ exclusiveMaximum: 1 }, 1, '/c: has to be less than 1'],
    [{ multipleOf: 2 }, 1, '/c: has to be a multiple of 2'],
    [{ minLength: 1 }, '', '/c: has to have at least 1 characters'],
    [{ maxLength: 1 }, 'ab', '/c: has to have at most 1 characters'],
    [{ minItems: 1 }, [], '/c: has to have at least 1 item'],
    [{ maxItems: 2 }, [1, 2, 3], '/c: has to have at most 2 items'],
    [{ uniqueItems: true }, [1, 2, 1], '/c: items 0 and 2 are the same'],
    [{ minProperties: 1 }, {}, '/c: has to have at least 1 field'],
    [{ maxProperties: 0 }, { a: 1 }, '/c: has to have at most 0 fields'],
    [{ required: ['a'] }, {}, '/c: the field `a` is missing'],
    [
      { properties: { port: {} }, additionalProperties: false },
      { prt: 1 },
      '/c/prt: there is no field `prt` here; did you mean `port`?',
    ],
    [
      { properties: { a: {}, b: {} }, unevaluatedProperties: false },
      { 'x/y': 1 },
      '/c/x~1y: there is no field `x/y` here; there are `a`, `b`',
    ],
    [{ properties: { a: false } }, { a: 1 }, '/c/a: is not allowed here'],
    [{ propertyNames: { maxLength: 1 } }, { ab: 1 }, '/c/ab: has to have at most 1 characters'],
    [
      { type: 'string', pattern: '^[a-z]+$', description: 'a word' },
      'A',
      '/c: does not match ^[a-z]+$ (a word)',
    ],
    [{ format: 'mac' }, 'x', '/c: has to be a MAC address in lower case, such as 00:00:5e:00:53:01'],
    [{ format: 'cidr' }, 'x', '/c: has to be a prefix, such as 192.0.2.0/24 or 2001:db8::/32'],
    [
      { format: 'ipv4-cidr' },
      '10.0.0.1/24',
      '/c: has bits set after the prefix, or is not written in its short form: is 10.0.0.0/24 meant?',
    ],
    [{ format: 'uuid' }, 'x', '/c: has to be of the format uuid'],
    [{ oneOf: [{ required: ['a'] }, { required: ['b'] }] }, {}, '/c: has to have exactly one of `a`, `b`'],
    [
      { anyOf: [{ type: 'integer' }, { type: 'boolean' }] },
      'x',
      '/c: has to be an integer and is a string, or has to be a boolean and is a string',
    ],
    [{ not: { type: 'string' } }, 'x', '/c: must NOT be valid'],
    [{ dependentRequired: { a: ['b'] } }, { a: 1 }, '/c: must have property b when property a is present'],
    [{ contains: { const: 1 } }, [2], '/c: must contain at least 1 valid item(s)'],
  ];
  for (const [schema, value, sentence] of cases) {
    const found = sentences(t, schema, value);
    t.ok(found.includes(sentence), sentence, { found });
  }
});

t.test('of alternatives, the one that was meant is spoken of', async (t) => {
  const rule = (body: Json): string[] =>
    lines(configFaults(FIREWALL, { default: 'deny', rules: [{ allow: {} }, body] }, '/c'));
  t.same(rule({ allow: { port: 0 } }), ['/c/rules/1/allow/port: has to be at least 1']);
  t.same(rule({ deny: { prot: 'tcp' } }), [
    '/c/rules/1/deny/prot: there is no field `prot` here; did you mean `port`?',
  ]);
  t.same(rule({}), ['/c/rules/1: has to have exactly one of `allow`, `deny`']);
  t.same(rule({ allow: {}, deny: {} }).length, 1);
});

t.test('many faults end somewhere', async (t) => {
  const found = configFaults(
    FIREWALL,
    { default: 'deny', rules: Array.from({ length: 200 }, () => ({ allow: { port: 0 } })) },
    '/c',
  );
  t.equal(found.length, 51);
  t.match(found.at(-1), { detail: 'and more; these are the first of them' });
});

t.test('schemas that are none, or that are dangerous, are refused', async (t) => {
  const doubling = Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [
      `d${i}`,
      i === 39
        ? { type: 'string' }
        : { allOf: [{ $ref: `#/$defs/d${i + 1}` }, { $ref: `#/$defs/d${i + 1}` }] },
    ]),
  );
  let deep: JsonObject = {};
  for (let i = 0; i < 25; i++) deep = { not: deep };
  const cases: [JsonObject, string, RegExp][] = [
    [{ type: 'strin' }, '/s/type', /one of/],
    [{ minimum: 'x' }, '/s/minimum', /has to be a number/],
    [{ minimun: 1 }, '/s', /unknown keyword/],
    [{ format: 'telephone' }, '/s', /unknown format/],
    [{ $schema: 'http://json-schema.org/draft-07/schema#' }, '/s/$schema', /has to be https/],
    [{ $id: 'http://evil.example/x' }, '/s/$id', /not allowed/],
    [
      { properties: { a: { $ref: 'http://evil.example/x' } } },
      '/s/properties/a/$ref',
      /definition of this schema/,
    ],
    [{ $ref: 'file:///etc/passwd' }, '/s/$ref', /definition of this schema/],
    [{ $ref: '#/$defs/nope' }, '/s/$ref', /definition of this schema/],
    [{ $ref: '#' }, '/s/$ref', /definition of this schema/],
    [{ $dynamicRef: '#x' }, '/s/$dynamicRef', /not allowed/],
    [{ $defs: { a: { items: { $ref: '#/$defs/a' } } } }, '/s/$defs/a', /refers to itself/],
    [{ $defs: doubling, $ref: '#/$defs/d0' }, '/s', /references multiply/],
    [{ items: { type: 'string', pattern: '(a+)+$' } }, '/s/items/pattern', /too long/],
    [{ type: 'string', pattern: '(' }, '/s/pattern', /no regular expression|format/],
    [{ patternProperties: { '^(a|a)*$': {} } }, '/s/patternProperties/^(a|a)*$', /too long/],
    [{ description: 'x'.repeat(70_000) }, '/s', /may have 65536/],
  ];
  for (const [schema, pointer, message] of cases) {
    const start = performance.now();
    const [first] = configSchemaFaults(schema, '/s');
    t.match(first, { pointer, detail: message }, `${pointer} ${message}`);
    t.ok(performance.now() - start < 1000, 'and quickly');
  }
  t.same(configSchemaFaults(deep, '/s'), []);
  t.same(
    configSchemaFaults({ properties: { $id: { type: 'string' }, pattern: { const: '(a+)+' } } }, '/s'),
    [],
    'names of fields are no keywords',
  );
});

t.test('patterns: what is cheap is taken, what may explode is not', async (t) => {
  for (const cheap of [
    '^[a-z]+$',
    '^a*b*$',
    '^(foo|bar)$',
    '^[1-9][0-9]{0,4}-[1-9][0-9]{0,4}$',
    '^([a-z]{1,8}\\.){0,3}[a-z]+$',
    'abc',
    '^\\p{L}{1,9}$',
    '^[)(|*+]$',
    '^(?:a|b){1,5}(?<x>c)?$',
    '',
  ]) {
    t.equal(patternObjection(cheap), undefined, cheap);
  }
  for (const costly of [
    '(a+)+$',
    '^(a|a)*$',
    '^(a|aa)+$',
    '^(a?){40}a{40}$',
    '^.*.*.*x$',
    '^(.*)*$',
    '(x+x+)+y',
    '^(a|a){300}$',
    '^((a{1,9}){1,9}){1,9}$',
    '.*.*=.*',
  ]) {
    t.match(patternObjection(costly), 'too long', costly);
  }
  for (const [refused, why] of [
    ['^(a)\\1$', 'back reference'],
    ['^(?=a)a', 'ahead or behind'],
    ['^(?<!a)b', 'ahead or behind'],
    ['[', 'no regular expression'],
    [`${'('.repeat(40)}${')'.repeat(40)}`, 'nested'],
  ] as const) {
    t.match(patternObjection(refused), why, refused);
  }
});

t.test('a pattern that is taken is quick on the worst text', async (t) => {
  const atoms = fc.constantFrom('a', '.', '[ab]', '(a|b)', '(a|ab)', '(?:a|a|b)', 'a?');
  const quantifiers = fc.constantFrom('', '*', '+', '?', '{0,8}', '{2,}', '{3}');
  const patterns = fc
    .array(fc.tuple(atoms, quantifiers), { minLength: 1, maxLength: 5 })
    .map((parts) => `^${parts.flat().join('')}$`.replace('??', '?'));
  let slowest = 0;
  fc.assert(
    fc.property(patterns, (pattern) => {
      if (patternObjection(pattern) !== undefined) return;
      const expression = new RegExp(pattern, 'u');
      const start = performance.now();
      for (const text of [`${'a'.repeat(255)}!`, `${'ab'.repeat(127)}!`]) expression.test(text);
      slowest = Math.max(slowest, performance.now() - start);
    }),
    { numRuns: 500 },
  );
  t.ok(slowest < 250, `the slowest took ${slowest.toFixed(1)} ms`);
});

t.test('addresses have one spelling', async (t) => {
  const cases: [string, string | undefined][] = [
    ['2001:DB8::0:1', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['1::', '1::'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
    ['::ffff:c000:201', '::ffff:192.0.2.1'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
    ['fe80::1%eth0', undefined],
    ['10.0.0.1', undefined],
  ];
  for (const [text, right] of cases) t.equal(canonicalIpv6(text), right, text);
  const prefixes: [string, string | undefined][] = [
    ['10.0.0.1/24', '10.0.0.0/24'],
    ['10.1.2.3/0', '0.0.0.0/0'],
    ['10.1.2.3/32', '10.1.2.3/32'],
    ['255.255.255.255/9', '255.128.0.0/9'],
    ['2001:db8:ffff::1/33', '2001:db8:8000::/33'],
    ['::/0', '::/0'],
    ['10.0.0.0/33', undefined],
    ['10.0.0.0/08', undefined],
    ['10.0.0.0', undefined],
    ['::/129', undefined],
  ];
  for (const [text, right] of prefixes) t.equal(canonicalCidr(text), right, text);
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      const once = canonicalIpv6(text);
      if (once === undefined || canonicalIpv6(once) !== once) return false;
      // The URL parser is a second opinion on all but the dotted form.
      return once.includes('.') || new URL(`http://[${text}]`).hostname === `[${once}]`;
    }),
  );
});
