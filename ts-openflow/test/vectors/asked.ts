import {
  experimenters,
  flowCommands,
  groups,
  type Message,
  makeHello,
  meters,
  noBuffer,
  ports,
  type Version,
} from '../../src/index.ts';

/** Questions that ovs-ofctl does not ask, so that the switch's answers to them can be recorded too. */
export function questions(version: Version): Message[] {
  const head = (xid: number) => ({ version, xid });
  const part = (xid: number) => ({ version, xid, flags: 0 });
  const flows = {
    table: 255,
    outPort: ports.any,
    outGroup: groups.any,
    cookie: 0n,
    cookieMask: 0n,
    match: [],
  };
  const generation = { shortId: 0, generationId: 1n };
  const asked: Message[] = [
    makeHello(1, [version]),
    { type: 'roleRequest', ...head(2), role: 0, shortId: 0, generationId: 0n },
    { type: 'roleRequest', ...head(3), role: 2, ...generation },
    { type: 'roleRequest', ...head(4), role: 3, ...generation },
    { type: 'roleRequest', ...head(5), role: 3, shortId: 0, generationId: 0n },
    { type: 'roleRequest', ...head(6), role: 9, ...generation },
    { type: 'roleRequest', ...head(7), role: 2, ...generation },
    { type: 'getAsyncRequest', ...head(8) },
    { type: 'meterStatsRequest', ...part(9), meter: meters.all },
    { type: 'bundleControl', ...head(10), bundle: 1, control: 0, flags: 1, properties: [] },
    { type: 'bundleControl', ...head(11), bundle: 1, control: 2, flags: 1, properties: [] },
    { type: 'bundleControl', ...head(12), bundle: 1, control: 6, flags: 1, properties: [] },
    { type: 'bundleControl', ...head(13), bundle: 9, control: 4, flags: 1, properties: [] },
    { type: 'unknown', ...head(14), code: 99, data: new Uint8Array(0) },
    { type: 'unknownMultipartRequest', ...part(15), kind: 77, data: new Uint8Array(0) },
    { type: 'experimenter', ...head(16), experimenter: 0x123456, expType: 1, data: new Uint8Array(4) },
    { type: 'setControllerId', ...head(17), controllerId: 3 },
    { type: 'flowDescRequest', ...part(18), ...flows },
    { type: 'barrierRequest', ...head(19) },
  ];
  if (version === 4) return asked;
  return [
    ...asked,
    { type: 'flowStatsRequest', ...part(20), ...flows },
    { type: 'controllerStatusRequest', ...part(21) },
    { type: 'bundleFeaturesRequest', ...part(22), featureFlags: 0, properties: [] },
    { type: 'tableDescRequest', ...part(23) },
    { type: 'queueDescRequest', ...part(24), port: ports.any, queue: 0xffffffff },
    { type: 'barrierRequest', ...head(25) },
  ];
}

/** The reasons there are, as bits, and the number of the property for secondary controllers. */
const kinds = {
  roleStatus: { mask: 3, number: 6 },
  tableStatus: { mask: 0x18, number: 8 },
  requestForward: { mask: 3, number: 10 },
} as const;
const kindNames = Object.keys(kinds) as (keyof typeof kinds)[];

/** NXT_SET_ASYNC_CONFIG2, an extension of Open vSwitch: the properties of 1.5 for a connection of 1.3. */
function extendedAsync(): Message {
  const words = kindNames.flatMap((kind) => {
    const { mask, number } = kinds[kind];
    return [0, 1].flatMap((primary) => [0, number + primary, 0, 8, 0, 0, 0, mask]);
  });
  const data = Uint8Array.from(words);
  return { type: 'experimenter', version: 4, xid: 2, experimenter: experimenters.nicira, expType: 27, data };
}

/** What makes a controller one that hears of roles, tables and the changes of others. */
export function listener(version: Version): Message[] {
  const head = (xid: number) => ({ version, xid });
  const properties = kindNames.flatMap((kind) => [
    { type: `${kind}Primary` as const, mask: kinds[kind].mask },
    { type: `${kind}Secondary` as const, mask: kinds[kind].mask },
  ]);
  return [
    makeHello(1, [version]),
    version === 4 ? extendedAsync() : { type: 'setAsync', ...head(2), properties },
    { type: 'roleRequest', ...head(3), role: 2, shortId: 0, generationId: 10n * BigInt(version) },
  ];
}

const newFlow = {
  type: 'flowMod',
  cookie: 0n,
  cookieMask: 0n,
  table: 7,
  command: flowCommands.add,
  idleTimeout: 0,
  hardTimeout: 0,
  priority: 0,
  bufferId: noBuffer,
  outPort: ports.any,
  outGroup: groups.any,
  flags: 0,
  importance: 0,
  match: [],
  instructions: [],
} as const;

/** What another controller then does for it to hear of; table 7 has room for 10 flows. */
export function changes(version: Version): Message[] {
  const head = (xid: number) => ({ version, xid });
  const vacancy = { type: 'vacancy', down: 20, up: 80, vacancy: 0 } as const;
  const group = { groupType: 0, group: 77, commandBucketId: 0xffffffff, buckets: [], properties: [] };
  const both: Message[] = [
    makeHello(1, [version]),
    { type: 'roleRequest', ...head(2), role: 2, shortId: 0, generationId: 10n * BigInt(version) + 1n },
    { type: 'groupMod', ...head(3), command: 0, ...group },
    { type: 'groupMod', ...head(4), command: 2, ...group },
    { type: 'meterMod', ...head(5), command: 0, flags: 1, meter: 9, bands: [{ type: 'drop', rate: 9, burst: 0 }] },
    { type: 'meterMod', ...head(6), command: 2, flags: 1, meter: 9, bands: [] },
  ];
  if (version === 4) return both;
  return [
    ...both,
    { type: 'tableMod', ...head(7), table: 7, config: 8, properties: [vacancy] },
    ...Array.from({ length: 10 }, (_, priority): Message => ({ ...newFlow, ...head(8), priority })),
    { ...newFlow, ...head(9), command: flowCommands.delete },
    { type: 'barrierRequest', ...head(10) },
  ];
}

/** Makes a controller one that is told of all flows with their instructions. */
export function watcher(version: Version): Message[] {
  const all = { outPort: ports.any, outGroup: groups.any, table: 255, command: 0, match: [] };
  const monitors = [{ monitor: 1, monitorFlags: 1 | 2 | 4 | 8 | 16, ...all }];
  return [makeHello(1, [version]), { type: 'flowMonitorRequest', version, xid: 2, flags: 0, monitors }];
}

/** Flows so large that there is no room for what a watcher that does not listen is to be told of them. */
export function largeFlows(version: Version): Message[] {
  const note = { type: 'note', data: new Uint8Array(30_000) } as const;
  const instructions = [{ type: 'applyActions', actions: [note] }] as const;
  const flows = Array.from({ length: 40 }, (_, priority): Message => {
    return { ...newFlow, table: 9, version, xid: 2, priority, instructions };
  });
  return [makeHello(1, [version]), ...flows, { type: 'barrierRequest', version, xid: 3 }];
}
