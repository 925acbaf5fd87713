/** /v1/links: which ports of declared switches are joined. Nobody declares a link; they are found. */
import type { FastifyInstance } from 'fastify';
import type { LinkEnd, LinkFact } from '../model/facts.ts';
import type { Context } from './context.ts';

export function registerLinks(app: FastifyInstance, { store, introspection }: Context): void {
  app.get('/v1/links', async () => {
    const names = new Map([...store.declared().switches.values()].map(({ spec }) => [spec.dpid, spec.name]));
    const end = ({ dpid, port }: LinkEnd) => ({ switch: names.get(dpid), port });
    const show = ({ a, b, state, since }: LinkFact) => ({
      ends: [end(a), end(b)],
      state,
      since: new Date(since).toISOString(),
    });
    // A switch that was deleted a moment ago may still have links.
    const links = introspection.links().filter(({ a, b }) => names.has(a.dpid) && names.has(b.dpid));
    return { items: links.map(show) };
  });
}
