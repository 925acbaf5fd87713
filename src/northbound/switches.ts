/**
 * /v1/switches: what is declared of each beside what the controller sees of it, and the switches that have
 * connected without being declared.
 */
import type { FastifyInstance } from 'fastify';
import type { Stored } from '../model/declared.ts';
import type { Rejection, SwitchFact } from '../model/facts.ts';
import type { Dpid, Name } from '../model/ids.ts';
import { registerCollection } from './collection.ts';
import { type Context, viewOf } from './context.ts';
import { pagesOf, wordFilter } from './list.ts';
import { showMeta } from './show.ts';

export function registerSwitches(app: FastifyInstance, context: Context): void {
  const show = (stored: Stored<'switches'>, { introspection }: Context) => ({
    declared: true,
    ...showMeta(stored),
    spec: stored.spec,
    status: showState(stored.spec.dpid, introspection.switchFacts().get(stored.spec.dpid)),
  });
  registerCollection(app, context, {
    kind: 'switches',
    schema: 'Switch',
    item: 'AnySwitch',
    show,
    pages: (view) => {
      const { store, introspection } = view;
      type Listed = { readonly status: { readonly connection: string } };
      const entries = (): (readonly [string, Listed])[] => {
        const stored = [...store.declared().switches.values()];
        const known = new Set(stored.map(({ spec }) => spec.dpid));
        const strangers = [...introspection.switchFacts().values()].filter(
          ({ dpid, connection }) => !known.has(dpid) && connection === 'connected',
        );
        return [
          ...stored.map((one) => [one.spec.name, show(one, view)] as const),
          // They have no names; they come after all that have.
          ...strangers
            .map(
              (fact) => [`~${fact.dpid}`, { declared: false, status: showState(fact.dpid, fact) }] as const,
            )
            .sort(([a], [b]) => (a < b ? -1 : 1)),
        ];
      };
      return pagesOf<Listed>('switches', {
        after: (name = '') => entries().filter(([key]) => key > name),
        filters: {
          connection: wordFilter(
            'connection',
            ['connected', 'disconnected'],
            ({ status }: Listed) => status.connection,
          ),
        },
        show: (listed) => listed,
      });
    },
  });
  registerReconcile(app, context);
}

type ByName = { Params: { name: Name } };

function registerReconcile(app: FastifyInstance, context: Context): void {
  app.post<ByName>('/v1/switches/:name/reconcile', async (request) => {
    const { introspection } = viewOf(context, request);
    const { changes, rejections } = await introspection.reconcile(request.params.name);
    return { changes, rejections: rejections.map(showRejection) };
  });
}

// Owner and digest are the controller's own bookkeeping.
const showRejection = ({ reason, flow }: Rejection) => ({ reason, flow });

function showState(dpid: Dpid, fact: SwitchFact | undefined) {
  return {
    dpid,
    connection: fact?.connection ?? 'disconnected',
    ...(fact?.protocol === undefined ? {} : { protocol: fact.protocol }),
    applied: fact?.applied !== undefined,
    ports: [...(fact?.ports.values() ?? [])].map(({ name, ofport, mac, linkUp, listening }) => ({
      name,
      ofport,
      mac,
      linkUp,
      listening: listening === true,
    })),
    rejections: (fact?.rejections ?? []).map(showRejection),
    ...(fact?.problem === undefined ? {} : { problem: fact.problem }),
  };
}
