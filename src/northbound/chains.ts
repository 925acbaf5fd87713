/**
 * /v1/chains: spec and status side by side, and `?wait=active` to be answered when the one has become the other.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Stored } from '../model/declared.ts';
import { ChainstitchError } from '../model/errors.ts';
import { selects } from '../model/hops.ts';
import type { Name } from '../model/ids.ts';
import { CHAIN_PHASES } from '../model/status.ts';
import { type AfterWrite, registerCollection } from './collection.ts';
import type { Context } from './context.ts';
import { wordFilter } from './list.ts';
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
  });
}

function prepareWait({ waiters }: Context, request: FastifyRequest): AfterWrite<'chains'> {
  const { wait, timeout } = request.query as { wait?: string; timeout?: string };
  if (wait === undefined) {
    if (timeout === undefined) return { settle: async () => undefined, release: () => undefined };
    throw new ChainstitchError(
      'invalid-parameter',
      'the query parameter `timeout` goes with `wait=active` only',
    );
  }
  if (wait !== 'active') {
    throw new ChainstitchError('invalid-parameter', 'the query parameter `wait` has to be `active`');
  }
  const milliseconds = parseTimeout(timeout);
  const place = waiters.take();
  return {
    settle: (stored: Stored<'chains'>) => waiters.untilActive(stored, milliseconds, request),
    release: () => place.free(),
  };
}
