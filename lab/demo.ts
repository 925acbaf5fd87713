/**
 * `npm run demo`: brings the lab up, tells the story, and stays up to be played with until Ctrl-C.
 *
 * With `--once` it ends by itself, and its exit code is 0 only if every step was seen to hold and nothing
 * was left behind. `--report=FILE` writes what was seen as JSON. `--protocols=OpenFlow13` tells it with a switch
 * that speaks only that.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { NotSeen } from './observe.ts';
import { CHAIN } from './steps/traffic.ts';
import { STORY, type Step, tell } from './story.ts';
import { Terminal } from './terminal.ts';
import { ALL_PROTOCOLS, World } from './world.ts';

/** What became of a step; steps after a failed one are not told. */
export type StepReport = {
  readonly id: string;
  readonly title: string;
  readonly seen: readonly string[];
  readonly error?: string;
};
export type Report = { readonly steps: readonly StepReport[]; readonly problems: readonly string[] };

const { values: options } = parseArgs({
  options: {
    once: { type: 'boolean', default: false },
    report: { type: 'string' },
    protocols: { type: 'string', default: ALL_PROTOCOLS },
  },
});
const terminal = new Terminal(process.stdout);

class Interrupted extends Error {}
const interrupted = new Promise<never>((_, reject) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => reject(new Interrupted(signal)));
  }
});
// Whoever is interested waits for it; a rejection before that is no error.
interrupted.catch(() => {});

async function tellStep(world: World, step: Step, number: number): Promise<StepReport> {
  terminal.step(number, step.title);
  const seen: string[] = [];
  try {
    const telling = tell(world, step, (line) => {
      seen.push(line);
      terminal.seen(line);
    });
    await Promise.race([telling, interrupted]);
    return { id: step.id, title: step.title, seen };
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    terminal.failed(error);
    const text = error instanceof NotSeen || !(error instanceof Error) ? String(error) : error.stack;
    return { id: step.id, title: step.title, seen, error: text ?? String(error) };
  }
}

async function tellStory(world: World): Promise<readonly StepReport[]> {
  const told: StepReport[] = [];
  for (const [index, step] of STORY.entries()) {
    const report = await tellStep(world, step, index + 1);
    told.push(report);
    if (report.error !== undefined) break;
  }
  return told;
}

function invite(world: World): void {
  const { url } = world.api;
  terminal.line();
  terminal.line(`The lab stays up; the API is at ${url}. To try, in another terminal:`);
  terminal.line(`  curl -s -H content-type:application/yaml --data-binary @chains/alice-protected.yaml \\`);
  terminal.line(`    '${url}/v1/chains?wait=active&timeout=10s'`);
  terminal.line(`  curl -s ${url}/v1/chains/${CHAIN}`);
  terminal.line(`  curl -s ${url}/v1/instances`);
  terminal.line(`  ${world.network.inside('alice', ['ping', '-c3', '10.0.0.100']).join(' ')}`);
  terminal.line('  ovs-ofctl -O OpenFlow13 dump-flows s1');
  terminal.line(`  curl -s -X DELETE ${url}/v1/chains/${CHAIN}`);
  terminal.line('Ctrl-C takes everything down.');
}

async function main(): Promise<boolean> {
  if (process.getuid?.() !== 0) {
    terminal.line('The lab makes network namespaces and needs root: sudo npm run demo');
    return false;
  }
  const world = World.create();
  let steps: readonly StepReport[] = [];
  let holds = false;
  let stopped = false;
  try {
    terminal.note('bringing up the network and the controller ...');
    await Promise.race([world.open(options.protocols), interrupted]);
    steps = await tellStory(world);
    holds = steps.length === STORY.length && steps.every((step) => step.error === undefined);
    if (holds && !options.once) {
      await world.stopWatching();
      invite(world);
      await interrupted;
    }
  } catch (error) {
    stopped = error instanceof Interrupted;
    if (!stopped) terminal.failed(error);
  }
  const keepFiles = !holds && !stopped;
  const problems = await world.close(keepFiles);
  terminal.line();
  for (const problem of problems) terminal.failed(problem);
  if (problems.length === 0) terminal.note('Everything is down again; nothing was left behind.');
  if (keepFiles) terminal.line(`The logs are in ${world.directory}`);
  if (options.report !== undefined) {
    writeFileSync(options.report, `${JSON.stringify({ steps, problems } satisfies Report, undefined, 2)}\n`);
  }
  return holds && problems.length === 0;
}

// A controller or a network that does not go must not keep the demo from ending.
process.exit((await main()) ? 0 : 1);
