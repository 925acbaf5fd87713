/**
 * What is wanted against what there is, as actions. Pure.
 */
import type { Json } from '../model/declared.ts';
import type { WantedInstance } from '../model/desired.ts';
import type { InstanceId } from '../model/ids.ts';
import { sameJson } from '../model/json.ts';
import { listsIn } from './configuration.ts';

export type KnownInstance = {
  /** What it was made for. */
  readonly wanted: WantedInstance;
  readonly stopping: boolean;
};

export type Action =
  | { readonly do: 'create'; readonly instance: WantedInstance }
  /** The running guest can be given what has changed. */
  | { readonly do: 'update'; readonly instance: WantedInstance }
  /** It takes another guest, on the same ports. */
  | { readonly do: 'restart'; readonly instance: WantedInstance }
  | { readonly do: 'remove'; readonly id: InstanceId };

/** What to do now. An instance whose ports have to change is removed first, and created by the plan after that. */
export function plan(
  wanted: readonly WantedInstance[],
  known: ReadonlyMap<InstanceId, KnownInstance>,
): readonly Action[] {
  const wantedIds = new Set(wanted.map(({ id }) => id));
  const unwanted = [...known].filter(([id, { stopping }]) => !stopping && !wantedIds.has(id));
  return [
    ...unwanted.map(([id]): Action => ({ do: 'remove', id })),
    ...wanted.flatMap((instance) => planOne(instance, known.get(instance.id)) ?? []),
  ];
}

function planOne(instance: WantedInstance, known: KnownInstance | undefined): Action | undefined {
  if (!known) return { do: 'create', instance };
  if (known.stopping) return undefined;
  const before = known.wanted;
  if (!samePorts(before, instance)) return { do: 'remove', id: instance.id };
  if (!sameGuest(before, instance)) return { do: 'restart', instance };
  if (before.revision !== instance.revision || before.bridge.ovsdb !== instance.bridge.ovsdb)
    return { do: 'update', instance };
  return undefined;
}

const samePorts = (a: WantedInstance, b: WantedInstance): boolean =>
  a.bridge.dpid === b.bridge.dpid && a.left.port === b.left.port && a.right.port === b.right.port;

const sameGuest = (a: WantedInstance, b: WantedInstance): boolean =>
  a.function.image === b.function.image &&
  a.function.sandbox === b.function.sandbox &&
  a.function.isolation === b.function.isolation &&
  a.function.contract === b.function.contract &&
  sameJson((a.function.boot ?? null) as Json, (b.function.boot ?? null) as Json) &&
  // What it is told it is told at its boot.
  (b.function.boot === undefined || sameJson(a.config, b.config)) &&
  a.function.memoryMiB === b.function.memoryMiB &&
  sameJson(listsIn(a.function, a.config), listsIn(b.function, b.config)) &&
  a.left.mac === b.left.mac &&
  a.right.mac === b.right.mac &&
  // A revision means one configuration for ever. Two of the same number come from a store that was lost, and
  // a guest that says it has this revision has the other one.
  (a.revision !== b.revision || sameJson(a.config, b.config));
