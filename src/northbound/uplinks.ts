/** /v1/uplinks */
import type { FastifyInstance } from 'fastify';
import type { Stored } from '../model/declared.ts';
import { registerCollection } from './collection.ts';
import type { Context } from './context.ts';
import { textFilter } from './list.ts';
import { showStored } from './show.ts';

export function registerUplinks(app: FastifyInstance, context: Context): void {
  registerCollection(app, context, {
    kind: 'uplinks',
    schema: 'Uplink',
    show: showStored,
    filters: () => ({ switch: textFilter(({ spec }: Stored<'uplinks'>) => spec.attachment.switch) }),
  });
}
