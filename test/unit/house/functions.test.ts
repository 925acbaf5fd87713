/** Every function has a page, every page a function, and a page names all that can be configured. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import t from 'tap';

const root = resolve(import.meta.dirname, '../../..');
const pages = join(root, 'docs/functions');
const functions = readdirSync(join(root, 'unikernels/functions'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort();

/** The names of all members that a schema knows, at any depth. */
function members(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema).flatMap(([key, value]) => [
    ...(key === 'properties' ? Object.keys(value) : []),
    ...members(value),
  ]);
}

t.test('each function has a page', async (t) => {
  const named = readdirSync(pages)
    .filter((name) => !['README.md', 'writing-one.md', 'foreign.md'].includes(name))
    .map((name) => name.replace(/\.md$/, ''));
  t.strictSame(named.sort(), functions);
  const index = readFileSync(join(pages, 'README.md'), 'utf8');
  t.strictSame(
    [...index.matchAll(/^\| \[([a-z-]+)\]\(\1\.md\)/gm)].map(([, name]) => name),
    functions,
    'and the index has all of them, in their order',
  );
});

for (const name of functions) {
  t.test(`the page of ${name} names all that can be configured`, async (t) => {
    const page = readFileSync(join(pages, `${name}.md`), 'utf8');
    const file = readFileSync(join(root, 'unikernels/functions', name, 'function.json'), 'utf8');
    const unnamed = [...new Set(members(JSON.parse(file).configSchema))].filter(
      (member) => !page.includes(`\`${member}\``) && !page.includes(`\`${member}:`),
    );
    t.strictSame(unnamed, []);
  });
}
