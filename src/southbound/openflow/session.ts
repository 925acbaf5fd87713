/**
 * One OpenFlow connection as seen from the controller, as a state machine: bytes, time and commands go in,
 * bytes and events come out. It opens nothing, waits for nothing and does not know what time it is.
 */
import {
  DecodeError,
  decode,
  encode,
  FrameDecoder,
  type Message,
  type MessageOf,
  MultipartAssembler,
  MultipartError,
  makeHello,
  negotiate,
  portReasons,
  ports,
  type Version,
} from 'ts-openflow';
import { answersOf, type Port } from './exchange.ts';
import { TokenBucket } from './token-bucket.ts';

export type SessionEvent =
  /** The switch has said who it is and which ports it has. */
  | { readonly kind: 'ready'; readonly dpid: bigint; readonly version: Version }
  /** A port came, went or changed. */
  | { readonly kind: 'ports' }
  /** A flow sent a packet here. */
  | { readonly kind: 'packetIn'; readonly message: MessageOf<'packetIn'> }
  /** The whole answer to a request. */
  | { readonly kind: 'reply'; readonly xid: number; readonly message: Message }
  /** The switch refused something that was sent. */
  | { readonly kind: 'error'; readonly xid: number; readonly message: MessageOf<'error'> }
  /** So many packet-ins were thrown away unread since this was last said, which is not often. */
  | { readonly kind: 'flood'; readonly dropped: number };

export type Output =
  | { readonly kind: 'send'; readonly bytes: Uint8Array }
  | { readonly kind: 'event'; readonly event: SessionEvent }
  /** The connection is to be closed, after what was sent before. Nothing follows. */
  | { readonly kind: 'close'; readonly reason: string };

export type SessionLimits = {
  /** From the connection to the peer's hello. */
  readonly helloMs: number;
  /** From the hello to the description of the ports. */
  readonly handshakeMs: number;
  /** Silence after which the peer is asked for a sign of life, and again until it is given up. */
  readonly idleMs: number;
  /** From a request to its whole answer. */
  readonly replyMs: number;
  /** Messages that are no OpenFlow, or not for a controller, before the connection is closed. */
  readonly faults: number;
  /** Entries of one answer: flows or ports. */
  readonly entries: number;
  /** Packet-ins that are read in a second, and at once after a quiet time. The others cost next to nothing. */
  readonly packetIns: { readonly perSecond: number; readonly burst: number };
};

export const SESSION_LIMITS: SessionLimits = {
  helloMs: 5_000,
  handshakeMs: 30_000,
  idleMs: 5_000,
  replyMs: 60_000,
  faults: 32,
  entries: 1_000_000,
  packetIns: { perSecond: 500, burst: 1000 },
};

/** Milliseconds between two words on one flood. */
const FLOOD_SAID_MS = 10_000;
/** The types of message whose number is the same in every version (OpenFlow 1.5.1, section 7.1.1). */
const PACKET_IN = 10;

/** Numbers of ofp_error_type and its codes that this side sends (OpenFlow 1.5.1, section 7.5.4). */
const HELLO_FAILED = { type: 0, incompatible: 0 } as const;
const BAD_REQUEST = { type: 1, badVersion: 0, badType: 1 } as const;
/** An error repeats at least this much of the message that it is about. */
const QUOTED_BYTES = 64;

/**
 * Peers count their own requests from 1, and some, such as `ovs-ofctl ping`, take the next message with the
 * number of their request for its answer. So ours are from another range.
 */
const FIRST_XID = 0x10000000;
const LAST_XID = 0x7fffffff;

type Phase = 'idle' | 'hello' | 'features' | 'ports' | 'ready' | 'closed';
type Pending = { readonly deadline: number; readonly answer: string; readonly parts: MultipartAssembler };
type Part = Parameters<MultipartAssembler['push']>[0];

/** A message whose version and xid the session fills in. */
export type Request = { [T in Message['type']]: Omit<MessageOf<T>, 'version' | 'xid'> }[Message['type']];

export class Session {
  readonly #limits: SessionLimits;
  readonly #frames = new FrameDecoder();
  readonly #pending = new Map<number, Pending>();
  readonly #ports = new Map<number, Port>();
  #outputs: Output[] = [];
  #phase: Phase = 'idle';
  #version: Version = 4;
  #dpid = 0n;
  #nextXid = FIRST_XID;
  #deadline = Number.POSITIVE_INFINITY;
  #heard = 0;
  #asked = false;
  #faults = 0;
  readonly #packetIns: TokenBucket;
  #flood = { dropped: 0, saidAt: Number.NEGATIVE_INFINITY };

  constructor(limits: Partial<SessionLimits> = {}) {
    this.#limits = { ...SESSION_LIMITS, ...limits };
    this.#packetIns = new TokenBucket(this.#limits.packetIns);
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** The ports by number; complete once the session is ready. */
  get ports(): ReadonlyMap<number, Port> {
    return this.#ports;
  }

  get version(): Version {
    return this.#version;
  }

  /** Takes what is to be done now, in order. */
  drain(): readonly Output[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  /** When `tick` is due at the latest. */
  get wakeAt(): number {
    if (this.#phase === 'idle' || this.#phase === 'closed') return Number.POSITIVE_INFINITY;
    // Before its hello there is nothing that a peer could be asked.
    if (this.#phase === 'hello') return this.#deadline;
    let at = Math.min(this.#deadline, this.#heard + this.#limits.idleMs * (this.#asked ? 2 : 1));
    for (const { deadline } of this.#pending.values()) at = Math.min(at, deadline);
    return at;
  }

  connected(now: number): void {
    this.#phase = 'hello';
    this.#heard = now;
    this.#deadline = now + this.#limits.helloMs;
    this.#send(encode(makeHello(this.#xid())));
  }

  bytes(chunk: Uint8Array, now: number): void {
    if (this.#phase === 'idle' || this.#phase === 'closed') return;
    this.#heard = now;
    this.#asked = false;
    try {
      for (const frame of this.#frames.push(chunk)) {
        this.#frame(frame, now);
        if ((this.#phase as Phase) === 'closed') return;
      }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#refuse(chunk, 0, error.ofError);
      this.close(`the stream cannot be followed: ${error.message}`);
    }
  }

  tick(now: number): void {
    if (this.#phase === 'idle' || this.#phase === 'closed') return;
    if (now >= this.#deadline) {
      this.close(`no ${this.#phase} in time`);
      return;
    }
    for (const { deadline, answer } of this.#pending.values())
      if (now >= deadline) {
        this.close(`no ${answer} in time`);
        return;
      }
    if (this.#phase === 'hello') return;
    const silence = now - this.#heard;
    if (silence >= 2 * this.#limits.idleMs && this.#asked) {
      this.close('no sign of life');
      return;
    }
    if (silence < this.#limits.idleMs || this.#asked) return;
    this.#asked = true;
    this.probe();
  }

  /** Asks for a sign of life. Any bytes are one. */
  probe(): number {
    const xid = this.#xid();
    this.#send(encode({ type: 'echoRequest', version: this.#version, xid, data: new Uint8Array(0) }));
    return xid;
  }

  /** The connection is gone. */
  closed(): void {
    this.#phase = 'closed';
    this.#pending.clear();
  }

  /** Gives up the connection. */
  close(reason: string): void {
    if (this.#phase === 'closed') return;
    this.closed();
    this.#outputs.push({ kind: 'close', reason });
  }

  /** Sends a message and gives its xid; where it has an answer, an event brings that or an error. */
  send(request: Request, now: number): number {
    const xid = this.#xid();
    this.#send(this.encode(request, xid));
    const answer = answersOf(request.type);
    if (answer !== undefined)
      this.#pending.set(xid, {
        deadline: now + this.#limits.replyMs,
        answer,
        parts: new MultipartAssembler({ maxEntries: this.#limits.entries }),
      });
    return xid;
  }

  /** The bytes of a message; for one inside a bundle, the inner message gets the same xid. */
  encode(request: Request, xid: number): Uint8Array {
    const head = { version: this.#version, xid };
    const message = { ...request, ...head } as Message;
    if (message.type !== 'bundleAdd') return encode(message);
    return encode({ ...message, message: { ...message.message, ...head } });
  }

  #xid(): number {
    const xid = this.#nextXid;
    this.#nextXid = xid === LAST_XID ? FIRST_XID : xid + 1;
    return xid;
  }

  #send(bytes: Uint8Array): void {
    if (this.#phase === 'closed') return;
    this.#outputs.push({ kind: 'send', bytes });
  }

  #emit(event: SessionEvent): void {
    this.#outputs.push({ kind: 'event', event });
  }

  #frame(frame: Uint8Array, now: number): void {
    if (frame[1] === PACKET_IN && !this.#packetIns.take(now)) {
      this.#dropped(now);
      return;
    }
    let message: Message;
    try {
      message = decode(frame);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#fault(frame, error.ofError, error.message);
      return;
    }
    if (this.#phase === 'hello') {
      this.#hello(message, frame, now);
      return;
    }
    switch (message.type) {
      case 'echoRequest':
        this.#send(
          encode({ type: 'echoReply', version: this.#version, xid: message.xid, data: message.data }),
        );
        return;
      case 'echoReply':
      case 'hello':
        return;
      case 'error':
        this.#error(message);
        return;
      default:
    }
    if (message.version !== this.#version) {
      const code = { type: BAD_REQUEST.type, code: BAD_REQUEST.badVersion };
      this.#fault(frame, code, `${message.type} of wire version ${message.version}`);
      return;
    }
    if (message.type === 'portStatus') {
      this.#portStatus(message);
      return;
    }
    if (message.type === 'packetIn') {
      if (this.#phase === 'ready') this.#emit({ kind: 'packetIn', message });
      return;
    }
    // Nothing else is asked to be sent to the controller: what comes all the same is not kept.
    if (message.type === 'flowRemoved' || message.type === 'roleStatus') return;
    const pending = this.#pending.get(message.xid);
    if (pending?.answer === message.type) {
      this.#answer(pending, message, now);
      return;
    }
    // A late answer is no fault; what only a controller may send, or nobody, is one.
    if (/Reply$/.test(message.type)) return;
    this.#fault(frame, { type: BAD_REQUEST.type, code: BAD_REQUEST.badType }, `unexpected ${message.type}`);
  }

  #dropped(now: number): void {
    this.#flood.dropped++;
    if (now - this.#flood.saidAt < FLOOD_SAID_MS) return;
    this.#emit({ kind: 'flood', dropped: this.#flood.dropped });
    this.#flood = { dropped: 0, saidAt: now };
  }

  #hello(message: Message, frame: Uint8Array, now: number): void {
    if (message.type === 'error') {
      this.close('the peer refused the hello');
      return;
    }
    if (message.type !== 'hello') {
      this.#refuse(frame, message.xid, { type: BAD_REQUEST.type, code: BAD_REQUEST.badType });
      this.close(`${message.type} instead of a hello`);
      return;
    }
    const version = negotiate(message);
    if (version === undefined) {
      const data = new TextEncoder().encode('this controller speaks OpenFlow 1.3 and 1.5');
      const { type: errorType, incompatible: code } = HELLO_FAILED;
      const head = { version: Math.max(1, message.version), xid: message.xid };
      this.#send(encode({ type: 'error', ...head, errorType, code, data }));
      this.close('no version of OpenFlow in common');
      return;
    }
    this.#version = version;
    this.#phase = 'features';
    this.#deadline = now + this.#limits.handshakeMs;
    this.send({ type: 'featuresRequest' }, now);
  }

  #answer(pending: Pending, message: Message, now: number): void {
    let whole: Message | undefined = message;
    try {
      if (isPart(message)) whole = pending.parts.push(message);
    } catch (error) {
      if (!(error instanceof MultipartError)) throw error;
      this.close(error.message);
      return;
    }
    // Every part shows that the answer is under way.
    if (whole === undefined) {
      this.#pending.set(message.xid, { ...pending, deadline: now + this.#limits.replyMs });
      return;
    }
    this.#pending.delete(message.xid);
    if (whole.type === 'featuresReply' && this.#phase === 'features') {
      this.#features(whole, now);
      return;
    }
    if (whole.type === 'portDescReply' && this.#phase === 'ports') {
      this.#described(whole);
      return;
    }
    this.#emit({ kind: 'reply', xid: whole.xid, message: whole });
  }

  #features(message: MessageOf<'featuresReply'>, now: number): void {
    if (message.auxiliaryId !== 0) {
      this.close('auxiliary connections are not used');
      return;
    }
    this.#dpid = message.datapathId;
    this.#phase = 'ports';
    this.send({ type: 'portDescRequest', flags: 0, port: ports.any }, now);
  }

  #described(message: MessageOf<'portDescReply'>): void {
    for (const port of message.ports) this.#ports.set(port.port, port);
    this.#phase = 'ready';
    this.#deadline = Number.POSITIVE_INFINITY;
    this.#emit({ kind: 'ready', dpid: this.#dpid, version: this.#version });
  }

  #portStatus({ reason, port }: MessageOf<'portStatus'>): void {
    if (reason === portReasons.delete) this.#ports.delete(port.port);
    else if (this.#ports.size < this.#limits.entries) this.#ports.set(port.port, port);
    if (this.#phase === 'ready') this.#emit({ kind: 'ports' });
  }

  #error(message: MessageOf<'error'>): void {
    if (this.#phase !== 'ready') {
      this.close(`the peer refused the handshake: error ${message.errorType}/${message.code}`);
      return;
    }
    this.#pending.delete(message.xid);
    this.#emit({ kind: 'error', xid: message.xid, message });
  }

  /** A message that cannot be used: the peer is told, and given up when it goes on. */
  #fault(frame: Uint8Array, error: { type: number; code: number }, detail: string): void {
    const isError = frame[1] === 1;
    if (!isError) this.#refuse(frame, xidOf(frame), error);
    if (this.#phase === 'hello') {
      this.close(`no hello: ${detail}`);
      return;
    }
    if (++this.#faults > this.#limits.faults) this.close(`too many faults, the last: ${detail}`);
  }

  #refuse(about: Uint8Array, xid: number, error: { type: number; code: number }): void {
    this.#send(
      encode({
        type: 'error',
        version: this.#version,
        xid,
        errorType: error.type,
        code: error.code,
        data: about.slice(0, QUOTED_BYTES),
      }),
    );
  }
}

/** Multipart replies have flags; of the other answers only the configuration has. */
const isPart = (message: Message): message is Part =>
  'flags' in message && message.type.endsWith('Reply') && message.type !== 'getConfigReply';

const xidOf = (frame: Uint8Array): number => new DataView(frame.buffer, frame.byteOffset).getUint32(4);
