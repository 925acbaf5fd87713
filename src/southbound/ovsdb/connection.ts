import net from 'node:net';
import tls from 'node:tls';
import { ChainstitchError } from '../../model/errors.ts';
import type { TlsMaterial } from '../../model/interfaces.ts';
import { type OvsdbAddress, parseOvsdbAddress } from './address.ts';
import { JsonStream } from './json-stream.ts';

export type ConnectionEvents = {
  /** The connection stands; requests may be sent. */
  open(): void;
  /** The server sends what nobody asked for: a change of a followed table. */
  notification(method: string, params: unknown): void;
  /** It is over, or never was. Comes once; outstanding requests have failed. */
  closed(reason: string): void;
};

export type ConnectionLimits = {
  /** Of one JSON object. A reply about 10,000 ports is some megabytes. */
  readonly maxBytes: number;
  readonly requestTimeoutMs: number;
  /** Silence after which the peer is asked whether it is there. */
  readonly idleMs: number;
};

export const CONNECTION_LIMITS: ConnectionLimits = {
  maxBytes: 1 << 26,
  requestTimeoutMs: 5000,
  idleMs: 5000,
};

type Waiting = {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: ChainstitchError) => void;
  readonly timer: NodeJS.Timeout;
};

const failed = (detail: string): ChainstitchError => new ChainstitchError('ovsdb-failed', detail);

/** @throws ChainstitchError `ovsdb-failed` where TLS is asked for and there are no certificates */
function connect(address: OvsdbAddress, material: TlsMaterial | undefined): net.Socket {
  if (address.kind === 'unix') return net.connect(address.path);
  const { host, port } = address;
  if (address.kind === 'tcp') return net.connect(port, host);
  if (material === undefined)
    throw failed(
      `this controller has no certificates to reach ssl:${host}:${port} with: set switch-tls-cert`,
    );
  // As Open vSwitch does it: an authority of its own signs switches and controllers and nobody else, and names
  // in these certificates are no host names. So the signature is what counts.
  return tls.connect({
    ...material,
    host,
    port,
    minVersion: 'TLSv1.2',
    checkServerIdentity: () => undefined,
  });
}

/** One connection to an OVSDB server: JSON-RPC 1.0 in both directions. It does not come back by itself. */
export class OvsdbConnection {
  readonly #address: string;
  readonly #events: ConnectionEvents;
  readonly #limits: ConnectionLimits;
  readonly #socket: net.Socket;
  readonly #stream: JsonStream;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #open = false;
  #closed = false;

  /** @throws ChainstitchError `ovsdb-failed` where the address cannot be connected to as things are set */
  constructor(
    address: string,
    events: ConnectionEvents,
    limits: ConnectionLimits = CONNECTION_LIMITS,
    material?: TlsMaterial,
  ) {
    this.#address = address;
    this.#events = events;
    this.#limits = limits;
    this.#stream = new JsonStream(limits);
    const parsed = parseOvsdbAddress(address);
    this.#socket = connect(parsed, material);
    this.#socket.setTimeout(limits.requestTimeoutMs);
    this.#socket.on(parsed.kind === 'ssl' ? 'secureConnect' : 'connect', () => {
      this.#open = true;
      this.#socket.setTimeout(limits.idleMs);
      events.open();
    });
    this.#socket.on('data', (chunk) => this.#receive(chunk));
    this.#socket.on('timeout', () => this.#idle());
    this.#socket.on('error', (error) => this.close(error.message));
    this.#socket.on('close', () => this.close('the server closed the connection'));
  }

  /** Sends a request and gives its result. @throws ChainstitchError `ovsdb-failed` */
  request(method: string, params: readonly unknown[]): Promise<unknown> {
    if (this.#closed) return Promise.reject(failed(`no connection to ${this.#address}`));
    const id = this.#nextId++;
    this.#send({ method, params, id });
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(failed(`${this.#address} has not answered "${method}" in time`));
        // Whether it was done cannot be known any more: begin anew from what the server says next.
        this.close(`no answer to "${method}"`);
      }, this.#limits.requestTimeoutMs);
      this.#waiting.set(id, { resolve, reject, timer });
    });
  }

  /** This host's address as the server sees it; absent over a unix socket. */
  get localAddress(): string | undefined {
    return this.#socket.localAddress;
  }

  /** Ends the connection; everything outstanding fails with this reason. */
  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.destroy();
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(failed(`lost the connection to ${this.#address}: ${reason}`));
    }
    this.#waiting.clear();
    this.#events.closed(reason);
  }

  #send(message: object): void {
    this.#socket.write(JSON.stringify(message));
  }

  /** Nothing was heard for a while: ask, so that a peer that is gone without a word is noticed. */
  #idle(): void {
    if (!this.#open) this.close('no connection in time');
    else if (this.#waiting.size === 0) this.request('echo', []).catch(() => {});
  }

  #receive(chunk: Uint8Array): void {
    try {
      for (const message of this.#stream.push(chunk)) {
        if (this.#closed) return;
        this.#dispatch(message as Record<string, unknown>);
      }
    } catch (error) {
      this.close(error instanceof Error ? error.message : String(error));
    }
  }

  #dispatch(message: Record<string, unknown>): void {
    const { id, method, params, result, error } = message;
    if (typeof method === 'string') {
      if (id === undefined || id === null) this.#events.notification(method, params);
      else if (method === 'echo') this.#send({ id, result: params ?? [], error: null });
      else this.#send({ id, result: null, error: { error: 'unknown method', details: method } });
      return;
    }
    const waiting = typeof id === 'number' ? this.#waiting.get(id) : undefined;
    if (waiting === undefined) return;
    this.#waiting.delete(id as number);
    clearTimeout(waiting.timer);
    if (error === null || error === undefined) waiting.resolve(result);
    else waiting.reject(failed(`${this.#address} refused: ${JSON.stringify(error)}`));
  }
}
