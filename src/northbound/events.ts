/**
 * /v1/events: the journal, as a page of JSON or as a stream (server-sent events).
 *
 * A stream keeps a place in the journal and the event that is being sent: it reads on when the connection takes more. A
 * client that is slow costs no memory; one that falls behind the journal is told so and has to read the state anew.
 */
import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ChainstitchError } from '../model/errors.ts';
import { API_LIMITS } from '../model/limits.ts';
import type { EntryType, Journal, JournalEntry, JournalFilter, Subject } from '../model/store.ts';
import { type Context, viewOf } from './context.ts';
import { invalid, parseLimit, type Query } from './list.ts';
import { Places } from './places.ts';

export const EVENT_KINDS = [
  'functions',
  'switches',
  'uplinks',
  'subscribers',
  'pools',
  'chains',
  'webhooks',
  'instances',
] as const;
export const EVENT_TYPES = ['created', 'replaced', 'deleted', 'changed'] as const;

export function registerEvents(app: FastifyInstance, context: Context): void {
  const streams = new Places(API_LIMITS.streams, 'streams are open already');
  const config = { query: ['after', 'limit', 'kind', 'name', 'types'] };
  app.get('/v1/events', { config }, async (request, reply) => {
    const { tenant, store } = viewOf(context, request);
    const { journal } = store;
    const query = request.query as Query;
    const filter = filterOf(query);
    const given = numberOf('the query parameter `after`', query['after']);
    if (!wantsStream(request)) {
      const { entries, next } = journal.read(given ?? journal.horizon, parseLimit(query['limit']), filter);
      return { items: entries, next };
    }
    if (query['limit'] !== undefined) throw invalid('the query parameter `limit` does not go with a stream');
    const last = numberOf('the header last-event-id', request.headers['last-event-id'] as string | undefined);
    const after = last ?? given ?? journal.newest;
    // What is gone is refused while the answer can still have a status.
    journal.read(after, 1);
    const place = streams.take(tenant);
    reply.hijack();
    const { isCurrent } = request.principal;
    const mayGoOn = (): boolean => isCurrent?.(context.now()) ?? true;
    stream(reply.raw, journal, after, filter, context.closing, mayGoOn).finally(() => place.free());
    return reply;
  });
}

function wantsStream({ headers }: FastifyRequest): boolean {
  return (
    headers.accept?.split(',').some((type) => type.trim().split(';')[0] === 'text/event-stream') === true
  );
}

async function stream(
  out: ServerResponse,
  journal: Journal,
  from: number,
  filter: JournalFilter,
  closing: AbortSignal,
  mayGoOn: () => boolean,
): Promise<void> {
  out.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    // Some proxies would keep what they get until there is more of it.
    'x-accel-buffering': 'no',
  });
  out.write(`retry: ${API_LIMITS.eventRetryMs}\n\n`);
  const heartbeat = setInterval(() => {
    if (!mayGoOn()) wake();
    if (!out.writableNeedDrain) out.write(': still here\n\n');
  }, API_LIMITS.heartbeatMs);
  let wake = (): void => undefined;
  const stopWatching = journal.watch(() => wake());
  const end = (): void => wake();
  out.once('close', end);
  closing.addEventListener('abort', end);
  try {
    let after = from;
    // Before each read: what came after a token was revoked is not for its holder.
    while (!out.destroyed && !closing.aborted && mayGoOn()) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
        out.once('drain', resolve);
      });
      const page =
        after < journal.newest && !out.writableNeedDrain ? read(journal, after, filter) : undefined;
      if (page === 'gone') {
        out.write(`event: gone\ndata: ${JSON.stringify({ after, horizon: journal.horizon })}\n\n`);
        break;
      }
      after = page === undefined ? after : send(out, page);
      if (page === undefined) await woken;
      out.removeAllListeners('drain');
    }
  } finally {
    clearInterval(heartbeat);
    stopWatching();
    closing.removeEventListener('abort', end);
    out.end();
  }
}

/** Entries that are read at once. */
const BATCH = 100;

/** Writes as long as the connection takes it, and says where to go on. */
function send(out: ServerResponse, { entries, next }: ReturnType<Journal['read']>): number {
  for (const entry of entries) {
    if (!out.write(formatEvent(entry))) return entry.seq;
  }
  return next;
}

function read(journal: Journal, after: number, filter: JournalFilter): ReturnType<Journal['read']> | 'gone' {
  try {
    return journal.read(after, BATCH, filter);
  } catch (error) {
    if (error instanceof ChainstitchError && error.code === 'events-gone') return 'gone';
    throw error;
  }
}

function formatEvent(entry: JournalEntry): string {
  return `id: ${entry.seq}\nevent: ${entry.kind}.${entry.type}\ndata: ${JSON.stringify(entry)}\n\n`;
}

function filterOf({ kind, name, types }: Query): JournalFilter {
  if (kind !== undefined && !(EVENT_KINDS as readonly string[]).includes(kind)) {
    throw invalid(`the query parameter \`kind\` has to be one of ${EVENT_KINDS.join(', ')}`);
  }
  const asked = types?.split(',');
  if (asked?.some((type) => !(EVENT_TYPES as readonly string[]).includes(type)) === true) {
    throw invalid(
      `the query parameter \`types\` has to be made of ${EVENT_TYPES.join(', ')}, with commas between`,
    );
  }
  return {
    ...(kind === undefined ? {} : { kind: kind as Subject }),
    ...(name === undefined ? {} : { name }),
    ...(asked === undefined ? {} : { types: asked as EntryType[] }),
  };
}

function numberOf(what: string, text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (/^(0|[1-9][0-9]{0,14})$/.test(text)) return Number(text);
  throw invalid(`${what} has to be the number of an event`);
}
