/**
 * Bounds of the API that are no settings: clients may rely on them, and the contract in openapi/ names them.
 */
export const API_LIMITS = {
  /** Bytes of a request's body. */
  bodyBytes: 262_144,
  /** Levels of nesting, and items of one list, in a request's body. */
  bodyDepth: 32,
  listItems: 4096,
  /** Bytes of a function's `configSchema` as JSON. */
  configSchemaBytes: 65_536,
  /** Objects of one kind in the store. */
  objectsPerKind: 10_000,
  /** API tokens in the store. */
  tokens: 1000,
  /** Matches of a switch, in one direction and for one subscriber, that a chain's `service` may take. */
  serviceMatches: 256,
  /** Requests that may wait for a state at the same time. */
  waiters: 256,
  /** Seconds that a request may wait for a state, and that it waits unless it says otherwise. */
  waitSecondsMax: 60,
  waitSecondsDefault: 30,
} as const;
