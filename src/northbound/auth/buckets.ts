/**
 * How often each caller may do something: a token bucket each, in bounded memory.
 */

export type Rate = {
  /** What flows in: how often a second in the long run. */
  readonly perSecond: number;
  /** What it holds: how often at once. */
  readonly burst: number;
};

/** Callers that are remembered; the one that was silent for longest is forgotten first. */
const MAX_CALLERS = 10_000;

export class Buckets {
  readonly #rate: Rate;
  readonly #now: () => number;
  readonly #callers = new Map<string, { level: number; at: number }>();

  /** @param now milliseconds that only grow */
  constructor(rate: Rate, now: () => number) {
    this.#rate = rate;
    this.#now = now;
  }

  /** How many callers are remembered. */
  get size(): number {
    return this.#callers.size;
  }

  /** Seconds until there is one to take; 0 where there is. */
  wait(caller: string): number {
    const { level } = this.#state(caller);
    return level >= 1 ? 0 : Math.ceil((1 - level) / this.#rate.perSecond);
  }

  /** Takes one and gives 0; where there is none, takes nothing and gives the seconds until there is. */
  take(caller: string): number {
    const { level, at } = this.#state(caller);
    if (level < 1) return Math.ceil((1 - level) / this.#rate.perSecond);
    this.#callers.delete(caller);
    this.#callers.set(caller, { level: level - 1, at });
    const [oldest] = this.#callers.keys();
    if (this.#callers.size > MAX_CALLERS && oldest !== undefined) this.#callers.delete(oldest);
    return 0;
  }

  #state(caller: string): { level: number; at: number } {
    const at = this.#now();
    const before = this.#callers.get(caller);
    const { perSecond, burst } = this.#rate;
    if (before === undefined) return { level: burst, at };
    return { level: Math.min(burst, before.level + ((at - before.at) / 1000) * perSecond), at };
  }
}
