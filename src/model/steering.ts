/**
 * What control has decided and must remember over a restart, because traffic depends on it: which path
 * serves a subscriber, and which instances stand on it.
 */
import type { FailPolicy, JsonObject } from './declared.ts';
import type { InstanceId, Name, OwnerId, PathId } from './ids.ts';

/** An instance that is to exist, dedicated to one subscriber's hop. */
export type InstanceRecord = {
  readonly id: InstanceId;
  readonly chain: Name;
  readonly subscriber: Name;
  readonly switch: Name;
  /** The hop's name: explicit, or function and ordinal. */
  readonly hop: string;
  readonly function: Name;
  readonly config: JsonObject;
  /** Grows by one with every change of `config`. */
  readonly revision: number;
};

export type PathHop = {
  readonly instance: InstanceId;
  readonly onFailure: FailPolicy;
};

/**
 * - `staged`: its flows are being put in place beside those of the current path
 * - `current`: the classifier points at it
 * - `draining`: nothing new enters it; what is under way may finish until `drainedAt`
 */
export type PathState =
  | { readonly phase: 'staged' }
  | { readonly phase: 'current' }
  | { readonly phase: 'draining'; readonly drainedAt: number };

/** A chain as one subscriber has it (RFC 7665's rendered service path, both directions). */
export type PathRecord = {
  readonly id: PathId;
  readonly owner: OwnerId;
  readonly chain: Name;
  readonly subscriber: Name;
  readonly switch: Name;
  readonly hops: readonly PathHop[];
  readonly state: PathState;
};

export type Steering = {
  /** Owner numbers by the uid of the chain. */
  readonly owners: ReadonlyMap<number, OwnerId>;
  readonly paths: ReadonlyMap<PathId, PathRecord>;
  readonly instances: ReadonlyMap<InstanceId, InstanceRecord>;
  readonly nextOwner: number;
  readonly nextPath: number;
  readonly nextInstance: number;
};

export const EMPTY_STEERING: Steering = {
  owners: new Map(),
  paths: new Map(),
  instances: new Map(),
  nextOwner: 1,
  nextPath: 1,
  nextInstance: 1,
};
