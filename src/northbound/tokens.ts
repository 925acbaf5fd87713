/**
 * /v1/tokens: who may call. A token cannot be changed, only made and revoked.
 */
import type { FastifyInstance } from 'fastify';
import type { Json } from '../model/declared.ts';
import { ChainstitchError } from '../model/errors.ts';
import type { TokenRecord } from '../model/tokens.ts';
import { createToken, type TokenSpec } from './auth/tokens.ts';
import type { Context } from './context.ts';
import { schemaFaults } from './contract.ts';

type ById = { Params: { id: string } };

export function registerTokens(app: FastifyInstance, { store, log, now }: Context): void {
  const { tokens } = store;
  const find = (id: string): TokenRecord => {
    const record = tokens.all().get(id);
    if (record === undefined) throw new ChainstitchError('not-found', `there is no token ${id}`);
    return record;
  };

  app.get('/v1/tokens', async () => ({ items: [...tokens.all().values()].map(show) }));
  app.get<ById>('/v1/tokens/:id', async ({ params }) => show(find(params.id)));

  app.post('/v1/tokens', async (request, reply) => {
    const body = request.body as Json | undefined;
    if (body === undefined) throw new ChainstitchError('malformed-request', 'the body is missing');
    const faults = schemaFaults('TokenSpec', body);
    if (faults.length > 0) throw new ChainstitchError('invalid-body', 'the body is no token', { faults });
    const { record, token } = createToken(tokens, body as unknown as TokenSpec, request.principal.id, now());
    log.info({ id: record.id, scope: record.scope, by: record.createdBy, reqId: request.id }, 'token made');
    reply.code(201).header('location', `/v1/tokens/${record.id}`);
    return { ...(show(record) as object), token };
  });

  app.delete<ById>('/v1/tokens/:id', async (request, reply) => {
    const { id } = find(request.params.id);
    tokens.remove(id);
    log.info({ id, by: request.principal.id, reqId: request.id }, 'token revoked');
    return reply.code(204).send();
  });
}

/** The hash is nobody's business. */
function show({ hash: _, ...shown }: TokenRecord): unknown {
  return shown;
}
