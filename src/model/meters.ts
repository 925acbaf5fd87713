/**
 * What the parts tell of their own work, for metrics. Telling costs next to nothing and never fails; what can be
 * read off facts and status is not told here but read when somebody asks.
 */
import type { Dpid } from './ids.ts';

export interface Meters {
  /** The control loop turned once. Times are in milliseconds. */
  turned(took: { readonly all: number; readonly compile: number }): void;
  /** A transaction of the store is on disk, after so many milliseconds. */
  stored(ms: number): void;
  /** A request was answered. `route` is the pattern of the path, so that there are few of them. */
  answered(request: {
    readonly method: string;
    readonly route: string;
    readonly status: number;
    readonly ms: number;
  }): void;
  /**
   * A switch was read, and what differed was changed. `repair` says that it had been as it was to be before: somebody
   * else has changed it.
   */
  looked(
    dpid: Dpid,
    look: { readonly held: number; readonly changes: number; readonly why: 'news' | 'repair' },
  ): void;
  /** A bundle was committed and its barrier answered, or the switch refused it, after so many milliseconds. */
  bundled(ms: number, outcome: 'committed' | 'refused'): void;
  /** Packets sent to the controller that were thrown away unread. */
  packetInsDropped(count: number): void;
  /** Packets that had waited for a path to wake went on, and others were thrown away, since this was last told. */
  held(released: number, dropped: number): void;
  /** A guest said that it was ready so many milliseconds after its emulator was started. */
  booted(ms: number, kind: 'kvm' | 'tcg' | 'process'): void;
}

const nothing = (): void => undefined;

/** Tells nobody. */
export const UNMETERED: Meters = {
  turned: nothing,
  stored: nothing,
  answered: nothing,
  looked: nothing,
  bundled: nothing,
  packetInsDropped: nothing,
  held: nothing,
  booted: nothing,
};
