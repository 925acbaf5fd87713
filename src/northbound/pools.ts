/** /v1/pools */
import type { FastifyInstance } from 'fastify';
import type { Stored } from '../model/declared.ts';
import { registerCollection } from './collection.ts';
import type { Context } from './context.ts';
import { textFilter } from './list.ts';
import { showStored } from './show.ts';

export function registerPools(app: FastifyInstance, context: Context): void {
  registerCollection(app, context, {
    kind: 'pools',
    schema: 'Pool',
    show: showStored,
    filters: () => ({
      switch: textFilter(({ spec }: Stored<'pools'>) => spec.switch),
      function: textFilter(({ spec }: Stored<'pools'>) => spec.function),
    }),
  });
}
