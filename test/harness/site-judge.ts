/**
 * What the ways of frames say about the promises. Pure.
 */
import type { Journey, Report } from './site-wire.ts';

/** Of instances: whose they are, and which hop they stand for. */
export type Stations = ReadonlyMap<string, { readonly subscriber: string; readonly hop: string }>;

/** A stream that goes, or is to go, along a wire. */
export type Wired = {
  readonly stream: string;
  readonly subscriber: string;
  /** Where its frames come in, and the only port of the outside where they may leave. */
  readonly from: string;
  readonly to: string;
  readonly direction: 'upstream' | 'downstream';
  /** The hops of every version of the chain that there was, in upstream order. */
  readonly versions: readonly (readonly string[])[];
  /** Numbers for which the chain was in force, half open; default: all. */
  readonly within?: readonly (readonly [number, number])[];
};

const INSTANCE = /^(in|out) ct(\d+)([lr])$/;

const textOf = ({ stream, way, numbers }: Journey): string =>
  `${stream} ${numbers.map(([a, b]) => (a === b ? a : `${a}-${b}`)).join(',')}: ${way.join(', ')}`;

/** Those of a journey's numbers that lie within these ranges; undefined if none does. */
function clip(journey: Journey, within: Wired['within']): Journey | undefined {
  if (within === undefined) return journey;
  const numbers = journey.numbers.flatMap(([first, last]) =>
    within.flatMap(([begin, end]): [number, number][] => {
      const clipped: [number, number] = [Math.max(first, begin), Math.min(last, end - 1)];
      return clipped[0] <= clipped[1] ? [clipped] : [];
    }),
  );
  return numbers.length === 0 ? undefined : { ...journey, numbers };
}

const clipped = (report: Report, { stream, within }: Wired): readonly Journey[] =>
  report.journeys.flatMap((journey) => (journey.stream === stream ? (clip(journey, within) ?? []) : []));

/** Frames that were somewhere off the wire, left it early, or met other hops than one version has. */
export function strays(report: Report, wired: Wired, stations: Stations): readonly string[] {
  return clipped(report, wired)
    .filter(({ way }) => !isAlong(way, wired, stations))
    .map(textOf);
}

function isAlong(way: readonly string[], wired: Wired, stations: Stations): boolean {
  const upstream = wired.direction === 'upstream';
  const [begin, ...rest] = way;
  if (begin !== `in ${wired.from}`) return false;
  const arrived = rest.at(-1) === `out ${wired.to}`;
  const within = arrived ? rest.slice(0, -1) : rest;
  const met: string[] = [];
  for (let i = 0; i < within.length; i += 2) {
    const [, into, entered, nearSide] = INSTANCE.exec(within[i] ?? '') ?? [];
    if (into !== 'out' || nearSide !== (upstream ? 'l' : 'r')) return false;
    const station = stations.get(`i${entered}`);
    if (station?.subscriber !== wired.subscriber) return false;
    met.push(station.hop);
    // It may end inside, but whatever comes out comes out at the other side.
    if (i + 1 === within.length) return !arrived && isOnTheWay(met, wired);
    if (within[i + 1] !== `in ct${entered}${upstream ? 'r' : 'l'}`) return false;
  }
  return arrived ? isWhole(met, wired) : isOnTheWay(met, wired);
}

const inOrder = ({ direction, versions }: Wired): readonly (readonly string[])[] =>
  direction === 'upstream' ? versions : versions.map((hops) => hops.toReversed());

const isWhole = (met: readonly string[], wired: Wired): boolean =>
  inOrder(wired).some((hops) => hops.join() === met.join());
const isOnTheWay = (met: readonly string[], wired: Wired): boolean =>
  inOrder(wired).some((hops) => met.every((hop, i) => hops[i] === hop));

/** Frames that came to one of these places. */
export function arrivals(
  report: Report,
  stream: string,
  places: RegExp,
  within?: Wired['within'],
): readonly string[] {
  return report.journeys
    .filter((journey) => journey.stream === stream && journey.way.some((place) => places.test(place)))
    .flatMap((journey) => clip(journey, within) ?? [])
    .map(textOf);
}

/** Frames that were at one place more than once. */
export const doubled = (report: Report): readonly string[] =>
  report.journeys.filter(({ way }) => new Set(way).size < way.length).map(textOf);

/** Numbers of a stream, from `begin` up to `end`, that never came to a place. */
export function missing(
  report: Report,
  stream: string,
  place: string,
  [begin, end]: readonly [number, number] = [0, report.sent[stream] ?? 0],
): readonly number[] {
  const seen = new Set<number>();
  for (const journey of report.journeys) {
    if (journey.stream !== stream || !journey.way.includes(place)) continue;
    for (const [first, last] of journey.numbers) for (let n = first; n <= last; n++) seen.add(n);
  }
  return Array.from({ length: end - begin }, (_, i) => begin + i).filter((number) => !seen.has(number));
}
