/** What has to change so that a switch holds the desired flows. Pure. */
import { type Flow, type FlowDesc, flowBody, flowKey } from 'ts-openflow';
import { COOKIE_MARK, COOKIE_MARK_MASK, type DesiredFlow, ownerOfCookie } from '../../model/desired.ts';
import type { OwnerId } from '../../model/ids.ts';

export type Change =
  | { readonly kind: 'add'; readonly owner: OwnerId; readonly flow: DesiredFlow }
  | { readonly kind: 'delete'; readonly owner: OwnerId; readonly flow: FlowDesc };

/** A desired flow has none of what would make it end by itself or be reported on. */
const LASTING = { idleTimeout: 0, hardTimeout: 0, flags: 0, importance: 0 } as const;

/** Both kinds of flow as one. */
export const asFlow = (flow: DesiredFlow | FlowDesc): Flow => ({ ...LASTING, ...flow });

type Canonical = { readonly key: string; readonly body: string };

/** Looks at a switch that nothing has changed on compare the same desired flows again and again. */
const canonicalOf = new WeakMap<DesiredFlow, Canonical>();

function canonical(flow: DesiredFlow): Canonical {
  const known = canonicalOf.get(flow);
  if (known !== undefined) return known;
  const made = { key: flowKey(flow), body: flowBody(asFlow(flow)) };
  canonicalOf.set(flow, made);
  return made;
}

const isOurs = (cookie: bigint): boolean => (cookie & COOKIE_MARK_MASK) === COOKIE_MARK;

/**
 * Deletions first, then additions, each in the order of the input. A flow that is as desired is in neither,
 * so that its counters and its age go on. One with the same match but other instructions, or another
 * cookie, is replaced by its addition. Flows without our mark are not looked at: an addition takes the place
 * of a foreign flow only where both want exactly the same packets at the same priority.
 */
export function difference(desired: readonly DesiredFlow[], actual: readonly FlowDesc[]): readonly Change[] {
  const present = new Map<string, FlowDesc>();
  for (const flow of actual) if (isOurs(flow.cookie)) present.set(flowKey(flow), flow);
  const additions: Change[] = [];
  for (const flow of desired) {
    const { key, body } = canonical(flow);
    const found = present.get(key);
    present.delete(key);
    if (found === undefined || body !== flowBody(found))
      additions.push({ kind: 'add', owner: flow.owner, flow });
  }
  const deletions = [...present.values()].map(
    (flow): Change => ({ kind: 'delete', owner: ownerOfCookie(flow.cookie), flow }),
  );
  return [...deletions, ...additions];
}
