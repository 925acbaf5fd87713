/**
 * `npm test`: every check and every test there is, from the quick ones to the slow ones, and a true count at
 * the end.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { createInterface } from 'node:readline';

type Count = { passed: number; failed: number; skipped: number };
const total: Count = { passed: 0, failed: 0, skipped: 0 };

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Runs one command that counts as one test. */
async function check(name: string, argv: readonly string[]): Promise<void> {
  const start = performance.now();
  const output: string[] = [];
  const ok = (await lines(argv, (line) => output.push(line))) === 0;
  ok ? total.passed++ : total.failed++;
  if (!ok) for (const line of output) print(`      ${line}`);
  print(`${ok ? 'ok    ' : 'FAILED'} ${name} (${seconds(start)})`);
}

/** Runs test files with tap; every test directly beneath a file counts as one. */
async function tap(pattern: string, ...options: readonly string[]): Promise<void> {
  const files = globSync(pattern).sort();
  if (files.length === 0) return;
  let own: Count = { passed: 0, failed: 0, skipped: 0 };
  let output: string[] = [];
  let reported = 0;
  await lines(['tap', 'run', '--reporter=tap', ...options, ...files], (line) => {
    output.push(line);
    const test = /^ {4}(not )?ok \d+(.*)$/.exec(line);
    if (test !== null) {
      if (/# (SKIP|TODO)/i.test(test[2] ?? '')) own.skipped++;
      else if (test[1] === undefined) own.passed++;
      else own.failed++;
    }
    const file = /^(not )?ok \d+ - (\S+\.ts)(?: # time=([\d.]+)ms)?/.exec(line);
    if (file === null) return;
    // A file that fails with all of its tests passed did so outside of them: it crashed or took too long.
    if (file[1] !== undefined && own.failed === 0) own.failed++;
    if (file[1] !== undefined) for (const told of output) print(`      ${told}`);
    add(own);
    reported++;
    const counts = `${own.passed} passed${own.failed > 0 ? `, ${own.failed} failed` : ''}`;
    const skipped = own.skipped > 0 ? `, ${own.skipped} skipped` : '';
    const took = file[3] === undefined ? '' : ` (${(Number(file[3]) / 1000).toFixed(1)} s)`;
    print(`${own.failed > 0 ? 'FAILED' : 'ok    '} ${file[2]}: ${counts}${skipped}${took}`);
    own = { passed: 0, failed: 0, skipped: 0 };
    output = [];
  });
  if (reported === files.length) return;
  for (const told of output) print(`      ${told}`);
  print(`FAILED ${pattern}: only ${reported} of ${files.length} files told what became of them`);
  total.failed += files.length - reported;
}

function add(count: Count): void {
  total.passed += count.passed;
  total.failed += count.failed;
  total.skipped += count.skipped;
}

function seconds(start: number): string {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}

/** Runs a command and hands on its output line by line; returns its exit code. */
async function lines(argv: readonly string[], take: (line: string) => void): Promise<number> {
  const [program = '', ...rest] = argv;
  const child: ChildProcess = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  const readers = [child.stdout, child.stderr].map(async (stream) => {
    if (stream !== null) for await (const line of createInterface(stream)) take(line);
  });
  const code = await new Promise<number>((resolve) => {
    child.once('error', (error) => {
      take(String(error));
      resolve(-1);
    });
    child.once('exit', (status) => resolve(status ?? -1));
  });
  await Promise.all(readers);
  return code;
}

await check('format and lint', ['npm', 'run', '--silent', 'format:check']);
await check('types', ['npm', 'run', '--silent', 'types']);
await check('boundaries between the folders', ['npm', 'run', '--silent', 'boundaries']);
await check('unikernels: the parts that need no machine', ['make', '-C', 'unikernels', 'check']);
await check('unikernels: fuzzed for a while', ['make', '-C', 'unikernels', '-j2', 'fuzz']);
await check('tap build', ['tap', 'build']);
await tap('test/unit/**/*.test.ts', '--jobs=2');
await tap('ts-openflow/test/**/*.test.ts', '--jobs=2');
// These have processes, namespaces and clocks of their own; one at a time, none disturbs another.
await tap('test/unikernels/**/*.test.ts', '--jobs=1', '--timeout=180');
await tap('test/integration/**/*.test.ts', '--jobs=1', '--timeout=180');
await tap('test/system/**/*.test.ts', '--jobs=1', '--timeout=600');

const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
print(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
