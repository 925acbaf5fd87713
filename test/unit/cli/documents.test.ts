/** Faults of files are all shown, by line. */
import { writeFileSync } from 'node:fs';
import t from 'tap';
import { readDeclarations } from '../../../src/cli/documents.ts';
import { Failure } from '../../../src/cli/failure.ts';

t.test('faults of files are all shown, by line', async (t) => {
  const file = `${t.testdir()}/f.yaml`;
  const cases: [string, RegExp][] = [
    ['kind: chians\nspec: {name: a}', /f\.yaml:1:1: there is no kind "chians"; did you mean chains\?/],
    ['spec: {name: a}', /f\.yaml:1:1: `kind` is missing/],
    ['kind: chains\nspec: {}', /`spec.name` is missing/],
    ['kind: chains\nspec: {name: a}\nmore: 1', /no `more` beside/],
    ['kind: chains\nspec: {name: &x a, hops: *x}', /aliases are not understood/],
    ['kind: [', /f\.yaml:\d:\d: /],
    [
      'kind: chains\nspec: {name: a}\n---\nkind: chains\nspec: {name: a}',
      /f\.yaml:4:1: chains\/a stands at f\.yaml:1:1 already/,
    ],
    ['- 1', /no object/],
    ['', /no declarations/],
  ];
  for (const [input, says] of cases) {
    writeFileSync(file, input);
    try {
      readDeclarations([file]);
      t.fail(input);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      t.equal(error.exit, 'input', input);
      const told = [...error.places.map(({ where, detail }) => `${where}: ${detail}`), error.message].join(
        '\n',
      );
      t.match(told.replaceAll(file, 'f.yaml'), says, input);
    }
  }
});
