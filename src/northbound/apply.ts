/** /v1/apply: many objects at once, all of them or none. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Json, KINDS, type Kind, type Specs } from '../model/declared.ts';
import { ChainstitchError, type Fault } from '../model/errors.ts';
import { API_LIMITS } from '../model/limits.ts';
import type { PutChange } from '../model/store.ts';
import { carryOut, type Intent, onceOf, repetitionOf, tryOut } from './change.ts';
import { isDryRun } from './collection.ts';
import { type Context, viewOf } from './context.ts';
import { schemaFaults } from './contract.ts';
import { MANY_DOCUMENTS } from './media.ts';

/** The schema of each kind's specs. */
export const SPEC_SCHEMAS: { readonly [K in Kind]: string } = {
  functions: 'FunctionSpec',
  switches: 'SwitchSpec',
  uplinks: 'UplinkSpec',
  subscribers: 'SubscriberSpec',
  pools: 'PoolSpec',
  webhooks: 'WebhookSpec',
  chains: 'ChainSpec',
};

export function registerApply(app: FastifyInstance, context: Context): void {
  const options = { bodyLimit: API_LIMITS.applyBytes, config: { ...MANY_DOCUMENTS, query: ['dryRun'] } };
  app.post('/v1/apply', options, async (request, reply) => {
    const view = viewOf(context, request);
    const isDry = isDryRun(request);
    const once = onceOf(request);
    const intents = readIntents(request);
    if (isDry) return tryOut(view, () => intents);
    const repetition = repetitionOf(view, once);
    if (repetition !== undefined) reply.header('idempotency-replayed', 'true');
    const { revision, outcomes } = repetition ?? (await carryOut(view, request, () => intents, once));
    return { revision, outcomes };
  });
}

type Item = { readonly kind: Kind; readonly spec: Specs[Kind] };

/** The objects in the order in which one may need another. @throws ChainstitchError `invalid-body` and others */
function readIntents(request: FastifyRequest): readonly Intent[] {
  const body = request.body as Json | undefined;
  if (body === undefined) throw new ChainstitchError('malformed-request', 'the body is missing');
  refuse(schemaFaults('Apply', body));
  const { items } = body as unknown as { items: readonly Item[] };
  refuse(
    items.flatMap(({ kind, spec }, index) =>
      schemaFaults(SPEC_SCHEMAS[kind], spec as unknown as Json, `/items/${index}/spec`),
    ),
  );
  const places = new Map<string, number>();
  const twice: Fault[] = [];
  for (const [index, { kind, spec }] of items.entries()) {
    const key = `${kind}/${spec.name}`;
    const first = places.get(key);
    if (first === undefined) places.set(key, index);
    else
      twice.push({
        pointer: `/items/${index}/spec/name`,
        detail: `item ${first} is ${key} too; leave one out`,
      });
  }
  refuse(twice);
  return items
    .map(({ kind, spec }, index) => ({ op: 'put', kind, spec, pointer: `/items/${index}/spec` }) as Intent)
    .sort((a, b) => KINDS.indexOf((a as PutChange).kind) - KINDS.indexOf((b as PutChange).kind));
}

function refuse(faults: readonly Fault[]): void {
  if (faults.length === 0) return;
  const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`;
  const shown = faults.slice(0, API_LIMITS.faults);
  throw new ChainstitchError('invalid-body', `the body has ${count}; nothing was changed`, { faults: shown });
}
