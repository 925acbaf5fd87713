/**
 * The routes that all kinds of declared object have in common. A resource's own file says what is its own.
 *
 * Between reading the snapshot and writing the store nothing is awaited: what was admitted is what is
 * written, without a lock.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Json, JsonObject, Kind, Specs, Stored } from '../model/declared.ts';
import { ChainstitchError } from '../model/errors.ts';
import type { Name } from '../model/ids.ts';
import { API_LIMITS } from '../model/limits.ts';
import { admitRemoval, admitSpec, type Refusal } from './admission/index.ts';
import { type Context, worldOf } from './context.ts';
import { schemaFaults } from './contract.ts';

/** What is to happen between the write and the answer to it. */
export type AfterWrite<K extends Kind> = {
  settle(stored: Stored<K>): Promise<void>;
  /** Called in any case, at the end. */
  release(): void;
};

export type Collection<K extends Kind> = {
  readonly kind: K;
  /** The schema of one of them, as in `Chain`; its spec is `ChainSpec`. */
  readonly schema: string;
  /** Query parameters of GET one, POST and PUT. */
  readonly query?: readonly string[];
  /** An object as it is shown. */
  readonly show: (stored: Stored<K>) => unknown;
  /** All of them as they are shown; by default the stored ones. */
  readonly list?: () => readonly unknown[];
  /** One that is shown and not stored. */
  readonly find?: (name: Name) => unknown;
  /** Called before anything is read or written. */
  readonly prepare?: (request: FastifyRequest) => AfterWrite<K>;
};

type ByName = { Params: { name: Name } };

export function registerCollection<K extends Kind>(
  app: FastifyInstance,
  context: Context,
  collection: Collection<K>,
): void {
  const { kind, show } = collection;
  const { store } = context;
  const objects = (): ReadonlyMap<Name, Stored<K>> => store.declared()[kind] as ReadonlyMap<Name, Stored<K>>;
  const config = { query: collection.query ?? [] };
  const nothing: AfterWrite<K> = { settle: async () => undefined, release: () => undefined };
  const prepare = (request: FastifyRequest): AfterWrite<K> => collection.prepare?.(request) ?? nothing;
  const latest = (stored: Stored<K>): unknown => show(objects().get(stored.spec.name) ?? stored);

  app.get(`/v1/${kind}`, async () => ({ items: collection.list?.() ?? [...objects().values()].map(show) }));

  app.post(`/v1/${kind}`, { config }, async (request, reply) => {
    const after = prepare(request);
    try {
      const spec = readSpec(collection, request.body as Json | undefined);
      if (objects().has(spec.name)) {
        const faults = [{ pointer: '/name', detail: `${spec.name} exists` }];
        throw new ChainstitchError('already-exists', `there is one in ${kind} that is called ${spec.name}`, {
          faults,
        });
      }
      const stored = write(context, kind, spec, request);
      created(reply, kind, stored.spec.name);
      await after.settle(stored);
      return latest(stored);
    } finally {
      after.release();
    }
  });

  app.get<ByName>(`/v1/${kind}/:name`, { config }, async (request) => {
    const after = prepare(request);
    try {
      const { name } = request.params;
      const shown = collection.find?.(name);
      if (shown !== undefined) return shown;
      const stored = objects().get(name);
      if (stored === undefined) throw notFound(kind, name);
      await after.settle(stored);
      return latest(stored);
    } finally {
      after.release();
    }
  });

  app.put<ByName>(`/v1/${kind}/:name`, { config }, async (request, reply) => {
    const after = prepare(request);
    try {
      const spec = readSpec(collection, request.body as Json | undefined);
      const { name } = request.params;
      if (spec.name !== name) {
        const faults = [{ pointer: inBody(request, '/name'), detail: `has to be ${name}, as in the path` }];
        throw new ChainstitchError('name-mismatch', `the path says ${name} and the body ${spec.name}`, {
          faults,
        });
      }
      const isNew = !objects().has(name);
      const stored = write(context, kind, spec, request);
      if (isNew) created(reply, kind, name);
      await after.settle(stored);
      return latest(stored);
    } finally {
      after.release();
    }
  });

  app.delete<ByName>(`/v1/${kind}/:name`, async (request, reply) => {
    const { name } = request.params;
    if (!objects().has(name) && collection.find?.(name) === undefined) throw notFound(kind, name);
    refuse(admitRemoval(worldOf(context), kind, name));
    store.remove(kind, name);
    context.log.info({ kind, name, reqId: request.id }, 'deleted');
    context.onChange();
    return reply.code(204).send();
  });
}

function write<K extends Kind>(
  context: Context,
  kind: K,
  spec: Specs[K],
  request: FastifyRequest,
): Stored<K> {
  const { store } = context;
  refuse(admitSpec(worldOf(context), kind, spec), request);
  const before = store.declared();
  const isNew = !before[kind].has(spec.name);
  if (isNew && before[kind].size >= API_LIMITS.objectsPerKind) {
    throw new ChainstitchError('limit-reached', `there are ${before[kind].size} objects in ${kind} already`);
  }
  const stored = isNew ? store.create(kind, spec) : store.replace(kind, spec);
  if (store.declared() !== before) {
    const { uid, generation } = stored;
    context.log.info({ kind, name: spec.name, uid, generation, reqId: request.id }, 'stored');
    context.onChange();
  }
  return stored;
}

/** The spec in a body, which is the body itself or stands in it under `spec` beside its `kind`. */
function readSpec<K extends Kind>({ kind, schema }: Collection<K>, body: Json | undefined): Specs[K] {
  if (body === undefined) throw new ChainstitchError('malformed-request', 'the body is missing');
  const isEnveloped = isDeclaration(body);
  const faults = schemaFaults(isEnveloped ? `${schema}Declaration` : `${schema}Spec`, body);
  if (faults.length > 0) {
    const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`;
    throw new ChainstitchError('invalid-body', `the body has ${count} and is no spec in ${kind}`, { faults });
  }
  return (isEnveloped ? body.spec : body) as unknown as Specs[K];
}

function isDeclaration(body: Json): body is JsonObject & { readonly spec: Json } {
  return (
    typeof body === 'object' && body !== null && Object.hasOwn(body, 'kind') && Object.hasOwn(body, 'spec')
  );
}

/** A pointer into a spec as a pointer into the body that it came in. */
function inBody(request: FastifyRequest | undefined, pointer: string): string {
  return request !== undefined && isDeclaration(request.body as Json) ? `/spec${pointer}` : pointer;
}

function refuse(refusal: Refusal | undefined, request?: FastifyRequest): void {
  if (refusal === undefined) return;
  const faults = refusal.faults.map((fault) => ({ ...fault, pointer: inBody(request, fault.pointer) }));
  throw new ChainstitchError(refusal.code, refusal.detail, { faults });
}

function created(reply: FastifyReply, kind: Kind, name: Name): void {
  reply.code(201).header('location', `/v1/${kind}/${name}`);
}

function notFound(kind: Kind, name: string): ChainstitchError {
  return new ChainstitchError('not-found', `there is none in ${kind} that is called ${name}`);
}
