/** What has to change so that a switch holds the desired flows. Pure. */
import type { FlowDesc } from 'ts-openflow';
import { COOKIE_MARK, COOKIE_MARK_MASK, type DesiredFlow, ownerOfCookie } from '../../model/desired.ts';
import type { OwnerId } from '../../model/ids.ts';
import { instructionsKey, matchKey } from './canonical.ts';

export type Change =
  | { readonly kind: 'add'; readonly owner: OwnerId; readonly flow: DesiredFlow }
  | { readonly kind: 'delete'; readonly owner: OwnerId; readonly flow: FlowDesc };

/** Two flows of one table with this in common cannot stand side by side (OpenFlow 1.5.1, section 6.4). */
const placeKey = (flow: Pick<DesiredFlow, 'table' | 'priority' | 'match'>): string =>
  `${flow.table}/${flow.priority}/${matchKey(flow.match)}`;

/**
 * Our flows have no timeouts, and flags only say what is counted or told; one that has any was put there by
 * somebody else under our cookie.
 */
const isPlain = (flow: FlowDesc): boolean =>
  flow.idleTimeout === 0 && flow.hardTimeout === 0 && flow.importance === 0 && flow.flags === 0;

const isSame = (desired: DesiredFlow, actual: FlowDesc): boolean =>
  desired.cookie === actual.cookie &&
  isPlain(actual) &&
  instructionsKey(desired.instructions) === instructionsKey(actual.instructions);

export const isOurs = (cookie: bigint): boolean => (cookie & COOKIE_MARK_MASK) === COOKIE_MARK;

/**
 * Deletions first, then additions, each in the order of the input. A flow that is as desired is in neither,
 * so that its counters and its age go on. One with the same match but other instructions, or another
 * cookie, is replaced by its addition. Flows without our mark are not looked at: an addition takes the place
 * of a foreign flow only where both want exactly the same packets at the same priority.
 */
export function difference(desired: readonly DesiredFlow[], actual: readonly FlowDesc[]): readonly Change[] {
  const present = new Map<string, FlowDesc>();
  for (const flow of actual) if (isOurs(flow.cookie)) present.set(placeKey(flow), flow);
  const additions: Change[] = [];
  for (const flow of desired) {
    const key = placeKey(flow);
    const found = present.get(key);
    present.delete(key);
    if (found === undefined || !isSame(flow, found)) additions.push({ kind: 'add', owner: flow.owner, flow });
  }
  const deletions = [...present.values()].map(
    (flow): Change => ({ kind: 'delete', owner: ownerOfCookie(flow.cookie), flow }),
  );
  return [...deletions, ...additions];
}
