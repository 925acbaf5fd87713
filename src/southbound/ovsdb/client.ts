import { ChainstitchError } from '../../model/errors.ts';
import type { TlsCredentials } from '../../model/interfaces.ts';
import type { Log } from '../log.ts';
import { CONNECTION_LIMITS, type ConnectionLimits, OvsdbConnection } from './connection.ts';
import { FOLLOWED, Tables } from './tables.ts';
import type { Operation } from './values.ts';

const DATABASE = 'Open_vSwitch';
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 8000;

export type OvsdbClientOptions = {
  readonly address: string;
  readonly log: Log;
  /** The copy of the tables changed, or the connection came or went. */
  readonly changed: () => void;
  readonly limits?: ConnectionLimits;
  /** For `ssl:` addresses; read anew for each connection. */
  readonly tls?: TlsCredentials;
};

/** A lasting relation to one OVSDB server: it connects again by itself and follows the tables. */
export class OvsdbClient {
  readonly address: string;
  readonly #options: OvsdbClientOptions;
  readonly #watchers = new Set<() => void>();
  #connection: OvsdbConnection | undefined;
  #tables: Tables | undefined;
  #pause = FIRST_PAUSE_MS;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;
  #hurried: NodeJS.Timeout | undefined;
  #impatient = false;
  #problem = 'not connected yet';
  readonly #attempt = Promise.withResolvers<void>();

  constructor(options: OvsdbClientOptions) {
    this.address = options.address;
    this.#options = options;
    this.#connect();
  }

  /** Resolves when the first attempt to connect has succeeded or failed; before that nothing can be said. */
  get attempted(): Promise<void> {
    return this.#attempt.promise;
  }

  /** The followed tables; absent while there is no connection. */
  get tables(): Tables | undefined {
    return this.#tables;
  }

  /** This host's address as the server sees it; absent over a unix socket. */
  get localAddress(): string | undefined {
    return this.#connection?.localAddress;
  }

  /** Why `tables` is absent. */
  get problem(): string {
    return this.#problem;
  }

  /** Does all operations or none. @throws ChainstitchError `ovsdb-failed` with the server's reason */
  async transact(operations: readonly Operation[]): Promise<readonly unknown[]> {
    const connection = this.#connection;
    if (connection === undefined) throw this.#unreachable();
    const results = await connection.request('transact', [DATABASE, ...operations]);
    if (!Array.isArray(results)) throw this.#failed('the answer to a transaction is no list');
    // A result beyond the operations is the commit's own failure.
    for (const result of results as readonly ({ error?: unknown; details?: unknown } | null)[]) {
      if (result?.error === undefined) continue;
      throw this.#failed(`${String(result.error)}: ${String(result.details ?? '')}`);
    }
    return results;
  }

  /**
   * Gives what `probe` finds in the tables, as soon as it finds something.
   * @throws ChainstitchError `ovsdb-failed` when it has found nothing in time, or what `probe` throws
   */
  until<T>(what: string, timeoutMs: number, probe: (tables: Tables) => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        this.#watchers.delete(look);
        clearTimeout(timer);
        act();
      };
      const timer = setTimeout(() => {
        settle(() => reject(this.#tables ? this.#failed(`${what}: not in time`) : this.#unreachable()));
      }, timeoutMs);
      const look = () => {
        try {
          if (this.#closed || (this.#impatient && this.#tables === undefined)) throw this.#unreachable();
          const found = this.#tables === undefined ? undefined : probe(this.#tables);
          if (found !== undefined) settle(() => resolve(found));
        } catch (error) {
          settle(() => reject(error));
        }
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** After this time nobody waits any more for a server that is away. */
  hurry(ms: number): void {
    this.#hurried ??= setTimeout(() => {
      this.#impatient = true;
      for (const watcher of [...this.#watchers]) watcher();
    }, ms);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#hurried);
    this.#problem = 'closed';
    this.#connection?.close('closed');
    this.#notify();
  }

  #failed(detail: string): ChainstitchError {
    return new ChainstitchError('ovsdb-failed', `${this.address}: ${detail}`);
  }

  #unreachable(): ChainstitchError {
    return this.#failed(`no connection: ${this.#problem}`);
  }

  #notify(): void {
    for (const watcher of [...this.#watchers]) watcher();
    if (!this.#closed) this.#options.changed();
  }

  #connect(): void {
    // Updates that arrive together with the first content, and are newer.
    const early: unknown[] = [];
    const connection = new OvsdbConnection(
      this.address,
      {
        open: () => void this.#follow(connection, early),
        notification: (method, params) => {
          if (method !== 'update' || !Array.isArray(params)) return;
          if (this.#tables === undefined) {
            early.push(params[1]);
            return;
          }
          this.#tables.apply(params[1]);
          this.#notify();
        },
        closed: (reason) => this.#lost(reason),
      },
      this.#options.limits ?? CONNECTION_LIMITS,
      this.#options.tls?.current(),
    );
    this.#connection = connection;
  }

  async #follow(connection: OvsdbConnection, early: readonly unknown[]): Promise<void> {
    const requests = Object.fromEntries(
      Object.entries(FOLLOWED).map(([table, columns]) => [table, { columns }]),
    );
    try {
      const tables = new Tables();
      tables.apply(await connection.request('monitor', [DATABASE, 'chainstitch', requests]));
      if (this.#connection !== connection || this.#closed) return;
      for (const update of early) tables.apply(update);
      this.#tables = tables;
      this.#attempt.resolve();
      this.#pause = FIRST_PAUSE_MS;
      this.#options.log.info({ ovsdb: this.address }, 'following the OVSDB server');
      this.#notify();
    } catch (error) {
      connection.close(error instanceof Error ? error.message : String(error));
    }
  }

  #lost(reason: string): void {
    const stood = this.#tables !== undefined;
    this.#attempt.resolve();
    this.#connection = undefined;
    this.#tables = undefined;
    if (this.#closed) return;
    if (stood || this.#problem !== reason)
      this.#options.log.warn({ ovsdb: this.address, reason }, 'no connection to the OVSDB server');
    this.#problem = reason;
    // Jitter, so that many controllers do not come back in step.
    this.#retry = setTimeout(() => this.#connect(), this.#pause * (0.75 + Math.random() / 2));
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS);
    this.#notify();
  }
}
