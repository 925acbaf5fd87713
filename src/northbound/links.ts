/** /v1/links: which ports of declared switches are joined. Nobody declares a link; they are found. */
import type { FastifyInstance } from 'fastify';
import type { LinkEnd } from '../model/facts.ts';
import type { Context } from './context.ts';
import { selection } from './fields.ts';
import { LIST_QUERY, type Pages, pagesOf, type Query, wordFilter } from './list.ts';

export function registerLinks(app: FastifyInstance, context: Context): void {
  const config = { query: [...LIST_QUERY, ...pagesFor(context).parameters] };
  app.get('/v1/links', { config }, async (request) => {
    const query = request.query as Query;
    const select = selection(query['fields'], 'Link');
    const page = pagesFor(context).page(query);
    return { ...page, items: page.items.map(select) };
  });
}

const STATES = ['up', 'stale', 'oneWay'] as const;

function pagesFor({ store, introspection }: Context): Pages {
  const names = new Map([...store.declared().switches.values()].map(({ spec }) => [spec.dpid, spec.name]));
  const end = ({ dpid, port }: LinkEnd) => ({ switch: names.get(dpid), port });
  const keyOf = ({ dpid, port }: LinkEnd): string => `${dpid} ${port}`;
  return pagesOf('links', {
    after: (key = '') =>
      introspection
        .links()
        // A switch that was deleted a moment ago may still have links.
        .filter(({ a, b }) => names.has(a.dpid) && names.has(b.dpid))
        .map((link) => [`${keyOf(link.a)} ${keyOf(link.b)}`, link] as const)
        .filter(([other]) => other > key)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    filters: {
      switch:
        (name) =>
        ({ a, b }) =>
          [a, b].some(({ dpid }) => names.get(dpid) === name),
      state: wordFilter('state', STATES, ({ state }) => state),
    },
    show: ({ a, b, state, since }) => ({
      ends: [end(a), end(b)],
      state,
      since: new Date(since).toISOString(),
    }),
  });
}
