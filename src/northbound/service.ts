/**
 * What the API says of itself: its contract, what its problems mean, and whether it is well.
 */
import type { FastifyInstance } from 'fastify';
import { ChainstitchError, ERRORS, type ErrorCode } from '../model/errors.ts';
import type { Store } from '../model/interfaces.ts';
import type { Context } from './context.ts';
import { contract } from './contract.ts';

export function registerService(app: FastifyInstance, { store, introspection, metrics }: Context): void {
  app.get('/openapi.json', async () => contract);
  app.get<{ Params: { code: string } }>('/problems/:code', async ({ params: { code } }) => {
    if (!Object.hasOwn(ERRORS, code)) throw new ChainstitchError('not-found', `there is no problem ${code}`);
    return { code, ...ERRORS[code as ErrorCode] };
  });
  app.get('/healthz', async () => ({ status: 'ok' }));
  // While the controller stops, every request is refused before it gets here.
  app.get('/readyz', async () => {
    const faults = [...storeFaults(store), ...introspection.unready()];
    if (faults.length === 0) return { status: 'ready' };
    throw new ChainstitchError('not-ready', faults.join('; '), {
      faults: faults.map((detail) => ({ pointer: '', detail })),
    });
  });
  app.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await metrics();
    return reply.type(contentType).send(text);
  });
}

function storeFaults(store: Store): readonly string[] {
  try {
    store.check();
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}
