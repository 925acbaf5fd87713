/**
 * Pools: instances that many share.
 */
import type { PoolSpec } from '../../model/declared.ts';
import { configFaults } from '../config-schema.ts';
import { NOT_IN_POOLS } from './rewriting.ts';
import { type Objections, requireFunction, requireSwitch, type World } from './world.ts';

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
