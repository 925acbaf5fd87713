/**
 * What is wanted of a switch, cut into parts, so that a change costs as much as the parts that it touches. No two
 * parts have a flow of the same table, priority and match, or one port or group.
 */
import type { DesiredFlow, DesiredGroup, Isolation } from './desired.ts';
import type { OfPort } from './ids.ts';
import type { SortedMap } from './sorted-map.ts';

export type DesiredPart = {
  readonly flows: readonly DesiredFlow[];
  readonly groups: readonly DesiredGroup[];
  readonly isolated: ReadonlyMap<OfPort, Isolation>;
};
/** By a name that says whose each part is; what stands in it is the compiler's. */
export type DesiredParts = SortedMap<string, DesiredPart>;
/** The name of the part that everything else on the switch needs. */
export const COMMON_PART = '';

/** All of it, put together when it is asked for. */
export class Whole implements DesiredPart {
  readonly #parts: DesiredParts;
  #flows: readonly DesiredFlow[] | undefined;
  #isolated: ReadonlyMap<OfPort, Isolation> | undefined;

  constructor(parts: DesiredParts) {
    this.#parts = parts;
  }

  get flows(): readonly DesiredFlow[] {
    this.#flows ??= [...this.#parts.values()].flatMap(({ flows }) => flows);
    return this.#flows;
  }

  get groups(): readonly DesiredGroup[] {
    return [...this.#parts.values()].flatMap(({ groups }) => groups);
  }

  get isolated(): ReadonlyMap<OfPort, Isolation> {
    this.#isolated ??= new Map(
      [...this.#parts.values()].flatMap(({ isolated }) => [...isolated]).sort(([a], [b]) => a - b),
    );
    return this.#isolated;
  }
}
