/** /v1/audit: whether every packet of every chained subscriber meets its hops, as the switches really are. */
import type { FastifyInstance } from 'fastify';
import { ChainstitchError } from '../model/errors.ts';
import type { Context } from './context.ts';

export function registerAudit(app: FastifyInstance, { introspection }: Context): void {
  app.post('/v1/audit', () => introspection.audit());
  app.get('/v1/audit', async () => {
    const report = introspection.lastAudit();
    if (report === undefined)
      throw new ChainstitchError(
        'not-found',
        'nothing was audited since the controller started; POST does it',
      );
    return report;
  });
}
