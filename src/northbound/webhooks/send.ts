/**
 * One delivery: a signed POST to an address that has been looked at.
 */
import { createHmac } from 'node:crypto';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { ChainstitchError } from '../../model/errors.ts';
import type { JournalEntry } from '../../model/store.ts';
import type { Target } from './address.ts';

/** Within this time the receiver has to have answered. */
const TIMEOUT_MS = 10_000;

/**
 * `t=<seconds since 1970>,v1=<hex>`: HMAC-SHA256 of the time, a dot and the body. The time is in what is signed, so that
 * an old delivery cannot be sent again as a new one.
 */
export function signature(secret: string, seconds: number, body: string): string {
  const digest = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
  return `t=${seconds},v1=${digest}`;
}

/**
 * Resolves when the receiver has answered with a 2xx.
 *
 * @throws ChainstitchError `webhook-failed`; a redirect is a failure too, since it could lead anywhere
 */
export function send(
  url: URL,
  target: Target,
  secret: string,
  entry: JournalEntry,
  now: Date,
  stop: AbortSignal,
): Promise<void> {
  const body = JSON.stringify(entry);
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const fail = (detail: string, cause?: unknown): void =>
      reject(new ChainstitchError('webhook-failed', detail, { cause }));
    const call = request(url, {
      method: 'POST',
      // The name is asked no second time.
      lookup: (_host, options, answer) => {
        const { address, family } = target;
        if (options.all === true) answer(null, [{ address, family }]);
        else answer(null, address, family);
      },
      agent: false,
      signal: AbortSignal.any([stop, AbortSignal.timeout(TIMEOUT_MS)]),
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'user-agent': 'chainstitch',
        'chainstitch-event': `${entry.kind}.${entry.type}`,
        'chainstitch-event-id': String(entry.seq),
        'chainstitch-signature': signature(secret, Math.floor(now.getTime() / 1000), body),
      },
    });
    call.once('error', (error) => fail(`no answer: ${error.message}`, error));
    call.once('response', (response) => {
      // What it says besides is of no interest, and could be without end.
      response.destroy();
      const { statusCode = 0 } = response;
      if (statusCode >= 200 && statusCode < 300) resolve();
      else if (statusCode >= 300 && statusCode < 400)
        fail(`answered ${statusCode}, and redirects are not followed`);
      else fail(`answered ${statusCode}`);
    });
    call.end(body);
  });
}
