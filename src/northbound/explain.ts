/** /v1/explain: what becomes of a packet. */
import type { FastifyInstance } from 'fastify';
import type { Json } from '../model/declared.ts';
import { ChainstitchError } from '../model/errors.ts';
import { EXPLAIN_SOURCES, type ExplainQuery } from '../model/explain.ts';
import { type Context, viewOf } from './context.ts';
import { schemaFaults } from './contract.ts';

export function registerExplain(app: FastifyInstance, context: Context): void {
  app.post('/v1/explain', { config: { query: ['source'] } }, async (request) => {
    const { source: asked = 'compiled' } = request.query as { source?: string };
    const source = EXPLAIN_SOURCES.find((one) => one === asked);
    if (source === undefined) {
      const detail = `the query parameter \`source\` has to be one of ${EXPLAIN_SOURCES.join(', ')}`;
      throw new ChainstitchError('invalid-parameter', detail);
    }
    const body = request.body as Json | undefined;
    if (body === undefined) throw new ChainstitchError('malformed-request', 'the body is missing');
    const faults = schemaFaults('ExplainQuery', body);
    if (faults.length > 0) throw new ChainstitchError('invalid-body', 'the body is no question', { faults });
    return viewOf(context, request).introspection.explain(body as unknown as ExplainQuery, source);
  });
}
