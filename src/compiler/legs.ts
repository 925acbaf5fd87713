/** A path as its frames go along it, from switch to switch, in either direction. Pure. */
import type { Attachment } from '../model/declared.ts';
import type { Name } from '../model/ids.ts';
import type { Crossing, PathRecord, Route } from '../model/steering.ts';
import type { Direction } from './metadata.ts';

/** A link as a frame crosses it, and the label that it carries there. */
export type Passage = { readonly from: Attachment; readonly to: Attachment; readonly label: number };

export type RoutedPath = PathRecord & { readonly route: Route };
export const isRouted = (path: PathRecord): path is RoutedPath => path.route !== undefined;

/** Whether frames of a path cross links. */
export const isSpread = ({ route }: PathRecord): boolean => route !== undefined && route.legs.length > 0;

/** Every link that a path crosses, as often as it does. */
export const crossingsOf = ({ route }: PathRecord): readonly Crossing[] => route?.legs.flat() ?? [];

/** Both ends of each of them. */
export const endsOf = (path: PathRecord): readonly Attachment[] =>
  crossingsOf(path).flatMap(({ from, to }) => [from, to]);

/** The links that a frame crosses after so many hops, before the next one or the end. */
export function passages(path: RoutedPath, way: Direction, hopsDone: number): readonly Passage[] {
  const { route, hops } = path;
  const leg = route.legs[way === 'upstream' ? hopsDone : hops.length - hopsDone] ?? [];
  return way === 'upstream'
    ? leg.map(({ from, to, upstream }) => ({ from, to, label: upstream }))
    : leg.toReversed().map(({ from, to, downstream }) => ({ from: to, to: from, label: downstream }));
}

const stops = new WeakMap<PathRecord, readonly Name[]>();

/** Where a path begins, where it looks for each hop, and where it ends, in the upstream order. */
export function stopsOf(path: RoutedPath): readonly Name[] {
  const known = stops.get(path);
  if (known) return known;
  const { switch: entry, route, hops } = path;
  let at = entry;
  const made = [
    entry,
    ...[...hops, 'end'].map((_, i) => {
      at = route.legs[i]?.at(-1)?.to.switch ?? at;
      return at;
    }),
  ];
  stops.set(path, made);
  return made;
}

/** The switches that frames of a path pass between two hops: after so many of them, in the upstream order. */
export const switchesBetween = (path: RoutedPath, after: number): readonly Name[] => [
  stopsOf(path)[after] ?? path.switch,
  ...(path.route.legs[after] ?? []).map(({ to }) => to.switch),
];

/** The switch where a frame is after so many hops, once it has crossed the links before the next one. */
export function arrival(path: RoutedPath, way: Direction, hopsDone: number): Name {
  const all = stopsOf(path);
  return all[way === 'upstream' ? hopsDone + 1 : path.hops.length - hopsDone] ?? path.switch;
}

/** The switch of the uplink. */
export const exitOf = (path: RoutedPath): Name =>
  (isSpread(path) ? stopsOf(path).at(-1) : undefined) ?? path.switch;

const onSwitches = new WeakMap<PathRecord, readonly Name[]>();

/** Every switch that a path is on, its beginning first. */
export function switchesOf(path: PathRecord): readonly Name[] {
  const known = onSwitches.get(path);
  if (known) return known;
  const made = [
    ...new Set([path.switch, ...crossingsOf(path).flatMap(({ from, to }) => [from.switch, to.switch])]),
  ];
  onSwitches.set(path, made);
  return made;
}

/** The switches where frames get on to a path: at its ends, and where its hops are. */
export const entrancesOf = (path: PathRecord): readonly Name[] =>
  isRouted(path) ? [...new Set(stopsOf(path))] : [];
