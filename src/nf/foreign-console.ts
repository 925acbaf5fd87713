/**
 * The console of a guest that speaks no contract: what it says is read for the one text that means that it is ready.
 */
import { connect, type Socket } from 'node:net';
import type { Clock } from './clock.ts';
import type { ConsoleEvents } from './console.ts';
import type { GuestLine, Request } from './contract.ts';

/** Bytes of what it said last that are remembered: a text may come in pieces. */
const REMEMBERED = 4_096;
const RETRY_MS = 20;

export type ForeignGuest = {
  readonly id: string;
  readonly function: string;
  /** Of the config that it was booted with. */
  readonly revision: number;
  /** Absent where something else says that it is ready. */
  readonly readyText: string | undefined;
};

export class ForeignConsole {
  readonly #path: string;
  readonly #guest: ForeignGuest;
  readonly #clock: Clock;
  readonly #events: ConsoleEvents;
  #socket: Socket | undefined;
  #cancelTimer = (): void => {};
  #said = '';
  #isReady = false;
  #over = false;

  /** Connects, again and again until there is something to connect to. */
  constructor(path: string, guest: ForeignGuest, clock: Clock, events: ConsoleEvents) {
    this.#path = path;
    this.#guest = guest;
    this.#clock = clock;
    this.#events = events;
    this.#connect();
  }

  /** The guest has shown by other means that it is ready. */
  becomeReady(): void {
    if (this.#isReady || this.#over) return;
    this.#isReady = true;
    const { id, function: name, revision } = this.#guest;
    this.#events.said({ kind: 'ready', function: name, id, revision });
  }

  /** There is nobody to ask: that it lives is said by its process, and that it works by the switch. */
  async request({ kind }: Request): Promise<GuestLine> {
    if (this.#over) throw new Error('the console is closed');
    if (kind === 'health' || kind === 'time') return { kind };
    throw new Error('the guest speaks no contract');
  }

  close(): void {
    this.#over = true;
    this.#cancelTimer();
    this.#socket?.destroy();
  }

  #connect(): void {
    const socket = connect(this.#path);
    this.#socket = socket;
    let opened = false;
    socket.on('connect', () => {
      opened = true;
    });
    socket.on('data', (bytes: Buffer) => this.#hear(bytes.toString('latin1')));
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.#over) return;
      if (!opened) {
        this.#cancelTimer = this.#clock.after(RETRY_MS, () => this.#connect());
        return;
      }
      this.close();
      const last = this.#said
        .replaceAll(/[^\x20-\x7e]+/g, ' ')
        .trim()
        .slice(-200);
      this.#events.ended(`its console closed${last === '' ? '' : `; it said last: ${last}`}`);
    });
  }

  #hear(text: string): void {
    const { readyText } = this.#guest;
    const known = `${this.#said}${text}`;
    if (readyText !== undefined && known.includes(readyText)) this.becomeReady();
    this.#said = known.slice(-REMEMBERED);
  }
}
