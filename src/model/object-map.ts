/**
 * The declared objects of one kind by name, and by what else they are looked up by. A change costs the same however
 * many there are, and so does the question who has an address.
 */
import { type Declared, type JsonObject, KINDS, type Kind, type Specs, type Stored } from './declared.ts';
import { portsOfAppliance } from './hops.ts';
import type { Name } from './ids.ts';
import { isObject } from './json.ts';
import { SortedMap } from './sorted-map.ts';

/**
 * What an object can be found by, besides its name; several may have the same. Text with a slash: what stands before
 * it can be asked for alone.
 */
const KEYS: { readonly [K in Kind]: (spec: Specs[K]) => readonly string[] } = {
  functions: () => [],
  webhooks: () => [],
  switches: ({ dpid }) => [`dpid ${dpid}`],
  uplinks: ({ attachment }) => [`port ${attachment.switch}/${attachment.port}`],
  subscribers: ({ attachment, mac, ipv4 = [], ipv6 = [] }) => [
    `port ${attachment.switch}/${attachment.port}`,
    `mac ${mac}/${attachment.switch}`,
    ...[...ipv4, ...ipv6].map((address) => `ip ${address}/${attachment.switch}`),
  ],
  pools: (spec) => [
    `function ${spec.function}`,
    `switch ${spec.switch}`,
    ...(spec.external ?? []).flatMap(portsOfAppliance).map((port) => `port ${spec.switch}/${port}`),
  ],
  chains: ({ subscribers, hops }) => [
    ...(subscribers?.map((name) => `subscriber ${name}`) ?? ['selector']),
    ...new Set(
      hops.flatMap((hop) =>
        hop.pool === undefined
          ? [`function ${hop.function}`, ...addressesIn(hop.config).map((address) => `address ${address}`)]
          : [`pool ${hop.pool}`],
      ),
    ),
  ],
};

/** The members of a config, at whatever depth, that are addresses; one of them may be the one that a function is known by. */
const addressesIn = (config: JsonObject = {}): readonly string[] =>
  Object.values(config).flatMap((value) => {
    if (isObject(value)) return addressesIn(value);
    return typeof value === 'string' && /^[0-9.]{7,15}$/.test(value) ? [value] : [];
  });

/** Sorts before everything that a key can contain. */
const END = '\0';

export class ObjectMap<K extends Kind> implements ReadonlyMap<Name, Stored<K>> {
  readonly #kind: K;
  readonly #objects: SortedMap<Name, Stored<K>>;
  /** Names by key and name, so that many may have one key. */
  readonly #keys: SortedMap<string, Name>;

  private constructor(kind: K, objects: SortedMap<Name, Stored<K>>, keys: SortedMap<string, Name>) {
    this.#kind = kind;
    this.#objects = objects;
    this.#keys = keys;
    Object.freeze(this);
  }

  static from<K extends Kind>(kind: K, objects: Iterable<Stored<K>>): ObjectMap<K> {
    const all = [...objects];
    const keys = all.flatMap((object) => entriesOf(kind, object.spec));
    return new ObjectMap(
      kind,
      SortedMap.from(all.map((object): [Name, Stored<K>] => [object.spec.name, object])),
      SortedMap.from(keys),
    );
  }

  get size(): number {
    return this.#objects.size;
  }

  get(name: Name): Stored<K> | undefined {
    return this.#objects.get(name);
  }

  has(name: Name): boolean {
    return this.#objects.has(name);
  }

  with(object: Stored<K>): ObjectMap<K> {
    const { name } = object.spec;
    const keys = this.#rekeyed(this.#objects.get(name)?.spec, object.spec);
    return new ObjectMap(this.#kind, this.#objects.with(name, object), keys);
  }

  without(name: Name): ObjectMap<K> {
    const keys = this.#rekeyed(this.#objects.get(name)?.spec, undefined);
    return new ObjectMap(this.#kind, this.#objects.without(name), keys);
  }

  /** The objects that are found by exactly this key, in the order of their names. */
  *by(key: string): Generator<Stored<K>, undefined> {
    yield* this.#under(`${key}${END}`);
  }

  /** The objects that are found by a key that begins so; one that has several such keys comes several times. */
  *byBeginning(beginning: string): Generator<Stored<K>, undefined> {
    yield* this.#under(beginning);
  }

  /** The entries whose names come after this one, which need not be there; all without one. */
  after(name?: string): Generator<[Name, Stored<K>], undefined> {
    return this.#objects.after(name as Name | undefined);
  }

  /** The names of which an earlier map has another object or none, and those that it alone has; in no order. */
  changedSince(before: ObjectMap<K>): readonly Name[] {
    return this.#objects.changedSince(before.#objects);
  }

  entries(): Generator<[Name, Stored<K>], undefined> {
    return this.#objects.entries();
  }

  keys(): Generator<Name, undefined> {
    return this.#objects.keys();
  }

  values(): Generator<Stored<K>, undefined> {
    return this.#objects.values();
  }

  [Symbol.iterator](): Generator<[Name, Stored<K>], undefined> {
    return this.#objects.entries();
  }

  forEach(visit: (object: Stored<K>, name: Name, map: ReadonlyMap<Name, Stored<K>>) => void): void {
    this.#objects.forEach((object, name) => {
      visit(object, name, this);
    });
  }

  *#under(beginning: string): Generator<Stored<K>, undefined> {
    for (const [key, name] of this.#keys.after(beginning)) {
      if (!key.startsWith(beginning)) return undefined;
      yield this.#objects.get(name) as Stored<K>;
    }
    return undefined;
  }

  #rekeyed(before: Specs[K] | undefined, after: Specs[K] | undefined): SortedMap<string, Name> {
    const old = new Map(before === undefined ? [] : entriesOf(this.#kind, before));
    let keys = this.#keys;
    for (const [key, name] of after === undefined ? [] : entriesOf(this.#kind, after)) {
      if (!old.delete(key)) keys = keys.with(key, name);
    }
    for (const key of old.keys()) keys = keys.without(key);
    return keys;
  }
}

function entriesOf<K extends Kind>(kind: K, spec: Specs[K]): [string, Name][] {
  return KEYS[kind](spec).map((key) => [`${key}${END}${spec.name}`, spec.name]);
}

/** The objects of a kind as a map that can be asked by key. A snapshot of the store has such maps already. */
export function objectMap<K extends Kind>(declared: Declared, kind: K): ObjectMap<K> {
  const map = declared[kind] as ReadonlyMap<Name, Stored<K>>;
  return map instanceof ObjectMap ? map : ObjectMap.from(kind, map.values());
}

/** A snapshot with nothing in it. */
export function emptyDeclared(revision: number): Declared {
  const maps = Object.fromEntries(KINDS.map((kind) => [kind, ObjectMap.from(kind, [])]));
  return Object.freeze({ revision, ...maps }) as Declared;
}

/** The snapshot with this object in it, in the place of the one of its name. */
export function withObject<K extends Kind>(declared: Declared, object: Stored<K>): Declared {
  return Object.freeze({ ...declared, [object.kind]: objectMap(declared, object.kind).with(object) });
}

/** The snapshot without the object of this name. */
export function withoutObject(declared: Declared, kind: Kind, name: Name): Declared {
  return Object.freeze({ ...declared, [kind]: objectMap(declared, kind).without(name) });
}
