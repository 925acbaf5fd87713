/**
 * /v1/<kind>/<name>/history: what became of an object, newest first; also when it has been deleted.
 */
import type { FastifyInstance } from 'fastify';
import type { Kind } from '../model/declared.ts';
import { ChainstitchError } from '../model/errors.ts';
import type { Name } from '../model/ids.ts';
import { type Context, viewOf } from './context.ts';
import { formatCursor, invalid, parseCursor, parseLimit } from './list.ts';

type ByName = { Params: { name: Name }; Querystring: { limit?: string; cursor?: string } };

export function registerHistory(app: FastifyInstance, context: Context, kind: Kind): void {
  const config = { query: ['limit', 'cursor'] };
  app.get<ByName>(`/v1/${kind}/:name/history`, { config }, async (request) => {
    const { store } = viewOf(context, request);
    const { name } = request.params;
    const limit = parseLimit(request.query.limit);
    const list = `history of ${kind} ${name}`;
    const cursor = parseCursor(request.query.cursor, list);
    const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(cursor);
    if (!Number.isSafeInteger(before)) throw invalid('the query parameter `cursor` is none');
    const { entries, next } = store.journal.history(kind, name, before, limit);
    if (entries.length === 0 && cursor === undefined && !store.declared()[kind].has(name)) {
      throw new ChainstitchError('not-found', `nothing is known of ${name} in ${kind}`);
    }
    return { items: entries, ...(next === undefined ? {} : { next: formatCursor(list, String(next)) }) };
  });
}
