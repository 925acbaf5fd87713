/** /v1/webhooks: who is told of events. The secret is taken and never shown. */
import type { FastifyInstance } from 'fastify';
import type { Stored } from '../../model/declared.ts';
import { ChainstitchError } from '../../model/errors.ts';
import type { Name } from '../../model/ids.ts';
import { withoutSecrets } from '../../model/secrets.ts';
import { registerCollection } from '../collection.ts';
import { type Context, viewOf } from '../context.ts';
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
  app.get<ByName>('/v1/webhooks/:name/dead-letters', async (request) => {
    const { store } = viewOf(context, request);
    const webhook = store.declared().webhooks.get(request.params.name);
    if (webhook === undefined) {
      throw new ChainstitchError(
        'not-found',
        `there is none in webhooks that is called ${request.params.name}`,
      );
    }
    return { items: store.deliveries.deadLetters(webhook.uid) };
  });
}

function statusOf({ uid }: Stored<'webhooks'>, { deliveries, journal }: Context['store']) {
  const delivered = deliveries.position(uid) ?? journal.newest;
  return { delivered, newest: journal.newest, deadLetters: deliveries.deadLetters(uid).length };
}
