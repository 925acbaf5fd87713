/**
 * What control has decided and must remember over a restart, because traffic depends on it: which path
 * serves a subscriber, and which instances stand on it. Whose instance is whose is kept and not computed
 * anew, so that a subscriber stays with its instance while others come and go.
 */
import type { Attachment, FailPolicy, JsonObject } from './declared.ts';
import type { OnDemand } from './hops.ts';
import type { InstanceId, Name, OwnerId, PathId } from './ids.ts';
import { SortedMap } from './sorted-map.ts';

type AnyInstance = {
  readonly id: InstanceId;
  readonly switch: Name;
  readonly function: Name;
  readonly config: JsonObject;
  /** Grows by one with every change of `config`. */
  readonly revision: number;
};
/** For one hop of one subscriber. */
export type DedicatedInstance = AnyInstance & {
  readonly chain: Name;
  readonly subscriber: Name;
  /** The hop's name: explicit, or function and ordinal. */
  readonly hop: string;
  readonly pool?: never;
  readonly external?: never;
};
/** With one arm, `left` and `right` are the same. */
export type ExternalPorts = { readonly name: Name; readonly left: string; readonly right: string };
/** For all who use a pool. */
export type PooledInstance = AnyInstance & {
  readonly pool: Name;
  /** Of the pool: one made again under an old name is another one. */
  readonly poolUid: number;
  /** Where the instance is a machine of somebody else's: its name in the pool, and its ports. */
  readonly external?: ExternalPorts;
  readonly chain?: never;
  readonly subscriber?: never;
  readonly hop?: never;
};
/** An instance that is to exist. */
export type InstanceRecord = DedicatedInstance | PooledInstance;

/** What an instance is there for, in a word. */
export const stationOf = (record: InstanceRecord): string =>
  record.pool === undefined ? record.hop : record.pool;

export type PathHop = {
  readonly instance: InstanceId;
  readonly onFailure: FailPolicy;
  /** Where the instance runs only while the path is awake. */
  readonly onDemand?: OnDemand;
  /**
   * Where the instance is a pool's. `tag` is the VLAN id that tells this path from the others at this
   * instance, 1 to MAX_TAG.
   */
  readonly shared?: { readonly hop: string; readonly tag: number };
};

/** An instance that gets copies of what is on a path behind so many of its hops, in the upstream order. */
export type Tap = { readonly after: number; readonly hop: string; readonly instance: InstanceId };

/** Leaves room in 12 bits for a second one of each. */
export const MAX_TAG = 2046;
/** What comes down a path into a machine with one arm has its path's tag and so much more. */
export const DOWNSTREAM_TAG = 2047;

/**
 * - `staged`: its flows are being put in place beside those of the current path
 * - `current`: the classifier points at it
 * - `draining`: nothing new enters it; what is under way may finish until `drainedAt`
 */
export type PathState =
  | { readonly phase: 'staged' }
  | { readonly phase: 'current' }
  /** `left` once every switch that sends frames on to it has confirmed that it does so no more. */
  | { readonly phase: 'draining'; readonly drainedAt: number; readonly left?: true };

/** VLAN ids that a frame may carry: 0 and 4095 are none (IEEE 802.1Q, table 9-2). */
export const MAX_LABEL = 4094;

/** A link that a path crosses, from the subscriber's side to the uplink's. */
export type Crossing = {
  readonly from: Attachment;
  readonly to: Attachment;
  /** What tells the path's frames to the port that receives them: at `to` upstream, at `from` downstream. */
  readonly upstream: number;
  readonly downstream: number;
};

/** The way of a path from switch to switch. */
export type Route = {
  /** The uplink that it ends at. */
  readonly uplink: Name;
  /**
   * The links before each hop in the upstream order, and those behind the last: one more than there are hops.
   * An empty leg stays on one switch; none at all where the whole path does.
   */
  readonly legs: readonly (readonly Crossing[])[];
};

/**
 * Of a path with hops on demand, whether their instances run.
 *
 * - `asleep`: they do not; the first packet wakes the path
 * - `waking`: they are being started
 * - `awake`: they run, or have failed, which is the business of the hops' fail policies
 * - `dozing`: nothing has come for so long that the path is to sleep; nothing enters it any more, and what is under
 *   way on it may finish until `until`
 */
export type Demand =
  | { readonly phase: 'asleep' | 'waking' | 'awake' }
  | { readonly phase: 'dozing'; readonly until: number };

/**
 * A chain with its instances chosen (RFC 7665's rendered service path, both directions): for one subscriber,
 * if any hop has an instance of its own for each, or for all whose instances are the same.
 */
export type PathRecord = {
  readonly id: PathId;
  readonly owner: OwnerId;
  readonly chain: Name;
  /** Absent where all hops are shared; then the members say who is on it. */
  readonly subscriber?: Name;
  /** Where its subscribers are attached. */
  readonly switch: Name;
  /** Absent while no way to an uplink is known: then the path has no flows. */
  readonly route?: Route;
  readonly hops: readonly PathHop[];
  readonly taps?: readonly Tap[];
  readonly state: PathState;
  /** Absent where no hop is on demand. */
  readonly demand?: Demand;
};

/** What becomes of a packet that is about to enter a path. */
export type Door =
  /** It goes in. */
  | 'open'
  /** The controller has it until the path is awake. */
  | 'hold'
  /** It goes in, past the hops that do not run, and the controller has a copy by which the path is woken. */
  | 'call';

/** A path that is staged or draining has packets of its subscriber's at its beginning only by mistake, if at all. */
export function doorOf({ demand, hops }: Pick<PathRecord, 'demand' | 'hops'>): Door {
  if (demand === undefined || demand.phase === 'awake') return 'open';
  if (hops.some(({ onDemand }) => onDemand?.firstPacket === 'hold')) return 'hold';
  return demand.phase === 'waking' ? 'open' : 'call';
}

/** Whom a shared path serves: one subscriber of one chain. */
export type Member = {
  readonly owner: OwnerId;
  readonly subscriber: Name;
  /** Absent where no path serves it any more, or none yet. */
  readonly path?: PathId;
  /** The path before: what is under way on it still arrives. */
  readonly leaving?: { readonly path: PathId; readonly until: number };
};
export const memberKey = (owner: OwnerId, subscriber: Name): string => `${owner} ${subscriber}`;

/** Its maps are SortedMaps wherever it comes from the store or a plan. */
export type Steering = {
  /** Owner numbers by the uid of the chain. */
  readonly owners: ReadonlyMap<number, OwnerId>;
  readonly paths: ReadonlyMap<PathId, PathRecord>;
  readonly instances: ReadonlyMap<InstanceId, InstanceRecord>;
  /** By memberKey. Who has a path alone is none. */
  readonly members: ReadonlyMap<string, Member>;
  readonly nextOwner: number;
  readonly nextPath: number;
  readonly nextInstance: number;
};

const asleep = new WeakMap<Steering['paths'], ReadonlySet<InstanceId>>();

/** The instances that are on demand and that no path needs now. */
export function sleepersOf({ paths }: Pick<Steering, 'paths'>): ReadonlySet<InstanceId> {
  const known = asleep.get(paths);
  if (known) return known;
  const sleeping = new Set<InstanceId>();
  const needed = new Set<InstanceId>();
  for (const { hops, demand } of paths.values())
    for (const { instance, onDemand } of hops)
      (onDemand && demand?.phase === 'asleep' ? sleeping : needed).add(instance);
  const found = new Set([...sleeping].filter((id) => !needed.has(id)));
  asleep.set(paths, found);
  return found;
}

export const EMPTY_STEERING: Steering = {
  owners: SortedMap.from<number, OwnerId>([]),
  paths: SortedMap.from<PathId, PathRecord>([]),
  instances: SortedMap.from<InstanceId, InstanceRecord>([]),
  members: SortedMap.from<string, Member>([]),
  nextOwner: 1,
  nextPath: 1,
  nextInstance: 1,
};
