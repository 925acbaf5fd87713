/** Random messages of every type, valid in the eyes of Open vSwitch wherever it knows the type at all. */
import fc, { type Arbitrary } from 'fast-check';
import {
  type Action,
  buckets as bucketIds,
  errorTypes,
  groups,
  type Instruction,
  type Match,
  type Message,
  type MessageOf,
  type MessageType,
  matchField,
  meters,
  noBuffer,
  ports,
  type Version,
} from '../src/index.ts';
import { type MessageRow, messageTable } from '../src/messages/table.ts';

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u64 = fc.bigInt(0n, 2n ** 64n - 1n);
const mac = fc.bigInt(1n, 2n ** 48n - 1n);
const portNumber = fc.integer({ min: 1, max: 0xfeff });
const groupNumber = fc.integer({ min: 0, max: 0xfffffeff });
const meterNumber = fc.integer({ min: 1, max: 0xfff0 });
const table = fc.integer({ min: 0, max: 254 });
const nsec = fc.integer({ min: 0, max: 999_999_999 });
const bytes = (minLength: number, maxLength: number) => fc.uint8Array({ minLength, maxLength });
const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,14}$/);
const some = <T>(of: Arbitrary<T>, maxLength = 3) => fc.array(of, { maxLength });
/** An Ethernet frame of a type that nobody looks into. */
const frame = bytes(14, 80).map((data) => {
  data.set([0x88, 0xb5], 12);
  return data;
});

const pipeline: Arbitrary<Match> = fc
  .record({ port: portNumber, metadata: u64, register: u32, mask: u32 })
  .map(({ port, metadata, register, mask }) => [
    matchField('in_port', port),
    matchField('metadata', metadata),
    matchField('reg3', register, mask || 1),
  ]);
const match: Arbitrary<Match> = fc.oneof(
  fc.constant([]),
  pipeline,
  fc
    .record({ src: u32, mask: u32, port: u16, mac })
    .map(({ src, mask, port, mac }) => [
      matchField('eth_dst', mac),
      matchField('eth_type', 0x800),
      matchField('nw_proto', 6),
      matchField('ip_src', src, mask || 1),
      matchField('tcp_dst', port),
    ]),
  fc
    .record({ address: fc.bigInt(1n, 2n ** 128n - 1n), label: fc.nat(0xfffff) })
    .map(({ address, label }) => [
      matchField('eth_type', 0x86dd),
      matchField('ipv6_dst', address),
      matchField('ipv6_label', label),
    ]),
);

const output: Arbitrary<Action> = portNumber.map((port) => ({ type: 'output', port, maxLen: 0 }));
const action: Arbitrary<Action> = fc.oneof(
  output,
  u16.map((maxLen): Action => ({ type: 'output', port: ports.controller, maxLen })),
  groupNumber.map((group): Action => ({ type: 'group', group })),
  u32.map((queue): Action => ({ type: 'setQueue', queue })),
  mac.map((value): Action => ({ type: 'setField', field: matchField('eth_src', value) })),
  u64.map((value): Action => ({ type: 'setField', field: matchField('metadata', value) })),
  table.map((table): Action => ({ type: 'resubmitTable', inPort: 0xfff8, table })),
  fc.constant<Action>({ type: 'pushVlan', ethertype: 0x8100 }),
  fc.constant<Action>({ type: 'ctClear' }),
);
const actions = some(action);

function instructions(version: Version): Arbitrary<Instruction[]> {
  return fc.oneof(
    fc.constant<Instruction[]>([]),
    actions.map((actions): Instruction[] => [{ type: 'applyActions', actions }]),
    fc
      .record({ value: u64, mask: fc.bigInt(1n, 2n ** 64n - 1n), meter: meterNumber, output })
      .map(({ value, mask, meter, output }): Instruction[] => [
        ...(version === 4 ? [{ type: 'meter', meter } as const] : []),
        { type: 'clearActions' },
        { type: 'writeActions', actions: [output] },
        { type: 'writeMetadata', value, mask },
        { type: 'gotoTable', table: 254 },
      ]),
  );
}

const flowMod = (version: Version) =>
  fc.record({
    cookie: u64,
    cookieMask: fc.constant(0n),
    table,
    command: fc.nat(4),
    idleTimeout: u16,
    hardTimeout: u16,
    priority: u16,
    bufferId: fc.constant(noBuffer),
    outPort: fc.constant(ports.any),
    outGroup: fc.constant(groups.any),
    flags: fc.nat(31),
    importance: version === 4 ? fc.constant(0) : u16,
    match,
    instructions: instructions(version),
  });

const stats = fc.record({ sec: u32, nsec, packets: u64, bytes: u64 }).map(({ sec, nsec, packets, bytes }) => [
  { stat: 'duration' as const, sec, nsec },
  { stat: 'packetCount' as const, value: packets },
  { stat: 'byteCount' as const, value: bytes },
]);

const ethernet = fc.record({
  type: fc.constant('ethernet' as const),
  current: fc.nat(0xffff),
  advertised: fc.nat(0xffff),
  supported: fc.nat(0xffff),
  peer: fc.nat(0xffff),
  currentSpeed: u32,
  maxSpeed: u32,
});
const port = fc.record({
  port: portNumber,
  hwAddr: mac,
  name,
  config: fc.constantFrom(0, 1, 4, 32, 64),
  state: fc.nat(7),
  properties: ethernet.map((one) => [one]),
});

const groupTypes = { all: 0, select: 1, indirect: 2, fastFailover: 3 } as const;
const bucket = (type: number, bucketId: number) =>
  fc
    .record({ port: portNumber, weight: fc.integer({ min: 1, max: 1000 }), actions: some(output) })
    .map(({ port, weight, actions }) => ({
      bucketId,
      properties: [
        ...(type === groupTypes.select ? [{ type: 'weight' as const, weight }] : []),
        ...(type === groupTypes.fastFailover ? [{ type: 'watchPort' as const, port }] : []),
      ],
      actions,
    }));
const selection = { type: 'selectionMethod', method: 'hash', param: 0n, fields: [] } as const;
const group = (version: Version) =>
  fc.nat(3).chain((groupType) =>
    fc.record({
      groupType: fc.constant(groupType),
      group: groupNumber,
      buckets:
        groupType === groupTypes.indirect
          ? fc.tuple(bucket(groupType, 0))
          : fc.tuple(bucket(groupType, 0), bucket(groupType, 1)),
      properties: fc.constant(version === 6 && groupType === groupTypes.select ? [selection] : []),
    }),
  );
const groupMod = (version: Version) =>
  fc
    .record({
      command: fc.nat(1),
      commandBucketId: fc.constant<number>(bucketIds.all),
      group: group(version),
    })
    .map(({ group, ...head }) => ({ ...head, ...group }));

const bands = fc.record({ rate: u32, burst: u32, precedence: u8 }).map(({ rate, burst, precedence }) => [
  { type: 'drop' as const, rate, burst },
  { type: 'dscpRemark' as const, rate, burst, precedence },
]);
const meterMod = fc.record({
  command: fc.nat(1),
  flags: fc.constantFrom(1, 2, 5, 6, 9, 13),
  meter: meterNumber,
  bands,
});

const portMod = fc
  .record({
    port: portNumber,
    hwAddr: mac,
    config: fc.constantFrom(0, 1, 4, 32, 64),
    advertise: fc.nat(0xffff),
  })
  .map(({ advertise, ...head }) => ({
    ...head,
    mask: 101,
    properties: [{ type: 'ethernet' as const, advertise }],
  }));

const noErrorOfOvs = /^(1\/(14|15|16|18)|2\/17|5\/(8|9|10)|11\/[34]|13\/([2-9]|10)|17\/(16|17|18))$/;
const from15 = /^(1\/17|2\/16|3\/9|6\/1[56]|1[4-7]\/\d+)$/;
const errors = errorTypes
  .flatMap(({ codes }, errorType) => codes.map((_, code) => ({ errorType, code })))
  .filter(({ errorType, code }) => !noErrorOfOvs.test(`${errorType}/${code}`));
const error = (version: Version) => {
  const known = errors.filter(
    ({ errorType, code }) => errorType > 0 && (version === 6 || !from15.test(`${errorType}/${code}`)),
  );
  const quoted = Uint8Array.from([version, 2, 0, 8, 0xff, 0xff, 0xff, 0xff]);
  return fc.constantFrom(...known).map((numbers) => ({ ...numbers, data: quoted }));
};

// What Open vSwitch takes for each kind: reasons beyond these it refuses.
const asyncMasks: Readonly<Record<string, number>> = {
  packetIn: 7,
  portStatus: 7,
  flowRemoved: 15,
  roleStatus: 3,
  tableStatus: 24,
  requestForward: 3,
};
const asyncConfig = (version: Version) =>
  u32.map((pick) => {
    const kinds = Object.keys(asyncMasks).slice(0, version === 4 ? 3 : undefined);
    // The order of 1.3's fixed fields.
    return {
      properties: kinds.flatMap((kind) =>
        ['Primary', 'Secondary'].map((whose) => ({
          type: `${kind}${whose}`,
          mask: pick & (asyncMasks[kind] ?? 0),
        })),
      ),
    };
  });

const role = fc.record({ role: fc.nat(3), shortId: fc.constant(0), generationId: u64 });
const tableProperties = (flags: Arbitrary<number>) =>
  fc.record({ flags, down: fc.nat(49), up: fc.integer({ min: 50, max: 100 }) }).map(({ flags, down, up }) => [
    { type: 'eviction' as const, flags },
    { type: 'vacancy' as const, down, up, vacancy: 0 },
  ]);
const tableDesc = fc.record({
  table,
  config: fc.constant(12),
  properties: tableProperties(fc.integer({ min: 1, max: 7 })),
});
/** ovs-ofctl prints ***error*** for other flags, though it decodes them. */
const tableMod15 = fc.record({ table, config: fc.constant(12), properties: tableProperties(fc.constant(1)) });
const queue = (version: Version) =>
  fc.record({ port: portNumber, queue: u16, rate: fc.nat(1000) }).map(({ port, queue, rate }) => ({
    port: version === 4 ? 7 : port,
    queue,
    properties: [
      { type: 'minRate' as const, rate },
      { type: 'maxRate' as const, rate: 1000 },
    ],
  }));
const flowRequest = fc.record({
  table: fc.constantFrom(0, 1, 255),
  outPort: fc.constant(ports.any),
  outGroup: fc.constant(groups.any),
  cookie: u64,
  cookieMask: u64,
  match,
});
const oneOf = <T>(list: string, of: Arbitrary<T>, minLength = 0) =>
  fc.array(of, { minLength, maxLength: 3 }).map((entries) => ({ [list]: entries }));
const nothing = fc.constant({});
const ipfix = fc.record({
  totalFlows: u64,
  currentFlows: u64,
  packets: u64,
  ipv4Packets: u64,
  ipv6Packets: u64,
  errorPackets: u64,
  ipv4ErrorPackets: u64,
  ipv6ErrorPackets: u64,
  txPackets: u64,
  txErrors: u64,
  collectorSet: u32,
});
const packetIn2 = (resume: boolean) =>
  fc
    .record({ data: frame, cookie: u64, tableId: table, match: pipeline, userdata: bytes(1, 20) })
    .map(({ data, cookie, tableId, match, userdata }) => ({
      properties: [
        { type: 'packet' as const, data },
        ...(resume ? [] : [{ type: 'fullLength' as const, value: data.byteLength }]),
        { type: 'tableId' as const, value: tableId },
        { type: 'cookie' as const, value: cookie },
        { type: 'reason' as const, value: 1 },
        { type: 'metadata' as const, match: match.slice(0, 2) },
        { type: 'userdata' as const, data: userdata },
      ],
    }));
const tlvMap = fc
  .record({ optionClass: u16, optionType: u8, words: fc.integer({ min: 1, max: 31 }), index: fc.nat(63) })
  .map(({ words, ...others }) => ({ ...others, optionLength: 4 * words }));
const ids = (codes: readonly number[]) => codes.map((code) => ({ code, data: new Uint8Array(0) }));
const tableFeatures = (version: Version) =>
  fc
    .record({ name, table, entries: u32, metadata: u64, next: some(table) })
    .map(({ name, table, entries, metadata, next }) => ({
      table,
      command: 0,
      features: 0,
      name,
      metadataMatch: metadata,
      metadataWrite: metadata,
      capabilities: version === 4 ? 0 : 12,
      maxEntries: entries,
      properties: [
        { type: 'instructions' as const, ids: ids([1, 2, 3, 4, 5]) },
        {
          type: 'nextTables' as const,
          tables: [...new Set(next)].sort((a, b) => a - b).filter((n) => n > table),
        },
        { type: 'writeActions' as const, ids: ids([0, 22, 17, 18]) },
        { type: 'applyActions' as const, ids: ids([0, 22]) },
        {
          type: 'match' as const,
          fields: [{ field: 'in_port' as const }, { field: 'metadata' as const, masked: true as const }],
        },
        {
          type: 'wildcards' as const,
          fields: [{ field: 'in_port' as const }, { field: 'metadata' as const }],
        },
        { type: 'writeSetField' as const, fields: [{ field: 'eth_src' as const }] },
        { type: 'applySetField' as const, fields: [{ field: 'eth_src' as const }] },
      ],
    }));
const controller = fc.record({
  shortId: u16,
  role: fc.nat(3),
  reason: fc.nat(5),
  channelStatus: fc.nat(1),
  properties: bytes(1, 20).map((data) => [{ type: 'uri' as const, data }]),
});
const moment = fc.record({ sec: u64, nsec });
const tuple = fc
  .record({ address: fc.bigInt(1n, 2n ** 32n - 1n), port: fc.integer({ min: 1, max: 0xffff }) })
  .map(({ address, port }) => ({
    tuple: [
      { type: 'src' as const, address: 0xffff00000000n | address },
      { type: 'dstPort' as const, port },
    ],
  }));

type Make = (version: Version) => Arbitrary<object>;

/** One maker for each type; multipart types get their flags below. */
const makers = {
  hello: (version) => fc.constant({ elements: [{ type: 'versionBitmap', bitmaps: [1 << version] }] }),
  error,
  echoRequest: () => fc.record({ data: bytes(0, 40) }),
  echoReply: () => fc.record({ data: bytes(0, 40) }),
  featuresRequest: () => nothing,
  featuresReply: () =>
    fc.record({
      datapathId: u64,
      bufferCount: u32,
      tableCount: u8,
      auxiliaryId: u8,
      capabilities: fc.constantFrom(0, 1, 0x4f, 0x6f),
      reserved: fc.constant(0),
    }),
  getConfigRequest: () => nothing,
  getConfigReply: () => fc.record({ flags: fc.nat(2), missSendLength: u16 }),
  setConfig: () => fc.record({ flags: fc.nat(2), missSendLength: u16 }),
  packetIn: (version) =>
    fc
      .record({ reason: fc.nat(version === 4 ? 2 : 5), table, cookie: u64, match: pipeline, data: frame })
      .map((body) => ({
        bufferId: noBuffer,
        totalLength: body.data.byteLength,
        ...body,
        match: body.match.slice(0, 2),
      })),
  flowRemoved: (version) =>
    fc.record({
      table,
      reason: fc.nat(version === 4 ? 3 : 5),
      priority: u16,
      idleTimeout: u16,
      hardTimeout: u16,
      cookie: u64,
      match,
      stats,
    }),
  portStatus: () => fc.record({ reason: fc.nat(2), port }),
  packetOut: () =>
    fc.record({
      bufferId: fc.constant(noBuffer),
      match: portNumber.map((port) => [matchField('in_port', port)]),
      actions,
      data: frame,
    }),
  flowMod,
  groupMod,
  portMod: () => portMod,
  barrierRequest: () => nothing,
  barrierReply: () => nothing,
  roleRequest: () => role,
  roleReply: () => role,
  getAsyncRequest: () => nothing,
  getAsyncReply: asyncConfig,
  setAsync: asyncConfig,
  roleStatus: () =>
    fc.record({
      role: fc.integer({ min: 1, max: 3 }),
      reason: fc.nat(1),
      generationId: u64,
      properties: fc.constant([]),
    }),
  tableMod: (version) =>
    version === 4 ? fc.record({ table, config: fc.constant(0), properties: fc.constant([]) }) : tableMod15,
  tableStatus: () => fc.record({ reason: fc.constantFrom(3, 4), table: tableDesc }),
  meterMod: () => meterMod,
  controllerStatus: () => controller,
  queueGetConfigRequest: () => fc.record({ port: portNumber }),
  queueGetConfigReply: (version) => fc.record({ port: fc.constant(7), queues: some(queue(version)) }),
  nxPacketIn: () =>
    fc
      .record({ reason: fc.nat(2), table, cookie: u64, match: pipeline, data: frame })
      .map((body) => ({ bufferId: noBuffer, totalLength: body.data.byteLength, ...body })),
  setPacketInFormat: () => fc.record({ format: fc.nat(2) }),
  setControllerId: () => fc.record({ controllerId: u16 }),
  cancelFlowMonitor: () => fc.record({ monitor: u32 }),
  flowMonitorPaused: () => nothing,
  flowMonitorResumed: () => nothing,
  tlvTableMod: () => fc.record({ command: fc.nat(1), maps: some(tlvMap) }),
  tlvTableRequest: () => nothing,
  tlvTableReply: () => fc.record({ maxSpace: u32, maxFields: fc.constant(64), maps: some(tlvMap) }),
  resume: () => packetIn2(true),
  ctFlushZone: () => fc.record({ zone: u16 }),
  ctFlush: () =>
    fc.record({ original: tuple, reply: tuple, zone: u16 }).map(({ original, reply, zone }) => ({
      protocol: 6,
      properties: [
        { type: 'original', ...original },
        { type: 'reply', ...reply },
        { type: 'zone', zone },
      ],
    })),
  packetIn2: () => packetIn2(false),
  bundleControl: () =>
    fc.record({ bundle: u32, control: fc.nat(7), flags: fc.nat(3), properties: fc.constant([]) }),
  bundleAdd: (version) =>
    fc.record({ bundle: u32, flags: fc.nat(3), body: flowMod(version) }).map(({ body, ...head }) => ({
      ...head,
      properties: [],
      message: { type: 'flowMod', version, ...body },
    })),
  requestForward: (version) =>
    meterMod.map((body) => ({ request: { type: 'meterMod', version, xid: 5, ...body } })),

  descRequest: () => nothing,
  descReply: () =>
    fc.record({ manufacturer: name, hardware: name, software: name, serialNumber: name, datapath: name }),
  flowDescRequest: () => flowRequest,
  flowDescReply: (version) =>
    oneOf(
      'flows',
      fc.record({
        table,
        priority: u16,
        idleTimeout: u16,
        hardTimeout: u16,
        flags: fc.nat(31),
        importance: version === 4 ? fc.constant(0) : u16,
        cookie: u64,
        match,
        stats,
        instructions: instructions(version),
      }),
    ),
  aggregateRequest: () => flowRequest,
  aggregateReply: () =>
    fc.record({ packets: u64, bytes: u64, flows: u32 }).map(({ packets, bytes, flows }) => ({
      stats: [
        { stat: 'packetCount', value: packets },
        { stat: 'byteCount', value: bytes },
        { stat: 'flowCount', value: flows },
      ],
    })),
  tableStatsRequest: () => nothing,
  tableStatsReply: () =>
    oneOf('tables', fc.record({ table, activeCount: u32, lookupCount: u64, matchedCount: u64 })),
  portStatsRequest: () => fc.record({ port: portNumber }),
  portStatsReply: () =>
    oneOf(
      'ports',
      fc.record({
        port: portNumber,
        sec: u32,
        nsec,
        rxPackets: u64,
        txPackets: u64,
        rxBytes: u64,
        txBytes: u64,
        rxDropped: u64,
        txDropped: u64,
        rxErrors: u64,
        txErrors: u64,
        properties: fc
          .record({ rxFrameErrors: u64, rxOverrunErrors: u64, rxCrcErrors: u64, collisions: u64 })
          .map((counts) => [{ type: 'ethernet' as const, ...counts }]),
      }),
    ),
  queueStatsRequest: () => fc.record({ port: portNumber, queue: u32 }),
  queueStatsReply: () =>
    oneOf(
      'queues',
      fc.record({
        port: portNumber,
        queue: u32,
        txBytes: u64,
        txPackets: u64,
        txErrors: u64,
        sec: u32,
        nsec,
        properties: fc.constant([]),
      }),
    ),
  groupStatsRequest: () => fc.record({ group: groupNumber }),
  groupStatsReply: () =>
    oneOf(
      'groups',
      fc.record({
        group: groupNumber,
        refCount: u32,
        packetCount: u64,
        byteCount: u64,
        sec: u32,
        nsec,
        buckets: some(fc.record({ packetCount: u64, byteCount: u64 })),
      }),
    ),
  groupDescRequest: (version) =>
    fc.record({ group: version === 4 ? fc.constant<number>(groups.all) : groupNumber }),
  groupDescReply: (version) => oneOf('groups', group(version)),
  groupFeaturesRequest: () => nothing,
  groupFeaturesReply: () =>
    fc.record({
      types: fc.nat(15),
      capabilities: fc.nat(15),
      maxGroupsAll: u32,
      maxGroupsSelect: u32,
      maxGroupsIndirect: u32,
      maxGroupsFastFailover: u32,
      actionsAll: u32,
      actionsSelect: u32,
      actionsIndirect: u32,
      actionsFastFailover: u32,
    }),
  meterStatsRequest: () => fc.record({ meter: fc.constantFrom<number>(1, 77, meters.all) }),
  meterStatsReply: () =>
    oneOf(
      'meters',
      fc.record({
        meter: meterNumber,
        refCount: u32,
        packetInCount: u64,
        byteInCount: u64,
        sec: u32,
        nsec,
        bands: some(fc.record({ packetCount: u64, byteCount: u64 })),
      }),
    ),
  meterDescRequest: () => fc.record({ meter: fc.constantFrom<number>(1, 77, meters.all) }),
  meterDescReply: () =>
    oneOf('meters', fc.record({ flags: fc.constantFrom(1, 2, 5, 13), meter: meterNumber, bands })),
  meterFeaturesRequest: () => nothing,
  meterFeaturesReply: () =>
    fc.record({
      maxMeter: u32,
      bandTypes: fc.constantFrom(2, 4, 6),
      capabilities: fc.nat(15),
      maxBands: u8,
      maxColor: u8,
    }),
  tableFeaturesRequest: (version) => oneOf('tables', tableFeatures(version)),
  // Open vSwitch takes no empty list of tables.
  tableFeaturesReply: (version) => oneOf('tables', tableFeatures(version), 1),
  portDescRequest: (version) =>
    fc.record({ port: version === 4 ? fc.constant<number>(ports.any) : portNumber }),
  portDescReply: () => oneOf('ports', port),
  tableDescRequest: () => nothing,
  tableDescReply: () => oneOf('tables', tableDesc, 1),
  queueDescRequest: () => fc.record({ port: portNumber, queue: u32 }),
  queueDescReply: (version) => oneOf('queues', queue(version)),
  flowMonitorRequest: (version) =>
    oneOf(
      'monitors',
      fc.record({
        monitor: u32,
        outPort: fc.constant(ports.any),
        outGroup: fc.constant(groups.any),
        // Open vSwitch wants changes to be asked for, and refuses the bits for abbreviations.
        monitorFlags: fc.nat(31).map((bits) => bits | 14),
        table,
        command: fc.nat(version === 4 ? 0 : 1),
        match,
      }),
    ),
  flowMonitorReply: (version) =>
    oneOf(
      'updates',
      fc.oneof(
        ...(version === 4 ? [] : [fc.constant({ event: 'paused' }), fc.constant({ event: 'resumed' })]),
        u32.map((xid) => ({ event: 'abbreviated' as const, xid })),
        fc.record({
          event: fc.constantFrom(...(version === 4 ? [] : ['initial']), 'added', 'modified'),
          table,
          reason: fc.constant(0),
          idleTimeout: u16,
          hardTimeout: u16,
          priority: u16,
          cookie: u64,
          match,
          instructions: instructions(version),
        }),
      ),
    ),
  controllerStatusRequest: () => nothing,
  controllerStatusReply: () => oneOf('controllers', controller),
  bundleFeaturesRequest: () =>
    fc.record({ featureFlags: fc.constant(3), at: moment }).map(({ featureFlags, at }) => ({
      featureFlags,
      properties: [{ type: 'time', accuracy: at, maxFuture: at, maxPast: at, timestamp: at }],
    })),
  bundleFeaturesReply: () =>
    fc.record({ capabilities: fc.nat(7), at: moment }).map(({ capabilities, at }) => ({
      capabilities,
      properties: [{ type: 'time', accuracy: at, maxFuture: at, maxPast: at, timestamp: at }],
    })),
  ipfixBridgeRequest: () => nothing,
  ipfixBridgeReply: () => ipfix.map((exporter) => ({ exporters: [exporter] })),
  ipfixFlowRequest: () => nothing,
  ipfixFlowReply: () => oneOf('exporters', ipfix),
  experimenterMultipartRequest: () => fc.record({ experimenter: u32, expType: u32, data: bytes(0, 20) }),
  experimenterMultipartReply: () => fc.record({ experimenter: u32, expType: u32, data: bytes(0, 20) }),
  flowStatsRequest: () => flowRequest,
  flowStatsReply: () => oneOf('flows', fc.record({ table, reason: fc.nat(1), priority: u16, match, stats })),
  experimenter: () => fc.record({ experimenter: u32, expType: u32, data: bytes(0, 20) }),
  unknown: () => fc.record({ code: fc.integer({ min: 60, max: 255 }), data: bytes(0, 20) }),
  unknownMultipartRequest: () =>
    fc.record({ kind: fc.integer({ min: 100, max: 0xfffe }), data: bytes(0, 20) }),
  unknownMultipartReply: () => fc.record({ kind: fc.integer({ min: 100, max: 0xfffe }), data: bytes(0, 20) }),
} as const satisfies Readonly<Record<MessageType, Make>>;

/** Every type there is. */
export const generatedTypes = Object.keys(makers) as MessageType[];

/** Messages of one type, each with an xid of its own. */
export function generate(type: MessageType, version: Version, count: number, firstXid: number): Message[] {
  const row = (messageTable as unknown as Readonly<Record<string, MessageRow<never>>>)[type];
  const isPart = /^unknownMultipart/.test(type) || (row?.v15 ?? row?.v13)?.multipart !== undefined;
  const part = isPart ? { flags: 0 } : {};
  return fc.sample(makers[type](version), { numRuns: count, seed: 77 }).map((body, index): Message => {
    const xid = firstXid + index;
    const message = { type, version, xid, ...part, ...body } as unknown as Message;
    if (message.type !== 'bundleAdd') return message;
    return { ...message, message: { ...(message.message as MessageOf<'flowMod'>), xid } };
  });
}
