/**
 * What control says about declared objects. Control is the only writer; northbound shows it.
 */
import type { FailPolicy } from './declared.ts';
import type { InstancePhase } from './facts.ts';
import type { InstanceId, Name, PathId } from './ids.ts';

/**
 * - `pending`: stored, not yet active; from the condition `FlowsInstalled` on its subscribers' traffic follows
 *   the hops' fail policies
 * - `active`: every instance is ready with this generation's config, or on demand and asleep or being woken, and
 *   every switch has answered the barrier of this generation
 * - `updating`: an earlier generation is in force and this one is being put beside it
 * - `degraded`: it was active and something it needs is not there now; a condition says what
 * - `rejected`: a switch refused its flows; a condition has OpenFlow's reason
 */
export const CHAIN_PHASES = ['pending', 'active', 'updating', 'degraded', 'rejected'] as const;
export type ChainPhase = (typeof CHAIN_PHASES)[number];

export type ConditionType = 'SubscribersReady' | 'PathsRouted' | 'InstancesReady' | 'FlowsInstalled';

export type Condition = {
  readonly type: ConditionType;
  readonly status: boolean;
  /** One word in CamelCase for programs. */
  readonly reason: string;
  /** One sentence for people: what is missing and what would help. */
  readonly message: string;
};

/** Of an instance: as nf says; or it is on demand and not demanded; or nothing is known of it. */
export type ShownPhase = InstancePhase | 'asleep' | 'unknown';

export type HopStatus = {
  readonly hop: string;
  readonly function: Name;
  /** Absent for a tap, which cannot fail. */
  readonly onFailure?: FailPolicy;
  /** It gets copies, and nothing waits for it. */
  readonly tap?: true;
  readonly instance: InstanceId;
  readonly phase: ShownPhase;
  readonly restarts: number;
  /** Why the instance is not ready, where that is known. */
  readonly problem?: string;
};

/** One switch that the chain has flows on. */
export type ChainSwitchStatus = {
  readonly switch: Name;
  readonly connection: 'connected' | 'disconnected';
  /** Whether it has answered the barrier behind the chain's flows, and the switch's own, as they are wanted now. */
  readonly confirmed: boolean;
};

export type PathStatus = {
  readonly path: PathId;
  /** Where the path is for one subscriber alone. */
  readonly subscriber?: Name;
  /** How many subscribers it carries. */
  readonly subscribers: number;
  readonly hops: readonly HopStatus[];
};

export type ChainStatus = {
  /** The uid of the chain that this status speaks of: a chain made again under an old name has another one. */
  readonly uid: number;
  readonly phase: ChainPhase;
  /** The generation of the spec that this status speaks of. */
  readonly observedGeneration: number;
  readonly conditions: readonly Condition[];
  /** Absent until control has looked at the chain. */
  readonly switches?: readonly ChainSwitchStatus[];
  /** The paths that carry traffic now. */
  readonly paths: readonly PathStatus[];
};
