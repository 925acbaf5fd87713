/** /v1/audit-log: who changed what, from what to what, newest first. */
import type { FastifyInstance } from 'fastify';
import { AUDIT_ACTIONS, type AuditRecord } from '../model/audit.ts';
import { type Context, viewOf } from './context.ts';
import {
  type Filters,
  formatCursor,
  invalid,
  parseCursor,
  parseLimit,
  type Query,
  textFilter,
  wordFilter,
} from './list.ts';

const FILTERS: Filters<AuditRecord> = {
  actor: textFilter(({ actor }) => actor),
  kind: textFilter(({ kind }) => kind),
  name: textFilter(({ name }) => name),
  request: textFilter(({ request }) => request),
  action: wordFilter('action', AUDIT_ACTIONS, ({ action }) => action),
};

/** Cursors of any query go on in the same order, so that one list is all there is. */
const LIST = 'audit-log';

export function registerAuditLog(app: FastifyInstance, context: Context): void {
  const config = { query: ['limit', 'cursor', ...Object.keys(FILTERS)] };
  app.get('/v1/audit-log', { config }, async (request) => {
    const query = request.query as Query;
    const cursor = parseCursor(query['cursor'], LIST);
    const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(cursor);
    if (!Number.isSafeInteger(before)) throw invalid('the query parameter `cursor` is none');
    const tests = Object.entries(FILTERS).flatMap(([name, filter]) => {
      const text = query[name];
      return text === undefined ? [] : [filter(text)];
    });
    const { records, next } = viewOf(context, request).store.audit.read(
      before,
      parseLimit(query['limit']),
      (record) => tests.every((passes) => passes(record)),
    );
    return { items: records, ...(next === undefined ? {} : { next: formatCursor(LIST, String(next)) }) };
  });
}
