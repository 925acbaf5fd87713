/**
 * Requests that wait for a chain to be in force.
 */
import type { FastifyRequest } from 'fastify';
import type { ChainSpec, Stored } from '../model/declared.ts';
import { ChainstitchError } from '../model/errors.ts';
import type { Name } from '../model/ids.ts';
import type { Introspection, Store } from '../model/interfaces.ts';
import { API_LIMITS } from '../model/limits.ts';
import type { ChainStatus } from '../model/status.ts';
import { type Place, Places } from './places.ts';
import { ProblemWithMembers } from './problem.ts';

/** A status as it is shown: the uid stands beside it, with the chain. */
export type ShownStatus = Omit<ChainStatus, 'uid'>;

/** What control has said of a chain that it has not looked at yet. */
const UNSEEN: ShownStatus = { phase: 'pending', observedGeneration: 0, conditions: [], paths: [] };

/** The status of this chain, and not of an earlier one under its name. */
export function statusOf(introspection: Introspection, chain: Stored<'chains'>): ShownStatus {
  const status = introspection.chainStatus(chain.spec.name);
  if (status?.uid !== chain.uid) return UNSEEN;
  const { uid: _, ...shown } = status;
  return shown;
}

/** The time in `?timeout=5s`. @throws ChainstitchError `invalid-parameter` */
export function parseTimeout(text: string | undefined): number {
  if (text === undefined) return API_LIMITS.waitSecondsDefault * 1000;
  const [, digits, unit] = /^([0-9]{1,5})(ms|s)$/.exec(text) ?? [];
  const milliseconds = Number(digits) * (unit === 's' ? 1000 : 1);
  if (digits === undefined || milliseconds > API_LIMITS.waitSecondsMax * 1000) {
    const detail = `the query parameter \`timeout\` has to be a time such as 5s or 500ms, at most ${API_LIMITS.waitSecondsMax}s`;
    throw new ChainstitchError('invalid-parameter', detail);
  }
  return milliseconds;
}

/** Reasons for which no switch can answer soon. */
const HOPELESS: ReadonlySet<string> = new Set(['SwitchDisconnected', 'NoUplink', 'PortMissing']);

export class Waiters {
  readonly #store: Store;
  readonly #introspection: Introspection;
  readonly #closing: AbortSignal;
  readonly #places = new Places(API_LIMITS.waiters, 'requests wait already');

  /** @param closing ends all waits, and lets none begin */
  constructor(store: Store, introspection: Introspection, closing: AbortSignal) {
    this.#store = store;
    this.#introspection = introspection;
    this.#closing = closing;
  }

  /** How many wait now. */
  get taken(): number {
    return this.#places.taken;
  }

  /** Taken before anything is stored, so that a refusal means that nothing was. @throws `too-many-waiters` */
  take(tenant: Name | undefined): Place {
    return this.#places.take(tenant);
  }

  /**
   * Resolves when the chain is active with this generation or a later one.
   *
   * @throws ChainstitchError `chain-rejected`, `wait-timeout`, `not-found` where it was deleted meanwhile,
   *   `shutting-down`
   */
  async untilActive(chain: Stored<'chains'>, timeout: number, request: FastifyRequest): Promise<void> {
    await this.#during(request, timeout, async (stop) => {
      for (;;) {
        const status = this.#look(chain);
        if (status.observedGeneration >= chain.generation) {
          if (status.phase === 'active') return;
          if (status.phase === 'rejected') {
            throw stored('chain-rejected', chain, 'and a switch refused its flows', status);
          }
        }
        if (this.#closing.aborted)
          throw stored('shutting-down', chain, 'and the controller is stopping', status);
        if (stop.aborted) {
          throw stored('wait-timeout', chain, `and is ${status.phase} after ${timeout / 1000}s`, status);
        }
        await this.#introspection.changed(stop);
      }
    });
  }

  /**
   * Resolves when control has looked at the chain as it is now and its switches have answered for the flows that
   * close it, or could not, or the time is up. What came of it is in the status.
   */
  async untilClosed(chain: Stored<'chains'>, revision: number, request: FastifyRequest): Promise<void> {
    await this.#during(request, API_LIMITS.closingMs, async (stop) => {
      while (!stop.aborted) {
        if (this.#introspection.observedRevision() >= revision) {
          const { phase, conditions } = statusOf(this.#introspection, chain);
          const flows = conditions.find(({ type }) => type === 'FlowsInstalled');
          const canBe = conditions.every(({ reason }) => !HOPELESS.has(reason));
          if (flows === undefined || flows.status || phase === 'rejected' || !canBe) return;
        }
        await this.#introspection.changed(stop);
      }
    });
  }

  /** Resolves when nothing is left of a deleted chain. @throws ChainstitchError `wait-timeout`, `shutting-down` */
  async untilGone(chain: Stored<'chains'>, timeout: number, request: FastifyRequest): Promise<void> {
    await this.#during(request, timeout, async (stop) => {
      while (this.#introspection.remains(chain.uid).length > 0) {
        if (stop.aborted) {
          const code = this.#closing.aborted ? 'shutting-down' : 'wait-timeout';
          const detail = `chain ${chain.spec.name} is deleted, and after ${timeout / 1000}s paths of it are left`;
          throw new ChainstitchError(code, detail);
        }
        await this.#introspection.changed(stop);
      }
    });
  }

  /** Work that is told to stop when the time is up, the client is gone or the server closes. */
  async #during(
    request: FastifyRequest,
    milliseconds: number,
    work: (stop: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const over = new AbortController();
    const end = (): void => over.abort();
    const timer = setTimeout(end, milliseconds);
    request.raw.socket.once('close', end);
    try {
      await work(AbortSignal.any([over.signal, this.#closing]));
    } finally {
      clearTimeout(timer);
      request.raw.socket.removeListener('close', end);
    }
  }

  #look(chain: Stored<'chains'>): ShownStatus {
    const { name } = chain.spec;
    const now = this.#store.declared().chains.get(name as Name);
    if (now === undefined || now.uid !== chain.uid) {
      throw new ChainstitchError('not-found', `chain ${name} was deleted while its state was waited for`);
    }
    return statusOf(this.#introspection, now);
  }
}

function stored(
  code: 'chain-rejected' | 'wait-timeout' | 'shutting-down',
  chain: { readonly spec: ChainSpec; readonly generation: number },
  what: string,
  chainStatus: ShownStatus,
): ChainstitchError {
  const detail = `chain ${chain.spec.name} is stored as generation ${chain.generation} ${what}`;
  return new ProblemWithMembers(code, detail, {
    generation: chain.generation,
    chainStatus,
  });
}
