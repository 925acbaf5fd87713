import { groups, type Message, makeHello, meters, ports, type Version } from '../../src/index.ts';

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
