import type { Test } from 'tap';

/** Passes as soon as `holds` does; fails when it has not within half a minute. */
export async function eventually(
  t: Pick<Test, 'pass' | 'fail'>,
  what: string,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await holds())) {
    if (Date.now() > deadline) {
      t.fail(`waited in vain: ${what}`);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  t.pass(what);
}
