/**
 * Every error that leaves the product, in one table: docs/errors.md is tested against it for set equality.
 */

export type ErrorEntry = {
  /** HTTP status that it is answered with. */
  readonly status: number;
  readonly title: string;
  /** What the reader can do about it. */
  readonly remedy: string;
};

export const ERRORS = {
  'invalid-body': {
    status: 422,
    title: 'The object does not satisfy its schema',
    remedy: 'Correct the fields that `faults` points at; GET /openapi.json has the schema.',
  },
  'malformed-request': {
    status: 400,
    title: 'The request could not be read',
    remedy: 'Send well-formed JSON or YAML with a matching content-type.',
  },
  'invalid-parameter': {
    status: 400,
    title: 'A parameter of the query is not usable',
    remedy: 'Correct or leave out the parameter that `detail` names; GET /openapi.json has them all.',
  },
  'forbidden-origin': {
    status: 403,
    title: 'The request comes from where none is expected',
    remedy: 'Call the API by localhost, 127.0.0.1 or [::1]; a page of another origin may not call it.',
  },
  unauthenticated: {
    status: 401,
    title: 'The request does not say who calls, or says it wrongly',
    remedy: 'Send `Authorization: Bearer` and a token that has not expired; POST /v1/tokens makes one.',
  },
  'issuer-unreachable': {
    status: 503,
    title: 'The issuer of the token cannot be asked for its keys',
    remedy: 'Try again later, or use a token that POST /v1/tokens made; the log says what went wrong.',
  },
  forbidden: {
    status: 403,
    title: 'The caller may not do this',
    remedy: 'Use a token of the scope that `detail` names; somebody who may administer can make one.',
  },
  'too-many-requests': {
    status: 429,
    title: 'The caller asks faster than it may',
    remedy: 'Wait for as many seconds as the `retry-after` header says.',
  },
  'name-mismatch': {
    status: 422,
    title: 'The name in the body is not the name in the path',
    remedy: 'Use one name in both; an object cannot be renamed.',
  },
  'unknown-reference': {
    status: 422,
    title: 'The object names something that does not exist',
    remedy: 'Create what `faults` points at first, or correct the name.',
  },
  'invalid-config': {
    status: 422,
    title: "A hop's config does not satisfy its function's schema",
    remedy: 'Correct the fields that `faults` points at; GET /v1/functions/{name} has the schema.',
  },
  conflict: {
    status: 409,
    title: 'The object contradicts another one',
    remedy: 'Change or delete one of the two that `faults` names.',
  },
  'already-exists': {
    status: 409,
    title: 'An object of this kind and name exists',
    remedy: 'PUT changes an existing object; POST makes a new one.',
  },
  'precondition-failed': {
    status: 412,
    title: 'The object is not in the state that the request asks for',
    remedy: 'Read the object again, decide again, and send the `etag` that it has now; `current` has it.',
  },
  'stale-snapshot': {
    status: 409,
    title: 'Other changes came between',
    remedy: 'Send the request again.',
  },
  'key-reused': {
    status: 422,
    title: 'The idempotency key was used for another request',
    remedy: 'Use a new key for each request, and the same one only to send the same request again.',
  },
  gone: {
    status: 410,
    title: 'What the request made is no longer there',
    remedy: 'The request was carried out before; to do it anew, send it with a new idempotency key.',
  },
  'events-gone': {
    status: 410,
    title: 'The journal does not reach back so far',
    remedy: 'Read the state anew with GET, then follow the events from now on.',
  },
  'webhook-refused': {
    status: 422,
    title: 'A webhook points to where it may not',
    remedy: 'Use a public address; the setting webhook-targets allows others.',
  },
  'webhook-failed': {
    status: 502,
    title: 'A webhook did not take an event',
    remedy: 'See that its receiver runs and answers with 2xx within ten seconds.',
  },
  'limit-reached': {
    status: 409,
    title: 'There are as many objects of this kind as there may be',
    remedy: 'Delete one that is not needed; the limit is in docs/settings.md.',
  },
  'in-use': {
    status: 409,
    title: 'Other objects need this one',
    remedy: 'Change or delete the objects that `faults` names first.',
  },
  'built-in': {
    status: 409,
    title: 'The function comes with the product and cannot be changed',
    remedy: 'POST a function of another name.',
  },
  'not-found': {
    status: 404,
    title: 'There is no such object',
    remedy: 'GET the collection to see what there is.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'The resource does not have this method',
    remedy: 'The `allow` header names the methods that it has.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The body has a type that is not understood',
    remedy: 'Send application/json or application/yaml.',
  },
  'body-too-large': {
    status: 413,
    title: 'The body is larger than the limit',
    remedy: 'Send a smaller object; the limit is in docs/settings.md.',
  },
  'instance-not-ready': {
    status: 409,
    title: 'The instance cannot be asked now',
    remedy: 'Wait until its phase is `ready`.',
  },
  'switch-not-connected': {
    status: 409,
    title: 'The switch has no connection to this controller',
    remedy: 'Check that ovs-vswitchd runs and that the bridge names this controller as its target.',
  },
  'switch-failed': {
    status: 502,
    title: 'The switch did not do what was asked',
    remedy: 'The detail says why; the controller tries again by itself. Look at the log of ovs-vswitchd.',
  },
  'wait-timeout': {
    status: 504,
    title: 'The state that was waited for did not come in time',
    remedy: 'The object is stored; its `status` says what is missing.',
  },
  'chain-rejected': {
    status: 502,
    title: 'A switch refused the flows of the chain',
    remedy: "The object is stored; its `status` has OpenFlow's reason. Correct what it names and PUT again.",
  },
  'too-many-waiters': {
    status: 429,
    title: 'Too many requests wait for a state already',
    remedy: 'Ask without `wait` and read `status` later; nothing was changed.',
  },
  'shutting-down': {
    status: 503,
    title: 'The controller is stopping',
    remedy: 'Try again when it has started.',
  },
  'not-ready': {
    status: 503,
    title: 'The controller does not act on changes yet',
    remedy: 'Wait; `faults` name what is missing.',
  },
  internal: {
    status: 500,
    title: 'The controller failed to answer',
    remedy: "This is a defect: report it with the log lines of the response's `instance` id.",
  },
  'bad-setting': {
    status: 500,
    title: 'A setting is not usable',
    remedy: 'Correct the setting; docs/settings.md says what it may be.',
  },
  'store-unusable': {
    status: 500,
    title: 'The store cannot be opened or written',
    remedy:
      'Check the path, its permissions and the free space; a store of a newer version needs that version of the controller.',
  },
  'ovsdb-failed': {
    status: 502,
    title: 'The OVSDB server did not do what was asked',
    remedy: 'Check that ovsdb-server runs at the address that the switch declares.',
  },
  'host-failed': {
    status: 500,
    title: 'The host could not provide what an instance needs',
    remedy:
      'The detail says what: a TAP device, the emulator, or the image. The controller needs CAP_NET_ADMIN.',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** One fault inside a request, by the place where it is. */
export type Fault = {
  /** JSON pointer into the body (RFC 6901); empty for the whole. */
  readonly pointer: string;
  /** What is wrong there and what would be right. */
  readonly detail: string;
};

export class ChainstitchError extends Error {
  readonly code: ErrorCode;
  readonly faults: readonly Fault[];

  constructor(code: ErrorCode, detail: string, options: { faults?: readonly Fault[]; cause?: unknown } = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ChainstitchError';
    this.code = code;
    this.faults = options.faults ?? [];
  }
}
