/** /v1/subscribers */
import type { FastifyInstance } from 'fastify';
import type { Stored } from '../model/declared.ts';
import { ChainstitchError } from '../model/errors.ts';
import type { Name } from '../model/ids.ts';
import { registerCollection } from './collection.ts';
import { type Context, viewOf } from './context.ts';
import { labelFilter, textFilter } from './list.ts';
import { showStored } from './show.ts';

export function registerSubscribers(app: FastifyInstance, context: Context): void {
  registerCollection(app, context, {
    kind: 'subscribers',
    schema: 'Subscriber',
    show: showStored,
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
