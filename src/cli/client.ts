/**
 * Requests to the controller's API, and what became of them.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Fault } from '../model/errors.ts';
import { exitOf } from './exits.ts';
import { Failure } from './failure.ts';
import type { Offline } from './host.ts';
import type { Session } from './session.ts';

export type Method = 'GET' | 'POST' | 'DELETE';
export type Call = {
  readonly body?: unknown;
  /** Milliseconds that the controller is asked to take before it answers, beyond the time for an answer. */
  readonly grace?: number;
  readonly accept?: string;
  /** Names the request, so that it is not carried out twice when it is sent twice. */
  readonly once?: string;
};
export type Answer = { readonly status: number; readonly body: unknown };

/** What answers requests: a controller, or this process where there is none. */
export type Api = {
  /** @throws Failure `unreachable`; Refusal for every status from 400 up */
  call(method: Method, path: string, call?: Call): Promise<Answer>;
};

/** Does something with the API where no controller runs. */
export async function withoutController<T>(offline: Offline, work: (api: Api) => Promise<T>): Promise<T> {
  try {
    return await work({
      async call(method, path, { body } = {}) {
        const answer = await offline.ask(method, path, body);
        if (answer.status >= 400) throw new Refusal(answer.status, (answer.body ?? {}) as Problem);
        return answer;
      },
    });
  } finally {
    await offline.close();
  }
}

/** As much of an answer as is ever read. */
const MOST_BYTES = 256 * 1024 * 1024;
const PROBLEM_WITHIN_MS = 10_000;

/** What the controller answers a request with that it does not carry out. */
type Problem = {
  readonly title?: string;
  readonly detail?: string;
  readonly code?: string;
  readonly remedy?: string;
  readonly instance?: string;
  readonly faults?: readonly Fault[];
};

/** A refusal that points into the body: whoever made the body can say where that is. */
export class Refusal extends Failure {
  readonly status: number;
  readonly faults: readonly Fault[];

  constructor(status: number, problem: Problem) {
    const {
      code = `HTTP ${status}`,
      detail = problem.title ?? 'the controller refused',
      remedy,
      faults = [],
    } = problem;
    super(exitOf(status, code), detail, {
      code,
      remedy,
      places: faults.map(({ pointer, detail }) => ({ where: pointer, detail })),
      request: problem.instance?.replace(/^urn:uuid:/, ''),
    });
    this.status = status;
    this.faults = faults;
  }
}

export class Client implements Api {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  get server(): string {
    return this.#session.server.href.replace(/\/$/, '');
  }

  /** @throws Failure `unreachable`; Refusal for every status from 400 up */
  async call(method: Method, path: string, call: Call = {}): Promise<Answer> {
    const limit = this.#session.timeout + (call.grace ?? 0);
    const late = AbortSignal.timeout(limit);
    try {
      const response = await this.open(method, path, call, late);
      const bytes = await readAll(response, late);
      const status = response.statusCode ?? 0;
      if (status >= 400) throw refusalOf(response, bytes);
      if (status === 204 || bytes.length === 0) return { status, body: undefined };
      if (!isJsonType(response.headers['content-type']))
        throw new Failure('unreachable', `${this.server} answers, and is not a chainstitch controller`);
      return { status, body: JSON.parse(bytes.toString('utf8')) };
    } catch (error) {
      if (error instanceof Failure) throw error;
      throw this.unreachable(error, late.aborted ? limit : undefined);
    }
  }

  async get<T>(path: string): Promise<T> {
    return (await this.call('GET', path)).body as T;
  }

  /** All items of a list, page after page. */
  async list<T>(path: string): Promise<readonly T[]> {
    const items: T[] = [];
    let cursor = '';
    for (;;) {
      const page = await this.get<{ readonly items: readonly T[]; readonly next?: string }>(
        cursor === '' ? path : `${path}?cursor=${encodeURIComponent(cursor)}`,
      );
      items.push(...page.items);
      if (page.next === undefined) return items;
      cursor = page.next;
    }
  }

  /** The head of an answer; its body is the caller's to read. */
  open(
    method: Method,
    path: string,
    { body, accept, once }: Call,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const { server, token, tls } = this.#session;
    const url = new URL(`${server.pathname.replace(/\/$/, '')}${path}`, server);
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      accept: accept ?? 'application/json',
      'user-agent': 'chainstitch',
      ...(once === undefined ? {} : { 'idempotency-key': once }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(text === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
    };
    return new Promise((resolve, reject) => {
      const open = url.protocol === 'https:' ? httpsRequest : httpRequest;
      const request = open(url, { ...tls, method, headers, signal, agent: false }, resolve);
      request.once('error', reject);
      request.end(text);
    });
  }

  /** @param after milliseconds, where the answer was too late */
  unreachable(error: unknown, after?: number): Failure {
    const { code, message } = error as NodeJS.ErrnoException;
    if (after !== undefined) {
      return new Failure('unreachable', `${this.server} did not answer within ${after / 1000} s`, {
        remedy: 'Allow more time with --timeout, or look at the log of the controller.',
      });
    }
    const why = code === 'ECONNREFUSED' ? 'nobody listens there' : message || code;
    return new Failure('unreachable', `the controller at ${this.server} cannot be reached: ${why}`, {
      remedy: remedyOf(code ?? ''),
    });
  }
}

const UNTRUSTED = /^(DEPTH_ZERO_)?SELF_SIGNED_CERT|^UNABLE_TO_|^CERT_/;

function remedyOf(code: string): string {
  if (UNTRUSTED.test(code))
    return 'Name the authority that signed the certificate of the controller with --ca-file.';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return 'Call the controller by a name that its certificate has, or have one made with this name.';
  if (/^ERR_SSL_.*ALERT/.test(code))
    return 'The controller asks for a certificate: name it with --cert and --key.';
  if (code.startsWith('ERR_SSL_') || code === 'EPROTO')
    return 'It may speak no TLS: write its URL with http.';
  return 'Start it with `chainstitch serve`, or name another one with --server or CHAINSTITCH_URL.';
}

/** What an answer that is an error says, its body included. */
export async function failureOf(response: IncomingMessage): Promise<Failure> {
  return refusalOf(response, await readAll(response, AbortSignal.timeout(PROBLEM_WITHIN_MS)));
}

function refusalOf({ statusCode = 0, headers }: IncomingMessage, bytes: Buffer): Refusal {
  return new Refusal(statusCode, isJsonType(headers['content-type']) ? parseProblem(bytes) : {});
}

const isJsonType = (type = ''): boolean => /^application\/([a-z]+\+)?json\b/.test(type);

async function readAll(response: IncomingMessage, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    signal.throwIfAborted();
    length += (chunk as Buffer).length;
    if (length > MOST_BYTES)
      throw new Failure('unreachable', 'the answer is larger than any answer should be');
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

function parseProblem(bytes: Buffer): Problem {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
