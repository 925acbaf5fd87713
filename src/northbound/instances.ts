/**
 * /v1/instances: what runs for whom. Instances come and go with the chains; nobody declares one.
 */
import type { FastifyInstance } from 'fastify';
import { ChainstitchError } from '../model/errors.ts';
import { INSTANCE_PHASES } from '../model/facts.ts';
import type { InstanceId } from '../model/ids.ts';
import { type InstanceView, shownPhase } from '../model/interfaces.ts';
import { type Context, viewOf } from './context.ts';
import { selection } from './fields.ts';
import { LIST_QUERY, type Pages, pagesOf, type Query, textFilter, wordFilter } from './list.ts';

type ById = { Params: { id: InstanceId } };

export function registerInstances(app: FastifyInstance, context: Context): void {
  const find = ({ introspection }: Context, id: InstanceId): InstanceView => {
    const view = introspection.instances().find(({ record }) => record.id === id);
    if (view === undefined) throw new ChainstitchError('not-found', `there is no instance ${id}`);
    return view;
  };
  const config = { query: ['fields'] };
  const listConfig = { query: [...LIST_QUERY, ...pagesFor(context).parameters] };
  app.get('/v1/instances', { config: listConfig }, async (request) => {
    const query = request.query as Query;
    const select = selection(query['fields'], 'Instance');
    const page = pagesFor(viewOf(context, request)).page(query);
    return { ...page, items: page.items.map(select) };
  });
  app.get<ById>('/v1/instances/:id', { config }, async (request) => {
    const select = selection((request.query as Query)['fields'], 'Instance');
    return select(show(find(viewOf(context, request), request.params.id)));
  });
  app.get<ById>('/v1/instances/:id/counters', async (request) => {
    const view = viewOf(context, request);
    find(view, request.params.id);
    return view.introspection.instanceCounters(request.params.id);
  });
}

function pagesFor({ introspection }: Context): Pages {
  return pagesOf<InstanceView>('instances', {
    after: (key = '') =>
      introspection
        .instances()
        .map((view) => [sortKey(view.record.id), view] as const)
        .filter(([other]) => other > key)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    filters: {
      chain: textFilter(({ record }) => record.chain),
      subscriber: textFilter(({ record }) => record.subscriber),
      switch: textFilter(({ record }) => record.switch),
      function: textFilter(({ record }) => record.function),
      phase: wordFilter('phase', [...INSTANCE_PHASES, 'asleep', 'unknown'], shownPhase),
    },
    show,
    bytes: ({ record }) => JSON.stringify(record).length,
  });
}

/** Puts i9 before i10. */
function sortKey(id: InstanceId): string {
  return id.slice(1).padStart(16, '0');
}

function show(view: InstanceView): unknown {
  const { record, fact } = view;
  if (fact === undefined) return { ...record, status: { phase: shownPhase(view), restarts: 0 } };
  const { id: _, ...status } = fact;
  return { ...record, status: { ...status, phase: shownPhase(view) } };
}
