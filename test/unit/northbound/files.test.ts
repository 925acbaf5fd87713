/**
 * The files that come with the product: built-in functions, example declarations, the page of errors.
 */
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { parseAllDocuments } from 'yaml';
import type { Json, Kind } from '../../../src/model/declared.ts';
import { ERRORS } from '../../../src/model/errors.ts';
import { loadCatalogue } from '../../../src/northbound/catalogue.ts';
import { configFaults } from '../../../src/northbound/config-schema.ts';
import { errorsMarkdown } from '../../../src/northbound/document-errors.ts';
import { setUp } from './support.ts';

const root = new URL('../../../', import.meta.url);
const catalogue = loadCatalogue(new URL('unikernels/functions', root).pathname);

type Declaration = { kind: Kind; spec: { name: string } };
const declarations = (file: string): Declaration[] =>
  parseAllDocuments(readFileSync(new URL(`chains/${file}`, root), 'utf8')).map((document) =>
    (document as { toJS(): Declaration }).toJS(),
  );

t.test('every built-in function can be taken', async (t) => {
  t.match(
    catalogue.map(({ name }) => name),
    ['counter', 'dhcp', 'filter', 'firewall', 'nat', 'probe', 'ratelimit'],
  );
});

t.test('a catalogue that is not right is refused with the place', async (t) => {
  const good = { name: 'a', image: 'a.elf', contract: 1, memoryMiB: 2, transparent: true, configSchema: {} };
  const load = (text: string) =>
    loadCatalogue(t.testdir({ a: { 'function.json': text }, 'function.h': '', notes: {} }));
  t.same(load(JSON.stringify(good)), [good]);
  const cases: [string, RegExp][] = [
    ['{', /function.json cannot be read/],
    [JSON.stringify({ ...good, contract: 2 }), /\/contract has to be 1/],
    [JSON.stringify({ ...good, name: 'b' }), /is called b and its directory a/],
    [JSON.stringify({ ...good, configSchema: { type: 'x' } }), /\/configSchema\/type has to be one of/],
  ];
  for (const [text, message] of cases)
    t.throws(() => load(text), { code: 'bad-setting', message }, String(message));
  t.throws(() => loadCatalogue('/nowhere'), {
    code: 'bad-setting',
    message: /function-dir \/nowhere cannot be read/,
  });
});

t.test('the example declarations are accepted, in the order of their names after lab.yaml', async (t) => {
  const { call } = setUp(t, catalogue);
  const files = readdirSync(new URL('chains/', root)).filter((file) => file.endsWith('.yaml'));
  t.same(files.sort(), [
    'alice-protected.yaml',
    'alice-two-hops.yaml',
    'gold-plan.yaml',
    'home-nat.yaml',
    'lab.yaml',
    'voice.yaml',
  ]);
  for (const file of ['lab.yaml', ...files]) {
    for (const { kind, spec } of declarations(file)) {
      const answer = await call('PUT', `/v1/${kind}/${spec.name}`, { kind, spec });
      t.ok([200, 201].includes(answer.status), `${file}: ${kind} ${spec.name}`, { problem: answer.body });
    }
  }
  t.match((await call('GET', '/v1/chains')).body, {
    items: [
      { spec: { name: 'alice-protected', hops: { length: 2 } } },
      { spec: { name: 'gold-plan' } },
      { spec: { name: 'home-nat' } },
      { spec: { name: 'voice' } },
    ],
  });
});

t.test('a file with one declaration is a body as it is', async (t) => {
  const { call } = setUp(t, catalogue);
  for (const { kind, spec } of declarations('lab.yaml')) await call('POST', `/v1/${kind}`, spec);
  const text = readFileSync(new URL('chains/alice-protected.yaml', root), 'utf8');
  t.match(await call('POST', '/v1/chains', text, { 'content-type': 'application/yaml' }), { status: 201 });
});

t.test('docs/errors.md has every error and no other', async (t) => {
  const page = readFileSync(new URL('docs/errors.md', root), 'utf8');
  const codes = [...page.matchAll(/^## (.+)$/gm)].map(([, code]) => code);
  t.same(new Set(codes), new Set(Object.keys(ERRORS)));
  t.equal(page, errorsMarkdown(), 'else: node src/northbound/document-errors.ts > docs/errors.md');
});

t.test("the firewall's schema ends in sentences that help", async (t) => {
  const firewall = catalogue.find(({ name }) => name === 'firewall');
  const fault = (match: Json): string[] => {
    if (firewall === undefined) return ['there is no firewall'];
    const found = configFaults(firewall, { default: 'deny', rules: [{ allow: match }] }, '');
    return found.map(({ pointer, detail }) => `${pointer.replace('/rules/0/allow', '')}: ${detail}`);
  };
  const cases: [Json, string][] = [
    [
      { from: '10.0.0.1/24' },
      '/from: has bits set after the prefix, or is not written in its short form: is 10.0.0.0/24 meant?',
    ],
    [
      { from: '10.0.0' },
      '/from: has to be an IPv4 address, such as 192.0.2.1, or an IPv6 address, such as 2001:db8::1',
    ],
    [
      { protocol: 'tpc' },
      '/protocol: has to be one of "tcp", "udp", "icmp", "icmpv6"; did you mean "tcp"?, or has to be an integer and is a string',
    ],
    [
      { protocol: 'tcp', port: 70_000 },
      '/port: has to be at most 65535, or has to be a string and is a number; write it in quotes',
    ],
    [{ prot: 6 }, '/prot: there is no field `prot` here; did you mean `port`?'],
  ];
  for (const [match, sentence] of cases) t.same(fault(match), [sentence]);
  for (const good of [
    {},
    { from: '10.0.0.0/8', to: '2001:db8::1', direction: 'upstream' },
    { protocol: 17, port: '53-54' },
  ])
    t.same(fault(good), []);
});
