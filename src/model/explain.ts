/**
 * The question "what becomes of this packet?" and its answer.
 */
import type { Ipv4, Name } from './ids.ts';

/** A packet as it arrives at a port; fields by their ovs-ofctl names, text as ovs-ofctl takes it. */
export type ExplainQuery = {
  readonly switch: Name;
  /** Port name. */
  readonly port: string;
  readonly packet: { readonly [field: string]: string | number };
};

/** Whose tables answer: those that were compiled, or those that the switch holds at this moment. */
export const EXPLAIN_SOURCES = ['compiled', 'switch'] as const;
export type ExplainSource = (typeof EXPLAIN_SOURCES)[number];

export type ExplainStep = {
  readonly table: number;
  readonly tableName: string;
  /** The flow that matched, in ovs-ofctl syntax; absent on a miss. */
  readonly flow?: string;
  /** The chain that the flow belongs to; absent for the switch's own. */
  readonly chain?: Name;
  /** Present where the flow is not the controller's. */
  readonly foreign?: true;
  /** What the step does, in a few words. */
  readonly does: string;
};

/** One pass through the pipeline of a switch: from a port to where the packet leaves it. */
export type ExplainPass = {
  readonly switch: Name;
  readonly port: string;
  readonly steps: readonly ExplainStep[];
};

export type ExplainHop = {
  readonly hop: string;
  readonly instance: string;
  /** The address that it gives out in the place of the subscriber's, and takes in for it. */
  readonly external?: Ipv4;
};

export type ExplainOutcome =
  | { readonly kind: 'output'; readonly switch: Name; readonly port: string }
  | { readonly kind: 'normal' }
  | { readonly kind: 'flood' }
  | { readonly kind: 'controller' }
  /** The switch does something of which nothing is known here; in ovs-ofctl's words. */
  | { readonly kind: 'unknown'; readonly what: string }
  | { readonly kind: 'drop'; readonly reason: string };

export type Explanation = {
  readonly passes: readonly ExplainPass[];
  /** Hops met, in order, each with its instance: what a function itself does to the packet is not known here. */
  readonly hops: readonly ExplainHop[];
  readonly outcome: ExplainOutcome;
  /** What becomes of copies, where there are some; they are not followed to other switches. */
  readonly also: readonly ExplainOutcome[];
};
