/** /v1/subscribers */
import type { FastifyInstance } from 'fastify';
import type { Stored } from '../model/declared.ts';
import { ChainstitchError } from '../model/errors.ts';
import { selects } from '../model/hops.ts';
import type { Name } from '../model/ids.ts';
import { objectMap } from '../model/object-map.ts';
import { registerCollection } from './collection.ts';
import { type Context, viewOf } from './context.ts';
import { labelFilter, textFilter } from './list.ts';
import { showStored } from './show.ts';
import { statusOf } from './wait.ts';

export function registerSubscribers(app: FastifyInstance, context: Context): void {
  registerCollection(app, context, {
    kind: 'subscribers',
    schema: 'Subscriber',
    show: (stored, view) => ({ ...showStored(stored), status: { chains: chainsOf(stored, view) } }),
    prepare: (view, request) => ({
      settle: async (stored) => {
        if (request.method === 'GET') return;
        const { revision } = view.store.declared();
        const waits = chainsFor(stored, view).map((chain) =>
          view.waiters.untilClosed(chain, revision, request),
        );
        await Promise.all(waits);
      },
      release: () => undefined,
    }),
    filters: () => ({
      labels: labelFilter(({ spec }: Stored<'subscribers'>) => spec.labels ?? {}),
      switch: textFilter(({ spec }: Stored<'subscribers'>) => spec.attachment.switch),
    }),
  });
  app.get<{ Params: { name: Name } }>('/v1/subscribers/:name/counters', async (request) => {
    const { name } = request.params;
    const counters = viewOf(context, request).introspection.subscriberCounters(name);
    if (counters === undefined) throw new ChainstitchError('not-found', `there is no subscriber ${name}`);
    return counters;
  });
}

/** The chains that a subscriber is in, by name or by its labels. */
function chainsFor({ spec }: Stored<'subscribers'>, { store }: Context): readonly Stored<'chains'>[] {
  const chains = objectMap(store.declared(), 'chains');
  const selecting = [...chains.by('selector')].filter((chain) => selects(chain.spec, spec));
  return [...chains.by(`subscriber ${spec.name}`), ...selecting];
}

function chainsOf(stored: Stored<'subscribers'>, view: Context) {
  const { introspection, store } = view;
  const isLookedAt = introspection.observedRevision() >= store.declared().revision;
  return chainsFor(stored, view).map((chain) => {
    const { phase, conditions } = statusOf(introspection, chain);
    const flows = conditions.find(({ type }) => type === 'FlowsInstalled');
    return { name: chain.spec.name, phase, closed: isLookedAt && flows?.status === true };
  });
}
