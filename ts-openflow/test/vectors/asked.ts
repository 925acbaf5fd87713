import {
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

/** The reasons there are, as bits: Open vSwitch takes no others. */
const kinds = { roleStatus: 3, tableStatus: 0x18, requestForward: 3 } as const;

/** What makes a controller of 1.5 one that hears of roles, tables and the changes of others. */
export function listener(): Message[] {
  const head = (xid: number) => ({ version: 6, xid });
  const properties = (Object.keys(kinds) as (keyof typeof kinds)[]).flatMap((kind) => [
    { type: `${kind}Primary` as const, mask: kinds[kind] },
    { type: `${kind}Secondary` as const, mask: kinds[kind] },
  ]);
  return [
    makeHello(1, [6]),
    { type: 'setAsync', ...head(2), properties },
    { type: 'roleRequest', ...head(3), role: 2, shortId: 0, generationId: 100n },
  ];
}

/** What another controller then does for it to hear of; table 7 has room for 10 flows. */
export function changes(): Message[] {
  const head = (xid: number) => ({ version: 6, xid });
  const flow = {
    type: 'flowMod',
    cookie: 0n,
    cookieMask: 0n,
    table: 7,
    command: flowCommands.add,
    idleTimeout: 0,
    hardTimeout: 0,
    bufferId: noBuffer,
    outPort: ports.any,
    outGroup: groups.any,
    flags: 0,
    importance: 0,
    match: [],
    instructions: [],
  } as const;
  const vacancy = { type: 'vacancy', down: 20, up: 80, vacancy: 0 } as const;
  const group = { groupType: 0, group: 77, commandBucketId: 0xffffffff, buckets: [], properties: [] };
  return [
    makeHello(1, [6]),
    { type: 'roleRequest', ...head(2), role: 2, shortId: 0, generationId: 101n },
    { type: 'groupMod', ...head(3), command: 0, ...group },
    { type: 'groupMod', ...head(4), command: 2, ...group },
    { type: 'meterMod', ...head(5), command: 0, flags: 1, meter: 9, bands: [{ type: 'drop', rate: 9, burst: 0 }] },
    { type: 'meterMod', ...head(6), command: 2, flags: 1, meter: 9, bands: [] },
    { type: 'tableMod', ...head(7), table: 7, config: 8, properties: [vacancy] },
    ...Array.from({ length: 10 }, (_, priority): Message => ({ ...flow, ...head(8), priority })),
    { ...flow, ...head(9), priority: 0, command: flowCommands.delete },
    { type: 'barrierRequest', ...head(10) },
  ];
}
