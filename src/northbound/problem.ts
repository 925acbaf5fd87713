/**
 * Errors as they leave the API: RFC 9457 problem details.
 */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { ChainstitchError, ERRORS, type ErrorCode, type Fault } from '../model/errors.ts';
import { API_LIMITS } from '../model/limits.ts';

export const PROBLEM_TYPE = 'application/problem+json';

export type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** Names the request; absent where it was too broken to be one. */
  readonly instance?: string;
  readonly code: ErrorCode;
  readonly remedy: string;
  readonly faults?: readonly Fault[];
};

/** An error that shows more members than every problem has. */
export class ProblemWithMembers extends ChainstitchError {
  readonly members: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, detail: string, members: Readonly<Record<string, unknown>>) {
    super(code, detail);
    this.members = members;
  }
}

export function problemOf(error: ChainstitchError, requestId?: string): Problem {
  const { status, title, remedy } = ERRORS[error.code];
  return {
    type: `/problems/${error.code}`,
    title,
    status,
    detail: error.message,
    ...(requestId === undefined ? {} : { instance: `urn:uuid:${requestId}` }),
    code: error.code,
    remedy,
    ...(error.faults.length === 0 ? {} : { faults: error.faults }),
    ...(error instanceof ProblemWithMembers ? error.members : {}),
  };
}

/** Answers a request with a problem. What is our own fault goes to the log with all that is known of it. */
export function answerWithProblem(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const known = asKnown(error);
  const problem = problemOf(known, request.id);
  if (
    problem.code === 'internal' ||
    problem.code === 'store-unusable' ||
    problem.code === 'issuer-unreachable'
  ) {
    request.log.error({ err: error, method: request.method, url: request.url }, 'a request failed');
  }
  return reply.code(problem.status).type(PROBLEM_TYPE).send(problem);
}

function asKnown(error: unknown): ChainstitchError {
  if (error instanceof ChainstitchError) return error;
  const { code, statusCode } = error as Partial<FastifyError>;
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new ChainstitchError('body-too-large', `the body is larger than ${API_LIMITS.bodyBytes} bytes`);
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
    case 'FST_ERR_CTP_INVALID_CONTENT_TYPE':
      return new ChainstitchError(
        'unsupported-media-type',
        'the body is neither application/json nor application/yaml',
      );
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new ChainstitchError('malformed-request', 'a part of the path is longer than any name');
    case 'FST_ERR_BAD_URL':
      return new ChainstitchError('malformed-request', 'the path is not a well-formed URL path');
    default:
      // The rest of what fastify finds wrong with a request: a length that does not fit, a cut connection.
      if (code?.startsWith('FST_ERR_CTP_') || (code !== undefined && statusCode === 400)) {
        return new ChainstitchError('malformed-request', 'the body does not fit what its headers say');
      }
      return new ChainstitchError('internal', 'an unexpected error; the log has it', { cause: error });
  }
}
