/**
 * Decides which path serves each subscriber and which instances stand on it: the steering records before,
 * what is declared and what is so now give the steering records after. Pure; `now` is a value.
 *
 * A change is make-before-break: the new version of a path is staged under an id of its own beside the
 * current one, takes over when all its instances are ready and its flows are confirmed, and the old one
 * drains. Only a first path starts at once as current: there is nothing to break, and until its instances
 * are ready the hops' fail policies say what happens to the traffic.
 */
import type { ChainSpec, Declared, Stored, SubscriberSpec } from '../model/declared.ts';
import type { InstanceFact } from '../model/facts.ts';
import { type ResolvedHop, resolveHops } from '../model/hops.ts';
import { type InstanceId, MAX_PATH_ID, type Name, type OwnerId, type PathId } from '../model/ids.ts';
import { sameJson } from '../model/json.ts';
import type { InstanceRecord, PathRecord, Steering } from '../model/steering.ts';
import { selection } from './selection.ts';

export type PlanInput = {
  readonly declared: Declared;
  readonly steering: Steering;
  readonly instances: ReadonlyMap<InstanceId, InstanceFact>;
  /** Paths whose flows are confirmed by a barrier on every switch. */
  readonly confirmed: ReadonlySet<PathId>;
  /** Milliseconds on any clock that only grows; `drainedAt` is on the same clock. */
  readonly now: number;
  readonly drainTime: number;
};

/** The steering records that follow; the same object where nothing changes. */
export function planSteering(input: PlanInput): Steering {
  const draft = new Draft(input.steering);
  draft.forgetOwners(input.declared);
  for (const { subscriber, chains } of selection(input.declared)) {
    for (const chain of chains) planSubscriber(draft, input, chain, subscriber);
  }
  retireUnselected(draft, input);
  draft.removeDrained(input.now);
  return draft.finish();
}

function planSubscriber(
  draft: Draft,
  input: PlanInput,
  chain: Stored<'chains'>,
  subscriber: SubscriberSpec,
): void {
  const owner = draft.ownerOf(chain.uid);
  const hops = resolveHops(chain.spec);
  const current = draft.find(owner, subscriber.name, 'current');
  const staged = draft.find(owner, subscriber.name, 'staged');

  if (current && serves(current, subscriber) && draft.edit(current, hops)) {
    if (staged) draft.remove(staged);
    return;
  }
  if (staged && serves(staged, subscriber) && draft.matches(staged, hops)) {
    if (isReady(draft.path(staged.id), draft, input))
      draft.promote(staged, current, input.now + input.drainTime);
    return;
  }
  if (staged) draft.remove(staged);
  const reusable = current && serves(current, subscriber) ? current : undefined;
  const next = draft.addPath(owner, chain.spec, subscriber, hops, reusable);
  if (!reusable) draft.promote(next, current, input.now + input.drainTime);
}

const serves = (path: PathRecord, subscriber: SubscriberSpec): boolean =>
  path.switch === subscriber.attachment.switch;

function isReady(path: PathRecord, draft: Draft, input: PlanInput): boolean {
  if (!input.confirmed.has(path.id)) return false;
  return path.hops.every(({ instance }) => {
    const fact = input.instances.get(instance);
    return fact?.phase === 'ready' && fact.revision === draft.instance(instance).revision;
  });
}

function retireUnselected(draft: Draft, input: PlanInput): void {
  const selected = new Map<OwnerId, Set<Name>>();
  for (const { subscriber, chains } of selection(input.declared)) {
    for (const chain of chains) {
      const owner = draft.ownerOf(chain.uid);
      const others = selected.get(owner);
      if (others) others.add(subscriber.name);
      else selected.set(owner, new Set([subscriber.name]));
    }
  }
  for (const path of draft.allPaths()) {
    if (selected.get(path.owner)?.has(path.subscriber) || path.state.phase === 'draining') continue;
    if (path.state.phase === 'staged') draft.remove(path);
    else draft.drain(path, input.now + input.drainTime);
  }
}

/** A steering under construction; every method keeps the records consistent. */
class Draft {
  readonly #before: Steering;
  readonly #owners: Map<number, OwnerId>;
  readonly #paths: Map<PathId, PathRecord>;
  readonly #instances: Map<InstanceId, InstanceRecord>;
  readonly #bySubscriber = new Map<Name, PathRecord[]>();
  #nextOwner: number;
  #nextPath: number;
  #nextInstance: number;
  #changed = false;

  constructor(before: Steering) {
    this.#before = before;
    this.#owners = new Map(before.owners);
    this.#paths = new Map(before.paths);
    this.#instances = new Map(before.instances);
    this.#nextOwner = before.nextOwner;
    this.#nextPath = before.nextPath;
    this.#nextInstance = before.nextInstance;
    for (const path of before.paths.values()) this.#index(path);
  }

  #index(path: PathRecord): void {
    const others = (this.#bySubscriber.get(path.subscriber) ?? []).filter((other) => other.id !== path.id);
    this.#bySubscriber.set(path.subscriber, [...others, path]);
  }

  #put(path: PathRecord): void {
    this.#paths.set(path.id, path);
    this.#index(path);
    this.#changed = true;
  }

  /** Numbers of chains that are gone can go once no path carries them. */
  forgetOwners(declared: Declared): void {
    const live = new Set([...declared.chains.values()].map((chain) => chain.uid));
    const carried = new Set([...this.#paths.values()].map((path) => path.owner));
    for (const [uid, owner] of this.#owners) {
      if (live.has(uid) || carried.has(owner)) continue;
      this.#owners.delete(uid);
      this.#changed = true;
    }
  }

  ownerOf(chainUid: number): OwnerId {
    const known = this.#owners.get(chainUid);
    if (known !== undefined) return known;
    const owner = this.#nextOwner++ as OwnerId;
    this.#owners.set(chainUid, owner);
    this.#changed = true;
    return owner;
  }

  allPaths(): readonly PathRecord[] {
    return [...this.#paths.values()];
  }

  path(id: PathId): PathRecord {
    const path = this.#paths.get(id);
    if (!path) throw new Error(`path ${id} is not in the draft`);
    return path;
  }

  instance(id: InstanceId): InstanceRecord {
    const record = this.#instances.get(id);
    if (!record) throw new Error(`instance ${id} is not in the draft`);
    return record;
  }

  find(owner: OwnerId, subscriber: Name, phase: 'staged' | 'current'): PathRecord | undefined {
    return this.#bySubscriber
      .get(subscriber)
      ?.find((path) => path.owner === owner && path.state.phase === phase);
  }

  #sameHop(path: PathRecord, position: number, hop: ResolvedHop | undefined): 'same' | 'config' | 'other' {
    const at = path.hops[position];
    if (!at || !hop) return 'other';
    const record = this.instance(at.instance);
    if (record.hop !== hop.hop || record.function !== hop.function) return 'other';
    return sameJson(record.config, hop.config) ? 'same' : 'config';
  }

  matches(path: PathRecord, hops: readonly ResolvedHop[]): boolean {
    return (
      path.hops.length === hops.length &&
      hops.every(
        (hop, i) => this.#sameHop(path, i, hop) === 'same' && path.hops[i]?.onFailure === hop.onFailure,
      )
    );
  }

  /**
   * Brings a path to these hops where it stands, if that can be done in one step: fail policies, and the
   * config of at most one hop, which its guest swaps between two packets. With two, a packet could meet the
   * new config of one and the old one of the other, a policy that nobody declared.
   */
  edit(path: PathRecord, hops: readonly ResolvedHop[]): boolean {
    if (path.hops.length !== hops.length) return false;
    const differences = hops.map((hop, i) => this.#sameHop(path, i, hop));
    if (differences.includes('other')) return false;
    if (differences.filter((difference) => difference === 'config').length > 1) return false;

    hops.forEach((hop, i) => {
      const at = path.hops[i];
      if (!at || differences[i] !== 'config') return;
      const record = this.instance(at.instance);
      this.#instances.set(record.id, { ...record, config: hop.config, revision: record.revision + 1 });
      this.#changed = true;
    });
    if (hops.some((hop, i) => path.hops[i]?.onFailure !== hop.onFailure)) {
      const edited = path.hops.map((at, i) => ({ ...at, onFailure: hops[i]?.onFailure ?? at.onFailure }));
      this.#put({ ...path, hops: edited });
    }
    return true;
  }

  /**
   * Adds a staged path. An instance of `from` goes over to the new path only where all before it or all
   * behind it stays the same: then a packet that is inside it while the classifier flips has met exactly the
   * hops of the old path or exactly those of the new one. Anywhere else it could miss a hop of both.
   */
  addPath(
    owner: OwnerId,
    chain: ChainSpec,
    subscriber: SubscriberSpec,
    hops: readonly ResolvedHop[],
    from: PathRecord | undefined,
  ): PathRecord {
    const reused = new Map<number, InstanceId>();
    const before = from?.hops ?? [];
    const shorter = Math.min(before.length, hops.length);
    const reuse = (oldPosition: number, newPosition: number): boolean => {
      const at = before[oldPosition];
      if (!from || !at || this.#sameHop(from, oldPosition, hops[newPosition]) !== 'same') return false;
      reused.set(newPosition, at.instance);
      return true;
    };
    let front = 0;
    while (front < shorter && reuse(front, front)) front++;
    for (let back = 1; back <= shorter - front; back++) {
      if (!reuse(before.length - back, hops.length - back)) break;
    }

    const path: PathRecord = {
      id: this.#allocatePath(),
      owner,
      chain: chain.name,
      subscriber: subscriber.name,
      switch: subscriber.attachment.switch,
      hops: hops.map((hop, i) => ({
        instance: reused.get(i) ?? this.#addInstance(chain.name, subscriber, hop),
        onFailure: hop.onFailure,
      })),
      state: { phase: 'staged' },
    };
    this.#put(path);
    return path;
  }

  /** Path ids are 24 bits wide, so they come round; one that is in use is skipped. */
  #allocatePath(): PathId {
    for (let tries = 0; tries < MAX_PATH_ID; tries++) {
      const id = this.#nextPath as PathId;
      this.#nextPath = id >= MAX_PATH_ID ? 1 : id + 1;
      if (!this.#paths.has(id)) return id;
    }
    throw new Error('all path ids are in use');
  }

  #addInstance(chain: Name, subscriber: SubscriberSpec, hop: ResolvedHop): InstanceId {
    const id = `i${this.#nextInstance++}` as InstanceId;
    this.#instances.set(id, {
      id,
      chain,
      subscriber: subscriber.name,
      switch: subscriber.attachment.switch,
      hop: hop.hop,
      function: hop.function,
      config: hop.config,
      revision: 1,
    });
    return id;
  }

  promote(path: PathRecord, previous: PathRecord | undefined, drainedAt: number): void {
    if (previous) this.drain(previous, drainedAt);
    this.#put({ ...path, state: { phase: 'current' } });
  }

  drain(path: PathRecord, drainedAt: number): void {
    this.#put({ ...path, state: { phase: 'draining', drainedAt } });
  }

  remove(path: PathRecord): void {
    this.#paths.delete(path.id);
    const others = (this.#bySubscriber.get(path.subscriber) ?? []).filter((other) => other.id !== path.id);
    this.#bySubscriber.set(path.subscriber, others);
    this.#changed = true;
  }

  removeDrained(now: number): void {
    for (const path of this.#paths.values()) {
      if (path.state.phase === 'draining' && path.state.drainedAt <= now) this.remove(path);
    }
  }

  finish(): Steering {
    if (!this.#changed) return this.#before;
    const used = new Set([...this.#paths.values()].flatMap((path) => path.hops.map((hop) => hop.instance)));
    return {
      owners: this.#owners,
      paths: this.#paths,
      instances: new Map([...this.#instances].filter(([id]) => used.has(id))),
      nextOwner: this.#nextOwner,
      nextPath: this.#nextPath,
      nextInstance: this.#nextInstance,
    };
  }
}

/** When the plan has to be looked at again although nothing happens: the end of the next drain. */
export function nextDeadline(steering: Steering): number | undefined {
  let next: number | undefined;
  for (const { state } of steering.paths.values()) {
    if (state.phase === 'draining' && (next === undefined || state.drainedAt < next)) next = state.drainedAt;
  }
  return next;
}
