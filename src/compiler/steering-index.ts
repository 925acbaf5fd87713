/** Paths and members by their subscribers, and what a change of the records concerns. */
import type { InstanceId, Name, PathId } from '../model/ids.ts';
import { sorted } from '../model/sorted-map.ts';
import { EMPTY_STEERING, type InstanceRecord, type PathRecord, type Steering } from '../model/steering.ts';
import { endsOf } from './legs.ts';

/** Both in order. */
type Own = { readonly paths: readonly PathId[]; readonly members: readonly string[] };
const NOTHING: Own = { paths: [], members: [] };

/** A port whose own part has to be made again. */
export type PortConcern = { readonly at: Name; readonly port: string };

/** Whom a change concerns: these subscribers and ports, what is common, or possibly everybody. */
export type Concern = {
  readonly subscribers: Set<Name>;
  readonly ports: PortConcern[];
  common: boolean;
  everybody: boolean;
};

export class SteeringIndex {
  readonly #own = new Map<Name, Own>();
  readonly #shared = new Set<PathId>();
  readonly #pooled = new Map<InstanceId, InstanceRecord>();
  /** How many crossings of paths each end of a link has, by switch and port. */
  readonly #crossed = new Map<Name, Map<string, number>>();
  #steering: Steering = EMPTY_STEERING;

  of(subscriber: Name): Own {
    return this.#own.get(subscriber) ?? NOTHING;
  }

  get shared(): ReadonlySet<PathId> {
    return this.#shared;
  }

  /** Instances of pools. */
  get pooled(): ReadonlyMap<InstanceId, InstanceRecord> {
    return this.#pooled;
  }

  /** The one of somebody else's whose port this is. */
  externalAt(at: Name, port: string): InstanceRecord | undefined {
    for (const record of this.#pooled.values())
      if (record.switch === at && (record.external?.left === port || record.external?.right === port))
        return record;
    return undefined;
  }

  /** Names of the ports of a switch at which paths cross links. */
  crossed(at: Name): ReadonlySet<string> {
    return new Set(this.#crossed.get(at)?.keys());
  }

  /** Those who are on a path, or were until just now. */
  subscribers(): Iterable<Name> {
    return this.#own.keys();
  }

  /** Whom an instance is there for. */
  concernInstance(record: InstanceRecord, concern: Concern): void {
    if (concern.everybody) return;
    if (record.subscriber !== undefined) {
      concern.subscribers.add(record.subscriber);
      return;
    }
    concern.common = true;
    // Of those who have instances of their own besides, the paths are their own.
    for (const { subscriber, hops, taps = [] } of this.#steering.paths.values())
      if (subscriber !== undefined && [...hops, ...taps].some(({ instance }) => instance === record.id))
        concern.subscribers.add(subscriber);
  }

  instance(id: InstanceId): InstanceRecord | undefined {
    return this.#steering.instances.get(id);
  }

  /** These are the records now. */
  follow(next: Steering, concern: Concern): void {
    const before = this.#steering;
    this.#steering = next;
    for (const id of sorted(next.paths).changedSince(sorted(before.paths)))
      this.#followPath(before.paths.get(id), next.paths.get(id), concern);
    for (const key of sorted(next.members).changedSince(sorted(before.members))) {
      const [old, now] = [before.members.get(key), next.members.get(key)];
      const subscriber = (now ?? old)?.subscriber;
      if (subscriber === undefined) continue;
      concern.subscribers.add(subscriber);
      const own = this.of(subscriber);
      const others = own.members.filter((other) => other !== key);
      this.#put(subscriber, { ...own, members: now ? [...others, key].sort() : others });
    }
    for (const id of sorted(next.instances).changedSince(sorted(before.instances))) {
      const [old, now] = [before.instances.get(id), next.instances.get(id)];
      if (now?.pool !== undefined) this.#pooled.set(id, now);
      else this.#pooled.delete(id);
      for (const record of [old, now]) {
        if (record === undefined) continue;
        this.concernInstance(record, concern);
        for (const port of [record.external?.left, record.external?.right])
          if (port !== undefined) concern.ports.push({ at: record.switch, port });
      }
    }
  }

  #followPath(old: PathRecord | undefined, now: PathRecord | undefined, concern: Concern): void {
    const record = now ?? old;
    if (record === undefined) return;
    const { id, subscriber } = record;
    if (old) this.#cross(old, -1, concern);
    if (now) this.#cross(now, 1, concern);
    if (subscriber === undefined) {
      concern.common = true;
      if (now) this.#shared.add(id);
      else this.#shared.delete(id);
      // Who is on it is told by the members; they hold nothing against it but what stays the same.
      if (old && now && lastingOf(old) !== lastingOf(now)) concern.everybody = true;
      return;
    }
    concern.subscribers.add(subscriber);
    const own = this.of(subscriber);
    const others = own.paths.filter((other) => other !== id);
    this.#put(subscriber, { ...own, paths: now ? [...others, id].sort((a, b) => a - b) : others });
  }

  #cross(path: PathRecord, by: 1 | -1, concern: Concern): void {
    for (const at of endsOf(path)) {
      const ports = this.#crossed.get(at.switch) ?? new Map<string, number>();
      const count = (ports.get(at.port) ?? 0) + by;
      if (count === 0) ports.delete(at.port);
      else ports.set(at.port, count);
      this.#crossed.set(at.switch, ports);
      if (count === (by === 1 ? 1 : 0)) concern.common = true;
    }
  }

  #put(subscriber: Name, own: Own): void {
    if (own.paths.length + own.members.length === 0) this.#own.delete(subscriber);
    else this.#own.set(subscriber, own);
  }
}

const lastingOf = ({ state: _state, hops: _hops, ...lasting }: PathRecord): string => JSON.stringify(lasting);
