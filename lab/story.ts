/**
 * The story that the lab tells, step by step; each step is true only if it was seen.
 */
import type { Allowed } from './logs.ts';
import { expect, within } from './observe.ts';
import { addHop, countHops, declareChain, explainPacket, filter, unchained } from './steps/chain.ts';
import { killController, killFunction, removeChain, repair } from './steps/faults.ts';
import type { World } from './world.ts';

export type Step = {
  /** One word, for programs. */
  readonly id: string;
  readonly title: string;
  /** Warnings that belong to what the step does. */
  readonly allows?: readonly Allowed[];
  /** @param seen tells what was seen, in a line */
  readonly run: (world: World, seen: (line: string) => void) => Promise<void>;
};

export const STORY: readonly Step[] = [
  unchained,
  declareChain,
  filter,
  countHops,
  explainPacket,
  addHop,
  repair,
  killController,
  killFunction,
  removeChain,
];

export type Audience = {
  readonly step: (number: number, step: Step) => void;
  readonly seen: (line: string) => void;
};

/** Far more than a step takes; a step that hangs must not hang the story. */
const STEP_DEADLINE = 90_000;

/** Tells one step, and makes sure that nobody warned of anything meanwhile. */
export async function tell(world: World, step: Step, seen: (line: string) => void): Promise<void> {
  await within(STEP_DEADLINE, 'the step coming to its end', step.run(world, seen));
  const warnings = world.logs.unexpected(step.allows ?? []);
  expect(
    warnings.length === 0,
    'no unexpected warning in any log',
    warnings.map(({ log, line }) => `${log}: ${line}`).join('\n                '),
  );
}
