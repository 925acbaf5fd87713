/** /v1/subscribers */
import type { FastifyInstance } from 'fastify';
import { registerCollection } from './collection.ts';
import type { Context } from './context.ts';
import { showStored } from './show.ts';

export function registerSubscribers(app: FastifyInstance, context: Context): void {
  registerCollection(app, context, { kind: 'subscribers', schema: 'Subscriber', show: showStored });
}
