import { byVersion, type Codec, list, mapped, padded, rest, struct, u8, u32, u64 } from '../bytes/codec.ts';
import { experimenters, groups, ports } from '../registry/numbers.ts';
import { bundleControl } from './bundle.ts';
import { aggregate, flowDesc, flowMod, flowRemoved, flowRequest, flowStats } from './flow.ts';
import { groupDesc, groupFeatures, groupMod, groupStats } from './group.ts';
import { port, portMod } from './port.ts';
import * as session from './session.ts';
import { portStats, queueStats } from './stats.ts';

/** Where a message is on the wire: the type of the header, and what comes after it. */
export interface Place {
  readonly code: number;
  /** For OFPT_EXPERIMENTER: id and type, which follow the header. */
  readonly experimenter?: readonly [id: number, type: number];
  /** For a multipart request or reply: its type; 2 bytes of flags and 4 of padding follow. */
  readonly multipart?: number;
}

/** One message: where it is in each version (nowhere, if absent), and what it says. */
export interface MessageRow<T> {
  readonly v13: Place | undefined;
  readonly v15: Place | undefined;
  readonly body: Codec<T>;
}

function both<T>(code: number, body: Codec<T>): MessageRow<T> {
  return { v13: { code }, v15: { code }, body };
}

function only15<T>(code: number, body: Codec<T>): MessageRow<T> {
  return { v13: undefined, v15: { code }, body };
}

const empty = session.empty;

/** Bits of multipartFlags, on every part. */
export interface Part {
  readonly flags: number;
}

const requestCode = 18;
const replyCode = 19;

function part<T>(code: number, kind: number, body: Codec<T>): MessageRow<T & Part> {
  const place = { code, multipart: kind };
  return { v13: place, v15: place, body: body as Codec<T & Part> };
}

const request = <T>(kind: number, body: Codec<T>) => part(requestCode, kind, body);
const reply = <T>(kind: number, body: Codec<T>) => part(replyCode, kind, body);

function from15<T>(row: MessageRow<T>): MessageRow<T> {
  return { ...row, v13: undefined };
}

const onePort = struct({
  /** ports.any for all. */
  port: padded(u32, 4),
});

const oneGroup = struct({
  /** groups.all for all. */
  group: padded(u32, 4),
});

/** In 1.3 these two requests have no body and are about everything. */
const portDescRequest = byVersion<{ readonly port: number }>(
  mapped(
    empty,
    () => ({ port: ports.any }),
    () => ({}),
  ),
  onePort,
);
const groupDescRequest = byVersion<{ readonly group: number }>(
  mapped(
    empty,
    () => ({ group: groups.all }),
    () => ({}),
  ),
  oneGroup,
);

const bundleControlType = 2300;

/** Every message by the name of its `type`; the bundled message inside a bundle is added by message.ts. */
export const messageTable = {
  hello: both(0, session.hello),
  error: both(1, session.errorMessage),
  echoRequest: both(2, session.echo),
  echoReply: both(3, session.echo),
  featuresRequest: both(5, empty),
  featuresReply: both(6, session.featuresReply),
  getConfigRequest: both(7, empty),
  getConfigReply: both(8, session.switchConfig),
  setConfig: both(9, session.switchConfig),
  packetIn: both(10, session.packetIn),
  flowRemoved: both(11, flowRemoved),
  portStatus: both(12, session.portStatus),
  packetOut: both(13, session.packetOut),
  flowMod: both(14, flowMod),
  groupMod: both(15, groupMod),
  portMod: both(16, portMod),
  barrierRequest: both(20, empty),
  barrierReply: both(21, empty),
  roleRequest: both(24, session.role),
  roleReply: both(25, session.role),
  getAsyncRequest: both(26, empty),
  getAsyncReply: both(27, session.asyncConfig),
  setAsync: both(28, session.asyncConfig),
  roleStatus: only15(30, session.roleStatus),
  bundleControl: {
    v13: { code: 4, experimenter: [experimenters.onf, bundleControlType] },
    v15: { code: 33 },
    body: bundleControl,
  } as MessageRow<typeof bundleControl extends Codec<infer T> ? T : never>,

  descRequest: request(0, empty),
  descReply: reply(0, session.desc),
  flowDescRequest: request(1, flowRequest),
  flowDescReply: reply(1, struct({ flows: list(flowDesc) })),
  aggregateRequest: request(2, flowRequest),
  aggregateReply: reply(2, aggregate),
  tableStatsRequest: request(3, empty),
  tableStatsReply: reply(
    3,
    struct({
      tables: list(struct({ table: padded(u8, 3), activeCount: u32, lookupCount: u64, matchedCount: u64 })),
    }),
  ),
  portStatsRequest: request(4, onePort),
  portStatsReply: reply(4, struct({ ports: list(portStats) })),
  queueStatsRequest: request(5, struct({ port: u32, queue: u32 })),
  queueStatsReply: reply(5, struct({ queues: list(queueStats) })),
  groupStatsRequest: request(6, oneGroup),
  groupStatsReply: reply(6, struct({ groups: list(groupStats) })),
  groupDescRequest: request(7, groupDescRequest),
  groupDescReply: reply(7, struct({ groups: list(groupDesc) })),
  groupFeaturesRequest: request(8, empty),
  groupFeaturesReply: reply(8, groupFeatures),
  portDescRequest: request(13, portDescRequest),
  portDescReply: reply(13, struct({ ports: list(port) })),
  flowStatsRequest: from15(request(17, flowRequest)),
  flowStatsReply: from15(reply(17, struct({ flows: list(flowStats) }))),
} as const;

/** Messages that the table does not have keep their bytes. */
export const opaque = struct({ data: rest });
