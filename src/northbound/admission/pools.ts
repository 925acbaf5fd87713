/**
 * Pools: instances that many share.
 */
import type { FunctionSpec, PoolSpec } from '../../model/declared.ts';
import { portsOfAppliance } from '../../model/hops.ts';
import { configFaults } from '../config-schema.ts';
import { NOT_IN_POOLS } from './rewriting.ts';
import {
  heldBy,
  type Objections,
  objectsOf,
  othersBy,
  requireFunction,
  requireSwitch,
  type World,
} from './world.ts';

export function admitPool(world: World, spec: PoolSpec, objections: Objections): void {
  requireSwitch(world, spec.switch, '/switch', objections);
  const found = requireFunction(world, spec.function, '/function', objections);
  if (found) {
    objections.addAll('invalid-config', configFaults(found, spec.config ?? {}, '/config'));
    if (found.vlanTransparent !== true) {
      const detail = `${found.name} does not declare \`vlanTransparent\`: subscribers that share an instance are told apart by VLAN tags`;
      objections.add('conflict', '/function', detail);
    }
    if (found.rewrites)
      objections.add('conflict', '/function', `${found.name} rewrites addresses: ${NOT_IN_POOLS}`);
  }
  checkAppliances(world, spec, found, objections);
  // Those who are in it cannot be moved to a function or a switch that they have not asked for.
  const before = world.before.pools.get(spec.name)?.spec;
  for (const member of ['function', 'switch'] as const) {
    if (before === undefined || before[member] === spec[member]) continue;
    objections.add('conflict', `/${member}`, `is ${before[member]} and stays so; make another pool`);
  }
  for (const [index, id] of (spec.drain ?? []).entries()) {
    if (world.poolOf(id) === spec.name) continue;
    objections.add('unknown-reference', `/drain/${index}`, `instance ${id} is not in this pool`);
  }
}

/** What of a pool's instances a function has to agree with. */
export const kindOf = ({ external }: PoolSpec): string =>
  external ? "its instances are machines of somebody else's" : 'the controller runs its instances';

/** Machines of somebody else's: each at ports that are nobody else's, for as long as it is there. */
function checkAppliances(
  world: World,
  spec: PoolSpec,
  found: FunctionSpec | undefined,
  objections: Objections,
): void {
  if (found && (found.external ?? false) !== (spec.external !== undefined)) {
    const detail = found.external
      ? 'is external: name its machines by `external`'
      : 'is run by the controller: say by `instances` how many';
    objections.add('conflict', '/function', detail);
  }
  const before = world.before.pools.get(spec.name)?.spec;
  const named = new Set<string>();
  const taken = new Map<string, number>();
  for (const [index, appliance] of (spec.external ?? []).entries()) {
    const pointer = `/external/${index}`;
    const { name } = appliance;
    if (named.has(name)) objections.add('invalid-body', `${pointer}/name`, 'is the name of another one here');
    named.add(name);
    const old = before?.external?.find((one) => one.name === name);
    if (old && portsOfAppliance(old).join() !== portsOfAppliance(appliance).join())
      objections.add(
        'conflict',
        pointer,
        `${name} is at ${portsOfAppliance(old).join(' and ')} and stays there; take it out and give it another name`,
      );
    for (const member of ['left', 'right', 'port'] as const) {
      const port = appliance[member];
      if (port === undefined) continue;
      const at = `${pointer}/${member}`;
      const other = taken.get(port);
      if (other !== undefined) objections.add('invalid-body', at, `is a port of /external/${other} too`);
      taken.set(port, index);
      for (const user of usersOf(world, spec, port))
        objections.add('conflict', at, `${user} is on this port`);
      const holder = old ? undefined : world.holderOf(spec.switch, port);
      if (holder) objections.add('conflict', at, heldBy(holder));
    }
  }
}

function* usersOf(world: World, { name, switch: at }: PoolSpec, port: string): Generator<string> {
  const key = `port ${at}/${port}`;
  for (const { spec } of objectsOf(world, 'subscribers').by(key)) yield `subscriber ${spec.name}`;
  for (const { spec } of objectsOf(world, 'uplinks').by(key)) yield `uplink ${spec.name}`;
  for (const other of othersBy(world, 'pools', key, name)) yield `pool ${other.name}`;
}
