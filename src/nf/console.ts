/**
 * A guest's console: a connection to the emulator's socket, over which requests are answered in order.
 */
import { connect, type Socket } from 'node:net';
import type { InstanceId } from '../model/ids.ts';
import type { Clock } from './clock.ts';
import {
  CONTRACT,
  ContractViolation,
  encodeRequest,
  type GuestLine,
  parseLine,
  type Request,
} from './contract.ts';
import { LineReader } from './lines.ts';

/** Longer than a guest remembers half a request of a controller that died while it was sending. */
const HELLO_AGAIN_MS = CONTRACT.CONTRACT_STALE_MS + 500;
/** The emulator's socket is there some milliseconds after its start; nobody says when. */
const FIRST_RETRY_MS = 2;
const SLOWEST_RETRY_MS = 50;

export type ConsoleEvents = {
  /** What the guest says without having been asked, and the answers to hello. */
  readonly said: (line: GuestLine) => void;
  /** The connection has ended, and why. Called once, and never after `close`. */
  readonly ended: (reason: string) => void;
};

type Pending = {
  readonly request: Request;
  readonly resolve: (answer: GuestLine) => void;
  readonly reject: (reason: Error) => void;
};

const ANSWERS: Readonly<Record<Request['kind'], readonly GuestLine['kind'][]>> = {
  hello: ['ready', 'refused'],
  health: ['health'],
  counters: ['counters'],
  config: ['config-ok', 'config-refused'],
  time: ['time'],
  shutdown: ['shutdown'],
};

export class Console {
  readonly #path: string;
  readonly #id: InstanceId;
  readonly #clock: Clock;
  readonly #events: ConsoleEvents;
  readonly #queue: Pending[] = [];
  #socket: Socket | undefined;
  #cancelTimer = (): void => {};
  /** What came before the guest introduced itself may be the rest of what another connection asked for. */
  #introduced = false;
  #over = false;

  /** Connects, again and again until there is something to connect to, and says hello. */
  constructor(path: string, id: InstanceId, clock: Clock, events: ConsoleEvents) {
    this.#path = path;
    this.#id = id;
    this.#clock = clock;
    this.#events = events;
    this.#connect(FIRST_RETRY_MS);
  }

  /** Asks, after what was asked before has been answered. Rejects when the connection ends first. */
  request(request: Request): Promise<GuestLine> {
    return new Promise((resolve, reject) => {
      if (this.#over) {
        reject(new Error('the console is closed'));
        return;
      }
      this.#queue.push({ request, resolve, reject });
      if (this.#queue.length === 1) this.#send(request);
    });
  }

  close(): void {
    this.#finish('the console is closed');
  }

  #connect(retryAfter: number): void {
    const socket = connect(this.#path);
    this.#socket = socket;
    let opened = false;
    const reader = new LineReader(this.#clock.now());
    socket.on('connect', () => {
      opened = true;
      this.#hello();
    });
    socket.on('data', (bytes) => this.#receive(reader, bytes));
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.#over) return;
      if (opened) {
        this.#end('its console closed');
        return;
      }
      this.#cancelTimer = this.#clock.after(retryAfter, () =>
        this.#connect(Math.min(SLOWEST_RETRY_MS, retryAfter * 1.2)),
      );
    });
  }

  #hello(): void {
    if (this.#introduced || this.#over) return;
    this.#send({ kind: 'hello' });
    this.#cancelTimer = this.#clock.after(HELLO_AGAIN_MS, () => this.#hello());
  }

  #send(request: Request): void {
    this.#socket?.write(encodeRequest(request));
  }

  #receive(reader: LineReader, bytes: Uint8Array): void {
    try {
      for (const text of reader.push(bytes, this.#clock.now())) {
        if (this.#over) return;
        this.#take(text);
      }
    } catch (error) {
      if (!(error instanceof ContractViolation)) throw error;
      this.#end(`it broke the contract: ${error.message}`);
    }
  }

  #take(text: string): void {
    const line = this.#parse(text);
    if (!line) return;
    switch (line.kind) {
      // Only a request that lost its beginning while the guest booted is answered so; it was no request of ours.
      case 'error':
        return;
      case 'ready':
        if (line.id !== this.#id)
          throw new ContractViolation('wrong-guest', `the guest calls itself ${line.id}, not ${this.#id}`);
        this.#introduced = true;
        this.#events.said(line);
        return;
      case 'refused':
      case 'panic':
      case 'log':
      case 'state':
        this.#events.said(line);
        return;
      default:
        this.#answer(line);
    }
  }

  #parse(text: string): GuestLine | undefined {
    if (this.#introduced) return parseLine(text);
    try {
      return parseLine(text);
    } catch (error) {
      // An image that speaks another contract is to be told from a line that was cut in two.
      if (error instanceof ContractViolation && error.code === 'bad-ready') throw error;
      return undefined;
    }
  }

  #answer(line: GuestLine): void {
    if (!this.#introduced) return;
    const pending = this.#queue[0];
    if (!pending || !ANSWERS[pending.request.kind].includes(line.kind))
      throw new ContractViolation('out-of-order', `the guest answered "${line.kind}" unasked`);
    this.#queue.shift();
    const next = this.#queue[0];
    if (next) this.#send(next.request);
    pending.resolve(line);
  }

  #end(reason: string): void {
    if (this.#over) return;
    this.#finish(reason);
    this.#events.ended(reason);
  }

  #finish(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelTimer();
    this.#socket?.destroy();
    for (const pending of this.#queue.splice(0)) pending.reject(new Error(reason));
  }
}
