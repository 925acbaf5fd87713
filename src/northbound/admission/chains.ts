/**
 * Chains and the functions that they are made of.
 */
import type { ChainSpec, FunctionSpec, SubscriberSpec } from '../../model/declared.ts';
import { resolveHops, selects } from '../../model/hops.ts';
import type { Name } from '../../model/ids.ts';
import { configFaults, configSchemaFaults } from '../config-schema.ts';
import {
  functionNamed,
  noSuch,
  type Objections,
  objectsOf,
  othersOf,
  uplinkOf,
  type World,
} from './world.ts';

export function admitFunction(world: World, spec: FunctionSpec, objections: Objections): void {
  if (world.builtIns.has(spec.name)) {
    objections.add('built-in', '/name', `${spec.name} is the name of a built-in function`);
  }
  const faults = configSchemaFaults(spec.configSchema, '/configSchema');
  objections.addAll('invalid-body', faults);
  if (faults.length > 0) return;
  for (const { spec: chain } of objectsOf(world, 'chains').values()) {
    for (const [index, hop] of chain.hops.entries()) {
      if (hop.function !== spec.name) continue;
      const [fault] = configFaults(spec, hop.config ?? {}, `/hops/${index}/config`);
      if (fault === undefined) continue;
      const detail = `chain ${chain.name} has a config that it would not accept: ${fault.pointer} ${fault.detail}`;
      objections.add('conflict', '/configSchema', detail);
    }
  }
}

export function admitChain(world: World, spec: ChainSpec, objections: Objections): void {
  checkHops(world, spec, objections);
  const selected = [...checkNamed(world, spec, objections), ...selectedByLabel(world, spec)];
  checkExclusive(world, spec, selected, objections);
}

function checkHops(world: World, spec: ChainSpec, objections: Objections): void {
  const names = new Map<string, number>();
  for (const [index, { hop }] of resolveHops(spec).entries()) {
    const first = names.get(hop);
    if (first === undefined) names.set(hop, index);
    else
      objections.add(
        'invalid-body',
        `/hops/${index}`,
        `hop ${first} is called ${hop} too; give one another \`name\``,
      );
  }
  for (const [index, hop] of spec.hops.entries()) {
    const found = functionNamed(world, hop.function);
    if (found === undefined) {
      const known = [...world.builtIns.keys(), ...world.declared.functions.keys()];
      objections.add('unknown-reference', `/hops/${index}/function`, noSuch('function', hop.function, known));
    } else {
      objections.addAll('invalid-config', configFaults(found, hop.config ?? {}, `/hops/${index}/config`));
    }
  }
}

/** The subscribers that a chain names and that there are. Each has to have a way to the network. */
function checkNamed(world: World, spec: ChainSpec, objections: Objections): readonly SubscriberSpec[] {
  const found: SubscriberSpec[] = [];
  const uplinks = new Map<Name, boolean>();
  for (const [index, name] of (spec.subscribers ?? []).entries()) {
    const pointer = `/subscribers/${index}`;
    const subscriber = world.declared.subscribers.get(name)?.spec;
    if (subscriber === undefined) {
      objections.add(
        'unknown-reference',
        pointer,
        noSuch('subscriber', name, world.declared.subscribers.keys()),
      );
      continue;
    }
    found.push(subscriber);
    const where = subscriber.attachment.switch;
    if (!uplinks.has(where)) uplinks.set(where, uplinkOf(world, where) !== undefined);
    if (uplinks.get(where) === true) continue;
    objections.add(
      'conflict',
      pointer,
      `switch ${where} of ${name} has no uplink; POST one to /v1/uplinks first`,
    );
  }
  return found;
}

function selectedByLabel(world: World, spec: ChainSpec): readonly SubscriberSpec[] {
  if (spec.selector === undefined) return [];
  return [...objectsOf(world, 'subscribers').values()]
    .map((subscriber) => subscriber.spec)
    .filter((subscriber) => selects(spec, subscriber));
}

/** A subscriber is in at most one chain: the conflict names both. */
function checkExclusive(
  world: World,
  spec: ChainSpec,
  selected: readonly SubscriberSpec[],
  objections: Objections,
): void {
  const others = [...othersOf(world, 'chains', spec.name)];
  const bySelector = others.filter((chain) => chain.selector !== undefined);
  const byName = new Map(
    others.flatMap((chain) => (chain.subscribers ?? []).map((name) => [name, chain.name] as const)),
  );
  for (const subscriber of selected) {
    const other = byName.get(subscriber.name) ?? bySelector.find((chain) => selects(chain, subscriber))?.name;
    if (other === undefined) continue;
    const place = spec.subscribers?.indexOf(subscriber.name);
    const pointer = place === undefined ? '/selector' : `/subscribers/${place}`;
    const detail = `subscriber ${subscriber.name} is in chain ${other} and would be in ${spec.name} too`;
    objections.add('conflict', pointer, detail);
  }
}
