import { type Codec, type Tagged, tagged } from './bytes/codec.ts';
import { DecodeError, type OfErrorCode } from './bytes/errors.ts';
import { Reader } from './bytes/reader.ts';
import { Writer } from './bytes/writer.ts';
import { type BundleAdd, bundleAdd } from './messages/bundle.ts';
import {
  experimenterMultipart,
  type MessageRow,
  messageTable,
  type Part,
  type Place,
} from './messages/table.ts';
import { experimenters, version13, version15 } from './registry/numbers.ts';

/** What every message has: bytes 0 and 4 to 7 of its header. */
export interface Head {
  /**
   * The wire version: 4 for OpenFlow 1.3, 6 for 1.5. A hello, an error or an echo may have any, for it has
   * to be understood before a version is agreed on.
   */
  readonly version: number;
  /** Chosen by the asker, repeated in the answer: 0 to 0xffffffff. */
  readonly xid: number;
}

/** A message, experimenter or multipart type that the table does not have, or not in this version. */
export interface UnknownMessage {
  readonly code: number;
  /** All that follows the header of 8 bytes. */
  readonly data: Uint8Array;
}

/** An experimenter message that the table does not have. */
export interface ExperimenterMessage {
  readonly experimenter: number;
  readonly expType: number;
  readonly data: Uint8Array;
}

/** A multipart request or reply that the table does not have. */
export interface UnknownMultipart extends Part {
  readonly kind: number;
  readonly data: Uint8Array;
}

/** One of groupMod, meterMod and others, made by another controller (1.5.1, 7.4.6). */
export interface RequestForward {
  readonly request: Message;
}

interface OtherBodies {
  requestForward: RequestForward;
  bundleAdd: BundleAdd;
  experimenter: ExperimenterMessage;
  unknownMultipartRequest: UnknownMultipart;
  unknownMultipartReply: UnknownMultipart;
  unknown: UnknownMessage;
}

type Bodies = {
  [K in keyof typeof messageTable]: (typeof messageTable)[K] extends MessageRow<infer T> ? T : never;
} & OtherBodies;

export type MessageType = keyof Bodies;

/** Messages told apart by `type`. */
export type Message = { [K in MessageType]: { readonly type: K } & Head & Bodies[K] }[MessageType];

/** The message of one type. */
export type MessageOf<K extends MessageType> = Extract<Message, { type: K }>;

const headerBytes = 8;
const codes = { experimenter: 4, multipartRequest: 18, multipartReply: 19 } as const;
const bundleAddType = 2301;
const requestForwardType = 2350;

const badVersion: OfErrorCode = { type: 1, code: 0 };

/** A whole message with its header, as a structure among others: bundles carry messages. */
const message: Codec<Message> = {
  read(r) {
    const version = r.u8();
    const code = r.u8();
    const length = r.u16();
    const xid = r.u32();
    if (length < headerBytes) r.fail('length', `length ${length} is shorter than its own header`);
    const outer = r.version;
    r.version = version;
    const outerDomain = r.domain;
    const outerEnd = r.open(length - headerBytes, 'request');
    const value = readBody(r, { version, xid }, code);
    r.close(outerEnd, outerDomain);
    r.version = outer;
    return value;
  },
  write(w, v) {
    const start = w.length;
    const outer = w.version;
    w.version = v.version;
    w.u8(v.version);
    // The type and the length come when they are known.
    w.zeros(3);
    w.u32(v.xid);
    if (w.tracing) w.path.push(v.type);
    const code = writeBody(w, v);
    if (w.tracing) w.path.pop();
    w.patch8(start + 1, code);
    w.patch16(start + 2, w.length - start);
    w.version = outer;
  },
};

type Row = MessageRow<object>;

const rows = new Map<string, Row>([
  ...(Object.entries(messageTable) as [string, Row][]),
  [
    'bundleAdd',
    {
      v13: { code: codes.experimenter, experimenter: [experimenters.onf, bundleAddType] },
      v15: { code: 34 },
      body: bundleAdd(message),
    } as Row,
  ],
]);

// Over 1.3 it is ONF's extension EXT-192.
rows.set('requestForward', {
  v13: { code: codes.experimenter, experimenter: [experimenters.onf, requestForwardType] },
  v15: { code: 32 },
  body: {
    read: (r) => ({ request: message.read(r) }),
    write: (w, v) => message.write(w, (v as RequestForward).request),
  },
});

/** A message of the table at its place in one version. */
interface Placed {
  readonly type: string;
  readonly body: Tagged;
}

/** Messages and multiparts of experimenters by foreignKey. */
const foreign = new Map<string, Placed>();
/** Those that the type in the header tells, which are most: by version, then by that type. */
const plain: Record<number, Placed[]> = { [version13]: [], [version15]: [] };
/** Multipart messages by version, then by partKey. */
const parts: Record<number, Map<number, Placed>> = { [version13]: new Map(), [version15]: new Map() };
for (const [type, row] of rows) {
  const plainBody = tagged(type, ['version', 'xid'], row.body);
  const partBody = tagged(type, ['version', 'xid', 'flags'], row.body);
  for (const [version, place] of [
    [version13, row.v13],
    [version15, row.v15],
  ] as const) {
    if (!place) continue;
    const entry = { type, body: place.multipart === undefined ? plainBody : partBody };
    if (place.experimenter) foreign.set(foreignKey(version, place.code, ...place.experimenter), entry);
    else if (place.multipart !== undefined) parts[version]?.set(partKey(place.code, place.multipart), entry);
    else if (plain[version]) plain[version][place.code] = entry;
  }
}

function partKey(code: number, kind: number): number {
  return code * 0x10000 + kind;
}

function foreignKey(version: number, code: number, experimenter: number, expType: number): string {
  return `${version}/${code}/${experimenter}/${expType}`;
}

/** These look the same in every version. */
const isVersionless = (code: number) => code <= 3;

function readBody(r: Reader, head: Head, code: number): Message {
  if (head.version !== version13 && head.version !== version15 && !isVersionless(code))
    r.fail('version', `OpenFlow wire version ${head.version} is not known`, badVersion);
  const version = isVersionless(code) ? version13 : head.version;
  if (code === codes.experimenter) return readExperimenter(r, head);
  if (code === codes.multipartRequest || code === codes.multipartReply) return readMultipart(r, head, code);
  const known = plain[version]?.[code];
  if (!known) return { type: 'unknown', ...head, code, data: r.raw(r.remaining) };
  return readKnown(r, head, known);
}

function readKnown(r: Reader, { version, xid }: Head, { type, body }: Placed, flags?: number): Message {
  if (!r.tracing) return body.read(r, version, xid, flags) as Message;
  r.path.push(type);
  const value = body.read(r, version, xid, flags) as Message;
  r.path.pop();
  return value;
}

function readExperimenter(r: Reader, head: Head): Message {
  const experimenter = r.u32();
  const expType = r.u32();
  const known = foreign.get(foreignKey(head.version, codes.experimenter, experimenter, expType));
  if (known) return readKnown(r, head, known);
  return { type: 'experimenter', ...head, experimenter, expType, data: r.raw(r.remaining) };
}

function readMultipart(r: Reader, head: Head, code: number): Message {
  const kind = r.u16();
  const flags = r.u16();
  r.skip(4);
  if (kind === experimenterMultipart && r.remaining >= 8) {
    const foreigner = foreign.get(foreignKey(head.version, code, r.peek32(0), r.peek32(4)));
    if (foreigner) {
      r.skip(8);
      return readKnown(r, head, foreigner, flags);
    }
  }
  const known = parts[head.version]?.get(partKey(code, kind));
  if (known) return readKnown(r, head, known, flags);
  const type = code === codes.multipartRequest ? 'unknownMultipartRequest' : 'unknownMultipartReply';
  return { type, ...head, kind, flags, data: r.raw(r.remaining) };
}

function writePart(w: Writer, kind: number, flags: number): void {
  w.u16(kind);
  w.u16(flags);
  w.zeros(4);
}

/** Writes what follows the header; gives the type that the header must say. */
function writeBody(w: Writer, v: Message): number {
  switch (v.type) {
    case 'unknown':
      w.raw(v.data);
      return v.code;
    case 'experimenter':
      w.u32(v.experimenter);
      w.u32(v.expType);
      w.raw(v.data);
      return codes.experimenter;
    case 'unknownMultipartRequest':
    case 'unknownMultipartReply':
      writePart(w, v.kind, v.flags);
      w.raw(v.data);
      return v.type === 'unknownMultipartRequest' ? codes.multipartRequest : codes.multipartReply;
    default:
      return writeKnown(w, v);
  }
}

function writeKnown(w: Writer, v: Message): number {
  const row = rows.get(v.type) ?? w.fail(`no message called ${String(v.type)}`);
  const place = row.v13 && isVersionless(row.v13.code) ? row.v13 : placeIn(row, v.version);
  if (!place) return w.fail(`OpenFlow wire version ${v.version} has no ${v.type}`);
  if (place.multipart !== undefined) writePart(w, place.multipart, (v as Message & Part).flags);
  if (place.experimenter) {
    w.u32(place.experimenter[0]);
    w.u32(place.experimenter[1]);
  }
  row.body.write(w, v);
  return place.code;
}

function placeIn(row: Row, version: number): Place | undefined {
  if (version === version13) return row.v13;
  return version === version15 ? row.v15 : undefined;
}

/**
 * The bytes of a message. Throws an EncodeError if its version cannot carry it. The result may be a view of an array
 * that holds other messages too, so its `buffer` is not the message.
 */
export function encode(value: Message): Uint8Array {
  try {
    return encodeWith(new Writer(value.version, false), value);
  } catch {
    // Once more with the names of things, so that the error says where.
    return encodeWith(new Writer(value.version, true), value);
  }
}

function encodeWith(w: Writer, value: Message): Uint8Array {
  message.write(w, value);
  return w.finish();
}

/**
 * The message that `bytes` are: exactly one, as FrameDecoder yields it. Throws nothing but a DecodeError.
 * Byte arrays inside the result share memory with `bytes`.
 */
export function decode(bytes: Uint8Array): Message {
  try {
    return decodeWith(new Reader(bytes, bytes[0] ?? 0, false));
  } catch {
    // Once more with the names of things, so that the error says where.
    return decodeWith(new Reader(bytes, bytes[0] ?? 0, true));
  }
}

function decodeWith(r: Reader): Message {
  const value = message.read(r);
  if (r.remaining > 0)
    throw new DecodeError('', r.offset, 'trailing', { type: 1, code: 6 }, `${r.remaining} bytes too many`);
  return value;
}
