/**
 * Declarations as the controller takes them: many at once, all of them or none.
 */
import { randomUUID } from 'node:crypto';
import { API_LIMITS } from '../model/limits.ts';
import type { Outcome } from '../model/store.ts';
import { type Api, Refusal } from './client.ts';
import type { Declaration } from './documents.ts';
import { Failure } from './failure.ts';

/** What surrounds the items of a request. */
const ENVELOPE_BYTES = 100;

/**
 * Declares everything. What does not fit into one request goes in several, each of which is all or nothing; it is in
 * an order in which none needs a later one.
 *
 * @param done called with what was done by each request
 * @throws Failure that points into the files
 */
export async function declare(
  client: Api,
  declarations: readonly Declaration[],
  done: (outcomes: readonly Outcome[]) => void,
): Promise<void> {
  for (const batch of batches(declarations)) {
    const { outcomes } = await send<{ readonly outcomes: readonly Outcome[] }>(client, '/v1/apply', batch);
    done(outcomes);
  }
}

/** Asks what declaring would do. @throws Failure `input` where it is more than fits into one request */
export async function whatIf<T>(client: Api, declarations: readonly Declaration[]): Promise<T> {
  const [batch = [], ...others] = batches(declarations);
  if (others.length > 0) {
    throw new Failure('input', `a plan is for at most ${API_LIMITS.applyObjects} objects at once`);
  }
  return send<T>(client, '/v1/apply?dryRun=true', batch);
}

async function send<T>(client: Api, path: string, batch: readonly Declaration[]): Promise<T> {
  const body = { items: batch.map((one) => one.body) };
  try {
    return (await client.call('POST', path, { body, once: randomUUID() })).body as T;
  } catch (error) {
    throw located(error, batch);
  }
}

function batches(declarations: readonly Declaration[]): readonly (readonly Declaration[])[] {
  const all: Declaration[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const declaration of declarations) {
    const size = Buffer.byteLength(JSON.stringify(declaration.body)) + 1;
    const last = all.at(-1);
    if (last && last.length < API_LIMITS.applyObjects && bytes + size <= API_LIMITS.applyBytes) {
      last.push(declaration);
      bytes += size;
    } else {
      all.push([declaration]);
      bytes = ENVELOPE_BYTES + size;
    }
  }
  return all;
}

/** A refusal that says in which line of which file. */
function located(error: unknown, batch: readonly Declaration[]): unknown {
  if (!(error instanceof Refusal)) return error;
  const { exit, message, code, remedy, request, faults } = error;
  const places = faults.map(({ pointer, detail }) => {
    const [, index, inside = ''] = /^\/items\/(\d+)(.*)$/s.exec(pointer) ?? [];
    const declaration = index === undefined ? undefined : batch[Number(index)];
    if (declaration === undefined) return { where: pointer, detail };
    const { kind, name } = declaration;
    return { where: `${declaration.locate(inside)} ${kind}/${name}${inside.replace(/^\/spec/, '')}`, detail };
  });
  return new Failure(exit, message, { code, remedy, places, request });
}
