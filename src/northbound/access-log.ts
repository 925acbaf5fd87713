/**
 * One line in the log for every request, and the id that it has there.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { Meters } from '../model/meters.ts';

/** RFC 9562, in lower case. */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const HEADER = 'x-request-id';

/** The client's own id where it is a UUID, so that nobody writes into the log what is none; else a new one. */
export function requestId({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers[HEADER];
  return typeof given === 'string' && UUID.test(given) ? given : randomUUID();
}

/**
 * Changes are told at `info`, reads at `debug`. No field is longer than its kind allows: the pattern of the path
 * stands for the path, and who calls is an id of ours.
 */
export function registerAccessLog(app: FastifyInstance, log: FastifyBaseLogger, meters: Meters): void {
  app.addHook('onSend', async (request, reply) => {
    reply.header(HEADER, request.id);
  });
  app.addHook('onResponse', async (request, reply) => {
    const { method, is404 } = request;
    const route = is404 ? 'none' : (request.routeOptions.url ?? 'none');
    const { statusCode: status, elapsedTime: ms } = reply;
    meters.answered({ method, route, status, ms });
    const isRead = method === 'GET' || method === 'HEAD';
    const fields = {
      reqId: request.id,
      method,
      route,
      status,
      ms: Math.round(ms),
      by: request.principal?.id,
    };
    if (isRead) log.debug(fields, 'answered');
    else log.info(fields, 'answered');
  });
}
