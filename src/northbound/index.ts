/**
 * The REST API. It writes what is declared to the store, and shows what control says of it.
 */

import type { Socket } from 'node:net';
import type { TlsOptions, Server as TlsServer } from 'node:tls';
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
  fastify,
  type InjectOptions,
  type LightMyRequestResponse,
  LogController,
} from 'fastify';
import type { FunctionSpec } from '../model/declared.ts';
import { ChainstitchError } from '../model/errors.ts';
import type { Introspection, Store, TlsCredentials, Wake } from '../model/interfaces.ts';
import { API_LIMITS } from '../model/limits.ts';
import { isLoopback } from '../model/loopback.ts';
import { type Meters, UNMETERED } from '../model/meters.ts';
import { registerAccessLog, requestId } from './access-log.ts';
import { registerApply } from './apply.ts';
import { registerAudit } from './audit.ts';
import { registerAuditLog } from './audit-log.ts';
import { type Authentication, registerGuard } from './auth/guard.ts';
import { registerBackup } from './backup.ts';
import { parseBody } from './body.ts';
import { registerChains } from './chains.ts';
import type { Context, Exposition } from './context.ts';
import { registerDocs } from './docs.ts';
import { registerEvents } from './events.ts';
import { registerExplain } from './explain.ts';
import { registerFunctions } from './functions.ts';
import { registerInstances } from './instances.ts';
import { registerLinks } from './links.ts';
import { checkMedia, MERGE_PATCH, takesManyDocuments } from './media.ts';
import { type Expected, refuseForeignOrigin } from './origin.ts';
import { registerPools } from './pools.ts';
import { answerWithProblem, PROBLEM_TYPE, problemOf } from './problem.ts';
import { checkQuery } from './query.ts';
import { type Route, RouteTable } from './routes.ts';
import { registerService } from './service.ts';
import { registerSubscribers } from './subscribers.ts';
import { registerSwitches } from './switches.ts';
import { registerTokens } from './tokens.ts';
import { registerUplinks } from './uplinks.ts';
import { Waiters } from './wait.ts';
import { resolveByDns } from './webhooks/address.ts';
import { Dispatcher, type DispatcherOptions, RETRIES_MS } from './webhooks/dispatcher.ts';
import { registerWebhooks } from './webhooks/index.ts';

export type { Authentication } from './auth/guard.ts';
export { ensureAdministrator } from './auth/tokens.ts';
export { loadCatalogue } from './catalogue.ts';

export type NorthboundOptions = {
  readonly store: Store;
  readonly introspection: Introspection;
  /** The functions that come with the product. */
  readonly builtIns: readonly FunctionSpec[];
  readonly log: FastifyBaseLogger;
  /** Called after every write of a declared object. */
  readonly onChange: Wake;
  /** How callers prove who they are; by default they need not. */
  readonly authentication?: Authentication;
  readonly transport?: Transport;
  /** What is told of every request. */
  readonly meters?: Meters;
  /** What GET /metrics answers; by default nothing. */
  readonly metrics?: () => Promise<Exposition>;
  /** How webhooks are served; by default at public addresses only. With `none` nothing is delivered. */
  readonly webhooks?: Partial<Pick<DispatcherOptions, 'allowsInternal' | 'resolve' | 'retries'>> | 'none';
  /** The time; for tests. */
  readonly now?: () => Date;
};

/** How requests come in. */
export type Transport = {
  /** The API speaks TLS with these. */
  readonly tls?: TlsCredentials;
  /** A proxy stands before the API; it terminates TLS and says who calls. */
  readonly behindProxy?: true;
};

export type Northbound = {
  /**
   * Begins to listen and returns the URL. An address other than loopback takes authentication and TLS.
   *
   * @throws ChainstitchError `bad-setting`
   */
  listen(address: { readonly host: string; readonly port: number }): Promise<string>;
  /** Ends all waiting requests with a problem, lets the others finish, and closes every connection. */
  close(): Promise<void>;
  /** Answers a request without a socket. */
  inject(request: InjectOptions): Promise<LightMyRequestResponse>;
  /** Every path and its methods. */
  readonly routes: readonly Route[];
  /** How many requests wait for a state now. */
  readonly waiting: number;
};

/** A client has to send its whole request within this time. */
const REQUEST_TIMEOUT_MS = 10_000;
/** And its head within this one; who is late is cut off when the connections are next looked at. */
const SLOWNESS = { headersTimeout: 5_000, connectionsCheckingInterval: 1_000 };
/** A request that is still being answered after this time does not hold up the end. */
const CLOSE_TIMEOUT_MS = 2_000;
/** A client has to have shaken hands within this time, where TLS is spoken. */
const HANDSHAKE_TIMEOUT_MS = 5_000;
const MAX_CONNECTIONS = 1024;

export function createNorthbound(options: NorthboundOptions): Northbound {
  const { store, introspection, log, onChange, authentication = { by: 'none' } } = options;
  const now = options.now ?? (() => new Date());
  const closing = new AbortController();
  const waiters = new Waiters(store, introspection, closing.signal);
  const builtIns = new Map(options.builtIns.map((spec) => [spec.name, spec]));
  const metrics = options.metrics ?? (async () => ({ contentType: 'text/plain', text: '' }));
  const context: Context = {
    store,
    introspection,
    builtIns,
    waiters,
    log,
    metrics,
    closing: closing.signal,
    now,
    onChange,
  };

  const { transport = {} } = options;
  const app = newServer(log, transport);
  const expected: Expected = {
    schemes: transport.tls ? ['https'] : transport.behindProxy ? ['http', 'https'] : ['http'],
    // A token does not go along with a request of a page that made its name point here.
    host: authentication.by === 'none' ? 'loopback' : 'any',
  };
  const table = new RouteTable();
  app.addHook('onRoute', ({ url, method, config }) => table.add(url, method, queryOf(config)));
  app.addHook('onRequest', async (request) => {
    refuseForeignOrigin(request.headers, expected);
    if (closing.signal.aborted) throw new ChainstitchError('shutting-down', 'the controller is stopping');
  });
  registerAccessLog(app, log, options.meters ?? UNMETERED);
  registerGuard(app, authentication, store.tokens, now);
  app.addHook('onRequest', async (request, reply) => {
    if (!request.is404) {
      checkMedia(request);
      return checkQuery(request.query, knownQuery(request));
    }
    const [path = ''] = request.url.split('?');
    const methods = table.methodsOf(path);
    if (methods.length === 0) throw new ChainstitchError('not-found', `there is nothing at ${path}`);
    reply.header('allow', methods.join(', '));
    const detail = `there is no ${request.method} here; there are ${methods.join(', ')}`;
    throw new ChainstitchError('method-not-allowed', detail);
  });
  app.addHook('onSend', async (_request, reply) => {
    reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    if (closing.signal.aborted) reply.header('connection', 'close');
  });
  for (const register of [
    registerApply,
    registerFunctions,
    registerSwitches,
    registerUplinks,
    registerSubscribers,
    registerPools,
    registerWebhooks,
    registerChains,
    registerInstances,
    registerLinks,
    registerDocs,
    registerExplain,
    registerEvents,
    registerAudit,
    registerTokens,
    registerAuditLog,
    registerBackup,
    registerService,
  ]) {
    register(app, context);
  }

  const dispatcher =
    options.webhooks === 'none'
      ? undefined
      : new Dispatcher({
          store,
          log,
          allowsInternal: false,
          resolve: resolveByDns,
          retries: RETRIES_MS,
          ...options.webhooks,
        });

  return {
    async listen({ host, port }) {
      const isSafe = authentication.by !== 'none' && (transport.tls ?? transport.behindProxy) !== undefined;
      if (!isLoopback(host) && !isSafe) {
        const detail = `the API listens on ${host} only with authentication and TLS`;
        throw new ChainstitchError('bad-setting', detail);
      }
      app.server.maxConnections = MAX_CONNECTIONS;
      return app.listen({ host, port });
    },
    async close() {
      closing.abort();
      await dispatcher?.close();
      const deadline = setTimeout(() => app.server.closeAllConnections(), CLOSE_TIMEOUT_MS);
      await app.close();
      clearTimeout(deadline);
    },
    inject: (request) => app.inject(request),
    get routes() {
      return table.routes();
    },
    get waiting() {
      return waiters.taken;
    },
  };
}

/** A fastify that answers every error with a problem and reads no bodies but JSON and YAML. */
function newServer(log: FastifyBaseLogger, { tls, behindProxy }: Transport): FastifyInstance {
  const app = fastify({
    // As an object, because to its types fastify is another one with TLS; nothing here sees a difference.
    ...(tls === undefined ? { http: SLOWNESS } : ({ https: { ...tlsOptions(tls), ...SLOWNESS } } as object)),
    ...(behindProxy ? { trustProxy: (_address: string, hop: number) => hop === 0 } : {}),
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    bodyLimit: API_LIMITS.bodyBytes,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // Requests on open connections are answered by our own hook while the server closes.
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => {
      answerWithProblem(error, request, reply);
    },
    clientErrorHandler: (error, socket) => {
      if (error.code === 'ECONNRESET' || !socket.writable) return;
      const problem = problemOf(
        new ChainstitchError('malformed-request', 'this is not HTTP as it should be'),
      );
      const body = JSON.stringify(problem);
      socket.write(
        `HTTP/1.1 400 Bad Request\r\ncontent-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` +
          `connection: close\r\n\r\n${body}`,
      );
      // A client that does not close its side either would keep the connection for ever.
      (socket as Socket).destroySoon();
    },
  });
  if (tls !== undefined) {
    const server = app.server as unknown as TlsServer;
    tls.onChange(() => server.setSecureContext(tlsOptions(tls)));
    server.on('tlsClientError', ({ message }, { remoteAddress }) =>
      log.debug({ peer: remoteAddress, reason: message }, 'a handshake failed'),
    );
  }
  app.setErrorHandler(answerWithProblem);
  // Reached by no request: the hook has answered by then. Without it fastify would log each one.
  app.setNotFoundHandler(() => {
    throw new ChainstitchError('not-found', 'there is nothing here');
  });
  app.removeAllContentTypeParsers();
  for (const [media, type] of MEDIA) {
    app.addContentTypeParser(media, { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) =>
      // Some clients name a type where they send nothing.
      body.length === 0
        ? undefined
        : parseBody(type, withinLimit(type, body), takesManyDocuments(request) ? 'many' : 'one'),
    );
  }
  return app;
}

const MEDIA = [
  ['application/json', 'json'],
  [MERGE_PATCH, 'json'],
  ['application/yaml', 'yaml'],
] as const;

/** @throws ChainstitchError `body-too-large` */
function withinLimit(type: 'json' | 'yaml', body: Buffer): Buffer {
  if (type === 'json' || body.length <= API_LIMITS.yamlBytes) return body;
  throw new ChainstitchError(
    'body-too-large',
    `a body in YAML may have ${API_LIMITS.yamlBytes} bytes; one in JSON may be larger`,
  );
}

const knownQuery = (request: FastifyRequest): readonly string[] => queryOf(request.routeOptions.config);

/** The query parameters of a route, as its configuration names them. */
function queryOf(config: unknown): readonly string[] {
  return (config as { query?: readonly string[] } | undefined)?.query ?? [];
}

/** With authorities to believe, callers have to show a certificate. */
function tlsOptions(tls: TlsCredentials): TlsOptions {
  const material = tls.current();
  return {
    ...material,
    minVersion: 'TLSv1.2',
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    requestCert: material.ca !== undefined,
    rejectUnauthorized: material.ca !== undefined,
  };
}
