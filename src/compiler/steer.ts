import type { CountPoint } from '../model/counters.ts';
import type { DesiredFlow } from '../model/desired.ts';
import { atPlace, callController, drop, flow, goTo, sendTo, toController } from './flow.ts';
import type { Direction } from './metadata.ts';
import { PRIORITY } from './pipeline.ts';
import type { HopView, PathView, SwitchView } from './view.ts';

/**
 * One flow for each place on each path. A hop that fails open is passed over while it is not ready; any other
 * stays the next hop, and egress drops what is bound for it. A shared path ends downstream where its
 * subscribers are told apart. What is about to enter a path that sleeps goes to the controller: the metadata of
 * what it gets there say which path it is that calls.
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
  const sleeps = record.demand?.phase === 'asleep' && path.door !== 'call';
  return (sleeps ? [0] : [...hops.keys(), hops.length]).flatMap((hopsDone) => {
    const next = hopsDone === 0 ? throughDoor(path, onwards(0)) : onwards(hopsDone);
    if (!next) return [];
    const place = { path: record.id, direction: way, hopsDone };
    const isHeld = hopsDone === 0 && (path.door === 'hold' || path.door === 'shut');
    const counts = isHeld ? [] : countsAt(path, way, hops[hopsDone - 1], nextHop(hopsDone));
    return [flow(record.owner, 'steer', PRIORITY.exact, atPlace(place), next, counts)];
  });
}

function throughDoor(
  { door }: PathView,
  onwards: DesiredFlow['instructions'] | undefined,
): DesiredFlow['instructions'] | undefined {
  switch (door) {
    case 'open':
      return onwards;
    case 'hold':
      return toController;
    case 'call':
      return onwards && [...callController, ...onwards];
    case 'shut':
      return drop;
  }
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

export const isPassedOver = ({ ready, unwoken, onFailure }: HopView): boolean =>
  !ready && (unwoken === undefined ? onFailure === 'open' : unwoken === 'pass');
