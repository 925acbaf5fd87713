/**
 * A bound on how many things are done at once.
 */
export type Limit = <T>(task: () => Promise<T>) => Promise<T>;

/** Runs tasks in the order in which they come, at most `most` at a time. */
export function limit(most: number): Limit {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await task();
    } finally {
      // The place is handed on: were it given back first, a newcomer could take it before who waits.
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
