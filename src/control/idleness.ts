/**
 * Finds paths on which nothing comes any more, by what the switches have counted. A count is as old as the last
 * look at its switch, so a path may go on for that much longer than it has to; it is never stopped too early.
 */
import { switchesOf } from '../compiler/legs.ts';
import type { Counted } from '../model/counters.ts';
import type { Name, PathId } from '../model/ids.ts';
import { type Demand, memberKey, type PathRecord, type Steering } from '../model/steering.ts';

export type Readings = {
  readonly counted: readonly Counted[];
  /** When the counts of a switch were read, in milliseconds. */
  readonly at: (switchName: Name) => number | undefined;
};

export class Idleness {
  /** What had entered each path, since it woke, when that was last seen to be another number. */
  readonly #last = new Map<
    PathId,
    { readonly woke: Demand; readonly packets: number; readonly since: number }
  >();

  /** Whether there is a path that is awake and may come to sleep. */
  concerns({ paths }: Steering): boolean {
    return [...paths.values()].some(mayDoze);
  }

  /** The paths that have had their time. */
  find({ paths }: Steering, { counted, at }: Readings): ReadonlySet<PathId> {
    for (const id of this.#last.keys()) {
      const path = paths.get(id);
      if (path === undefined || !mayDoze(path)) this.#last.delete(id);
    }
    const entered = new Map<string, number>();
    for (const { point, packets } of counted) {
      if (point.at.kind !== 'entered' || point.subscriber === undefined) continue;
      const key = memberKey(point.owner, point.subscriber);
      entered.set(key, (entered.get(key) ?? 0) + packets);
    }
    const idle = new Set<PathId>();
    for (const path of paths.values()) {
      if (!mayDoze(path)) continue;
      const looks = switchesOf(path).map(at);
      const woke = path.demand;
      if (looks.includes(undefined) || path.subscriber === undefined || woke === undefined) continue;
      const readAt = Math.min(...looks.filter((look) => look !== undefined));
      const packets = entered.get(memberKey(path.owner, path.subscriber)) ?? 0;
      const last = this.#last.get(path.id);
      // What was so before it slept says nothing of now.
      if (last?.packets !== packets || last.woke !== woke)
        this.#last.set(path.id, { woke, packets, since: readAt });
      else if (readAt - last.since >= idleAfterMs(path)) idle.add(path.id);
    }
    return idle;
  }
}

const mayDoze = ({ demand, state }: PathRecord): boolean =>
  demand?.phase === 'awake' && state.phase === 'current';

/** The hop that waits longest says how long. */
const idleAfterMs = ({ hops }: PathRecord): number =>
  1_000 * Math.max(...hops.map(({ onDemand }) => onDemand?.idleAfter ?? 0));
