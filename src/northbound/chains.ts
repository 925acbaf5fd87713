/**
 * /v1/chains: spec and status side by side, and `?wait=active` to be answered when the one has become the other.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Stored } from '../model/declared.ts';
import { ChainstitchError } from '../model/errors.ts';
import { selects } from '../model/hops.ts';
import type { Name } from '../model/ids.ts';
import { CHAIN_PHASES } from '../model/status.ts';
import { type AfterDelete, type AfterWrite, registerCollection } from './collection.ts';
import { type Context, viewOf } from './context.ts';
import { invalid, wordFilter } from './list.ts';
import { showStored } from './show.ts';
import { parseTimeout, statusOf } from './wait.ts';

export function registerChains(app: FastifyInstance, context: Context): void {
  registerCollection(app, context, {
    kind: 'chains',
    schema: 'Chain',
    query: ['wait', 'timeout'],
    show: (stored, { introspection }) => ({
      ...showStored(stored),
      status: statusOf(introspection, stored),
    }),
    filters: ({ introspection, store }) => ({
      phase: wordFilter('phase', CHAIN_PHASES, (stored) => statusOf(introspection, stored).phase),
      subscriber: (name) => {
        const subscriber = store.declared().subscribers.get(name as Name)?.spec;
        return ({ spec }) => subscriber !== undefined && selects(spec, subscriber);
      },
      function: (name) => (stored) => stored.spec.hops.some((hop) => hop.function === name),
    }),
    prepare: prepareWait,
    deleteQuery: ['wait', 'timeout'],
    prepareDelete,
  });
  registerFlows(app, context);
  app.get<{ Params: { name: Name } }>('/v1/chains/:name/counters', async (request) => {
    const { name } = request.params;
    const counters = viewOf(context, request).introspection.chainCounters(name);
    if (counters === undefined) throw new ChainstitchError('not-found', `there is no chain ${name}`);
    return counters;
  });
}

function prepareWait({ waiters, store, tenant }: Context, request: FastifyRequest): AfterWrite<'chains'> {
  const milliseconds = waitOf(request, 'active');
  if (milliseconds === undefined) {
    const settle = async (stored: Stored<'chains'>): Promise<void> => {
      // So that who is told of a chain can rely on its being closed, or sees in the status that it is not yet.
      if (request.method !== 'GET') await waiters.untilClosed(stored, store.declared().revision, request);
    };
    return { settle, release: () => undefined };
  }
  const place = waiters.take(tenant);
  return {
    settle: (stored) => waiters.untilActive(stored, milliseconds, request),
    release: () => place.free(),
  };
}

/** What is left of a deleted chain; undefined where nothing is. */
function prepareDelete(
  { waiters, introspection, tenant }: Context,
  request: FastifyRequest,
): AfterDelete<'chains'> {
  const milliseconds = waitOf(request, 'gone');
  const place = milliseconds === undefined ? undefined : waiters.take(tenant);
  return {
    settle: async (deleted) => {
      if (milliseconds !== undefined) await waiters.untilGone(deleted, milliseconds, request);
      const waitsFor = introspection.remains(deleted.uid);
      if (waitsFor.length === 0) return undefined;
      return { kind: 'chains', name: deleted.spec.name, uid: deleted.uid, waitsFor };
    },
    release: () => place?.free(),
  };
}

/** How long the request wants to wait; undefined where it does not. @throws ChainstitchError `invalid-parameter` */
function waitOf(request: FastifyRequest, state: 'active' | 'gone'): number | undefined {
  const { wait, timeout } = request.query as { wait?: string; timeout?: string };
  if (wait === undefined) {
    if (timeout === undefined) return undefined;
    throw invalid(`the query parameter \`timeout\` goes with \`wait=${state}\` only`);
  }
  if (wait !== state) throw invalid(`the query parameter \`wait\` has to be \`${state}\``);
  return parseTimeout(timeout);
}

type ByName = { Params: { name: Name } };

function registerFlows(app: FastifyInstance, context: Context): void {
  app.get<ByName>('/v1/chains/:name/flows', async (request) => {
    const { store, introspection } = viewOf(context, request);
    const { name } = request.params;
    const chain = store.declared().chains.get(name);
    if (chain === undefined) {
      throw new ChainstitchError('not-found', `there is none in chains that is called ${name}`);
    }
    return { items: introspection.chainFlows(chain.uid) };
  });
}
