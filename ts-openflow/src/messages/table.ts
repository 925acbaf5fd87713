import { byVersion, type Codec, list, mapped, padded, rest, struct, u32 } from '../bytes/codec.ts';
import { experimenters, groups, ports } from '../registry/numbers.ts';
import { bundleControl } from './bundle.ts';
import * as controller from './controller.ts';
import { aggregate, flowDesc, flowMod, flowRemoved, flowRequest, flowStats } from './flow.ts';
import { groupDesc, groupFeatures, groupMod, groupStats } from './group.ts';
import { hello } from './hello.ts';
import * as meter from './meter.ts';
import { flowMonitorRequest, flowUpdates } from './monitor.ts';
import * as nx from './nicira.ts';
import { port, portMod } from './port.ts';
import { packetQueue, queueDesc } from './queue.ts';
import * as session from './session.ts';
import { portStats, queueStats } from './stats.ts';
import * as tables from './tables.ts';

/** Where a message is on the wire: the type of the header, and what comes after it. */
export interface Place {
  readonly code: number;
  /** For a multipart request or reply: its type; 2 bytes of flags and 4 of padding follow. */
  readonly multipart?: number;
  /** For an experimenter's message or multipart: id and type, which follow next. */
  readonly experimenter?: readonly [id: number, type: number];
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

function only13<T>(code: number, body: Codec<T>): MessageRow<T> {
  return { v13: { code }, v15: undefined, body };
}

/** A message of Open vSwitch, the same in both versions. */
function nicira<T>(type: number, body: Codec<T>): MessageRow<T> {
  const place = { code: 4, experimenter: [experimenters.nicira, type] } as const;
  return { v13: place, v15: place, body };
}

/** An extension of 1.3 by ONF. */
function onf13<T>(type: number, body: Codec<T>): MessageRow<T> {
  return { v13: onfPlace(type), v15: undefined, body };
}

function onfPlace(type: number): Place {
  return { code: 4, experimenter: [experimenters.onf, type] };
}

function onfPart(code: number, type: number): Place {
  return { code, multipart: experimenterMultipart, experimenter: [experimenters.onf, type] };
}

/** A multipart of Open vSwitch, the same in both versions. */
function niciraPart<T>(code: number, type: number, body: Codec<T>): MessageRow<T & Part> {
  const place: Place = { code, multipart: experimenterMultipart, experimenter: [experimenters.nicira, type] };
  return { v13: place, v15: place, body: body as Codec<T & Part> };
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

const oneMeter = struct({
  /** meters.all for all. */
  meter: padded(u32, 4),
});

const experimenterPart = struct({ experimenter: u32, expType: u32, data: rest });

const bundleControlType = 2300;
const flowMonitorType = 1870;
/** OFPMP_EXPERIMENTER */
export const experimenterMultipart = 0xffff;

/** Every message by the name of its `type`; the bundled message inside a bundle is added by message.ts. */
export const messageTable = {
  hello: both(0, hello),
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
  /** Over 1.3 it is ONF's extension EXT-191. */
  roleStatus: { ...only15(30, session.roleStatus), v13: onfPlace(1911) },
  tableMod: both(17, tables.tableMod),
  tableStatus: only15(31, tables.tableStatus),
  meterMod: both(29, meter.meterMod),
  controllerStatus: only15(35, controller.controllerStatus),
  queueGetConfigRequest: only13(22, onePort),
  queueGetConfigReply: only13(23, struct({ port: padded(u32, 4), queues: list(packetQueue) })),
  setPacketInFormat: nicira(16, nx.packetInFormat),
  nxPacketIn: nicira(17, nx.packetIn),
  setControllerId: nicira(20, nx.controllerId),
  /** These three are flow monitors as an extension of 1.3 has them; in 1.5 they are part of request and reply. */
  cancelFlowMonitor: onf13(flowMonitorType, struct({ monitor: u32 })),
  flowMonitorPaused: onf13(flowMonitorType + 1, empty),
  flowMonitorResumed: onf13(flowMonitorType + 2, empty),
  tlvTableMod: nicira(24, nx.tlvTableMod),
  tlvTableRequest: nicira(25, empty),
  tlvTableReply: nicira(26, nx.tlvTableReply),
  resume: nicira(28, nx.packetIn2),
  ctFlushZone: nicira(29, nx.ctFlushZone),
  ctFlush: nicira(32, nx.ctFlush),
  packetIn2: nicira(30, nx.packetIn2),
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
  tableStatsReply: reply(3, struct({ tables: list(tables.tableStats) })),
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
  meterStatsRequest: request(9, oneMeter),
  meterStatsReply: reply(9, struct({ meters: list(meter.meterStats) })),
  meterDescRequest: request(10, oneMeter),
  meterDescReply: reply(10, struct({ meters: list(meter.meterDesc) })),
  meterFeaturesRequest: request(11, empty),
  meterFeaturesReply: reply(11, meter.meterFeatures),
  /** Without tables it asks; with tables it sets. */
  tableFeaturesRequest: request(12, struct({ tables: list(tables.tableFeatures) })),
  tableFeaturesReply: reply(12, struct({ tables: list(tables.tableFeatures) })),
  portDescRequest: request(13, portDescRequest),
  portDescReply: reply(13, struct({ ports: list(port) })),
  tableDescRequest: from15(request(14, empty)),
  tableDescReply: from15(reply(14, struct({ tables: list(tables.tableDesc) }))),
  queueDescRequest: from15(request(15, struct({ port: u32, queue: u32 }))),
  queueDescReply: from15(reply(15, struct({ queues: list(queueDesc) }))),
  /** Over 1.3 the request and the reply are ONF's extension EXT-187. */
  flowMonitorRequest: { ...request(16, flowMonitorRequest), v13: onfPart(requestCode, flowMonitorType) },
  flowMonitorReply: { ...reply(16, flowUpdates), v13: onfPart(replyCode, flowMonitorType) },
  controllerStatusRequest: from15(request(18, empty)),
  controllerStatusReply: from15(reply(18, struct({ controllers: list(controller.controllerStatus) }))),
  bundleFeaturesRequest: from15(request(19, controller.bundleFeaturesRequest)),
  bundleFeaturesReply: from15(reply(19, controller.bundleFeaturesReply)),
  ipfixBridgeRequest: niciraPart(requestCode, 3, empty),
  ipfixBridgeReply: niciraPart(replyCode, 3, nx.ipfixStats),
  ipfixFlowRequest: niciraPart(requestCode, 4, empty),
  ipfixFlowReply: niciraPart(replyCode, 4, nx.ipfixStats),
  experimenterMultipartRequest: request(experimenterMultipart, experimenterPart),
  experimenterMultipartReply: reply(experimenterMultipart, experimenterPart),
  flowStatsRequest: from15(request(17, flowRequest)),
  flowStatsReply: from15(reply(17, struct({ flows: list(flowStats) }))),
} as const;
