import type { DesiredFlow } from '../../model/desired.ts';
import { instructionsKey, matchKey } from './canonical.ts';

/** A flow in a form that people can read. */
export function describeFlow(
  flow: Pick<DesiredFlow, 'table' | 'priority' | 'cookie' | 'match' | 'instructions'>,
): string {
  const head = `cookie=0x${flow.cookie.toString(16)}, table=${flow.table}, priority=${flow.priority}`;
  const match = matchKey(flow.match);
  return `${head}${match === '' ? '' : `,${match}`} actions=${instructionsKey(flow.instructions) || 'drop'}`;
}
