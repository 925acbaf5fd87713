/** Sends random requests, and holds the answers against the contract. */
import type { LightMyRequestResponse } from 'fastify';
import type { Json } from '../../../src/model/declared.ts';
import type { RandomRequest } from './requests.ts';
import { type Api, contractBreaches } from './support.ts';

/** Longer than any answer may take here. */
const HANG_MS = 20_000;

/** Writes files, which is no matter of requests. */
export const SHUNNED = ['/v1/backup'];

/** The answer; undefined where there is none. */
export async function sendRandom(
  { northbound }: Api,
  { method, url, headers, body }: RandomRequest,
  more: Record<string, string> = {},
): Promise<LightMyRequestResponse | undefined> {
  const payload = typeof body === 'string' ? body : JSON.stringify(body);
  const answer = northbound.inject({
    method: method as 'GET',
    url: briefly(url),
    headers: { ...headers, ...more },
    ...(payload === undefined ? {} : { payload: Buffer.from(payload) }),
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, HANG_MS, undefined);
  });
  const response = await Promise.race([answer, late]);
  clearTimeout(timer);
  return response;
}

/** What is wrong with the answer. */
export function faultsOf(
  { method, url }: RandomRequest,
  response: LightMyRequestResponse | undefined,
): string[] {
  if (response === undefined) return ['no answer'];
  const { statusCode: status } = response;
  const type = String(response.headers['content-type'] ?? '').split(';')[0] ?? '';
  const value = type.endsWith('json') ? (JSON.parse(response.body) as Json) : {};
  const breaches = contractBreaches(method, briefly(url), status, type, value);
  const polluted =
    ({} as Record<string, unknown>)['polluted'] === undefined ? [] : ['prototypes are polluted'];
  return [...(status >= 500 ? [`status ${status}: ${response.body}`] : []), ...breaches, ...polluted];
}

/** A wait would be as long as it says. */
const briefly = (url: string): string => url.replace(/([?&])wait=[^&]*/, '$1');
