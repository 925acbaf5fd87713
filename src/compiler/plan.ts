/**
 * Decides which path serves each subscriber and which instances stand on it: the steering records before,
 * what is declared and what is so now give the steering records after. Pure; `now` is a value.
 *
 * A change is make-before-break: the new version of a path is staged under an id of its own beside the
 * current one, takes over when all its instances are ready and its flows are confirmed, and the old one
 * drains. Only a first path starts at once as current: there is nothing to break, and until its instances
 * are ready the hops' fail policies say what happens to the traffic.
 */
import type { Declared, Stored, SubscriberSpec } from '../model/declared.ts';
import type { InstanceFact } from '../model/facts.ts';
import { type ResolvedHop, resolveHops } from '../model/hops.ts';
import type { InstanceId, Name, OwnerId, PathId } from '../model/ids.ts';
import { sameJson } from '../model/json.ts';
import {
  type ExternalPorts,
  type InstanceRecord,
  memberKey,
  type PathRecord,
  type PooledInstance,
  type Steering,
} from '../model/steering.ts';
import { isBlank } from './blanks.ts';
import { NO_TRAFFIC, nextDemand, type Traffic } from './demand.ts';
import { Draft, type PlannedHop, type PlannedTap } from './draft.ts';
import { isRouted, isSpread } from './legs.ts';
import { healthOf, type PinnedHop, type Pool, pin, poolOf } from './pools.ts';
import { Topology } from './route.ts';
import { selection } from './selection.ts';

export type PlanInput = {
  readonly declared: Declared;
  readonly steering: Steering;
  readonly instances: ReadonlyMap<InstanceId, InstanceFact>;
  /** Whether what an earlier run left was found or had its time: an instance that is not there before is not lost. */
  readonly settled: boolean;
  /** Paths whose flows are confirmed by a barrier on every switch. */
  readonly confirmed: ReadonlySet<PathId>;
  /** Draining paths that no switch sends anything new on: those where frames got on to them have confirmed it. */
  readonly left?: ReadonlySet<PathId>;
  /** Milliseconds on any clock that only grows; `drainedAt` is on the same clock. */
  readonly now: number;
  readonly drainTime: number;
  /** What is known of traffic on paths with hops on demand; by default nothing, and they stay as they are. */
  readonly traffic?: Traffic;
  /** The links between switches; absent where there are none. */
  readonly topology?: Topology;
};

/** The steering records that follow; the same object where nothing changes. */
export function planSteering(input: PlanInput): Steering {
  const { declared, topology = Topology.withoutLinks(declared) } = input;
  const draft = new Draft(input.steering, topology);
  draft.forgetOwners(input.declared);
  draft.routeInPlace();
  new Planner(draft, input).plan();
  draft.removeDrained(input.now, input.left ?? new Set(), input.now + input.drainTime);
  return draft.finish();
}

class Planner {
  readonly #draft: Draft;
  readonly #input: PlanInput;
  readonly #until: number;
  readonly #pools: ReadonlyMap<Name, Pool>;
  readonly #hops = new Map<number, readonly ResolvedHop[]>();
  readonly #detours = new Map<PathRecord, boolean>();
  /** Shared paths that somebody is to go over to. */
  readonly #awaited = new Set<PathId>();

  constructor(draft: Draft, input: PlanInput) {
    this.#draft = draft;
    this.#input = input;
    this.#until = input.now + input.drainTime;
    this.#pools = planPools(draft, input);
  }

  plan(): void {
    const { declared } = this.#input;
    const selected = new Set<string>();
    for (const { subscriber, chains } of selection(declared).values()) {
      for (const chain of chains) {
        const owner = this.#draft.ownerOf(chain.uid);
        selected.add(memberKey(owner, subscriber.name));
        this.#planMember(chain, owner, subscriber);
      }
    }
    this.#retire(selected);
    this.#draft.retireShared(this.#awaited, this.#until);
    this.#rouse();
  }

  #rouse(): void {
    const { traffic = NO_TRAFFIC, instances, now, drainTime } = this.#input;
    const isUp = (id: InstanceId): boolean => {
      const record = this.#draft.instance(id);
      const fact = instances.get(id);
      return fact?.phase === 'backoff' || (isReady(fact, record) && traffic.isAttached(record));
    };
    const draft = this.#draft;
    for (const { id } of draft.allPaths()) {
      let path = draft.path(id);
      if (path?.demand === undefined || path.state.phase === 'draining') continue;
      if (path.demand.phase === 'asleep' && traffic.called.has(id)) path = this.#takeBlanks(path);
      const { demand } = path;
      const next = demand && nextDemand(path, demand, { traffic, isUp, now, drainTime });
      if (next && next !== demand) draft.rouse(path, next);
    }
  }

  /** Gives a path that is about to wake instances that are booted already, as far as there are. */
  #takeBlanks(path: PathRecord): PathRecord {
    const draft = this.#draft;
    const { instances } = this.#input;
    const isUp = (id: InstanceId): boolean => instances.has(id);
    const missing = path.hops.filter(({ instance, onDemand }) => onDemand && !isUp(instance));
    const blanks = missing.length === 0 ? [] : [...instances.values()].filter(isBlank);
    let taken = path;
    for (const { instance } of missing) {
      const { function: name, switch: at } = draft.instance(instance);
      const blank = blanks.find(({ id }) => {
        const record = draft.has(id) ? draft.instance(id) : undefined;
        return (
          record?.function === name && record.switch === at && !taken.hops.some((hop) => hop.instance === id)
        );
      });
      if (!blank) continue;
      blanks.splice(blanks.indexOf(blank), 1);
      taken = draft.exchange(taken, instance, blank.id);
    }
    return taken;
  }

  #planMember(chain: Stored<'chains'>, owner: OwnerId, subscriber: SubscriberSpec): void {
    const current = this.#draft.current(owner, subscriber.name);
    const serving = current?.switch === subscriber.attachment.switch ? current : undefined;
    const declared = this.#hopsOf(chain);
    const hops = this.#pinned(
      declared.filter(({ tap }) => !tap),
      subscriber,
      serving,
    );
    if (!hops) this.#draft.leave(owner, subscriber.name, this.#until);
    else if (hops.every(isPinned) && declared.every(({ pool }) => pool !== undefined))
      this.#planShared(chain, owner, subscriber, hops, serving);
    else this.#planAlone(chain, owner, subscriber, hops, serving);
    this.#planTaps(declared, owner, subscriber);
  }

  #planTaps(hops: readonly ResolvedHop[], owner: OwnerId, subscriber: SubscriberSpec): void {
    for (const path of this.#draft.live(owner, subscriber.name)) {
      if (path.taps === undefined && !hops.some(({ tap }) => tap)) continue;
      let after = 0;
      const taps: PlannedTap[] = [];
      for (const hop of hops) {
        if (!hop.tap) after++;
        else if (hop.pool === undefined) taps.push({ after, hop });
        else {
          // Those who share a path have one for all of them.
          const whose = path.subscriber ?? path.chain;
          const pool = this.#pools.get(hop.pool);
          const kept = path.taps?.find((one) => one.hop === hop.hop)?.instance;
          const instance = pool && pin(pool, whose, kept, 'another');
          if (instance !== undefined) taps.push({ after, hop: { ...hop, instance } });
        }
      }
      this.#draft.tap(path, this.#draft.live(owner, subscriber.name), taps);
    }
  }

  #hopsOf(chain: Stored<'chains'>): readonly ResolvedHop[] {
    const known = this.#hops.get(chain.uid) ?? resolveHops(chain.spec);
    this.#hops.set(chain.uid, known);
    return known;
  }

  /** The hops with the subscriber's own instance of each pool; undefined where one cannot be reached. */
  #pinned(
    hops: readonly ResolvedHop[],
    subscriber: SubscriberSpec,
    serving: PathRecord | undefined,
  ): readonly PlannedHop[] | undefined {
    const planned: PlannedHop[] = [];
    for (const hop of hops) {
      if (hop.pool === undefined) {
        planned.push(hop);
        continue;
      }
      const pool = this.#pools.get(hop.pool);
      if (!pool) return undefined;
      const kept = serving?.hops.find(
        ({ shared, instance }) => shared && pool.candidates.some(({ record }) => record.id === instance),
      );
      const instance = pin(pool, subscriber.name, kept?.instance, hop.onFailure);
      if (instance === undefined) return undefined;
      planned.push({ ...hop, instance });
    }
    return planned;
  }

  #planAlone(
    chain: Stored<'chains'>,
    owner: OwnerId,
    subscriber: SubscriberSpec,
    hops: readonly PlannedHop[],
    serving: PathRecord | undefined,
  ): void {
    const draft = this.#draft;
    const staged = draft.staged(owner, subscriber.name);
    // One that is shared has no taps of a subscriber's own.
    if (serving?.subscriber !== undefined && !draft.needsAnotherRoute(serving) && draft.edit(serving, hops)) {
      if (staged) draft.discard(staged);
      return;
    }
    if (
      staged?.switch === subscriber.attachment.switch &&
      draft.matches(staged, hops) &&
      !draft.needsAnotherRoute(staged)
    ) {
      if (this.#isReady(staged, serving)) draft.serve(owner, subscriber.name, staged, this.#until);
      return;
    }
    if (staged) draft.discard(staged);
    const next = draft.addPath(owner, chain.spec, subscriber, hops, serving);
    if (!next) draft.leave(owner, subscriber.name, this.#until);
    else if (!serving && !isSpread(next)) draft.serve(owner, subscriber.name, next, this.#until);
  }

  #planShared(
    chain: Stored<'chains'>,
    owner: OwnerId,
    subscriber: SubscriberSpec,
    hops: readonly PinnedHop[],
    serving: PathRecord | undefined,
  ): void {
    const draft = this.#draft;
    const at = subscriber.attachment.switch;
    const staged = draft.staged(owner, subscriber.name);
    if (staged) draft.discard(staged);
    const known = draft.sharedPath(owner, at, hops);
    const path =
      known && !this.#needsAnotherRoute(known)
        ? known
        : draft.addShared(owner, chain.spec.name, at, hops, known);
    if (!path) {
      draft.leave(owner, subscriber.name, this.#until);
      return;
    }
    draft.rename(path, hops);
    this.#awaited.add(path.id);
    // Over a link, frames might come to flows of an earlier path that had the same label.
    const isFirst = !serving && !isSpread(path);
    if (isFirst || path.state.phase === 'current' || this.#isReady(path, serving))
      draft.serve(owner, subscriber.name, path, this.#until);
  }

  /** Many may share a path, and each asks. */
  #needsAnotherRoute(path: PathRecord): boolean {
    const known = this.#detours.get(path) ?? this.#draft.needsAnotherRoute(path);
    this.#detours.set(path, known);
    return known;
  }

  /** An instance that is on the path before need not be waited for: without it that path is no better. */
  #isReady(path: PathRecord, before: PathRecord | undefined): boolean {
    const { confirmed, instances } = this.#input;
    if (!confirmed.has(path.id)) return false;
    // There is nothing that waiting would keep from breaking.
    if (!before || this.#draft.isCutOff(before)) return true;
    if (!isRouted(path)) return false;
    return path.hops.every(({ instance, onDemand }) => {
      if (onDemand && path.demand?.phase === 'asleep') return true;
      return (
        isReady(instances.get(instance), this.#draft.instance(instance)) ||
        before?.hops.some((hop) => hop.instance === instance)
      );
    });
  }

  #retire(selected: ReadonlySet<string>): void {
    const draft = this.#draft;
    for (const { owner, subscriber, state } of draft.allPaths()) {
      if (subscriber === undefined || state.phase === 'draining') continue;
      if (!selected.has(memberKey(owner, subscriber))) draft.leave(owner, subscriber, this.#until);
    }
    for (const { owner, subscriber, path } of draft.allMembers()) {
      if (path !== undefined && !selected.has(memberKey(owner, subscriber)))
        draft.leave(owner, subscriber, this.#until);
    }
  }
}

const isPinned = (hop: PlannedHop): hop is PinnedHop => hop.pool !== undefined;

const isReady = (fact: InstanceFact | undefined, { revision }: InstanceRecord): boolean =>
  fact?.phase === 'ready' && fact.revision === revision;

/** Gives each pool the instances that it is to have, with its config; those it has too many go when nobody is on them. */
function planPools(draft: Draft, { declared, instances, settled }: PlanInput): ReadonlyMap<Name, Pool> {
  const byPool = new Map<number, PooledInstance[]>();
  for (const record of draft.pooled()) {
    const others = byPool.get(record.poolUid);
    if (others) others.push(record);
    else byPool.set(record.poolUid, [record]);
  }
  const health = (id: InstanceId) => healthOf(instances.get(id), settled);
  return new Map(
    [...declared.pools.values()].map((pool) => {
      const { spec, uid } = pool;
      const { config = {} } = spec;
      const records = byPool.get(uid) ?? [];
      for (const { id, config: before } of records)
        if (!sameJson(before, config)) draft.configure(id, config);
      const add = (external?: ExternalPorts): void => {
        const id = draft.addInstance<PooledInstance>({
          pool: spec.name,
          poolUid: uid,
          switch: spec.switch,
          function: spec.function,
          config,
          ...(external ? { external } : {}),
        });
        records.push(draft.instance(id) as PooledInstance);
      };
      for (let missing = (spec.instances ?? 0) - records.length; missing > 0; missing--) add();
      const named = new Set(records.map(({ external }) => external?.name));
      for (const { name, left, right, port } of spec.external ?? [])
        if (!named.has(name))
          add(port === undefined ? { name, left, right } : { name, left: port, right: port });
      const made = poolOf(pool, records, health);
      for (const { record, wanted } of made.candidates) if (wanted) draft.keep(record.id);
      return [spec.name, made] as const;
    }),
  );
}

/** When a plan has to be looked at again although nothing happens: the end of the next drain after it, or of a doze. */
export function nextDeadline({ paths, members }: Steering, planned: number): number | undefined {
  let next: number | undefined;
  const end = (at: number): void => {
    if (at > planned && (next === undefined || at < next)) next = at;
  };
  for (const { state, demand } of paths.values()) {
    if (state.phase === 'draining') end(state.drainedAt);
    else if (demand?.phase === 'dozing') end(demand.until);
  }
  for (const { leaving } of members.values()) if (leaving) end(leaving.until);
  return next;
}
