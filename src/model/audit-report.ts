/**
 * The question "does every packet of every chained subscriber meet its hops, in order?" and its answer, from
 * what the switches really hold.
 */
import type { Name } from './ids.ts';

/**
 * - `bypass`: packets of a subscriber go, or may go, past a hop
 * - `cross-talk`: packets get into an instance or a chain that is not theirs
 * - `exposed`: nothing gets past now, but what would prevent it is not there
 * - `unknown`: a flow does something of which nothing is known here, so nothing can be promised
 */
export type FindingKind = 'bypass' | 'cross-talk' | 'exposed' | 'unknown';

export type Finding = {
  readonly kind: FindingKind;
  readonly switch: Name;
  /** Whose packets they are, or may be; absent where it concerns the switch. */
  readonly subscriber?: Name;
  readonly direction?: 'upstream' | 'downstream';
  /** What is wrong, in a sentence. */
  readonly detail: string;
  /** Some of the packets, as ovs-ofctl writes a match. */
  readonly packets?: string;
  /** The flows that they meet, in ovs-ofctl syntax; those of strangers begin with another cookie than ours. */
  readonly flows: readonly string[];
};

/** A hop that fails open and is passed over now, as its operator wants it. */
export type PassedOver = {
  /** Absent where several share the path. */
  readonly subscriber?: Name;
  readonly chain: Name;
  readonly hop: string;
};

export type AuditReport = {
  /** ISO 8601, UTC. */
  readonly at: string;
  /** `proven` only where every declared switch was read while it was equal to what is desired. */
  readonly result: 'proven' | 'violated' | 'unproven';
  /** The first ones; `more` says how many others there are. */
  readonly findings: readonly Finding[];
  readonly more: number;
  readonly passedOver: readonly PassedOver[];
  /** Switches that nothing can be said about, and why. */
  readonly unproven: readonly { readonly switch: Name; readonly reason: string }[];
  /** Subscribers in chains, and sets of packets that were followed. */
  readonly subscribers: number;
  readonly classes: number;
};

/** Findings that a report carries. */
export const MAX_FINDINGS = 200;
