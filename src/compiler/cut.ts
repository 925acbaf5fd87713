/**
 * Cuts an input of the compiler into parts: what a switch has once, what it has for one subscriber, and what it has
 * for a port where nobody in a chain is. The tables of a part come from a view of the same input with nothing else
 * in it, so they cannot depend on anything else.
 */
import type { Declared, Stored, SwitchSpec } from '../model/declared.ts';
import type { PortFact, SwitchFact } from '../model/facts.ts';
import type { InstanceId, Name, PathId } from '../model/ids.ts';
import { objectMap } from '../model/object-map.ts';
import { EMPTY_STEERING, type InstanceRecord, type PathRecord, type Steering } from '../model/steering.ts';
import { switchesOf } from './legs.ts';
import { type Selection, selection, withOnly } from './selection.ts';
import type { SteeringIndex } from './steering-index.ts';
import { NO_TREE, openUplinks } from './tree.ts';
import { type CompileInput, isInstancePort, type SwitchView, viewSwitch } from './view.ts';

export class Cut {
  readonly #input: CompileInput;
  readonly #index: SteeringIndex;
  readonly #selection: Selection;
  readonly #openUplinks: ReadonlySet<Name>;

  constructor(input: CompileInput, index: SteeringIndex) {
    this.#input = input;
    this.#index = index;
    this.#selection = selection(input.declared);
    this.#openUplinks = openUplinks(input.declared, input.facts.links, input.tree ?? NO_TREE);
  }

  /** Those who may have something on a switch: who are attached there and selected, or on a path. */
  *subscribersAt({ name }: SwitchSpec): Generator<Name, undefined> {
    for (const [subscriber, { subscriber: spec }] of this.#selection)
      if (spec.attachment.switch === name) yield subscriber;
    for (const subscriber of this.#index.subscribers())
      if (this.#selection.get(subscriber)?.subscriber.attachment.switch !== name) yield subscriber;
    return undefined;
  }

  /** Ports that may have a part of their own. */
  *portsAt(spec: SwitchSpec): Generator<string, undefined> {
    for (const name of this.#fact(spec)?.ports.keys() ?? []) yield name;
    return undefined;
  }

  common(spec: SwitchSpec): SwitchView | undefined {
    const { declared, steering } = this.#input;
    const paths = [...this.#index.shared].flatMap((id) => steering.paths.get(id) ?? []);
    const view = this.#view(spec, this.#commonPorts(spec), {
      declared: { ...declared, subscribers: new Map(), chains: new Map() },
      steering: {
        ...steering,
        ...recordsOf(paths, this.#index.pooled.values()),
        members: EMPTY_STEERING.members,
      },
    });
    return view && { ...view, crossed: this.#index.crossed(spec.name) };
  }

  /** @returns undefined where the switch can have nothing for it */
  subscriber(spec: SwitchSpec, name: Name): SwitchView | undefined {
    const { declared, steering } = this.#input;
    const selected = this.#selection.get(name);
    const own = this.#index.of(name);
    const isHere = selected?.subscriber.attachment.switch === spec.name;
    const paths = own.paths.flatMap((id) => steering.paths.get(id) ?? []);
    const stored = declared.subscribers.get(name);
    const isDelivered = own.members.length > 0 && stored?.spec.attachment.switch === spec.name;
    const members = own.members.flatMap((key) => {
      const member = steering.members.get(key);
      return member ? [[key, member] as const] : [];
    });
    const joined = members
      .flatMap(([, { path, leaving }]) => [path, leaving?.path])
      .flatMap((id) => (id === undefined ? [] : (steering.paths.get(id) ?? [])));
    const onPaths = [...paths, ...joined];
    if (!isHere && !isDelivered && onPaths.every((path) => !switchesOf(path).includes(spec.name)))
      return undefined;
    const instances = onPaths
      .flatMap(({ hops, taps = [] }) => [...hops, ...taps])
      .flatMap(({ instance }) => steering.instances.get(instance) ?? []);
    const view = this.#view(spec, new Set(isHere ? [selected.subscriber.attachment.port] : []), {
      declared: stored
        ? withOnly(declared, stored, selected)
        : { ...declared, subscribers: new Map(), chains: new Map() },
      steering: { ...steering, ...recordsOf(onPaths, instances), members: new Map(members) },
    });
    if (view === undefined) return undefined;
    const ids = new Set<PathId>(own.paths);
    return {
      ...view,
      isCommon: false,
      pooled: [],
      paths: view.paths.filter(({ record }) => ids.has(record.id)),
    };
  }

  /** @returns undefined where the port is not there, is a chained subscriber's or an instance's, or is common */
  port(spec: SwitchSpec, name: string): SwitchView | undefined {
    const { declared, steering } = this.#input;
    const at = [...objectMap(declared, 'subscribers').by(`port ${spec.name}/${name}`)];
    if (!this.#fact(spec)?.ports.has(name) || isInstancePort(this.#input.interfacePrefix, name))
      return undefined;
    if (at.some((one) => this.#selection.has(one.spec.name))) return undefined;
    if (this.#commonPorts(spec).has(name) || this.#index.externalAt(spec.name, name)) return undefined;
    const subscribers = new Map(at.map((one): [Name, Stored<'subscribers'>] => [one.spec.name, one]));
    const view = this.#view(spec, new Set([name]), {
      declared: { ...declared, subscribers, chains: new Map() },
      steering: { ...EMPTY_STEERING, owners: steering.owners },
    });
    return view && { ...view, isCommon: false };
  }

  #fact({ dpid }: SwitchSpec): SwitchFact | undefined {
    return this.#input.facts.switches.get(dpid);
  }

  /** Uplinks and ends of links: what a chain of anybody's may need. */
  #commonPorts(spec: SwitchSpec): ReadonlySet<string> {
    return commonPortsOf(this.#input, spec);
  }

  #view(
    spec: SwitchSpec,
    ports: ReadonlySet<string>,
    only: { readonly declared: Declared; readonly steering: Steering },
  ): SwitchView | undefined {
    const fact = this.#fact(spec);
    if (fact === undefined || fact.ports.size === 0) return undefined;
    const switches = new Map([[spec.dpid, { ...fact, ports: new Ports(fact.ports, ports) }]]);
    const facts = { ...this.#input.facts, switches };
    return viewSwitch({ ...this.#input, ...only, facts }, spec, this.#openUplinks);
  }
}

export function commonPortsOf(
  { declared, facts }: CompileInput,
  { name, dpid }: SwitchSpec,
): ReadonlySet<string> {
  const ports = new Set<string>();
  for (const { spec } of declared.uplinks.values())
    if (spec.attachment.switch === name) ports.add(spec.attachment.port);
  for (const { a, b } of facts.links) for (const end of [a, b]) if (end.dpid === dpid) ports.add(end.port);
  return ports;
}

const recordsOf = (paths: readonly PathRecord[], instances: Iterable<InstanceRecord>) => ({
  paths: new Map<PathId, PathRecord>(paths.map((path) => [path.id, path])),
  instances: new Map<InstanceId, InstanceRecord>([...instances].map((instance) => [instance.id, instance])),
});

/** All ports by their names, of which a walk meets some alone. */
class Ports implements ReadonlyMap<string, PortFact> {
  readonly #all: ReadonlyMap<string, PortFact>;
  readonly #met: ReadonlySet<string>;

  constructor(all: ReadonlyMap<string, PortFact>, met: ReadonlySet<string>) {
    this.#all = all;
    this.#met = met;
  }

  get size(): number {
    return this.#all.size;
  }

  get(name: string): PortFact | undefined {
    return this.#all.get(name);
  }

  has(name: string): boolean {
    return this.#all.has(name);
  }

  *entries(): Generator<[string, PortFact], undefined> {
    for (const name of this.#met) {
      const port = this.#all.get(name);
      if (port !== undefined) yield [name, port];
    }
    return undefined;
  }

  *keys(): Generator<string, undefined> {
    for (const [name] of this.entries()) yield name;
    return undefined;
  }

  *values(): Generator<PortFact, undefined> {
    for (const [, port] of this.entries()) yield port;
    return undefined;
  }

  [Symbol.iterator](): Generator<[string, PortFact], undefined> {
    return this.entries();
  }

  forEach(visit: (port: PortFact, name: string, map: ReadonlyMap<string, PortFact>) => void): void {
    for (const [name, port] of this.entries()) visit(port, name, this);
  }
}
