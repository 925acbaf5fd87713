/** The page that tells how to write a function is followed to the letter, in a copy of the sources. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

import t from 'tap';

import { loadCatalogue } from '../../src/northbound/catalogue.ts';
import { buildImages, ISOLATIONS, startMachine } from './machine.ts';
import { ipv4, udp, Wire } from './wire.ts';

buildImages();

const root = resolve(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/functions/writing-one.md'), 'utf8');

type Block = { readonly language: string; readonly file: string | undefined; readonly text: string };

/** What stands between fences; a file may be told in several of them. */
const blocks: readonly Block[] = Array.from(
  page.matchAll(/^```(\w+)(?: (\S+))?\n([\s\S]*?)^```$/gm),
  ([, language = '', file, text = '']) => ({ language, file, text }),
);

const copy = mkdtempSync(join(tmpdir(), 'tutorial-'));
t.teardown(() => rmSync(copy, { recursive: true, force: true }));

t.test('its files are whole, and its commands do what they say', async (t) => {
  const isCorpus = /\/build\/fuzz\/(corpus|finds)/;
  cpSync(join(root, 'unikernels'), join(copy, 'unikernels'), {
    recursive: true,
    preserveTimestamps: true,
    filter: (path) => !isCorpus.test(path),
  });
  const files = new Map<string, string>();
  for (const { file, text } of blocks) if (file) files.set(file, (files.get(file) ?? '') + text);
  t.strictSame(
    [...files.keys()],
    [
      'unikernels/functions/quota/function.json',
      'unikernels/functions/quota/quota.c',
      'unikernels/test/quota.c',
      'unikernels/fuzz/configs/quota/1.json',
    ],
  );
  for (const [file, text] of files) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    writeFileSync(join(copy, file), text);
  }
  const commands = blocks.filter(({ language }) => language === 'sh').map(({ text }) => text);
  t.equal(commands.length, 3);
  const said = commands.map((text) => execFileSync('sh', ['-euc', text], { cwd: copy, encoding: 'utf8' }));
  t.match(said[1], /^quota: \d+ checks passed$/m);
  t.match(said[2], /^fuzz: quota: \d+ runs/m);
  t.match(
    loadCatalogue(join(copy, 'unikernels/functions')).map(({ name }) => name),
    ['counter', 'dhcp', /.*/],
  );
});

for (const isolation of ISOLATIONS)
  t.test(`a guest of it passes what its quota allows, ${isolation}`, async (t) => {
    const frame = ipv4(17, '10.0.0.1', '10.0.0.2', udp(1, 2, Buffer.alloc(958)));
    const options = {
      isolation,
      function: 'quota',
      buildDir: join(copy, 'unikernels/build'),
      config: { megabytes: 1 },
    };
    const { namespace, console } = await startMachine(t, { ...options, files: { state: '{"used":998000}' } });
    const wire = await Wire.open(t, namespace);
    t.ok(await wire.passes('left', frame));
    t.ok(await wire.passes('right', frame));
    t.notOk(await wire.passes('left', frame));
    t.strictSame((await console.counters()).function, { used: 1_000_000, passed: 2, dropped: 1 });
    t.match(console.unasked.concat(console.lines.unread).join('\n'), /the quota is used up/);
  });
