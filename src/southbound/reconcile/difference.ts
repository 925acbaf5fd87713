/** What has to change so that a switch holds the desired flows and groups. Pure. */
import { type Flow, type FlowDesc, flowBody, flowKey, type GroupDesc, type Version } from 'ts-openflow';
import {
  COOKIE_MARK,
  COOKIE_MARK_MASK,
  type DesiredFlow,
  type DesiredGroup,
  type Isolation,
  isOurGroup,
  ownerOfCookie,
} from '../../model/desired.ts';
import { type OfPort, type OwnerId, SWITCH_OWNER } from '../../model/ids.ts';
import type { DesiredPart, DesiredParts } from '../../model/parts.ts';
import { groupBody } from './groups.ts';

export type Change =
  | { readonly kind: 'add'; readonly owner: OwnerId; readonly flow: DesiredFlow }
  | { readonly kind: 'delete'; readonly owner: OwnerId; readonly flow: FlowDesc | DesiredFlow }
  | { readonly kind: 'addGroup' | 'modifyGroup'; readonly owner: OwnerId; readonly group: DesiredGroup }
  | { readonly kind: 'deleteGroup'; readonly owner: OwnerId; readonly group: GroupDesc };

export type Content<F, G> = { readonly flows: readonly F[]; readonly groups: readonly G[] };

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
 * Deletions of flows, groups, additions of flows, deletions of groups: so that no flow ever refers to a group
 * that is not there, for a switch deletes the flows of a group that goes. Within each, the order of the input.
 *
 * What is as desired is in none of them, so that its counters and its age go on. A flow with the same match
 * but other instructions, or another cookie, is replaced by its addition. Flows and groups without our mark
 * are not looked at: an addition takes the place of a foreign flow only where both want exactly the same
 * packets at the same priority.
 */
export function difference(
  desired: Content<DesiredFlow, DesiredGroup>,
  actual: { readonly flows: ReadonlyMap<string, FlowDesc>; readonly groups: readonly GroupDesc[] },
  version: Version,
): readonly Change[] {
  const flows = flowChanges(desired.flows, actual.flows);
  const groups = groupChanges(desired.groups, actual.groups, version);
  return [...flows.deletions, ...groups.put, ...flows.additions, ...groups.deletions];
}

/** Those of the flows that are ours, each by what makes it that flow. */
export function oursByKey(flows: readonly FlowDesc[]): ReadonlyMap<string, FlowDesc> {
  const ours = new Map<string, FlowDesc>();
  for (const flow of flows) if (isOurs(flow.cookie)) ours.set(flowKey(flow), flow);
  return ours;
}

/** Each desired flow that counts something, with its key. */
export function* countingByKey(desired: readonly DesiredFlow[]): Generator<readonly [string, DesiredFlow]> {
  for (const flow of desired) if (flow.counts !== undefined) yield [canonical(flow).key, flow];
}

/** What is another in one set of parts than in another. */
export type PartsChange = {
  readonly changes: readonly Change[];
  /** Flows that count something and go, come, or are to count something else, by their keys. */
  readonly recounted: ReadonlyMap<string, Recounted>;
  readonly isolated: ReadonlyMap<OfPort, Isolation>;
  /** Whether groups are others. */
  readonly hasGroups: boolean;
};
export type Recounted = { readonly was?: DesiredFlow; readonly is?: DesiredFlow };

const groupsText = (part: DesiredPart | undefined): string =>
  JSON.stringify(part?.groups ?? [], (_key, value) => (typeof value === 'bigint' ? `${value}` : value));

/** How to get from a switch that holds one set of parts to the other, without asking it. */
export function partsChange(from: DesiredParts, to: DesiredParts): PartsChange {
  const [were, are] = [new Map<string, DesiredFlow>(), new Map<string, DesiredFlow>()];
  const isolated = new Map<OfPort, Isolation>();
  let hasGroups = false;
  for (const key of to.changedSince(from)) {
    const [old, now] = [from.get(key), to.get(key)];
    for (const flow of old?.flows ?? []) were.set(canonical(flow).key, flow);
    for (const flow of now?.flows ?? []) are.set(canonical(flow).key, flow);
    for (const [port, isolation] of now?.isolated ?? [])
      if (old?.isolated.get(port) !== isolation) isolated.set(port, isolation);
    hasGroups ||= groupsText(old) !== groupsText(now);
  }
  const deletions: Change[] = [];
  const additions: Change[] = [];
  const recounted = new Map<string, Recounted>();
  for (const [key, is] of are) {
    const was = were.get(key);
    if (was === undefined || canonical(was).body !== canonical(is).body)
      additions.push({ kind: 'add', owner: is.owner, flow: is });
    if (was?.counts !== undefined && JSON.stringify(was.counts) !== JSON.stringify(is.counts))
      recounted.set(key, { was, is });
  }
  for (const [key, was] of were) {
    if (are.has(key)) continue;
    deletions.push({ kind: 'delete', owner: was.owner, flow: was });
    if (was.counts !== undefined) recounted.set(key, { was });
  }
  return { changes: [...deletions, ...additions], recounted, isolated, hasGroups };
}

function flowChanges(desired: readonly DesiredFlow[], actual: ReadonlyMap<string, FlowDesc>) {
  const present = new Map(actual);
  const additions: Change[] = [];
  if (present.size === 0)
    return {
      deletions: [],
      additions: desired.map((flow): Change => ({ kind: 'add', owner: flow.owner, flow })),
    };
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
  return { deletions, additions };
}

function groupChanges(desired: readonly DesiredGroup[], actual: readonly GroupDesc[], version: Version) {
  const present = new Map(actual.filter(({ group }) => isOurGroup(group)).map((one) => [one.group, one]));
  const put = desired.flatMap((group): Change[] => {
    const found = present.get(group.group);
    present.delete(group.group);
    const { owner } = group;
    if (found === undefined) return [{ kind: 'addGroup', owner, group }];
    const isSame = groupBody(group, version) === groupBody(found, version);
    return isSame ? [] : [{ kind: 'modifyGroup', owner, group }];
  });
  const deletions = [...present.values()].map(
    (group): Change => ({ kind: 'deleteGroup', owner: SWITCH_OWNER, group }),
  );
  return { put, deletions };
}
