/**
 * What every resource works with.
 */
import type { FastifyBaseLogger } from 'fastify';
import type { FunctionSpec } from '../model/declared.ts';
import type { Name } from '../model/ids.ts';
import type { Introspection, Store, Wake } from '../model/interfaces.ts';
import type { World } from './admission/index.ts';
import type { Waiters } from './wait.ts';

export type Context = {
  readonly store: Store;
  readonly introspection: Introspection;
  readonly builtIns: ReadonlyMap<Name, FunctionSpec>;
  readonly waiters: Waiters;
  readonly log: FastifyBaseLogger;
  /** The time, for what has to be dated. */
  readonly now: () => Date;
  /** Called after every write. */
  readonly onChange: Wake;
};

export function worldOf({ store, builtIns }: Context): World {
  return { declared: store.declared(), builtIns };
}
