/**
 * The routes that all kinds of declared object have in common. A resource's own file says what is its own.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Declared, Json, JsonObject, Kind, Specs, Stored } from '../model/declared.ts';
import { ChainstitchError } from '../model/errors.ts';
import type { Name } from '../model/ids.ts';
import { API_LIMITS } from '../model/limits.ts';
import { objectMap } from '../model/object-map.ts';
import type { Committed, Outcome } from '../model/store.ts';
import { carryOut, type Intent, onceOf, repetitionOf, survivor, tryOut } from './change.ts';
import { type Context, viewOf } from './context.ts';
import { schemaFaults } from './contract.ts';
import { checkPreconditions, tag } from './etag.ts';
import { selection } from './fields.ts';
import { registerHistory } from './history.ts';
import { type Filters, invalid, LIST_QUERY, type Pages, pagesOf, type Query } from './list.ts';
import { PATCH_CONFIG } from './media.ts';
import { mergePatch } from './merge-patch.ts';

/** What is to happen between the write and the answer to it. */
export type AfterWrite<K extends Kind> = {
  settle(stored: Stored<K>): Promise<void>;
  /** Called in any case, at the end. */
  release(): void;
};

/** What is to happen between a deletion and the answer to it. */
export type AfterDelete<K extends Kind> = {
  /** Resolves with what the deletion still waits for; undefined where it is done. */
  settle(deleted: Stored<K>): Promise<unknown>;
  /** Called in any case, at the end. */
  release(): void;
};

export type Collection<K extends Kind> = {
  readonly kind: K;
  /** The schema of one of them, as in `Chain`; its spec is `ChainSpec`. */
  readonly schema: string;
  /** An object as it is shown. */
  readonly show: (stored: Stored<K>, view: Context) => unknown;
  /** Query parameters by which the list is filtered. */
  readonly filters?: (view: Context) => Filters<Stored<K>>;
  /** What is listed, where it is not just what is stored, and the schema of one of them. */
  readonly pages?: (view: Context) => Pages;
  readonly item?: string;
  /** One that is shown and not stored. */
  readonly find?: (name: Name) => { readonly spec: Specs[K] } | undefined;
  /** Query parameters of GET one, POST, PUT and PATCH, and what they ask for. Called before anything is read or written. */
  readonly query?: readonly string[];
  readonly prepare?: (view: Context, request: FastifyRequest) => AfterWrite<K>;
  /** Query parameters of DELETE, and what they ask for. */
  readonly deleteQuery?: readonly string[];
  readonly prepareDelete?: (view: Context, request: FastifyRequest) => AfterDelete<K>;
};

/** Kinds of which one may be as large as a request. */
const LARGE: ReadonlySet<Kind> = new Set(['chains', 'pools']);

type ByName = { Params: { name: Name } };

export function registerCollection<K extends Kind>(
  app: FastifyInstance,
  context: Context,
  collection: Collection<K>,
): void {
  const { kind, schema, show, query = [], deleteQuery = [] } = collection;
  const nothing: AfterWrite<K> = { settle: async () => undefined, release: () => undefined };
  const prepare = (view: Context, request: FastifyRequest): AfterWrite<K> =>
    collection.prepare?.(view, request) ?? nothing;
  const get = (declared: Declared, name: Name): Stored<K> | undefined =>
    (declared[kind] as ReadonlyMap<Name, Stored<K>>).get(name);
  const pagesFor = (view: Context): Pages =>
    collection.pages?.(view) ??
    pagesOf<Stored<K>>(kind, {
      after: (name) => objectMap(view.store.declared(), kind).after(name),
      filters: collection.filters?.(view) ?? {},
      show: (stored) => show(stored, view),
      ...(LARGE.has(kind) ? { bytes: ({ spec }) => JSON.stringify(spec).length } : {}),
    });

  /** Carries a change out or only tries it, and answers with the object. */
  async function change(
    request: FastifyRequest,
    reply: FastifyReply,
    decide: (declared: Declared) => Intent,
  ): Promise<unknown> {
    const view = viewOf(context, request);
    const isDry = isDryRun(request);
    const select = selection((request.query as Query)['fields'], schema);
    const once = request.method === 'POST' ? onceOf(request) : undefined;
    const after = prepare(view, request);
    try {
      if (isDry) return tryOut(view, (declared) => [decide(declared)]);
      const repetition = repetitionOf(view, once);
      if (repetition !== undefined) reply.header('idempotency-replayed', 'true');
      const committed = repetition ?? (await carryOut(view, request, (declared) => [decide(declared)], once));
      const outcome = onlyOf(committed);
      const stored = survivor(view, kind, outcome);
      if (outcome.action === 'created') reply.code(201).header('location', `/v1/${kind}/${outcome.name}`);
      tag(reply, stored);
      await after.settle(stored);
      const now = get(view.store.declared(), outcome.name) ?? stored;
      tag(reply, now);
      return select(show(now, view));
    } finally {
      after.release();
    }
  }

  const listQuery = [...LIST_QUERY, ...pagesFor(context).parameters];
  app.get(`/v1/${kind}`, { config: { query: listQuery } }, async (request) => {
    const view = viewOf(context, request);
    const asked = request.query as Query;
    const select = selection(asked['fields'], collection.item ?? schema);
    const page = pagesFor(view).page(asked);
    return { ...page, items: page.items.map(select) };
  });

  app.post(`/v1/${kind}`, { config: { query: [...query, 'fields', 'dryRun'] } }, async (request, reply) =>
    change(request, reply, (declared) => {
      const { spec, pointer } = readSpec(collection, request.body as Json | undefined);
      const before = get(declared, spec.name);
      checkPreconditions(request, `${spec.name} in ${kind}`, before);
      if (before !== undefined) {
        throw new ChainstitchError('already-exists', `there is one in ${kind} that is called ${spec.name}`, {
          faults: [{ pointer: `${pointer}/name`, detail: `${spec.name} exists` }],
        });
      }
      return put(kind, spec, pointer);
    }),
  );

  app.get<ByName>(
    `/v1/${kind}/:name`,
    { config: { query: [...query, 'fields'] } },
    async (request, reply) => {
      const view = viewOf(context, request);
      const select = selection((request.query as Query)['fields'], schema);
      const after = prepare(view, request);
      try {
        const { name } = request.params;
        const shown = collection.find?.(name);
        if (shown !== undefined) return select(shown);
        const stored = get(view.store.declared(), name);
        if (stored === undefined) throw notFound(kind, name);
        await after.settle(stored);
        const now = get(view.store.declared(), name) ?? stored;
        tag(reply, now);
        return select(show(now, view));
      } finally {
        after.release();
      }
    },
  );

  app.put<ByName>(
    `/v1/${kind}/:name`,
    { config: { query: [...query, 'fields', 'dryRun'] } },
    async (request, reply) =>
      change(request, reply, (declared) => {
        const { spec, pointer } = readSpec(collection, request.body as Json | undefined);
        const { name } = request.params;
        if (spec.name !== name) throw nameMismatch(name, spec.name, pointer);
        checkPreconditions(request, `${name} in ${kind}`, get(declared, name));
        return put(kind, spec, pointer);
      }),
  );

  app.patch<ByName>(
    `/v1/${kind}/:name`,
    { config: { ...PATCH_CONFIG, query: [...query, 'fields', 'dryRun'] } },
    async (request, reply) =>
      change(request, reply, (declared) => {
        const { name } = request.params;
        const patch = request.body as Json | undefined;
        if (patch === undefined) throw new ChainstitchError('malformed-request', 'the body is missing');
        const before = get(declared, name);
        const target = before?.spec ?? collection.find?.(name)?.spec;
        if (target === undefined) throw notFound(kind, name);
        checkPreconditions(request, `${name} in ${kind}`, before);
        const spec = mergePatch(target as unknown as Json, patch);
        if (JSON.stringify(spec).length > API_LIMITS.bodyBytes) {
          throw new ChainstitchError(
            'body-too-large',
            `the patched object is larger than ${API_LIMITS.bodyBytes} bytes`,
          );
        }
        refuseFaults(kind, schemaFaults(`${schema}Spec`, spec));
        const patched = spec as unknown as Specs[K];
        if (patched.name !== name) throw nameMismatch(name, patched.name, '');
        return put(kind, patched, '');
      }),
  );

  app.delete<ByName>(
    `/v1/${kind}/:name`,
    { config: { query: [...deleteQuery, 'dryRun'] } },
    async (request, reply) => {
      const view = viewOf(context, request);
      const { name } = request.params;
      let deleted: Stored<K> | undefined;
      const decide = (declared: Declared): readonly Intent[] => {
        deleted = get(declared, name);
        if (deleted === undefined && collection.find?.(name) === undefined) throw notFound(kind, name);
        checkPreconditions(request, `${name} in ${kind}`, deleted);
        return [{ op: 'remove', kind, name, pointer: '' }];
      };
      const isDry = isDryRun(request);
      const after = collection.prepareDelete?.(view, request);
      try {
        if (isDry) return tryOut(view, decide);
        await carryOut(view, request, decide);
        const rest = await after?.settle(deleted as Stored<K>);
        return rest === undefined ? reply.code(204).send() : reply.code(202).send(rest);
      } finally {
        after?.release();
      }
    },
  );

  registerHistory(app, context, kind);
}

/** Whether the request asks only what would be. @throws ChainstitchError `invalid-parameter` */
export function isDryRun(request: FastifyRequest): boolean {
  const { dryRun, wait } = request.query as Query;
  if (dryRun === undefined || dryRun === 'false') return false;
  if (dryRun !== 'true') throw invalid('the query parameter `dryRun` has to be `true` or `false`');
  if (wait !== undefined) throw invalid('the query parameter `wait` does not go with `dryRun=true`');
  return true;
}

function put<K extends Kind>(kind: K, spec: Specs[K], pointer: string): Intent {
  return { op: 'put', kind, spec, pointer } as Intent;
}

function onlyOf({ outcomes }: Committed): Outcome {
  return outcomes[0] as Outcome;
}

/** The spec in a body, which is the body itself or stands in it under `spec` beside its `kind`. */
function readSpec<K extends Kind>(
  { kind, schema }: Collection<K>,
  body: Json | undefined,
): { readonly spec: Specs[K]; readonly pointer: string } {
  if (body === undefined) throw new ChainstitchError('malformed-request', 'the body is missing');
  const isEnveloped = isDeclaration(body);
  refuseFaults(kind, schemaFaults(isEnveloped ? `${schema}Declaration` : `${schema}Spec`, body));
  const spec = (isEnveloped ? body['spec'] : body) as unknown as Specs[K];
  return { spec, pointer: isEnveloped ? '/spec' : '' };
}

function refuseFaults(kind: Kind, faults: ReturnType<typeof schemaFaults>): void {
  if (faults.length === 0) return;
  const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`;
  throw new ChainstitchError('invalid-body', `the body has ${count} and is no spec in ${kind}`, { faults });
}

function isDeclaration(body: Json): body is JsonObject & { readonly spec: Json } {
  return (
    typeof body === 'object' && body !== null && Object.hasOwn(body, 'kind') && Object.hasOwn(body, 'spec')
  );
}

function nameMismatch(path: Name, body: Name, pointer: string): ChainstitchError {
  const faults = [{ pointer: `${pointer}/name`, detail: `has to be ${path}, as in the path` }];
  return new ChainstitchError('name-mismatch', `the path says ${path} and the body ${body}`, { faults });
}

function notFound(kind: Kind, name: string): ChainstitchError {
  return new ChainstitchError('not-found', `there is none in ${kind} that is called ${name}`);
}
