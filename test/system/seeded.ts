/**
 * Plants faults in a lab and tells steps of the story that have to go red by them; a program of its own, so
 * that it can be run in a namespace of its own. `--report=FILE` gets what came of it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { addFlow, allFlows, deleteFlow } from '../../lab/flows.ts';
import { MARK } from '../../lab/processes.ts';
import { declareChain, filter, unchained } from '../../lab/steps/chain.ts';
import { type Step, tell } from '../../lab/story.ts';
import { World } from '../../lab/world.ts';

export type SeededReport = {
  readonly planned: number;
  readonly faults: readonly { readonly name: string; readonly expected: string; readonly error: string }[];
};

type Fault = {
  readonly name: string;
  readonly step: Step;
  /** What the step's complaint has to be about. */
  readonly expected: string;
  readonly plant: (world: World) => Promise<void>;
};

const FOREIGN = 0xbadn;
/** Above all of the controller's flows, with a cookie that is not the controller's. */
const BYPASS = `cookie=0x${FOREIGN.toString(16)},table=0,priority=65535`;

const FAULTS: readonly Fault[] = [
  {
    name: 'a flow that takes port 22 around the firewall',
    step: filter,
    expected: 'port 22 not answering alice.*it said',
    plant: async () => {
      await addFlow(`${BYPASS},in_port=1,tcp,tp_dst=22,actions=output:3`);
      await addFlow(`${BYPASS},in_port=3,tcp,tp_src=22,nw_dst=10.0.0.1,actions=output:1`);
    },
  },
  {
    name: 'a flow that takes pings around the firewall, which the subscriber cannot see',
    step: filter,
    expected: 'this one left at s1-eth3 without',
    plant: async () => {
      await addFlow(`${BYPASS},in_port=1,icmp,actions=output:3`);
    },
  },
  {
    name: 'a flow that takes answers around the firewall',
    step: filter,
    expected: 'this one left at s1-eth1 without',
    plant: async () => {
      await addFlow(`${BYPASS},in_port=3,icmp,nw_dst=10.0.0.1,actions=output:1`);
    },
  },
  {
    name: 'a warning in the log of the controller',
    step: filter,
    expected: 'no unexpected warning',
    plant: async (world) => {
      appendFileSync(world.controller.log, '{"level":"warn","msg":"planted"}\n');
    },
  },
  {
    name: 'a warning in the log of the switch',
    step: filter,
    expected: 'no unexpected warning',
    plant: async (world) => {
      appendFileSync(world.network.switchLog, '2026-01-01T00:00:00.000Z|00001|planted|WARN|planted\n');
    },
  },
];

async function complaint(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return 'nothing was found';
  } catch (error) {
    return String(error);
  }
}

async function plantAll(world: World): Promise<SeededReport['faults']> {
  const silent = (): void => {};
  await world.open();
  await tell(world, unchained, silent);
  await tell(world, declareChain, silent);
  const faults = [];
  for (const { name, step, expected, plant } of FAULTS) {
    // Green before and red after, so that it is the fault that makes the difference.
    await tell(world, step, silent);
    await plant(world);
    faults.push({ name, expected, error: await complaint(() => tell(world, step, silent)) });
    for (const flow of await allFlows()) if (flow.cookie === FOREIGN) await deleteFlow(flow);
  }
  return faults;
}

const { values: options } = parseArgs({ options: { report: { type: 'string' } } });
const world = World.create();
let faults: SeededReport['faults'] = [];
let stray: ChildProcess | undefined;
try {
  faults = await plantAll(world);
  stray = spawn('sleep', ['60'], { env: { ...process.env, [MARK]: world.directory }, stdio: 'ignore' });
} finally {
  const problems = await world.close(false);
  stray?.kill('SIGKILL');
  if (stray !== undefined) {
    const name = 'a process that is left behind';
    faults = [
      ...faults,
      { name, expected: 'left behind: process \\d+ \\(sleep', error: problems.join('; ') },
    ];
  }
  const report = { planned: FAULTS.length + 1, faults } satisfies SeededReport;
  if (options.report !== undefined) writeFileSync(options.report, JSON.stringify(report));
}
