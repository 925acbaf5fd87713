/**
 * Versions of objects as HTTP has them (RFC 9110, sections 8.8.3 and 13.1). An entity tag here names what is declared,
 * the uid and the generation; the status beside it changes by itself and has no part in it.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Kind, Stored } from '../model/declared.ts';
import { ChainstitchError } from '../model/errors.ts';
import type { Version } from '../model/store.ts';
import { ProblemWithMembers } from './problem.ts';

export const etagOf = ({ uid, generation }: Version): string => `"${uid}.${generation}"`;

/** Says in the answer which version it speaks of. */
export function tag(reply: FastifyReply, version: Version): void {
  reply.header('etag', etagOf(version));
}

const TAG = /^\s*((?:W\/)?"[\x21\x23-\x7e]*")\s*(?:,|$)/;

/**
 * Holds `If-Match` and `If-None-Match` against what is there.
 *
 * @throws ChainstitchError `precondition-failed`, `malformed-request`
 */
export function checkPreconditions(
  request: FastifyRequest,
  what: string,
  current: Stored<Kind> | undefined,
): void {
  const { 'if-match': match, 'if-none-match': noneMatch } = request.headers;
  const now = current === undefined ? undefined : etagOf(current);
  const fail = (why: string): never => {
    throw new ProblemWithMembers('precondition-failed', `${what} ${why}`, { current: now ?? null });
  };
  if (match !== undefined && match.trim() !== '*') {
    const tags = parseTags('if-match', match);
    if (now === undefined || !tags.includes(now)) {
      fail(
        now === undefined
          ? `does not exist, and ${match} is asked for`
          : `is ${now} now, and ${match} is asked for`,
      );
    }
  }
  if (match?.trim() === '*' && now === undefined) fail('does not exist, and the request asks for it');
  if (noneMatch === undefined) return;
  if (noneMatch.trim() !== '*') {
    throw new ChainstitchError('malformed-request', 'the header if-none-match can only be `*` with a change');
  }
  if (now !== undefined) fail(`exists as ${now}, and the request asks for a new one`);
}

function parseTags(header: string, text: string): readonly string[] {
  const tags: string[] = [];
  let rest = text;
  while (rest.trim() !== '') {
    const [all, one] = TAG.exec(rest) ?? [];
    if (all === undefined || one === undefined) {
      throw new ChainstitchError(
        'malformed-request',
        `the header ${header} has to be \`*\` or entity tags such as "5.3", in quotes and with commas between them`,
      );
    }
    tags.push(one);
    rest = rest.slice(all.length);
  }
  return tags;
}
