import type { Instruction } from '../instructions.ts';
import type { Match } from '../match.ts';

/** What a flow is, however it came: a flow-mod and a flow of a multipart reply both have these. */
export interface Flow {
  /** 0 to 254. */
  readonly table: number;
  /** 0 to 65535; higher wins. */
  readonly priority: number;
  readonly cookie: bigint;
  /** Seconds without a packet; 0 for none. */
  readonly idleTimeout: number;
  /** Seconds; 0 for none. */
  readonly hardTimeout: number;
  /** Bits of flowFlags. */
  readonly flags: number;
  /** 1.5; 0 otherwise. */
  readonly importance: number;
  readonly match: Match;
  readonly instructions: readonly Instruction[];
}
