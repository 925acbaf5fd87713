/** The import rules find what they are there for: each planted violation is named by its rule. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Runs the project's rules over a small tree of sources; gives the names of the rules that were broken. */
function broken(t: { teardown(fn: () => void): void }, files: Readonly<Record<string, string>>): string[] {
  const dir = mkdtempSync(join(tmpdir(), 'boundaries-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  for (const file of ['.dependency-cruiser.cjs', 'tsconfig.json', 'package.json']) {
    copyFileSync(join(root, file), join(dir, file));
  }
  symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'));
  for (const [file, text] of Object.entries({ 'ts-openflow/src/index.ts': 'export type A = 1;', ...files })) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), text);
  }
  const { stdout, status } = spawnSync(
    join(root, 'node_modules/.bin/depcruise'),
    ['--config', '.dependency-cruiser.cjs', 'src', 'ts-openflow/src'],
    { cwd: dir, encoding: 'utf8', env: { ...process.env, FORCE_COLOR: '0' } },
  );
  const names = [...stdout.matchAll(/^ {2}error (\S+):/gm)].map(([, rule]) => rule ?? '');
  if (names.length > 0 !== (status !== 0))
    throw new Error(`exit status ${status} with ${names.length} violations`);
  return [...new Set(names)].sort();
}

t.test('what is allowed breaks no rule', async (t) => {
  const seen = broken(t, {
    'src/model/a.ts': 'export const a = 1;',
    'src/compiler/b.ts': "import { a } from '../model/a.ts'; export const b = a;",
    'src/control/c.ts': "import { b } from '../compiler/b.ts'; export const c = b;",
    'src/main.ts': "import { c } from './control/c.ts'; export const d = c;",
  });
  t.strictSame(seen, []);
});

const planted: readonly [string, string, string][] = [
  ['compiler-imports', 'src/compiler/x.ts', "import { a } from '../store/a.ts'; export const x = a;"],
  ['northbound-imports', 'src/northbound/x.ts', "import { a } from '../store/a.ts'; export const x = a;"],
  ['southbound-imports', 'src/southbound/x.ts', "import { a } from '../store/a.ts'; export const x = a;"],
  [
    'pure-folders',
    'src/compiler/x.ts',
    "import { readFileSync } from 'node:fs'; export const x = readFileSync;",
  ],
  [
    'control-has-no-sockets',
    'src/control/x.ts',
    "import { connect } from 'node:net'; export const x = connect;",
  ],
  [
    'openflow-stands-alone',
    'ts-openflow/src/x.ts',
    "import { connect } from 'node:net'; export const x = connect;",
  ],
  ['main-is-the-top', 'src/control/x.ts', "import { m } from '../main.ts'; export const x = m;"],
  ['no-unresolved', 'src/model/x.ts', "import { n } from './nowhere.ts'; export const x = n;"],
];
for (const [rule, file, text] of planted) {
  t.test(`${rule}: a planted violation is found`, async (t) => {
    const seen = broken(t, {
      'src/store/a.ts': 'export const a = 1;',
      'src/main.ts': 'export const m = 1;',
      [file]: text,
    });
    t.ok(seen.includes(rule), `found: ${seen.join(', ') || 'nothing'}`);
  });
}
