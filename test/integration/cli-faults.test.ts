/** What is wrong with a command line or with what it is about: said in a sentence, with the place and what would help. */
import { mkdirSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { CHAIN, LAB, open, status } from '../harness/cli-site.ts';
import type { RunOptions } from '../harness/command.ts';

t.test('what is wrong, where, and what would help', async (t) => {
  const { cli, dir } = await open(t);
  await cli(['apply', '-f', 'lab.yaml']);
  const wrong = CHAIN.replace('default: deny', 'default: denied');
  writeFileSync(`${dir}/chain.yaml`, wrong);
  const refused = await cli(['apply', '-f', 'chain.yaml']);
  t.equal(status(refused), 'refused');
  t.match(
    refused.err,
    /^chainstitch: .*\(invalid-config\)\n {2}chain\.yaml:7:26 chains\/alice-protected\/hops\/0\/config\/default: .*deny.*\nwhat to do: .*\nin the controller's log: reqId [0-9a-f-]{36}\n$/,
  );
  const half = await cli(['apply', '-f', '-'], {
    input: `${CHAIN}---\n${LAB.split('---')[1]?.replace('bob', 'x')}`,
  });
  t.equal(status(half), 'conflict');
  t.match(half.err, / {2}standard input:13:35 subscribers\/x\/attachment\/port: subscriber bob is attached/);
  t.equal((await cli(['get', 'chains', '-o', 'name'])).out, '', 'all of it or nothing');
  const waited = await cli(['apply', '-f', '-', '--wait', '200ms'], { input: CHAIN });
  t.equal(status(waited), 'not-in-force', waited.err);
  const cases: [string, string[], string, RegExp, RunOptions?][] = [
    ['no command', [], 'usage', /Usage: chainstitch/],
    ['an unknown command', ['gte'], 'usage', /unknown command 'gte'\n\(Did you mean get\?\)/],
    ['an unknown option', ['get', 'chains', '--outptu'], 'usage', /Did you mean --output/],
    ['an unknown kind', ['get', 'chian'], 'usage', /did you mean chain\?/],
    ['an unknown format', ['get', 'chains', '-o', 'xml'], 'usage', /Allowed choices are table, json/],
    ['a selector of what has no labels', ['get', 'chains', '-l', 'a=b'], 'usage', /only subscribers/],
    ['no selector', ['get', 'sub', '-l', 'a==b=,'], 'usage', /this is no selector/],
    ['an unknown name', ['get', 'chain', 'nobody'], 'not-found', /\(not-found\)/],
    ['a name that tries to be a path', ['get', 'chain', '../../healthz'], 'not-found', /\(not-found\)/],
    ['an instance to delete', ['delete', 'instance', 'i1'], 'usage', /come and go with the chains/],
    ['nothing to delete', ['delete'], 'usage', /say what to delete/],
    ['a missing file', ['apply', '-f', 'none.yaml'], 'input', /none.yaml cannot be read/],
    ['an empty directory', ['apply', '-f', 'empty'], 'input', /no declarations in empty/],
    ['no URL', ['get', 'chains', '--server', 'nowhere'], 'usage', /not the URL/],
    ['a secret in the URL', ['get', 'chains', '--server', 'http://a:b@localhost'], 'usage', /must not hold/],
    ['no time', ['get', 'chains', '--timeout', '5'], 'usage', /500ms, 5s or 2m/],
    ['a field that is none', ['explain', '--switch', 's1', '--port', 'p', 'tcp'], 'usage', /no field/],
    ['nowhere to come in', ['explain', 'eth_type=0x0800'], 'usage', /say where/],
    [
      'a switch without connection',
      ['explain', '--subscriber', 'alice', 'eth_type=0x0800'],
      'conflict',
      /\(switch-not-connected\)/,
    ],
  ];
  mkdirSync(`${dir}/empty`);
  for (const [name, argv, expected, says] of cases) {
    const ran = await cli(argv);
    t.equal(status(ran), expected, name);
    t.match(ran.err, says, name);
    t.equal(ran.out, '', `${name}: nothing on the standard output`);
  }
});
