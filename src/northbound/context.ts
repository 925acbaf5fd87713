/**
 * What every resource works with.
 */
import type { FastifyBaseLogger, FastifyRequest } from 'fastify';
import type { FunctionSpec } from '../model/declared.ts';
import type { Name } from '../model/ids.ts';
import type { Introspection, Store, Wake } from '../model/interfaces.ts';
import { introspectionOf, storeOf } from './auth/view.ts';
import type { Waiters } from './wait.ts';

/** Metrics as text, in the format that the type names. */
export type Exposition = { readonly contentType: string; readonly text: string };

export type Context = {
  /** Whose view it is; absent for the operator's, which is of everything. */
  readonly tenant?: Name;
  readonly store: Store;
  readonly introspection: Introspection;
  readonly builtIns: ReadonlyMap<Name, FunctionSpec>;
  readonly waiters: Waiters;
  readonly log: FastifyBaseLogger;
  /** What GET /metrics answers. */
  readonly metrics: () => Promise<Exposition>;
  /** Aborts when the server closes. */
  readonly closing: AbortSignal;
  /** The time, for what has to be dated. */
  readonly now: () => Date;
  /** Called after every write. */
  readonly onChange: Wake;
};

/** What this request may see and change: everything, or what is its tenant's. */
export function viewOf(context: Context, request: FastifyRequest): Context {
  const { tenant } = request.principal;
  if (tenant === undefined) return context;
  const { store, introspection } = context;
  return {
    ...context,
    tenant,
    store: storeOf(tenant, store),
    introspection: introspectionOf(tenant, store, introspection),
  };
}
