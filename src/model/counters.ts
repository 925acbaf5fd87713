/**
 * Packets and bytes of chains, from the statistics of flows. Which flow counts what is said by the compiler with
 * each flow; it is not guessed from cookies.
 */
import type { Name, OwnerId } from './ids.ts';

export type WireDirection = 'upstream' | 'downstream';

/** What the packets are that a flow has matched. */
export type CountPoint = {
  readonly owner: OwnerId;
  /** Absent where several subscribers share the flow. */
  readonly subscriber?: Name;
  readonly direction: WireDirection;
  readonly at:
    | { readonly kind: 'entered' | 'left' }
    /** Sent to a hop, and come back from it. */
    | { readonly kind: 'into' | 'outOf'; readonly hop: string };
};

export type Count = { readonly packets: number; readonly bytes: number };
export type Counted = { readonly point: CountPoint } & Count;

export type HopCounters = {
  readonly hop: string;
  readonly into: Count;
  readonly outOf: Count;
  /** What went in and did not come out: dropped by the function, lost, or under way. */
  readonly missing: Count;
};

export type WireCounters = {
  readonly entered: Count;
  /** In the order in which packets of this direction meet them; hops of earlier versions of the chain come last. */
  readonly hops: readonly HopCounters[];
  readonly left: Count;
};

export type ChainCounters = {
  readonly chain: Name;
  /** When the switches were read last, ISO 8601, UTC; absent where none was. */
  readonly at?: string;
} & { readonly [D in WireDirection]: WireCounters };

export type SubscriberCounters = {
  readonly subscriber: Name;
  /** On a path that others share its packets are counted where they enter and, downstream, where they leave. */
  readonly chains: readonly ChainCounters[];
};
