/** Switches and instances that are not there, for a control loop whose store and API are what matters. */
import { ChainstitchError } from '../../src/model/errors.ts';
import type { Instances, Switches } from '../../src/model/interfaces.ts';

async function away(): Promise<never> {
  throw new ChainstitchError('switch-not-connected', 'there is no switch');
}

export const noSwitches: Switches = {
  facts: () => new Map(),
  want: () => undefined,
  reconcile: away,
  counters: () => ({ counted: [] }),
  retainCounters: () => undefined,
  putBack: () => undefined,
  countedAt: () => new Map(),
  read: away,
  links: () => [],
  manage: () => undefined,
};

export const noInstances: Instances = {
  facts: () => new Map(),
  want: () => undefined,
  counters: async () => {
    throw new ChainstitchError('instance-not-ready', 'there is no guest');
  },
};
