/**
 * /v1/tokens: who may call. A token cannot be changed, only made and revoked.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Json } from '../model/declared.ts';
import { ChainstitchError } from '../model/errors.ts';
import type { Name } from '../model/ids.ts';
import type { TokenRecord, TokenRecords } from '../model/tokens.ts';
import { createToken, type TokenSpec } from './auth/tokens.ts';
import { type Context, viewOf } from './context.ts';
import { schemaFaults } from './contract.ts';

type ById = { Params: { id: string } };

export function registerTokens(app: FastifyInstance, context: Context): void {
  const { log, now } = context;
  const tokensOf = (request: FastifyRequest): TokenRecords => viewOf(context, request).store.tokens;
  const find = (tokens: TokenRecords, id: string): TokenRecord => {
    const record = tokens.all().get(id);
    if (record === undefined) throw new ChainstitchError('not-found', `there is no token ${id}`);
    return record;
  };

  app.get('/v1/tokens', async (request) => ({ items: [...tokensOf(request).all().values()].map(show) }));
  app.get<ById>('/v1/tokens/:id', async (request) => show(find(tokensOf(request), request.params.id)));

  app.post('/v1/tokens', async (request, reply) => {
    const body = request.body as Json | undefined;
    if (body === undefined) throw new ChainstitchError('malformed-request', 'the body is missing');
    const faults = schemaFaults('TokenSpec', body);
    if (faults.length > 0) throw new ChainstitchError('invalid-body', 'the body is no token', { faults });
    const spec = forTenant(body as unknown as TokenSpec, request.principal.tenant);
    const { record, token } = createToken(
      context.store.tokens,
      spec,
      request.principal.id,
      now(),
      request.id,
    );
    log.info({ id: record.id, scope: record.scope, by: record.createdBy, reqId: request.id }, 'token made');
    reply.code(201).header('location', `/v1/tokens/${record.id}`);
    return { ...(show(record) as object), token };
  });

  app.delete<ById>('/v1/tokens/:id', async (request, reply) => {
    const tokens = tokensOf(request);
    const { id } = find(tokens, request.params.id);
    tokens.remove(id, { actor: request.principal.id, request: request.id });
    log.info({ id, by: request.principal.id, reqId: request.id }, 'token revoked');
    return reply.code(204).send();
  });
}

/** Who administers a tenant makes tokens of that tenant. @throws ChainstitchError `forbidden` */
function forTenant(spec: TokenSpec, tenant: Name | undefined): TokenSpec {
  if (tenant === undefined) return spec;
  if (spec.tenant !== undefined && spec.tenant !== tenant)
    throw new ChainstitchError('forbidden', `the caller may make tokens of the tenant ${tenant} only`);
  return { ...spec, tenant };
}

/** The hash is nobody's business. */
function show({ hash: _, ...shown }: TokenRecord): unknown {
  return shown;
}
