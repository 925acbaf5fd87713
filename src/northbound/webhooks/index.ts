/** /v1/webhooks: who is told of events. The secret is taken and never shown. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Json, Stored } from '../../model/declared.ts';
import { ChainstitchError } from '../../model/errors.ts';
import type { Name } from '../../model/ids.ts';
import { withoutSecrets } from '../../model/secrets.ts';
import type { Deliveries } from '../../model/store.ts';
import { registerCollection } from '../collection.ts';
import { type Context, viewOf } from '../context.ts';
import { schemaFaults } from '../contract.ts';
import { showMeta } from '../show.ts';

type ByName = { Params: { name: Name } };

export function registerWebhooks(app: FastifyInstance, context: Context): void {
  registerCollection(app, context, {
    kind: 'webhooks',
    schema: 'Webhook',
    show: (stored, { store }) => ({
      ...showMeta(stored),
      spec: withoutSecrets('webhooks', stored.spec),
      status: statusOf(stored, store),
    }),
  });
  const find = (request: FastifyRequest<ByName>): { deliveries: Deliveries; uid: number } => {
    const { store } = viewOf(context, request);
    const { name } = request.params;
    const webhook = store.declared().webhooks.get(name);
    if (webhook !== undefined) return { deliveries: store.deliveries, uid: webhook.uid };
    throw new ChainstitchError('not-found', `there is none in webhooks that is called ${name}`);
  };
  app.get<ByName>('/v1/webhooks/:name/dead-letters', async (request) => {
    const { deliveries, uid } = find(request);
    return { items: deliveries.deadLetters(uid) };
  });
  app.delete<ByName>('/v1/webhooks/:name/dead-letters', async (request, reply) => {
    const { deliveries, uid } = find(request);
    deliveries.clear(uid);
    return reply.code(204).send();
  });
  app.post<ByName>('/v1/webhooks/:name/redeliver', async (request, reply) => {
    const { deliveries, uid } = find(request);
    const body = (request.body ?? {}) as Json;
    const faults = schemaFaults('Redelivery', body);
    if (faults.length > 0) {
      throw new ChainstitchError('invalid-body', 'the body does not say which events', { faults });
    }
    return reply.code(202).send({ queued: deliveries.requeue(uid, (body as { events?: number[] }).events) });
  });
}

function statusOf({ uid }: Stored<'webhooks'>, { deliveries, journal }: Context['store']) {
  const delivered = deliveries.position(uid) ?? journal.newest;
  return { delivered, newest: journal.newest, deadLetters: deliveries.deadLetters(uid).length };
}
