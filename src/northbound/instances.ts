/**
 * /v1/instances: what runs for whom. Instances come and go with the chains; nobody declares one.
 */
import type { FastifyInstance } from 'fastify';
import { ChainstitchError } from '../model/errors.ts';
import type { InstanceId } from '../model/ids.ts';
import type { InstanceView } from '../model/interfaces.ts';
import type { Context } from './context.ts';

type ById = { Params: { id: InstanceId } };

export function registerInstances(app: FastifyInstance, { introspection }: Context): void {
  const find = (id: InstanceId): InstanceView => {
    const view = introspection.instances().find(({ record }) => record.id === id);
    if (view === undefined) throw new ChainstitchError('not-found', `there is no instance ${id}`);
    return view;
  };
  app.get('/v1/instances', async () => ({ items: introspection.instances().map(show) }));
  app.get<ById>('/v1/instances/:id', async ({ params }) => show(find(params.id)));
  app.get<ById>('/v1/instances/:id/counters', async ({ params }) => {
    find(params.id);
    return introspection.instanceCounters(params.id);
  });
}

function show({ record, fact }: InstanceView): unknown {
  if (fact === undefined) return { ...record, status: { phase: 'unknown', restarts: 0 } };
  const { id: _, ...status } = fact;
  return { ...record, status };
}
