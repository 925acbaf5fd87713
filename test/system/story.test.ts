/**
 * The product as a whole on a network of its own: the demo's story, and the proof that it can go red.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import type { Report } from '../../lab/demo.ts';
import { run } from '../../lab/processes.ts';
import { STORY } from '../../lab/story.ts';
import { isolated } from '../harness/netns.ts';
import type { SeededReport } from './seeded.ts';

const DEADLINE = 240_000;
t.setTimeout(3 * DEADLINE + 60_000);

if (process.getuid?.() !== 0) {
  t.plan(0, 'the lab needs root');
  process.exit(0);
}

const directory = mkdtempSync(join(tmpdir(), 'system-test-'));
t.teardown(() => rmSync(directory, { recursive: true, force: true }));

async function tell(program: string, name: string, ...options: string[]): Promise<[unknown, number, string]> {
  const report = join(directory, `${name}.json`);
  const path = fileURLToPath(new URL(program, import.meta.url));
  const argv = [process.execPath, path, ...options, `--report=${report}`];
  const { code, stdout, stderr } = await run(isolated(argv), DEADLINE);
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    // Without a report there is still what was printed.
  }
  return [content, code, stdout + stderr];
}

for (const [version, protocols] of [
  ['OpenFlow 1.5', 'OpenFlow13,OpenFlow15'],
  ['OpenFlow 1.3', 'OpenFlow13'],
] as const) {
  t.test(`the story over ${version}`, (t) => story(t, version, protocols));
}

async function story(t: Test, version: string, protocols: string): Promise<void> {
  const [content, code, printed] = await tell(
    '../../lab/demo.ts',
    'story',
    '--once',
    `--protocols=${protocols}`,
  );
  const report = content as Report | undefined;
  t.ok(report?.steps[0]?.seen.includes(`switch s1 speaks ${version}`), `s1 speaks ${version}`);
  for (const step of STORY) {
    t.test(step.title, async (t) => {
      const told = report?.steps.find(({ id }) => id === step.id);
      t.ok(told, 'was told');
      t.equal(told?.error, undefined, 'was seen to hold');
      t.ok((told?.seen.length ?? 0) > 0, 'says what was seen');
    });
  }
  t.test('everything is taken down', async (t) => {
    t.same(report?.problems, [], 'without a problem, and nothing is left behind');
    t.equal(code, 0, 'exit code', { printed });
  });
}

t.test('what is not so is not told', async (t) => {
  const [content, code, printed] = await tell('seeded.ts', 'seeded');
  const report = content as SeededReport | undefined;
  t.equal(code, 0, 'the faults could be planted', { printed });
  for (const fault of report?.faults ?? []) {
    t.test(fault.name, async (t) => {
      t.match(fault.error, new RegExp(fault.expected), 'is found');
    });
  }
  t.equal(report?.faults.length, report?.planned, 'all faults');
});
