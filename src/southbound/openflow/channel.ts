import type { Socket } from 'node:net';
import { EncodeError, type Message, type MessageOf, type Version } from 'ts-openflow';
import type { Log } from '../log.ts';
import type { Port } from './exchange.ts';
import { type Request, Session, type SessionEvent, type SessionLimits } from './session.ts';

/** The switch answered with an error. */
export class Refused extends Error {
  readonly answer: MessageOf<'error'>;
  constructor(answer: MessageOf<'error'>) {
    super(`the switch answered with error ${answer.errorType}/${answer.code}`);
    this.name = 'Refused';
    this.answer = answer;
  }
}

/** The connection ended before the answer. */
export class Disconnected extends Error {
  override readonly name = 'Disconnected';
}

export type ChannelEvents = {
  ready(channel: Channel): void;
  ports(channel: Channel): void;
  packetIn(channel: Channel, message: MessageOf<'packetIn'>): void;
  /** Comes once. */
  closed(channel: Channel, reason: string): void;
  /** So many packets were thrown away unread. */
  flood?(dropped: number): void;
};

export type ChannelOptions = {
  readonly socket: Socket;
  readonly events: ChannelEvents;
  readonly now: () => number;
  readonly log: Log;
  readonly limits?: Partial<SessionLimits>;
};

/** Bytes that wait for the peer to read them; our own bulk waits before that, so it is the peer who asks and never reads. */
const MAX_UNREAD = 1 << 25;
const MESSAGES_AT_ONCE = 512;

/** The switch's error, or why its version of OpenFlow cannot say this at all. */
export type Fault = MessageOf<'error'> | EncodeError;

/** Faults of messages that were told, by their places. */
export type Told = { readonly faults: ReadonlyMap<number, Fault>; readonly done: () => void };

type Waiting = { resolve(message: Message): void; reject(error: Error): void };

/** The xid in the beginning of the refused message, which an error quotes; not every switch repeats it outside. */
function quotedXid({ data }: MessageOf<'error'>): number {
  return data.byteLength < 8 ? -1 : new DataView(data.buffer, data.byteOffset).getUint32(4);
}

/** A connected switch: drives the session over its socket and turns answers into promises. */
export class Channel {
  readonly #options: ChannelOptions;
  readonly #session: Session;
  readonly #waiting = new Map<number, Waiting>();
  readonly #lifeSigns = new Set<() => void>();
  readonly peer: string;
  readonly #watchers = new Set<(error: MessageOf<'error'>) => boolean>();
  #timer: NodeJS.Timeout | undefined;
  #dpid = 0n;
  #closed = false;

  constructor(options: ChannelOptions) {
    this.#options = options;
    const { socket } = options;
    this.peer = `${socket.remoteAddress}:${socket.remotePort}`;
    this.#session = new Session(options.limits);
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#input(chunk));
    socket.on('error', (error) => this.close(error.message));
    socket.on('close', () => this.close('the switch closed the connection'));
    this.#session.connected(options.now());
    this.#act();
  }

  get dpid(): bigint {
    return this.#dpid;
  }

  get version(): Version {
    return this.#session.version;
  }

  get ports(): ReadonlyMap<number, Port> {
    return this.#session.ports;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Sends a request and gives its answer. @throws Refused, Disconnected */
  ask(request: Request): Promise<Message> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new Disconnected('not connected'));
      const xid = this.#session.send(request, this.#options.now());
      this.#waiting.set(xid, { resolve, reject });
      this.#act();
    });
  }

  /**
   * Sends many messages that are answered only if they fail. Their faults gather in what this gives, each by
   * the place of its message, until `done` is called; a barrier asked for afterwards makes them complete.
   */
  async tell(requests: Iterable<Request>): Promise<Told> {
    const places = new Map<number, number>();
    const faults = new Map<number, Fault>();
    const watch = (error: MessageOf<'error'>): boolean => {
      const place = places.get(error.xid) ?? places.get(quotedXid(error));
      if (place !== undefined) faults.set(place, error);
      return place !== undefined;
    };
    this.#watchers.add(watch);
    const done = () => void this.#watchers.delete(watch);
    try {
      let place = 0;
      for (const request of requests) {
        if (this.#closed) throw new Disconnected('not connected');
        try {
          places.set(this.#session.send(request, this.#options.now()), place);
        } catch (error) {
          if (!(error instanceof EncodeError)) throw error;
          faults.set(place, error);
        }
        place++;
        if (place % MESSAGES_AT_ONCE !== 0) continue;
        this.#act();
        await this.#drained();
      }
      this.#act();
    } catch (error) {
      done();
      throw error;
    }
    return { faults, done };
  }

  /** Whether the peer gives a sign of life within this time. */
  alive(withinMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.#closed) return resolve(false);
      const settle = (answer: boolean) => {
        clearTimeout(timer);
        this.#lifeSigns.delete(sign);
        resolve(answer);
      };
      const sign = () => settle(!this.#closed);
      const timer = setTimeout(() => settle(false), withinMs);
      this.#lifeSigns.add(sign);
      this.#session.probe();
      this.#act();
    });
  }

  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#session.closed();
    // What was sent before, such as the reason as an OpenFlow error, still goes out; a peer that does not
    // read it is cut off.
    const { socket } = this.#options;
    socket.end();
    const cut = setTimeout(() => socket.destroy(), 1000);
    socket.once('close', () => clearTimeout(cut));
    socket.removeAllListeners('data');
    socket.resume();
    for (const { reject } of this.#waiting.values()) reject(new Disconnected(reason));
    this.#waiting.clear();
    for (const sign of [...this.#lifeSigns]) sign();
    this.#options.events.closed(this, reason);
  }

  /** Cuts the connection without ceremony. */
  destroy(reason: string): void {
    this.close(reason);
    this.#options.socket.destroy();
  }

  #input(chunk: Uint8Array): void {
    if (this.#closed) return;
    for (const sign of [...this.#lifeSigns]) sign();
    try {
      this.#session.bytes(chunk, this.#options.now());
      this.#act();
    } catch (error) {
      // A defect of ours that some bytes bring to light must cost their sender's connection and no more.
      this.#options.log.error({ peer: this.peer, err: error }, 'could not handle what a switch sent');
      this.destroy('what it sent could not be handled');
    }
  }

  async #drained(): Promise<void> {
    const { socket } = this.#options;
    if (!socket.writableNeedDrain) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        socket.off('drain', done);
        socket.off('close', done);
        resolve();
      };
      socket.on('drain', done);
      socket.on('close', done);
    });
  }

  #act(): void {
    const { socket } = this.#options;
    let closing: string | undefined;
    let batch: Uint8Array[] = [];
    for (const output of this.#session.drain()) {
      if (output.kind === 'send') batch.push(output.bytes);
      else if (output.kind === 'event') this.#event(output.event);
      else closing = output.reason;
    }
    if (batch.length > 0) socket.write(batch.length === 1 ? (batch[0] as Uint8Array) : Buffer.concat(batch));
    batch = [];
    if (closing !== undefined) {
      this.close(closing);
      return;
    }
    if (socket.writableLength > MAX_UNREAD) {
      this.destroy('the switch does not read what it asks for');
      return;
    }
    if (!this.#closed) this.#schedule();
  }

  #schedule(): void {
    const at = this.#session.wakeAt;
    clearTimeout(this.#timer);
    if (!Number.isFinite(at)) return;
    this.#timer = setTimeout(
      () => {
        this.#session.tick(this.#options.now());
        this.#act();
      },
      Math.max(1, at - this.#options.now()),
    );
  }

  #event(event: SessionEvent): void {
    switch (event.kind) {
      case 'ready':
        this.#dpid = event.dpid;
        this.#options.events.ready(this);
        return;
      case 'ports':
        this.#options.events.ports(this);
        return;
      case 'packetIn':
        this.#options.events.packetIn(this, event.message);
        return;
      case 'flood':
        this.#options.events.flood?.(event.dropped);
        this.#options.log.warn(
          { peer: this.peer, dropped: event.dropped },
          'the switch sends more packets than are looked at; the others are thrown away',
        );
        return;
      case 'reply': {
        const waiting = this.#waiting.get(event.xid);
        this.#waiting.delete(event.xid);
        waiting?.resolve(event.message);
        return;
      }
      case 'error': {
        const waiting = this.#waiting.get(event.xid);
        this.#waiting.delete(event.xid);
        if (waiting !== undefined) {
          waiting.reject(new Refused(event.message));
          return;
        }
        if ([...this.#watchers].some((watch) => watch(event.message))) return;
        this.#options.log.warn(
          { peer: this.peer, errorType: event.message.errorType, code: event.message.code },
          'the switch reported an error that nothing was waiting for',
        );
      }
    }
  }
}
