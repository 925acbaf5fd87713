/**
 * Query parameters: one that is not known is refused, so that `?wiat=active` does not pass for no wait at all.
 */
import { closest } from '../model/closest.ts';
import { ChainstitchError } from '../model/errors.ts';

/** @throws ChainstitchError `invalid-parameter` where one is not known or is given twice */
export function checkQuery(query: unknown, known: readonly string[]): void {
  for (const [name, value] of Object.entries(query as Record<string, unknown>)) {
    if (!known.includes(name)) {
      throw new ChainstitchError(
        'invalid-parameter',
        `there is no query parameter \`${name}\` here${hint(name, known)}`,
      );
    }
    if (typeof value !== 'string') {
      throw new ChainstitchError('invalid-parameter', `the query parameter \`${name}\` is given twice`);
    }
  }
}

function hint(name: string, known: readonly string[]): string {
  const near = closest(name, known);
  if (near !== undefined) return `; did you mean \`${near}\`?`;
  return known.length === 0 ? '' : `; there are ${known.join(', ')}`;
}
