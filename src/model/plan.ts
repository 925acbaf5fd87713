/**
 * What a change would do to the network, once everything had settled.
 */
import type { Name } from './ids.ts';

/** Flows, or groups. */
export type Planned = {
  /** In ovs-ofctl syntax. */
  readonly added: readonly string[];
  readonly changed: readonly { readonly from: string; readonly to: string }[];
  readonly removed: readonly string[];
};

export type SwitchPlan = {
  readonly switch: Name;
  readonly flows: Planned;
  readonly groups: Planned;
  /** How many flows the switch would have, and has to have now. */
  readonly total: { readonly before: number; readonly after: number };
  /** How many flows and groups are different, where not all of them are listed. */
  readonly differences: number;
  /** Ports that are not there yet, with the numbers that the flows shown here assume for them. */
  readonly assumedPorts: readonly { readonly name: string; readonly ofport: number }[];
};

export type Capacity = {
  /** Those that the controller runs, and the memory of their machines. */
  readonly instances: Amount;
  readonly memoryMiB: Amount;
  /** Path ids in use, of which there are `most`; one that changes takes two until the old path has drained. */
  readonly paths: Amount & { readonly most: number };
};
type Amount = { readonly before: number; readonly after: number };

export type PlannedInstance = { readonly id: string; readonly function: Name; readonly for: string };

export type Plan = {
  /** Only switches of which something would change. */
  readonly switches: readonly SwitchPlan[];
  /** `start` has the ids that they would get if nothing else came first. */
  readonly instances: {
    readonly start: readonly PlannedInstance[];
    readonly stop: readonly PlannedInstance[];
    readonly reconfigure: readonly PlannedInstance[];
  };
  /** What it would take, of all that there is; absent for a tenant. */
  readonly capacity?: Capacity;
  /** What is not known or would keep the change from being in force, in sentences. */
  readonly notes: readonly string[];
};
