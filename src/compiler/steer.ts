import type { DesiredFlow } from '../model/desired.ts';
import { atPlace, flow, sendTo } from './flow.ts';
import type { Direction, NextHop } from './metadata.ts';
import { PRIORITY } from './pipeline.ts';
import type { HopView, PathView, SwitchView } from './view.ts';

/**
 * One flow for each place on each path. A hop that fails open is passed over while it is not ready; one that
 * fails closed stays the next hop, and egress drops what is bound for it.
 */
export function steerFlows(view: SwitchView): readonly DesiredFlow[] {
  return view.paths.flatMap((path) => [...direction(path, 'upstream'), ...direction(path, 'downstream')]);
}

function direction(path: PathView, way: Direction): readonly DesiredFlow[] {
  const { record } = path;
  const hops = way === 'upstream' ? path.hops : path.hops.toReversed();
  const end = way === 'upstream' ? path.uplink : path.subscriber;

  const nextAfter = (hopsDone: number): NextHop | undefined => {
    const hop = hops.slice(hopsDone).find((candidate) => !isPassedOver(candidate));
    if (hop) return { kind: 'instance', instance: hop.instance, side: way === 'upstream' ? 'left' : 'right' };
    return end === undefined ? undefined : { kind: 'port', port: end };
  };
  return [...hops.keys(), hops.length].flatMap((hopsDone) => {
    const next = nextAfter(hopsDone);
    if (!next) return [];
    const place = { path: record.id, direction: way, hopsDone };
    return [flow(record.owner, 'steer', PRIORITY.exact, atPlace(place), sendTo(next))];
  });
}

export const isPassedOver = (hop: HopView): boolean => hop.onFailure === 'open' && !hop.ready;
