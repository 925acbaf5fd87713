/** A steering under construction; every method keeps the records consistent. */
import type { ChainSpec, Declared, SubscriberSpec } from '../model/declared.ts';
import type { DedicatedHop } from '../model/hops.ts';
import { type InstanceId, MAX_PATH_ID, type Name, type OwnerId, type PathId } from '../model/ids.ts';
import { sameJson } from '../model/json.ts';
import { Edited } from '../model/sorted-map.ts';
import {
  type DedicatedInstance,
  type Demand,
  type InstanceRecord,
  MAX_TAG,
  type Member,
  memberKey,
  type PathHop,
  type PathRecord,
  type PooledInstance,
  type Route,
  type Steering,
  type Tap,
} from '../model/steering.ts';
import { Labels } from './labels.ts';
import { isRouted, isSpread, type RoutedPath, stopsOf, switchesBetween } from './legs.ts';
import type { PinnedHop } from './pools.ts';
import type { Course, Topology } from './route.ts';

/** A hop of one subscriber's, with its instance where that is a pool's. */
export type PlannedHop = DedicatedHop | PinnedHop;
/** One that gets copies behind so many hops of the path. */
export type PlannedTap = { readonly after: number; readonly hop: PlannedHop };

type Unnumbered<T> = T extends InstanceRecord ? Omit<T, 'id' | 'revision'> : never;

export class Draft {
  readonly #before: Steering;
  readonly #owners: Edited<number, OwnerId>;
  readonly #paths: Edited<PathId, PathRecord>;
  readonly #instances: Edited<InstanceId, InstanceRecord>;
  readonly #members: Edited<string, Member>;
  /** Staged and current paths of one subscriber each, by memberKey. */
  readonly #alone = new Map<string, PathRecord[]>();
  /** Staged and current shared paths, by sharedKey. */
  readonly #shared = new Map<string, PathRecord>();
  readonly #tags = new Map<InstanceId, Set<number>>();
  readonly #labels = new Labels();
  readonly #topology: Topology;
  /** Instances that stay although no path may need them. */
  readonly #kept = new Set<InstanceId>();
  #nextOwner: number;
  #nextPath: number;
  #nextInstance: number;
  #changed = false;

  constructor(before: Steering, topology: Topology) {
    this.#before = before;
    this.#owners = new Edited(before.owners);
    this.#paths = new Edited(before.paths);
    this.#instances = new Edited(before.instances);
    this.#members = new Edited(before.members);
    this.#topology = topology;
    this.#nextOwner = before.nextOwner;
    this.#nextPath = before.nextPath;
    this.#nextInstance = before.nextInstance;
    for (const path of before.paths.values()) {
      this.#index(path);
      this.#labels.take(path);
      for (const { instance, shared } of path.hops) if (shared) this.#tagsOf(instance).add(shared.tag);
    }
  }

  #index(path: PathRecord): void {
    const isLive = path.state.phase !== 'draining';
    if (path.subscriber === undefined) {
      const key = sharedKey(path.owner, path.switch, path.hops);
      if (isLive) this.#shared.set(key, path);
      else if (this.#shared.get(key)?.id === path.id) this.#shared.delete(key);
      return;
    }
    const key = memberKey(path.owner, path.subscriber);
    const others = (this.#alone.get(key) ?? []).filter((other) => other.id !== path.id);
    this.#alone.set(key, isLive ? [...others, path] : others);
  }

  #put(path: PathRecord): PathRecord {
    this.#paths.set(path.id, path);
    this.#index(path);
    this.#changed = true;
    return path;
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

  allMembers(): Iterable<Member> {
    return this.#members.values();
  }

  instance(id: InstanceId): InstanceRecord {
    const record = this.#instances.get(id);
    if (!record) throw new Error(`instance ${id} is not in the draft`);
    return record;
  }

  /** The path that carries this subscriber's traffic on a chain now. */
  current(owner: OwnerId, subscriber: Name): PathRecord | undefined {
    const key = memberKey(owner, subscriber);
    const id = this.#members.get(key)?.path;
    return id === undefined
      ? this.#alone.get(key)?.find((path) => path.state.phase === 'current')
      : this.#paths.get(id);
  }

  /** The path of this subscriber alone that is to take over. */
  staged(owner: OwnerId, subscriber: Name): PathRecord | undefined {
    return this.#alone.get(memberKey(owner, subscriber))?.find((path) => path.state.phase === 'staged');
  }

  sharedPath(owner: OwnerId, at: Name, hops: readonly PinnedHop[]): PathRecord | undefined {
    return this.#shared.get(sharedKey(owner, at, hops));
  }

  #sameHop(path: PathRecord, position: number, hop: PlannedHop | undefined): 'same' | 'config' | 'other' {
    const at = path.hops[position];
    if (!at || !hop) return 'other';
    if (hop.pool !== undefined)
      return at.shared?.hop === hop.hop && at.instance === hop.instance ? 'same' : 'other';
    const record = this.instance(at.instance);
    if (record.pool !== undefined || record.hop !== hop.hop || record.function !== hop.function)
      return 'other';
    return sameJson(record.config, hop.config) ? 'same' : 'config';
  }

  matches(path: PathRecord, hops: readonly PlannedHop[]): boolean {
    return (
      path.hops.length === hops.length &&
      hops.every((hop, i) => this.#sameHop(path, i, hop) === 'same' && isManaged(path.hops[i], hop))
    );
  }

  /**
   * Brings a path to these hops where it stands, if that can be done in one step: fail policies, when its
   * instances run, and the
   * config of at most one hop, which its guest swaps between two packets. With two, a packet could meet the
   * new config of one and the old one of the other, a policy that nobody declared.
   */
  edit(path: PathRecord, hops: readonly PlannedHop[]): boolean {
    if (path.hops.length !== hops.length) return false;
    const differences = hops.map((hop, i) => this.#sameHop(path, i, hop));
    if (differences.includes('other')) return false;
    if (differences.filter((difference) => difference === 'config').length > 1) return false;

    hops.forEach((hop, i) => {
      const at = path.hops[i];
      if (at && differences[i] === 'config' && hop.pool === undefined)
        this.configure(at.instance, hop.config);
    });
    if (hops.some((hop, i) => !isManaged(path.hops[i], hop))) {
      const edited = path.hops.map(({ instance, shared, onFailure }, i): PathHop => {
        const hop = hops[i];
        return {
          instance,
          onFailure: hop?.onFailure ?? onFailure,
          ...(shared && { shared }),
          ...demandOf(hop),
        };
      });
      const { demand = { phase: 'awake' }, ...rest } = path;
      const isOnDemand = edited.some(({ onDemand }) => onDemand);
      this.#put({ ...rest, hops: edited, ...(isOnDemand && { demand }) });
    }
    return true;
  }

  path(id: PathId): PathRecord | undefined {
    return this.#paths.get(id);
  }

  has(id: InstanceId): boolean {
    return this.#instances.has(id);
  }

  /**
   * Two paths that sleep exchange the instances of one hop each. Nothing is changed where one of the two is on another
   * path, too, or is needed.
   */
  exchange(path: PathRecord, own: InstanceId, other: InstanceId): PathRecord {
    const holders = (id: InstanceId): readonly PathRecord[] =>
      this.allPaths().filter(({ hops }) => hops.some(({ instance }) => instance === id));
    const [theirs, ...more] = holders(other);
    if (theirs?.demand?.phase !== 'asleep' || more.length > 0 || holders(own).length > 1) return path;
    const [a, b] = [this.instance(own), this.instance(other)];
    this.#instances.set(own, { ...b, id: own });
    this.#instances.set(other, { ...a, id: other });
    const replaced = (of: PathRecord, from: InstanceId, to: InstanceId): PathRecord =>
      this.#put({
        ...of,
        hops: of.hops.map((hop) => (hop.instance === from ? { ...hop, instance: to } : hop)),
      });
    replaced(theirs, other, own);
    return replaced(path, own, other);
  }

  /** A path with hops on demand goes over to another state. */
  rouse(path: PathRecord, demand: Demand): PathRecord {
    return this.#put({ ...path, demand });
  }

  /** Names and fail policies of a shared path's hops. */
  rename(path: PathRecord, hops: readonly PinnedHop[]): void {
    if (this.matches(path, hops)) return;
    const edited = path.hops.map(({ instance, shared }, i): PathHop => {
      const { hop = '', onFailure = 'closed' } = hops[i] ?? {};
      return { instance, onFailure, ...(shared ? { shared: { ...shared, hop } } : {}) };
    });
    this.#put({ ...path, hops: edited });
  }

  /** The paths of a subscriber on a chain that are to take over or have done so. */
  live(owner: OwnerId, subscriber: Name): readonly PathRecord[] {
    const current = this.current(owner, subscriber);
    const alone = this.#alone.get(memberKey(owner, subscriber)) ?? [];
    return current === undefined || alone.includes(current) ? alone : [...alone, current];
  }

  /**
   * Gives a path these taps, from one moment to the next: no frame comes back from one, so there is nothing to keep in
   * order. An instance of the subscriber's own goes over from the other versions of the path.
   */
  tap(path: PathRecord, versions: readonly PathRecord[], taps: readonly PlannedTap[]): void {
    const known = versions.flatMap((version) => version.taps ?? []);
    const instanceOf = ({ hop, after }: PlannedTap): InstanceId | undefined => {
      if (hop.pool !== undefined) return hop.instance;
      // A copy is made where the path passes, so that is where it is to be.
      const near = isRouted(path)
        ? switchesBetween(path, after).filter((at) => this.#topology.isHost(at))
        : [];
      const own = known
        .filter((one) => one.hop === hop.hop)
        .map(({ instance }) => this.instance(instance))
        .filter((one) => one.pool === undefined && one.function === hop.function);
      const record = own.find(({ switch: at }) => near.length === 0 || near.includes(at));
      if (!record) return this.#ownTap(path, hop, near[0]);
      if (!sameJson(record.config, hop.config)) this.configure(record.id, hop.config);
      return record.id;
    };
    const placed = taps.flatMap((tap): Tap[] => {
      const instance = instanceOf(tap);
      return instance === undefined ? [] : [{ after: tap.after, hop: tap.hop.hop, instance }];
    });
    if (sameJson(placed, path.taps ?? [])) return;
    const { taps: _, ...rest } = path;
    this.#put({ ...rest, ...(placed.length > 0 ? { taps: placed } : {}) });
  }

  #ownTap(
    { chain, subscriber, switch: entry }: PathRecord,
    hop: DedicatedHop,
    near: Name | undefined,
  ): InstanceId | undefined {
    const host = near ?? this.#topology.hostFor(entry);
    if (host === undefined || subscriber === undefined) return undefined;
    const { hop: called, function: name, config } = hop;
    return this.addInstance<DedicatedInstance>({
      chain,
      subscriber,
      switch: host,
      hop: called,
      function: name,
      config,
    });
  }

  configure(id: InstanceId, config: InstanceRecord['config']): void {
    const record = this.instance(id);
    this.#instances.set(id, { ...record, config, revision: record.revision + 1 });
    this.#changed = true;
  }

  /**
   * Adds a staged path for one subscriber. An instance of its own goes over from the path before only where
   * all before it or all behind it stays the same: then a packet that is inside it while the classifier flips
   * has met exactly the hops of the old path or exactly those of the new one. Anywhere else it could miss a hop
   * of both. What is inside a pool's instance comes back to its own path, by its tag.
   *
   * @returns undefined where an instance is on as many paths as it can be, or there is nowhere for one to run
   */
  addPath(
    owner: OwnerId,
    chain: ChainSpec,
    subscriber: SubscriberSpec,
    hops: readonly PlannedHop[],
    from: PathRecord | undefined,
  ): PathRecord | undefined {
    if (!this.#haveRoom(hops)) return undefined;
    const reused = new Map<number, InstanceId>();
    const before = from?.hops ?? [];
    const shorter = Math.min(before.length, hops.length);
    const entry = subscriber.attachment.switch;
    const reuse = (oldPosition: number, newPosition: number): boolean => {
      const at = before[oldPosition];
      if (!from || !at || this.#sameHop(from, oldPosition, hops[newPosition]) !== 'same') return false;
      if (!this.#isReachable(entry, at)) return false;
      reused.set(newPosition, at.instance);
      return true;
    };
    let front = 0;
    while (front < shorter && reuse(front, front)) front++;
    for (let back = 1; back <= shorter - front; back++) {
      if (!reuse(before.length - back, hops.length - back)) break;
    }
    const host = this.#topology.hostFor(entry);
    if (host === undefined && hops.some((hop, i) => hop.pool === undefined && !reused.has(i)))
      return undefined;
    // What takes over from a path that runs has to run before.
    const phase = from === undefined || from.demand?.phase === 'asleep' ? 'asleep' : 'awake';
    const own = ({ hop, function: name, config }: DedicatedHop): InstanceId =>
      this.addInstance<DedicatedInstance>({
        chain: chain.name,
        subscriber: subscriber.name,
        switch: host ?? entry,
        hop,
        function: name,
        config,
      });
    const placed = hops.map((hop, i) =>
      hop.pool === undefined
        ? { instance: reused.get(i) ?? own(hop), onFailure: hop.onFailure, ...demandOf(hop) }
        : this.#sharedHop(hop),
    );
    return this.#put({
      id: this.#allocatePath(),
      owner,
      chain: chain.name,
      subscriber: subscriber.name,
      switch: entry,
      ...this.#routed(entry, placed, from?.route),
      hops: placed,
      state: { phase: 'staged' },
      ...(hops.some((hop) => demandOf(hop).onDemand) && { demand: { phase } }),
    });
  }

  /** Adds a staged path for all who have these instances. @returns undefined where an instance is on as many paths as it can be */
  addShared(
    owner: OwnerId,
    chain: Name,
    at: Name,
    hops: readonly PinnedHop[],
    from: PathRecord | undefined,
  ): PathRecord | undefined {
    if (!this.#haveRoom(hops)) return undefined;
    const placed = hops.map((hop) => this.#sharedHop(hop));
    return this.#put({
      id: this.#allocatePath(),
      owner,
      chain,
      switch: at,
      ...this.#routed(at, placed, from?.route),
      hops: placed,
      state: { phase: 'staged' },
    });
  }

  #routed(entry: Name, hops: readonly PathHop[], before: Route | undefined): { readonly route?: Route } {
    const course = this.#course(entry, hops, before?.uplink);
    const route = course && this.#labels.assign(course);
    return route ? { route } : {};
  }

  /** A hop that fails open and cannot be reached is passed over where it would be gone to. */
  #course(entry: Name, hops: readonly PathHop[], uplink: Name | undefined): Course | undefined {
    let at = entry;
    const stops = hops.map((hop) => {
      if (hop.onFailure !== 'open' || this.#isReachable(entry, hop)) at = this.instance(hop.instance).switch;
      return at;
    });
    return this.#topology.course(entry, stops, uplink);
  }

  #isReachable(from: Name, { instance }: PathHop): boolean {
    const { switch: at } = this.instance(instance);
    return at === from || this.#topology.waysFrom(from).has(at);
  }

  /** Gives those that have no way one that stays on their switch, if there is: it takes force at once. */
  routeInPlace(): void {
    for (const path of this.allPaths()) {
      if (path.route || path.state.phase === 'draining') continue;
      const course = this.#course(path.switch, path.hops, undefined);
      if (course?.legs.every((way) => way.length === 0))
        this.#put({ ...path, route: { uplink: course.uplink, legs: [] } });
    }
  }

  /**
   * Whether a path is to be replaced by one that goes another way, and that is there: it has none, a link of it is
   * lost, or cannot be vouched for while all its instances can be reached otherwise.
   */
  needsAnotherRoute(path: PathRecord): boolean {
    if (!isRouted(path)) return this.#canBeRouted(path);
    const standing = this.#topology.standing(path);
    const { route, switch: entry, hops } = path;
    if (standing === 'up') return this.#isOutOfPlace(path);
    if (standing === 'doubtful' && !hops.every((hop) => this.#isReachable(entry, hop))) return false;
    return this.#canBeRouted(path, route.uplink);
  }

  /** It passes a hop over that can be reached by now, or shares an uplink although its switch has one. */
  #isOutOfPlace(path: RoutedPath): boolean {
    const { switch: entry, hops, route } = path;
    const own = this.#topology.uplinkAt(entry);
    if (own !== undefined && own !== route.uplink) return this.#canBeRouted(path);
    if (!isSpread(path) && hops.every(({ instance }) => this.instance(instance).switch === entry))
      return false;
    const stops = stopsOf(path);
    const isPassed = (hop: PathHop, i: number): boolean =>
      stops[i + 1] !== this.instance(hop.instance).switch && this.#isReachable(entry, hop);
    return hops.some(isPassed) && this.#canBeRouted(path, route.uplink);
  }

  #canBeRouted({ switch: entry, hops }: PathRecord, uplink?: Name): boolean {
    const host = this.#topology.hostFor(entry);
    let at = entry;
    const stops = hops.map((hop) => {
      const { switch: where, pool } = this.instance(hop.instance);
      if (this.#isReachable(entry, hop) || (pool !== undefined && hop.onFailure !== 'open')) at = where;
      else if (pool === undefined) at = host ?? where;
      return at;
    });
    const course = this.#topology.course(entry, stops, uplink);
    return course !== undefined && this.#labels.haveRoom(course);
  }

  /** Whether a path carries nothing now, whatever its instances do. */
  isCutOff(path: PathRecord): boolean {
    return !isRouted(path) || this.#topology.standing(path) === 'lost';
  }

  #sharedHop({ instance, onFailure, hop }: PinnedHop): PathHop {
    const tags = this.#tagsOf(instance);
    let tag = 1;
    while (tags.has(tag)) tag++;
    tags.add(tag);
    return { instance, onFailure, shared: { hop, tag } };
  }

  #tagsOf(instance: InstanceId): Set<number> {
    const known = this.#tags.get(instance);
    if (known) return known;
    const made = new Set<number>();
    this.#tags.set(instance, made);
    return made;
  }

  #haveRoom(hops: readonly PlannedHop[]): boolean {
    return hops.every((hop) => hop.pool === undefined || this.#tagsOf(hop.instance).size < MAX_TAG);
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

  addInstance<T extends InstanceRecord>(record: Unnumbered<T>): InstanceId {
    const id = `i${this.#nextInstance++}` as InstanceId;
    this.#instances.set(id, { id, revision: 1, ...record } as unknown as InstanceRecord);
    this.#changed = true;
    return id;
  }

  pooled(): readonly PooledInstance[] {
    return [...this.#instances.values()].filter((record) => record.pool !== undefined);
  }

  keep(id: InstanceId): void {
    this.#kept.add(id);
  }

  /** From now on this path is the subscriber's on its chain; what is under way on the one before may finish. */
  serve(owner: OwnerId, subscriber: Name, path: PathRecord, until: number): void {
    const before = this.current(owner, subscriber);
    if (path.state.phase === 'staged') this.#put({ ...path, state: { phase: 'current' } });
    if (before?.id === path.id) return;
    if (before?.subscriber !== undefined) this.drain(before, until);
    this.#setMember(owner, subscriber, path.subscriber === undefined ? path.id : undefined, until);
  }

  /** No path of the chain is this subscriber's any more. */
  leave(owner: OwnerId, subscriber: Name, until: number): void {
    const staged = this.staged(owner, subscriber);
    if (staged) this.discard(staged);
    const before = this.current(owner, subscriber);
    if (before?.subscriber !== undefined) this.drain(before, until);
    else if (before) this.#setMember(owner, subscriber, undefined, until);
  }

  #setMember(owner: OwnerId, subscriber: Name, path: PathId | undefined, until: number): void {
    const key = memberKey(owner, subscriber);
    const before = this.#members.get(key);
    const leaving = before?.path === undefined ? before?.leaving : { path: before.path, until };
    this.#putMember(key, {
      owner,
      subscriber,
      ...(path === undefined ? {} : { path }),
      // Who comes back to it has not left.
      ...(leaving && leaving.path !== path ? { leaving } : {}),
    });
  }

  #putMember(key: string, member: Member): void {
    if (member.path === undefined && member.leaving === undefined) this.#members.delete(key);
    else this.#members.set(key, member);
    this.#changed = true;
  }

  drain(path: PathRecord, drainedAt: number): void {
    this.#put({ ...path, state: { phase: 'draining', drainedAt } });
  }

  remove(path: PathRecord): void {
    this.#index({ ...path, state: { phase: 'draining', drainedAt: 0 } });
    this.#paths.delete(path.id);
    this.#labels.free(path);
    for (const { instance, shared } of path.hops) if (shared) this.#tagsOf(instance).delete(shared.tag);
    this.#changed = true;
  }

  /** Takes away a staged path. */
  discard(path: PathRecord): void {
    // Its labels are not given to others before no switch can send by them.
    if (isSpread(path)) this.drain(path, 0);
    else this.remove(path);
  }

  /** Shared paths that nobody is on any more drain; staged ones that nobody waits for go. */
  retireShared(awaited: ReadonlySet<PathId>, until: number): void {
    const taken = new Set<PathId>();
    for (const { path } of this.#members.values()) if (path !== undefined) taken.add(path);
    for (const path of this.allPaths()) {
      if (path.subscriber !== undefined || taken.has(path.id) || awaited.has(path.id)) continue;
      if (path.state.phase === 'staged') this.discard(path);
      else if (path.state.phase === 'current') this.drain(path, until);
    }
  }

  /**
   * One that is on one switch goes when its time is over: its flows leave with all that sends to them. Others stay
   * until `until` once they are left, so that their labels mean nothing else to frames that are under way.
   *
   * @param left draining paths that no switch sends anything new on
   */
  removeDrained(now: number, left: ReadonlySet<PathId>, until: number): void {
    for (const path of this.allPaths()) {
      const { state } = path;
      if (state.phase !== 'draining') continue;
      if (state.drainedAt <= now && (state.left || !isSpread(path))) this.remove(path);
      else if (!state.left && left.has(path.id))
        this.#put({ ...path, state: { ...state, drainedAt: Math.max(state.drainedAt, until), left: true } });
    }
    for (const [key, member] of this.#members) {
      if (!member.leaving || member.leaving.until > now) continue;
      const { leaving: _, ...stays } = member;
      this.#putMember(key, stays);
    }
  }

  finish(): Steering {
    const used = new Set(
      [...this.#paths.values()].flatMap(({ hops, taps = [] }) =>
        [...hops, ...taps].map(({ instance }) => instance),
      ),
    );
    for (const [id] of this.#instances) {
      if (used.has(id) || this.#kept.has(id)) continue;
      this.#instances.delete(id);
      this.#changed = true;
    }
    if (!this.#changed) return this.#before;
    return {
      owners: this.#owners.finish(),
      paths: this.#paths.finish(),
      instances: this.#instances.finish(),
      members: this.#members.finish(),
      nextOwner: this.#nextOwner,
      nextPath: this.#nextPath,
      nextInstance: this.#nextInstance,
    };
  }
}

const demandOf = (hop: PlannedHop | undefined): Pick<PathHop, 'onDemand'> =>
  hop === undefined || hop.pool !== undefined || hop.onDemand === undefined ? {} : { onDemand: hop.onDemand };

/** Whether a hop of a path fails and sleeps as it is to. */
const isManaged = (at: PathHop | undefined, hop: PlannedHop): boolean =>
  at?.onFailure === hop.onFailure && sameJson(at.onDemand ?? null, demandOf(hop).onDemand ?? null);

const sharedKey = (owner: OwnerId, at: Name, hops: readonly { readonly instance: InstanceId }[]): string =>
  `${owner} ${at} ${hops.map(({ instance }) => instance).join(' ')}`;
