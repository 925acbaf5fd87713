/** /v1/subscribers */
import type { FastifyInstance } from 'fastify';
import type { Stored } from '../model/declared.ts';
import { registerCollection } from './collection.ts';
import type { Context } from './context.ts';
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
}
