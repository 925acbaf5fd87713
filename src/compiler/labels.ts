/**
 * Labels that frames of paths carry over links. A label means something to the port that receives it alone, so
 * that each port has all of them to give. Pure.
 */
import type { Attachment } from '../model/declared.ts';
import { type Crossing, MAX_LABEL, type PathRecord, type Route } from '../model/steering.ts';
import { crossingsOf } from './legs.ts';
import type { Course, Step } from './route.ts';

const portKey = (at: Attachment): string => `${at.switch}/${at.port}`;

/** Which labels are taken, port by port. */
export class Labels {
  readonly #taken = new Map<string, Set<number>>();

  take(path: PathRecord): void {
    for (const { from, to, upstream, downstream } of crossingsOf(path)) {
      this.#of(to).add(upstream);
      this.#of(from).add(downstream);
    }
  }

  free(path: PathRecord): void {
    for (const { from, to, upstream, downstream } of crossingsOf(path)) {
      this.#of(to).delete(upstream);
      this.#of(from).delete(downstream);
    }
  }

  /** Whether every port of a course has as many labels left as it needs. */
  haveRoom({ legs }: Course): boolean {
    const needed = new Map<string, number>();
    for (const { from, to } of legs.flat())
      for (const at of [from, to]) needed.set(portKey(at), (needed.get(portKey(at)) ?? 0) + 1);
    return [...needed].every(([port, count]) => count + (this.#taken.get(port)?.size ?? 0) <= MAX_LABEL);
  }

  /** @returns undefined where a port has too few left; then nothing is taken */
  assign(course: Course): Route | undefined {
    if (!this.haveRoom(course)) return undefined;
    const { uplink, legs } = course;
    const label = ({ from, to }: Step): Crossing => ({
      from,
      to,
      upstream: this.#next(to),
      downstream: this.#next(from),
    });
    return { uplink, legs: legs.some((way) => way.length > 0) ? legs.map((way) => way.map(label)) : [] };
  }

  #next(at: Attachment): number {
    const taken = this.#of(at);
    let label = 1;
    while (taken.has(label)) label++;
    taken.add(label);
    return label;
  }

  #of(at: Attachment): Set<number> {
    const key = portKey(at);
    const known = this.#taken.get(key);
    if (known) return known;
    const made = new Set<number>();
    this.#taken.set(key, made);
    return made;
  }
}
