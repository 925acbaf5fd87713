/**
 * What a tenant sees of the controller: its own subscribers and chains, and what became of them. Everything that a
 * route reads goes through here, so that what is another's looks like what is not there, name for name.
 *
 * What the operator keeps, such as switches and functions, stays in the snapshot: what a tenant declares is judged
 * against it. Which of it is shown is the routes' policy.
 */
import { isAuditOf } from '../../model/audit.ts';
import type {
  ChainSpec,
  Declared,
  FunctionSpec,
  Json,
  Stored,
  SubscriberSpec,
} from '../../model/declared.ts';
import { ChainstitchError } from '../../model/errors.ts';
import type {
  ExplainOutcome,
  ExplainQuery,
  ExplainSource,
  ExplainStep,
  Explanation,
} from '../../model/explain.ts';
import type { InstanceId, Ipv4, Name } from '../../model/ids.ts';
import type { Introspection, Store } from '../../model/interfaces.ts';
import { sameJson } from '../../model/json.ts';
import { API_LIMITS } from '../../model/limits.ts';
import { ObjectMap, objectMap, withObject, withoutObject } from '../../model/object-map.ts';
import type { Plan } from '../../model/plan.ts';
import { externalOf } from '../../model/rewriting.ts';
import { EMPTY_STEERING, type InstanceRecord } from '../../model/steering.ts';
import type { Change, Journal, JournalEntry, JournalFilter, Transaction } from '../../model/store.ts';
import { isOwnedKind, OWNED_KINDS, type OwnedKind, tenantOf, tenantPrefix } from '../../model/tenant.ts';

/** Snapshots as tenants see them, and what they were made of. */
const seen = new WeakMap<Declared, Map<Name, Declared>>();
const whole = new WeakMap<Declared, Declared>();

/** The snapshot with the subscribers and chains of one tenant only; the same object for the same snapshot. */
export function declaredOf(tenant: Name, declared: Declared): Declared {
  const byTenant = seen.get(declared) ?? new Map<Name, Declared>();
  seen.set(declared, byTenant);
  const known = byTenant.get(tenant);
  if (known !== undefined) return known;
  const own = Object.freeze({
    ...declared,
    subscribers: ownObjects(tenant, declared, 'subscribers'),
    chains: ownObjects(tenant, declared, 'chains'),
  });
  byTenant.set(tenant, own);
  whole.set(own, declared);
  return own;
}

/** What a snapshot of a tenant's is a part of; any other snapshot itself. */
export const wholeOf = (declared: Declared): Declared => whole.get(declared) ?? declared;

/** They stand together in the order of names. */
function ownObjects<K extends OwnedKind>(tenant: Name, declared: Declared, kind: K): ObjectMap<K> {
  const prefix = tenantPrefix(tenant);
  const own: Stored<K>[] = [];
  for (const [name, object] of objectMap(declared, kind).after(prefix)) {
    if (!name.startsWith(prefix)) break;
    own.push(object);
  }
  return ObjectMap.from(kind, own);
}

/** The store as a tenant may use it. */
export function storeOf(tenant: Name, store: Store): Store {
  const declared = (): Declared => declaredOf(tenant, store.declared());
  const isOwn = (kind: string, name: string): boolean => isOwnedKind(kind) && tenantOf(name) === tenant;
  return {
    declared,
    async commit(transaction: Transaction) {
      const { basis, changes } = transaction;
      const real = basis === undefined ? store.declared() : whole.get(basis);
      if (real === undefined) throw new Error('the basis of a tenant is none of its snapshots');
      for (const change of changes) refuseForeign(tenant, declaredOf(tenant, real), change);
      refuseTooMany(real, changes);
      return store.commit({ ...transaction, basis: real });
    },
    remembered: (key) => store.remembered(key),
    journal: journalOf(store.journal, isOwn),
    // Webhooks are the operator's, and a tenant sees none of them.
    get deliveries() {
      return notForTenants();
    },
    create: () => notForTenants(),
    replace: () => notForTenants(),
    remove: () => notForTenants(),
    steering: () => EMPTY_STEERING,
    saveSteering: () => notForTenants(),
    lead: () => notForTenants(),
    tokens: {
      all: () => new Map([...store.tokens.all()].filter(([, record]) => record.tenant === tenant)),
      insert: () => notForTenants(),
      remove: (id, cause) => store.tokens.all().get(id)?.tenant === tenant && store.tokens.remove(id, cause),
      touch: () => notForTenants(),
    },
    audit: {
      read: (before, limit, passes) =>
        store.audit.read(before, limit, (record) => isAuditOf(tenant, record) && passes(record)),
    },
    check: () => store.check(),
    backup: () => notForTenants(),
    close: () => notForTenants(),
  };
}

/**
 * What a tenant may do at all, whatever else is declared: the answer does not depend on what is another's.
 *
 * @throws ChainstitchError `forbidden`
 */
export function refuseForeign(tenant: Name, own: Declared, change: Change): void {
  const { kind } = change;
  const name = change.op === 'put' ? change.spec.name : change.name;
  if (!isOwnedKind(kind)) throw forbidden(`${kind} are the operator's to change`);
  if (tenantOf(name) !== tenant) {
    throw forbidden(`the names of what belongs to ${tenant} begin with \`${tenantPrefix(tenant)}\``);
  }
  if (kind === 'chains') return;
  const before = own.subscribers.get(name)?.spec;
  const after = change.op === 'put' ? (change.spec as SubscriberSpec) : undefined;
  if (before === undefined || after === undefined || !sameJson(bare(before), bare(after))) {
    throw forbidden(
      "where a subscriber is attached, and who it is, is the operator's to say; `labels` may be changed",
    );
  }
}

/**
 * An address at the uplink says whose a packet is, so it is the operator's to give out: it might be that of another
 * tenant's subscriber, or of a host that nobody has declared.
 *
 * @throws ChainstitchError `forbidden`
 */
export function refuseAddress(
  own: Declared,
  builtIns: ReadonlyMap<Name, FunctionSpec>,
  change: Change,
): void {
  if (change.kind !== 'chains' || change.op !== 'put') return;
  const knownBy = (spec: ChainSpec | undefined): Ipv4 | undefined =>
    spec && externalOf(spec, (name) => builtIns.get(name) ?? own.functions.get(name)?.spec);
  const spec = change.spec as ChainSpec;
  const address = knownBy(spec);
  if (address === undefined || address === knownBy(own.chains.get(spec.name)?.spec)) return;
  throw forbidden(
    `by which address a chain is known at the uplink is the operator's to say, and ${spec.name} is not known by ${address}`,
  );
}

function bare({ labels: _, ...rest }: SubscriberSpec): Json {
  return rest as unknown as Json;
}

/** All tenants together have as much room as there is. */
function refuseTooMany(real: Declared, changes: readonly Change[]): void {
  for (const kind of OWNED_KINDS) {
    const isNew = (change: Change): boolean =>
      change.op === 'put' && change.kind === kind && !real[kind].has(change.spec.name);
    const added = changes.filter(isNew).length;
    if (added > 0 && real[kind].size + added > API_LIMITS.objectsPerKind)
      throw new ChainstitchError('limit-reached', `there are as many ${kind} as there may be`);
  }
}

function journalOf(journal: Journal, isOwn: (kind: string, name: string) => boolean): Journal {
  const isSeen = ({ kind, name }: JournalEntry): boolean => isOwn(kind, name);
  return {
    get newest() {
      return journal.newest;
    },
    get horizon() {
      return journal.horizon;
    },
    read: (after: number, limit: number, filter?: JournalFilter) => {
      const { entries, next } = journal.read(after, limit, filter);
      return { entries: entries.filter(isSeen), next };
    },
    history: (kind, name, before, limit) =>
      isOwn(kind, name) ? journal.history(kind, name, before, limit) : { entries: [] },
    observe: () => notForTenants(),
    watch: (wake) => journal.watch(wake),
  };
}

/** What control says, as far as it is about what is the tenant's. */
export function introspectionOf(tenant: Name, store: Store, all: Introspection): Introspection {
  const own = (): Declared => declaredOf(tenant, store.declared());
  const instances = () => all.instances().filter(({ record }) => isInstanceOf(tenant, record));
  // A chain that has been deleted is in no snapshot; whoever has its uid has deleted it.
  const isForeign = (uid: number): boolean =>
    [...store.declared().chains.values()].some((one) => one.uid === uid && !own().chains.has(one.spec.name));
  return {
    chainStatus: (name) => (own().chains.has(name) ? all.chainStatus(name) : undefined),
    observedRevision: () => all.observedRevision(),
    chainFlows: (uid) => (isForeign(uid) ? [] : all.chainFlows(uid)),
    remains: (uid) => (isForeign(uid) ? [] : all.remains(uid)),
    switchFacts: () => new Map(),
    links: () => [],
    instances,
    async instanceCounters(id) {
      if (!instances().some(({ record }) => record.id === id))
        throw new ChainstitchError('not-found', `there is no instance ${id}`);
      return all.instanceCounters(id);
    },
    explain: (query, source) => explained(tenant, own(), all, query, source),
    chainCounters: (name) => (own().chains.has(name) ? all.chainCounters(name) : undefined),
    subscriberCounters(name) {
      const counters = own().subscribers.has(name) ? all.subscriberCounters(name) : undefined;
      return (
        counters && { ...counters, chains: counters.chains.filter(({ chain }) => own().chains.has(chain)) }
      );
    },
    audit: async () => notForTenants(),
    lastAudit: () => notForTenants(),
    reconcile: async () => notForTenants(),
    whatIf: (next) => planned(tenant, all.whatIf(merged(store.declared(), own(), next)), next),
    unready: () => all.unready(),
    changed: (signal) => all.changed(signal),
  };
}

/** Those of a pool are for many, and the operator's. */
function isInstanceOf(tenant: Name, record: InstanceRecord): boolean {
  return record.pool === undefined && tenantOf(record.chain) === tenant;
}

/** @throws ChainstitchError `not-found` unless the packet comes in at a subscriber of the tenant's */
async function explained(
  tenant: Name,
  own: Declared,
  all: Introspection,
  query: ExplainQuery,
  source: ExplainSource,
): Promise<Explanation> {
  const at = objectMap(own, 'subscribers').by(`port ${query.switch}/${query.port}`).next();
  if (at.done === true) {
    const detail = `no subscriber of ${tenant} is attached to port ${query.port} of switch ${query.switch}`;
    throw new ChainstitchError('not-found', detail);
  }
  const explanation = await all.explain(query, source);
  const isOthers = ({ chain, foreign }: ExplainStep): boolean =>
    foreign === true || (chain !== undefined && tenantOf(chain) !== tenant);
  const switches = switchesOf(own);
  const passes = explanation.passes
    .filter((pass) => switches.has(pass.switch))
    .map(({ steps, ...where }) => ({
      ...where,
      steps: steps.map((step) =>
        isOthers(step)
          ? { table: step.table, tableName: step.tableName, does: 'belongs to somebody else' }
          : step,
      ),
    }));
  const told = (outcome: ExplainOutcome): ExplainOutcome =>
    outcome.kind === 'output' && !switches.has(outcome.switch)
      ? { kind: 'unknown', what: "output on a switch of the operator's" }
      : outcome;
  const dedicated = all.instances().filter(({ record }) => record.pool === undefined);
  const others = new Set(
    dedicated.filter(({ record }) => !isInstanceOf(tenant, record)).map(({ record }) => record.id),
  );
  const hops = explanation.hops.filter(({ instance }) => !others.has(instance as InstanceId));
  return { passes, hops, outcome: told(explanation.outcome), also: explanation.also.map(told) };
}

/** Those that a subscriber is attached to: a tenant is told of no others. */
const switchesOf = ({ subscribers }: Declared): ReadonlySet<Name> =>
  new Set([...subscribers.values()].map(({ spec }) => spec.attachment.switch));

/** What would be declared in all, if this were what the tenant declares. */
function merged(real: Declared, own: Declared, next: Declared): Declared {
  let result = real;
  for (const kind of OWNED_KINDS) {
    for (const name of own[kind].keys())
      if (!next[kind].has(name)) result = withoutObject(result, kind, name);
    for (const [name, object] of next[kind])
      if (own[kind].get(name) !== object) result = withObject(result, object as Stored<OwnedKind>);
  }
  return result;
}

/** Flows are the operator's to see, and so are switches that no subscriber of the tenant's is attached to. */
function planned(tenant: Name, plan: Plan, next: Declared): Plan {
  const own = switchesOf(next);
  const others = new Set<string>([...next.switches.keys()].filter((name) => !own.has(name)));
  const isOwn = ({ for: whose }: { readonly for: string }): boolean =>
    tenantOf(whose.slice(whose.lastIndexOf(' ') + 1)) === tenant;
  const { start, stop, reconfigure } = plan.instances;
  // What others have is no business of a tenant's, and neither is what there is in all.
  return {
    switches: [],
    instances: {
      start: start.filter(isOwn),
      stop: stop.filter(isOwn),
      reconfigure: reconfigure.filter(isOwn),
    },
    notes: plan.notes.filter((note) => !wordsOf(note).some((word) => others.has(word))),
  };
}

const wordsOf = (text: string): readonly string[] =>
  text.split(/[^\w.-]+/).map((word) => word.replace(/\.+$/, ''));

function forbidden(detail: string): ChainstitchError {
  return new ChainstitchError('forbidden', detail);
}

/** No route of a tenant's gets here. */
function notForTenants(): never {
  throw forbidden("this is the operator's to do");
}
