import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import t from 'tap';
import { startSwitch } from './vectors/switch.ts';

// The compiler takes its time where others want the processor too.
t.setTimeout(180_000);

const root = fileURLToPath(new URL('..', import.meta.url));
const example = readFileSync(join(root, 'examples/flows.ts'), 'utf8').trim();
const readme = readFileSync(join(root, 'README.md'), 'utf8');

function installed(): boolean {
  try {
    execFileSync('ovs-vswitchd', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

t.test('the example of the README is the file', async (t) => {
  t.ok(readme.includes(`\`\`\`ts\n${example}\n\`\`\``));
});

t.test('the example does what it says', { skip: !installed() }, async (t) => {
  t.setTimeout(90_000);
  const lab = startSwitch('br0', ['p1']);
  t.teardown(() => lab.close());
  const out = execFileSync(process.execPath, ['--no-warnings', join(root, 'examples/flows.ts'), lab.socket], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  t.equal(out, 'priority=100,tcp,tp_dst=80 actions=NORMAL\n');
});

t.test('what is built runs, and its declarations stand alone', async (t) => {
  t.setTimeout(150_000);
  const directory = mkdtempSync(join(tmpdir(), 'ofbuild-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
  const tsc = (...args: string[]) =>
    execFileSync(process.execPath, [join(typescript, 'bin/tsc'), ...args], {
      encoding: 'utf8',
      cwd: directory,
    });
  tsc('-p', join(root, 'tsconfig.build.json'), '--outDir', join(directory, 'dist'));
  const built = await import(pathToFileURL(join(directory, 'dist/index.js')).href);
  t.equal(built.printFlow(built.parseFlow('in_port=1,actions=2')), 'in_port=1 actions=output:2');
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  writeFileSync(
    join(directory, 'use.ts'),
    "import { type Message, encode } from './dist/index.js';\nexport const use = (message: Message) => encode(message);\n",
  );
  const compilerOptions = { strict: true, module: 'nodenext', noEmit: true, types: [] };
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.ts'] }));
  tsc('-p', directory);
});
