/** Whom it concerns that an input of the compiler is another than the one before. Pure. */
import type { Declared, SwitchSpec } from '../model/declared.ts';
import type { PortFact } from '../model/facts.ts';
import type { InstanceId } from '../model/ids.ts';
import { ObjectMap, objectMap } from '../model/object-map.ts';
import { commonPortsOf } from './cut.ts';
import { type Selected, selection } from './selection.ts';
import type { Concern, PortConcern, SteeringIndex } from './steering-index.ts';
import { type CompileInput, isInstancePort } from './view.ts';

/** Kinds of which a change is followed to those whom it concerns; that of any other may concern everybody. */
const FOLLOWED: ReadonlySet<keyof Declared> = new Set([
  'revision',
  'subscribers',
  'chains',
  'pools',
  'webhooks',
]);

/** Adds to `concern`; the index has followed the records already. */
export function concernOf(
  before: CompileInput,
  now: CompileInput,
  index: SteeringIndex,
  concern: Concern,
): void {
  const kinds = Object.keys(now.declared) as (keyof Declared)[];
  concern.everybody ||=
    kinds.some((kind) => !FOLLOWED.has(kind) && before.declared[kind] !== now.declared[kind]) ||
    before.interfacePrefix !== now.interfacePrefix ||
    textOf(before.facts.links) !== textOf(now.facts.links) ||
    textOf(before.tree?.open) !== textOf(now.tree?.open) ||
    textOf(before.rejected) !== textOf(now.rejected) ||
    textOf(before.overfull) !== textOf(now.overfull);
  if (concern.everybody) return;
  const ports = followSubscribers(before.declared, now.declared, concern);
  followInstances(before, now, index, concern);
  for (const { spec } of now.declared.switches.values())
    ports.push(...followPorts(spec, before, now, index, concern));
  concern.ports.push(...ports);
}

const textOf = (few: Iterable<unknown> | undefined): string => JSON.stringify([...(few ?? [])]);

function followSubscribers(before: Declared, now: Declared, concern: Concern): PortConcern[] {
  const [old, wanted] = [before.subscribers, now.subscribers];
  if (!(old instanceof ObjectMap && wanted instanceof ObjectMap)) {
    concern.everybody = true;
    return [];
  }
  const [were, are] = [selection(before), selection(now)];
  const changed = are.changedSince(were).filter((name) => !isSame(were.get(name), are.get(name)));
  const ports: PortConcern[] = [];
  for (const name of new Set([...wanted.changedSince(old), ...changed])) {
    concern.subscribers.add(name);
    for (const stored of [old.get(name), wanted.get(name)]) {
      if (stored === undefined) continue;
      const { switch: at, port } = stored.spec.attachment;
      ports.push({ at, port });
    }
  }
  return ports;
}

const isSame = (a: Selected | undefined, b: Selected | undefined): boolean =>
  a !== undefined &&
  b !== undefined &&
  a.subscriber === b.subscriber &&
  a.chains.length === b.chains.length &&
  a.chains.every((chain, i) => chain === b.chains[i]);

function followInstances(
  before: CompileInput,
  now: CompileInput,
  index: SteeringIndex,
  concern: Concern,
): void {
  const [were, are] = [before.facts.instances, now.facts.instances];
  if (were === are) return;
  const follow = (id: InstanceId): void => {
    if (were.get(id)?.phase === are.get(id)?.phase) return;
    const record = index.instance(id);
    if (record) index.concernInstance(record, concern);
  };
  for (const id of are.keys()) follow(id);
  for (const id of were.keys()) if (!are.has(id)) follow(id);
}

function followPorts(
  spec: SwitchSpec,
  before: CompileInput,
  now: CompileInput,
  index: SteeringIndex,
  concern: Concern,
): readonly PortConcern[] {
  const [were, are] = [before, now].map(({ facts }) => facts.switches.get(spec.dpid)?.ports ?? NO_PORTS);
  if (were === undefined || are === undefined || were === are) return [];
  if (were.size === 0 || are.size === 0) {
    concern.everybody ||= were.size !== are.size;
    return [];
  }
  const changed = [...are.keys()].filter((name) => !isSamePort(were.get(name), are.get(name)));
  for (const name of were.keys()) if (!are.has(name)) changed.push(name);
  if (changed.length === 0) return [];
  const common = new Set([...commonPortsOf(now, spec), ...index.crossed(spec.name)]);
  const subscribers = objectMap(now.declared, 'subscribers');
  return changed.flatMap((port): PortConcern[] => {
    concern.everybody ||= common.has(port);
    if (isInstancePort(now.interfacePrefix, port)) {
      const id = `i${port.slice(now.interfacePrefix.length, -1)}` as InstanceId;
      const record = index.instance(id);
      if (record) index.concernInstance(record, concern);
      return [];
    }
    const external = index.externalAt(spec.name, port);
    if (external) index.concernInstance(external, concern);
    for (const stored of subscribers.by(`port ${spec.name}/${port}`))
      concern.subscribers.add(stored.spec.name);
    return [{ at: spec.name, port }];
  });
}

const NO_PORTS: ReadonlyMap<string, PortFact> = new Map();

const isSamePort = (a: PortFact | undefined, b: PortFact | undefined): boolean =>
  a === b ||
  (a !== undefined &&
    b !== undefined &&
    a.ofport === b.ofport &&
    a.listening === b.listening &&
    a.mtu === b.mtu &&
    a.linkUp === b.linkUp);
