/**
 * Bounds of the API that are no settings: clients may rely on them, and the contract in openapi/ names them.
 */
export const API_LIMITS = {
  /** Bytes of a request's body. */
  bodyBytes: 262_144,
  /** And of one in YAML, which takes a hundred times as long to read as JSON, while nothing else is answered. */
  yamlBytes: 131_072,
  /** Levels of nesting, and items of one list, in a request's body. */
  bodyDepth: 32,
  listItems: 4096,
  /** Bytes of a function's `configSchema` as JSON. */
  configSchemaBytes: 65_536,
  /** Records of the audit log that are kept. */
  auditRecords: 100_000,
  /** API tokens in the store. */
  tokens: 1000,
  /** Matches of a switch, in one direction and for one subscriber, that a chain's `service` may take. */
  serviceMatches: 256,
  /** Objects of one kind in the store. */
  objectsPerKind: 200_000,
  /** Bytes of the body of an apply, and objects in it. */
  applyBytes: 1_048_576,
  applyObjects: 1_000,
  /** Faults that a problem lists. */
  faults: 50,
  /** Times that a change is judged anew because others came between. */
  attempts: 5,
  /** Objects on a page of a list, and unless the request says otherwise. */
  pageMax: 1_000,
  pageDefault: 500,
  /** Objects that are looked at for one page: a filter that few pass has pages that are not full. */
  pageScan: 20_000,
  /** Bytes of what was declared at which a page ends, of a list, of a history or of events. */
  pageBytes: 4_194_304,
  /** Milliseconds that a change of a chain waits for the flows that close it. */
  closingMs: 1_000,
  /** Streams of events that may be open, the time between two signs of life on one, and until a client tries again. */
  streams: { places: 256, perTenant: 32, tenants: 192 },
  heartbeatMs: 15_000,
  eventRetryMs: 2_000,
  /** Requests that may wait for a state at the same time. */
  waiters: { places: 256, perTenant: 32, tenants: 192 },
  /** Seconds that a request may wait for a state, and that it waits unless it says otherwise. */
  waitSecondsMax: 60,
  waitSecondsDefault: 30,
} as const;
