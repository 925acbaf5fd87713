/**
 * /v1/switches: what is declared of each beside what the controller sees of it, and the switches that have
 * connected without being declared.
 */
import type { FastifyInstance } from 'fastify';
import type { Stored } from '../model/declared.ts';
import type { Rejection, SwitchFact } from '../model/facts.ts';
import type { Dpid, Name } from '../model/ids.ts';
import { registerCollection } from './collection.ts';
import type { Context } from './context.ts';
import { showMeta } from './show.ts';

export function registerSwitches(app: FastifyInstance, context: Context): void {
  const { store, introspection } = context;
  const show = (stored: Stored<'switches'>) => ({
    declared: true,
    ...showMeta(stored),
    spec: stored.spec,
    status: showState(stored.spec.dpid, introspection.switchFacts().get(stored.spec.dpid)),
  });
  registerCollection(app, context, {
    kind: 'switches',
    schema: 'Switch',
    show,
    list: () => {
      const stored = [...store.declared().switches.values()];
      const known = new Set(stored.map(({ spec }) => spec.dpid));
      const strangers = [...introspection.switchFacts().values()]
        .filter(({ dpid, connection }) => !known.has(dpid) && connection === 'connected')
        .map((fact) => ({ declared: false, status: showState(fact.dpid, fact) }));
      return [...stored.map(show), ...strangers];
    },
  });
  registerReconcile(app, context);
}

type ByName = { Params: { name: Name } };

function registerReconcile(app: FastifyInstance, { introspection }: Context): void {
  app.post<ByName>('/v1/switches/:name/reconcile', async ({ params }) => {
    const { changes, rejections } = await introspection.reconcile(params.name);
    return { changes, rejections: rejections.map(showRejection) };
  });
}

// Owner and digest are the controller's own bookkeeping.
const showRejection = ({ reason, flow }: Rejection) => ({ reason, flow });

function showState(dpid: Dpid, fact: SwitchFact | undefined): unknown {
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
