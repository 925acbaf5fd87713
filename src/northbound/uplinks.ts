/** /v1/uplinks */
import type { FastifyInstance } from 'fastify';
import { registerCollection } from './collection.ts';
import type { Context } from './context.ts';
import { showStored } from './show.ts';

export function registerUplinks(app: FastifyInstance, context: Context): void {
  registerCollection(app, context, { kind: 'uplinks', schema: 'Uplink', show: showStored });
}
