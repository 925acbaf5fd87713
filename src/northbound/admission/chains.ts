/**
 * Chains and the functions that they are made of.
 */
import type { ChainSpec, FailPolicy, FunctionSpec, HopSpec, SubscriberSpec } from '../../model/declared.ts';
import { resolveHops, selects } from '../../model/hops.ts';
import type { Name } from '../../model/ids.ts';
import { tenantOf } from '../../model/tenant.ts';
import { configFaults } from '../config-schema.ts';
import { functionFaults } from '../function-faults.ts';
import { kindOf } from './pools.ts';
import { checkRewriting, checkRewritingKept, NOT_IN_POOLS } from './rewriting.ts';
import { checkService, contentionOf } from './services.ts';
import {
  functionNamed,
  noSuch,
  type Objections,
  objectsOf,
  othersBy,
  requireFunction,
  type World,
} from './world.ts';

export function admitFunction(world: World, spec: FunctionSpec, objections: Objections): void {
  if (world.builtIns.has(spec.name)) {
    objections.add('built-in', '/name', `${spec.name} is the name of a built-in function`);
  }
  const faults = functionFaults(spec);
  objections.addAll('invalid-body', faults);
  if (faults.length > 0) return;
  checkRewritingKept(world, spec, objections);
  for (const { spec: pool } of objectsOf(world, 'pools').by(`function ${spec.name}`)) {
    if (spec.external !== (pool.external && true))
      objections.add('conflict', '/external', `pool ${pool.name} is of it, and ${kindOf(pool)}`);
    if (spec.rewrites)
      objections.add('conflict', '/rewrites', `pool ${pool.name} is of it, and ${NOT_IN_POOLS}`);
    if (spec.vlanTransparent !== true)
      objections.add('conflict', '/vlanTransparent', `pool ${pool.name} needs it to be true`);
    const [fault] = configFaults(spec, pool.config ?? {}, '/config');
    if (fault === undefined) continue;
    const detail = `pool ${pool.name} has a config that it would not accept: ${fault.pointer} ${fault.detail}`;
    objections.add('conflict', '/configSchema', detail);
  }
  for (const { spec: chain } of objectsOf(world, 'chains').by(`function ${spec.name}`)) {
    if (spec.external)
      objections.add(
        'conflict',
        '/external',
        `chain ${chain.name} has a hop of it, whose instances the controller runs`,
      );
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
  checkRewriting(world, spec, objections);
  checkService(spec, objections);
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
    if (hop.tap) checkTap(world, hop, `/hops/${index}`, objections);
    if (hop.pool === undefined) {
      if ((hop.onFailure as FailPolicy | undefined) === 'another') {
        const detail = 'goes with `pool` only: an instance of one subscriber has no other beside it';
        objections.add('invalid-body', `/hops/${index}/onFailure`, detail);
      }
      const found = requireFunction(world, hop.function, `/hops/${index}/function`, objections);
      if (found?.external) {
        const detail = `${found.name} is external: its instances are in pools; name a \`pool\` of it`;
        objections.add('conflict', `/hops/${index}/function`, detail);
      } else if (found)
        objections.addAll('invalid-config', configFaults(found, hop.config ?? {}, `/hops/${index}/config`));
      continue;
    }
    const pointer = `/hops/${index}/pool`;
    if (hop.config !== undefined)
      objections.add('invalid-body', `/hops/${index}/config`, "is the pool's to have, and not the hop's");
    if (!world.declared.pools.has(hop.pool))
      objections.add('unknown-reference', pointer, noSuch('pool', hop.pool, world.declared.pools.keys()));
    if (hop.onDemand !== undefined)
      objections.add(
        'invalid-body',
        `/hops/${index}/onDemand`,
        'goes with `function` only: the instances of a pool are there for everybody and always run',
      );
    checkTappedAlone(world, spec, hop, `/hops/${index}`, objections);
    const before = spec.hops.findIndex((other) => other.pool === hop.pool);
    if (before < index)
      objections.add('invalid-body', pointer, `is the pool of hop ${before} too; a chain meets a pool once`);
  }
}

/** It gets copies alone: nothing waits for it, and nothing comes back from it. */
function checkTap(world: World, hop: HopSpec, pointer: string, objections: Objections): void {
  const add = (member: string, why: string): void => objections.add('conflict', `${pointer}/${member}`, why);
  if (hop.onFailure !== undefined)
    add('onFailure', 'does not go with `tap`: packets pass whatever becomes of it');
  if (hop.onDemand !== undefined) add('onDemand', 'does not go with `tap`: no packet would wake it');
  const found = hop.function === undefined ? undefined : functionNamed(world, hop.function);
  if (found?.rewrites)
    add('tap', `does not go with ${found.name}, which rewrites addresses: what it gives out goes nowhere`);
  if (found?.sends !== undefined && Object.hasOwn(hop.config ?? {}, found.sends.slice(1)))
    add(`config${found.sends}`, 'does not go with `tap`: what a tap gives out goes nowhere');
}

/**
 * Copies have no tag of ours: given back by an instance that is on the way of somebody, those with a tag of the
 * subscriber's own would pass for that path's frames.
 */
function checkTappedAlone(
  world: World,
  { name }: ChainSpec,
  { pool, tap }: HopSpec,
  pointer: string,
  objections: Objections,
): void {
  const key = `pool ${pool}`;
  const unseen = othersBy({ ...world, declared: world.whole }, 'chains', key, name);
  // What the caller sees may be about to change with this.
  const foreign = [...unseen].filter((other) => tenantOf(other.name) !== tenantOf(name));
  for (const { hops } of [...othersBy(world, 'chains', key, name), ...foreign]) {
    if (!hops.some((other) => other.pool === pool && other.tap !== tap)) continue;
    const theirs = tap ? 'on the way of' : 'a tap of';
    const detail = `pool ${pool} is ${theirs} another chain already, and it is one or the other for all; use another pool`;
    objections.add('conflict', `${pointer}/${tap ? 'tap' : 'pool'}`, detail);
    return;
  }
}

/** The subscribers that a chain names and that there are. There has to be a way to the network. */
function checkNamed(world: World, spec: ChainSpec, objections: Objections): readonly SubscriberSpec[] {
  const found: SubscriberSpec[] = [];
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
    if (tenantOf(name) !== tenantOf(spec.name)) {
      const whose = (tenant: Name | undefined): string =>
        tenant === undefined ? "the operator's" : `of the tenant ${tenant}`;
      const detail = `is ${whose(tenantOf(name))}, and ${spec.name} is ${whose(tenantOf(spec.name))}; a chain is for subscribers of its own tenant`;
      objections.add('conflict', pointer, detail);
    }
    found.push(subscriber);
    if (world.declared.uplinks.size > 0) continue;
    const detail = `no switch has an uplink that ${name} could use; POST one to /v1/uplinks first`;
    objections.add('conflict', pointer, detail);
  }
  return found;
}

function selectedByLabel(world: World, spec: ChainSpec): readonly SubscriberSpec[] {
  if (spec.selector === undefined) return [];
  return [...objectsOf(world, 'subscribers').values()]
    .map((subscriber) => subscriber.spec)
    .filter((subscriber) => selects(spec, subscriber));
}

/** The other chains that name one of these subscribers, and all that select by labels. */
function rivalsOf(world: World, spec: ChainSpec, selected: readonly SubscriberSpec[]): readonly ChainSpec[] {
  const chains = objectsOf(world, 'chains');
  const naming = selected.flatMap(({ name }) => [...chains.by(`subscriber ${name}`)]);
  const rivals = new Set([...naming, ...chains.by('selector')].map((chain) => chain.spec));
  return [...rivals].filter(({ name }) => name !== spec.name);
}

/** Two chains may not claim the same frame of a subscriber: the conflict names both, and the subscriber. */
function checkExclusive(
  world: World,
  spec: ChainSpec,
  selected: readonly SubscriberSpec[],
  objections: Objections,
): void {
  for (const other of rivalsOf(world, spec, selected)) {
    const contention = contentionOf(spec, other);
    if (contention === undefined) continue;
    const named = other.subscribers && new Set(other.subscribers);
    for (const { name } of selected.filter((one) => (named ? named.has(one.name) : selects(other, one)))) {
      const place = spec.subscribers?.indexOf(name);
      const pointer = place === undefined ? '/selector' : `/subscribers/${place}`;
      objections.add('conflict', pointer, `subscriber ${name} is in chain ${other.name} too, ${contention}`);
      // By label there may be a great many, and one is enough to see it.
      if (place === undefined) break;
    }
  }
}
