/**
 * What it means that something was seen to hold: an expectation, or a state that was waited for.
 */

/** Something was expected and something else was seen. */
export class NotSeen extends Error {
  readonly expected: string;
  readonly seen: string;

  constructor(expected: string, seen: string) {
    super(`expected ${expected}; seen: ${seen}`);
    this.name = 'NotSeen';
    this.expected = expected;
    this.seen = seen;
  }
}

/** What was waited for cannot come any more. */
export class Hopeless extends NotSeen {}

/** @throws NotSeen unless `holds` */
export function expect(holds: boolean, expected: string, seen: unknown): asserts holds {
  if (!holds) throw new NotSeen(expected, typeof seen === 'string' ? seen : JSON.stringify(seen));
}

export type Waiting = {
  /** Milliseconds until it is given up; default 10 s. */
  readonly timeout?: number;
  /** Milliseconds between two looks; default 20 ms. */
  readonly every?: number;
};

/**
 * Looks again and again until `look` returns something, and returns that.
 *
 * @param look returns undefined to say "not yet"; what it throws counts as that too, and is shown if the
 *   time runs out; a `Hopeless` ends the waiting
 * @throws NotSeen
 */
export async function until<T>(
  expected: string,
  look: () => T | undefined | Promise<T | undefined>,
  { timeout = 10_000, every = 20 }: Waiting = {},
): Promise<T> {
  const deadline = performance.now() + timeout;
  let last: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined) return found;
    } catch (error) {
      if (error instanceof Hopeless) throw error;
      last = error;
    }
    if (performance.now() > deadline) {
      const why =
        last instanceof NotSeen ? last.seen : last instanceof Error ? last.message : 'nothing of it';
      throw new NotSeen(`${expected} within ${timeout / 1000} s`, why);
    }
    await pause(every);
  }
}

/** For use between two looks at something, never instead of a look. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** @throws NotSeen if the promise takes longer than that */
export async function within<T>(milliseconds: number, expected: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new NotSeen(`${expected} within ${milliseconds / 1000} s`, 'it did not happen')),
      milliseconds,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
