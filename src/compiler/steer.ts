import type { CountPoint } from '../model/counters.ts';
import type { DesiredFlow } from '../model/desired.ts';
import { atPlace, before, callController, drop, flow, goTo, outputTo, sendTo, toController } from './flow.ts';
import { arrival, exitOf, passages } from './legs.ts';
import type { Direction } from './metadata.ts';
import { PRIORITY } from './pipeline.ts';
import type { HopView, PathView, SwitchView, TapView } from './view.ts';

/**
 * One flow for each place on each path that its frames have at this switch. Where the next hop is at another
 * one, they go out to the next link with a label, which is all that the switch behind it has to know them by. A
 * hop that fails open is passed over while it is not ready; any other stays the next hop, and egress drops what
 * is bound for it. Taps get their copies first. A shared path ends downstream where its subscribers are told apart. What is
 * about to enter a path that sleeps goes to the controller: the metadata of what it gets there say which path it is
 * that calls.
 */
export function steerFlows(view: SwitchView): readonly DesiredFlow[] {
  return view.paths.flatMap((path) => [
    ...direction(view, path, 'upstream'),
    ...direction(view, path, 'downstream'),
  ]);
}

function direction(view: SwitchView, path: PathView, way: Direction): readonly DesiredFlow[] {
  const { record } = path;
  const { name } = view.spec;
  const hops = way === 'upstream' ? path.hops : path.hops.toReversed();
  const side = way === 'upstream' ? 'left' : 'right';

  const onwards = (hopsDone: number): Step | undefined => {
    const link = passages(record, way, hopsDone).find(({ from }) => from.switch === name);
    if (link) {
      const port = view.numbers.get(link.from.port);
      return port === undefined ? undefined : { does: sendTo({ kind: 'port', port }, link.label) };
    }
    if (arrival(record, way, hopsDone) !== name) return undefined;
    const hop = hops[hopsDone];
    if (!hop) return atEnd(path, way);
    if (isPassedOver(hop)) return tapped(hopsDone + 1);
    return { does: sendTo({ kind: 'instance', instance: hop.instance, side }, hop.tags?.[way]), to: hop };
  };
  /** What the taps at a place get, and what is done with the frame after that. */
  const tapped = (hopsDone: number): Step | undefined => {
    const next = onwards(hopsDone);
    const here = tapsAt(path, way, hopsDone).filter(({ ready }) => ready);
    const ports = here.map((tap) => tap[side]).filter((port) => port !== undefined);
    if (!next || ports.length === 0) return next;
    const does = before(
      ports.map((port) => outputTo(port)),
      next.does,
    );
    return { ...next, does, copies: [...here, ...(next.copies ?? [])] };
  };
  const isDoor = name === (way === 'upstream' ? record.switch : exitOf(record));
  const sleeps = record.demand?.phase === 'asleep' && path.door !== 'call';
  if (sleeps && !isDoor) return [];
  return (sleeps ? [0] : [...hops.keys(), hops.length]).flatMap((hopsDone) => {
    const next = isDoor && hopsDone === 0 ? throughDoor(path, tapped(0)) : tapped(hopsDone);
    if (!next) return [];
    const isBehindHop = hopsDone > 0 && arrival(record, way, hopsDone - 1) === name;
    const counts = countsAt(path, way, isBehindHop ? hops[hopsDone - 1] : undefined, next);
    const place = { path: record.id, direction: way, hopsDone };
    const isHeld = isDoor && hopsDone === 0 && (path.door === 'hold' || path.door === 'shut');
    const held = isHeld ? [] : counts;
    return [flow(record.owner, 'steer', PRIORITY.exact, atPlace(place), next.does, held)];
  });
}

/** What happens to a frame, and which hop it is sent to by that; `to` is absent where it crosses a link. */
type Step = {
  readonly does: DesiredFlow['instructions'];
  readonly to?: HopView | 'end';
  readonly copies?: readonly TapView[];
};

/** The taps at this switch of a place. */
export const tapsAt = ({ hops, taps }: PathView, way: Direction, hopsDone: number): readonly TapView[] =>
  taps.filter(({ after }) => after === (way === 'upstream' ? hopsDone : hops.length - hopsDone));

function throughDoor({ door }: PathView, onwards: Step | undefined): Step | undefined {
  switch (door) {
    case 'open':
      return onwards;
    case 'hold':
      return { does: toController };
    case 'call':
      return onwards && { ...onwards, does: before([callController], onwards.does) };
    case 'shut':
      return { does: drop };
  }
}

/** At a place between two hops are those that came back from the one and are sent to the other. */
function countsAt(
  { record: { owner, subscriber } }: PathView,
  direction: Direction,
  behind: HopView | undefined,
  { to: ahead, copies = [] }: Step,
): readonly CountPoint[] {
  const whose = { owner, ...(subscriber === undefined ? {} : { subscriber }), direction };
  const isDelivered = direction === 'downstream' && subscriber === undefined;
  const there = (): readonly CountPoint[] => {
    // Those that a path delivers to several are counted for each where they are.
    if (ahead === undefined || (ahead === 'end' && isDelivered)) return [];
    return [{ ...whose, at: ahead === 'end' ? { kind: 'left' } : { kind: 'into', hop: ahead.hop } }];
  };
  return [
    ...(behind ? [{ ...whose, at: { kind: 'outOf', hop: behind.hop } } as const] : []),
    ...copies.map(({ hop }) => ({ ...whose, at: { kind: 'into', hop } }) as const),
    ...there(),
  ];
}

function atEnd({ record, uplink, subscriber }: PathView, way: Direction): Step | undefined {
  if (way === 'downstream' && record.subscriber === undefined) return { does: goTo('deliver'), to: 'end' };
  const port = way === 'upstream' ? uplink : subscriber;
  return port === undefined ? undefined : { does: sendTo({ kind: 'port', port }), to: 'end' };
}

/** One that is not at the switch where its path looks for it cannot be reached. */
export const isPassedOver = ({ ready, here, unwoken, onFailure }: HopView): boolean =>
  !(ready && here) && (unwoken === undefined ? onFailure === 'open' : unwoken === 'pass');
