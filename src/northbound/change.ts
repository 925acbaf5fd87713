/**
 * The one way in which what is declared is changed: judged whole against the state that would result, then shown
 * (`?dryRun=true`) or written, all of it or nothing.
 *
 * From the reading of the snapshot to the commit nothing is awaited, and the commit names the snapshot: what was
 * admitted is what is written.
 */
import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Declared, Json, Kind, Stored } from '../model/declared.ts';
import { ChainstitchError, type Fault } from '../model/errors.ts';
import type { InstanceId, Name } from '../model/ids.ts';
import { sameJson } from '../model/json.ts';
import { API_LIMITS } from '../model/limits.ts';
import { withObject, withoutObject } from '../model/object-map.ts';
import type { Plan } from '../model/plan.ts';
import type { Change, Committed, Once, Outcome } from '../model/store.ts';
import { admitRemoval, admitSpec, type Refusal } from './admission/index.ts';
import { refuseAddress, refuseForeign, wholeOf } from './auth/view.ts';
import type { Context } from './context.ts';

/** A change and where in the body it was asked for. */
export type Intent = Change & { readonly pointer: string };

export type DryRun = {
  readonly dryRun: true;
  readonly outcomes: readonly Pick<Outcome, 'kind' | 'name' | 'action'>[];
  readonly plan: Plan;
};

/** Stands for the uid that a new object would get; no stored one has such a number. */
const PROVISIONAL_UID = Number.MAX_SAFE_INTEGER;

/**
 * @param decide what is to be done to the snapshot; called again where another write came between
 * @throws ChainstitchError whatever speaks against the changes
 */
export async function carryOut(
  context: Context,
  request: FastifyRequest,
  decide: (declared: Declared) => readonly Intent[],
  once?: Once,
): Promise<Committed> {
  const { store, log } = context;
  for (let attempt = 1; ; attempt++) {
    const basis = store.declared();
    const intents = decide(basis);
    judge(context, basis, intents);
    try {
      const committed = await store.commit({
        changes: intents.map(({ pointer: _, ...change }) => change as Change),
        basis,
        cause: { request: request.id, actor: request.principal.id },
        ...(once === undefined ? {} : { once }),
      });
      for (const outcome of committed.outcomes) {
        if (outcome.action === 'unchanged') continue;
        log.info({ ...outcome, storeRevision: committed.revision, reqId: request.id }, outcome.action);
      }
      if (committed.revision !== basis.revision) context.onChange();
      return committed;
    } catch (error) {
      const isStale = error instanceof ChainstitchError && error.code === 'stale-snapshot';
      if (!isStale || attempt === API_LIMITS.attempts) throw error;
    }
  }
}

/** What the changes would do. Nothing is written. @throws ChainstitchError whatever speaks against the changes */
export function tryOut(context: Context, decide: (declared: Declared) => readonly Intent[]): DryRun {
  const basis = context.store.declared();
  const { declared, outcomes } = judge(context, basis, decide(basis));
  return { dryRun: true, outcomes, plan: context.introspection.whatIf(declared) };
}

/** @throws ChainstitchError with every fault of the first kind that there is */
function judge(
  { builtIns, introspection, tenant }: Context,
  before: Declared,
  intents: readonly Intent[],
): { readonly declared: Declared; readonly outcomes: DryRun['outcomes'] } {
  if (tenant !== undefined) {
    for (const intent of intents) {
      refuseForeign(tenant, before, intent);
      refuseAddress(before, builtIns, intent);
    }
  }
  let declared = before;
  const outcomes: DryRun['outcomes'][number][] = [];
  for (const [index, intent] of intents.entries()) {
    const { kind } = intent;
    const name = intent.op === 'put' ? intent.spec.name : intent.name;
    const old = declared[kind].get(name);
    if (intent.op === 'remove') {
      declared = withoutObject(declared, kind, name);
      outcomes.push({ kind, name, action: 'deleted' });
      continue;
    }
    const isSame = old !== undefined && sameJson(old.spec as unknown as Json, intent.spec as unknown as Json);
    outcomes.push({ kind, name, action: old === undefined ? 'created' : isSame ? 'unchanged' : 'replaced' });
    if (isSame) continue;
    const now = new Date(0).toISOString();
    const made = { uid: PROVISIONAL_UID - index, generation: 0, createdAt: now, updatedAt: now };
    const { uid, generation, createdAt, updatedAt } = old ?? made;
    const object = { kind, uid, generation: generation + 1, createdAt, updatedAt, spec: intent.spec };
    declared = withObject(declared, object as Stored<Kind>);
  }
  for (const kind of new Set(intents.map((intent) => intent.kind))) {
    const { size } = declared[kind];
    if (size > before[kind].size && size > API_LIMITS.objectsPerKind) {
      throw new ChainstitchError('limit-reached', `there would be ${size} objects in ${kind}`);
    }
  }
  const poolOf = (id: InstanceId): Name | undefined =>
    introspection.instances().find(({ record }) => record.id === id)?.record.pool;
  const holderOf = (at: Name, port: string): InstanceId | undefined =>
    introspection
      .instances()
      .find(
        ({ record: { switch: where, external } }) =>
          where === at && [external?.left, external?.right].includes(port),
      )?.record.id;
  const world = { declared, before, whole: wholeOf(before), builtIns, poolOf, holderOf };
  const refusals = intents.flatMap((intent) => {
    const refusal =
      intent.op === 'put'
        ? admitSpec(world, intent.kind, intent.spec)
        : admitRemoval(world, intent.kind, intent.name);
    return refusal === undefined ? [] : [{ refusal, pointer: intent.pointer }];
  });
  refuse(refusals);
  return { declared, outcomes };
}

/** Of several objects with faults, those of the first one's kind are told: the others may follow from them. */
function refuse(refusals: readonly { readonly refusal: Refusal; readonly pointer: string }[]): void {
  const [first] = refusals;
  if (first === undefined) return;
  const { code, detail } = first.refusal;
  const faults = refusals
    .filter(({ refusal }) => refusal.code === code)
    .flatMap(({ refusal, pointer }) =>
      refusal.faults.map((fault): Fault => ({ ...fault, pointer: `${pointer}${fault.pointer}` })),
    );
  throw new ChainstitchError(code, detail, { faults: faults.slice(0, API_LIMITS.faults) });
}

const KEY = /^[\x21-\x7e]{1,255}$/;

/**
 * The `Idempotency-Key` of a request with a digest of what it asks for; undefined where there is none.
 *
 * @throws ChainstitchError `malformed-request`
 */
export function onceOf(request: FastifyRequest): Once | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !KEY.test(key)) {
    throw new ChainstitchError(
      'malformed-request',
      'the header idempotency-key has to be 1 to 255 printable ASCII characters without space',
    );
  }
  // Two callers may happen to choose the same key.
  const scoped = `${request.principal.id} ${key}`;
  const [path = ''] = request.url.split('?');
  const asked = JSON.stringify([request.method, path, request.body ?? null]);
  return { key: scoped, fingerprint: createHash('sha256').update(asked).digest('base64url') };
}

/**
 * What a request did when it came before; undefined where it did not.
 *
 * @throws ChainstitchError `key-reused`
 */
export function repetitionOf({ store }: Context, once: Once | undefined): Committed | undefined {
  const remembered = once && store.remembered(once.key);
  if (remembered === undefined) return undefined;
  if (remembered.fingerprint === once?.fingerprint) return remembered;
  throw new ChainstitchError('key-reused', 'the idempotency key was sent with another request before');
}

/** The object that a request made, if it is still there. @throws ChainstitchError `gone` */
export function survivor<K extends Kind>({ store }: Context, kind: K, outcome: Outcome): Stored<K> {
  const stored = (store.declared()[kind] as ReadonlyMap<Name, Stored<K>>).get(outcome.name);
  if (stored?.uid === outcome.uid) return stored;
  throw new ChainstitchError(
    'gone',
    `the request was carried out before and made ${outcome.name} in ${kind}, which has been deleted since`,
  );
}
