/**
 * What the rest of the controller is told of an instance. Pure.
 */
import type { Isolation } from '../model/declared.ts';
import type { WantedInstance } from '../model/desired.ts';
import type { InstanceFact } from '../model/facts.ts';
import type { Accelerator } from './argv.ts';
import type { Machine } from './machine.ts';

export function factOf(
  { id, left, right }: WantedInstance,
  { phase, confirmed, restarts, problem }: Machine,
  pid: number | undefined,
  isolation: Isolation | undefined,
  accelerator: Accelerator | undefined,
): InstanceFact {
  return {
    id,
    phase,
    ports: { left: left.port, right: right.port },
    restarts,
    ...(phase === 'ready' && confirmed !== undefined && { revision: confirmed }),
    ...(pid !== undefined && { pid }),
    ...(pid !== undefined && isolation !== undefined && { isolation }),
    ...(pid !== undefined && isolation === 'vm' && accelerator !== undefined && { accelerator }),
    ...(problem !== undefined && { problem }),
  };
}

/** Whether two states are told alike: most differences, such as a question for health, are nobody's business. */
export function sameFact(a: Machine, b: Machine): boolean {
  return (
    a.phase === b.phase && a.confirmed === b.confirmed && a.restarts === b.restarts && a.problem === b.problem
  );
}
