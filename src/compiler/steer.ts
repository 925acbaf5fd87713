import type { CountPoint } from '../model/counters.ts';
import type { DesiredFlow } from '../model/desired.ts';
import { atPlace, flow, goTo, sendTo } from './flow.ts';
import type { Direction } from './metadata.ts';
import { PRIORITY } from './pipeline.ts';
import type { HopView, PathView, SwitchView } from './view.ts';

/**
 * One flow for each place on each path. A hop that fails open is passed over while it is not ready; any other
 * stays the next hop, and egress drops what is bound for it. A shared path ends downstream where its
 * subscribers are told apart.
 */
export function steerFlows(view: SwitchView): readonly DesiredFlow[] {
  return view.paths.flatMap((path) => [...direction(path, 'upstream'), ...direction(path, 'downstream')]);
}

function direction(path: PathView, way: Direction): readonly DesiredFlow[] {
  const { record } = path;
  const hops = way === 'upstream' ? path.hops : path.hops.toReversed();

  const nextHop = (hopsDone: number): HopView | undefined =>
    hops.slice(hopsDone).find((candidate) => !isPassedOver(candidate));
  const onwards = (hopsDone: number): DesiredFlow['instructions'] | undefined => {
    const hop = nextHop(hopsDone);
    if (!hop) return atEnd(path, way);
    const side = way === 'upstream' ? 'left' : 'right';
    return sendTo({ kind: 'instance', instance: hop.instance, side }, hop.tag);
  };
  return [...hops.keys(), hops.length].flatMap((hopsDone) => {
    const next = onwards(hopsDone);
    if (!next) return [];
    const place = { path: record.id, direction: way, hopsDone };
    const counts = countsAt(path, way, hops[hopsDone - 1], nextHop(hopsDone));
    return [flow(record.owner, 'steer', PRIORITY.exact, atPlace(place), next, counts)];
  });
}

/** At a place between two hops are those that came back from the one and are sent to the other. */
function countsAt(
  { record: { owner, subscriber } }: PathView,
  direction: Direction,
  behind: HopView | undefined,
  ahead: HopView | undefined,
): readonly CountPoint[] {
  const whose = { owner, ...(subscriber === undefined ? {} : { subscriber }), direction };
  const isDelivered = direction === 'downstream' && subscriber === undefined;
  return [
    ...(behind ? [{ ...whose, at: { kind: 'outOf', hop: behind.hop } } as const] : []),
    ...(ahead ? [{ ...whose, at: { kind: 'into', hop: ahead.hop } } as const] : []),
    // Those that a path delivers to several are counted for each where they are.
    ...(ahead || isDelivered ? [] : [{ ...whose, at: { kind: 'left' } } as const]),
  ];
}

function atEnd(
  { record, uplink, subscriber }: PathView,
  way: Direction,
): DesiredFlow['instructions'] | undefined {
  if (way === 'downstream' && record.subscriber === undefined) return goTo('deliver');
  const port = way === 'upstream' ? uplink : subscriber;
  return port === undefined ? undefined : sendTo({ kind: 'port', port });
}

export const isPassedOver = (hop: HopView): boolean => hop.onFailure === 'open' && !hop.ready;
