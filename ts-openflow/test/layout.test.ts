/** Messages that no switch or tool at hand sends, as the standard lays them out: written by hand from its text. */
import t from 'tap';
import { decode, encode, type Message } from '../src/index.ts';

/** The message, its bytes (blanks between the fields), and what must be read from them. */
const layouts: readonly (readonly [what: string, hex: string, expected: object])[] = [
  [
    'role status, 1.5.1 7.4.4',
    '061e0018 00000001 00000002 01 000000 0000000000000005',
    { type: 'roleStatus', role: 2, reason: 1, generationId: 5n },
  ],
  [
    'table status with a vacancy property, 7.4.5',
    '061f0020 00000001 03 00000000000000 0010 05 00 00000008 0003 0008 14 50 0a 00',
    {
      type: 'tableStatus',
      reason: 3,
      table: { table: 5, config: 8, properties: [{ down: 20, up: 80, vacancy: 10 }] },
    },
  ],
  [
    'a forwarded meter-mod, 7.4.6',
    '06200018 00000000 061d0010 00000007 0002 0000 00000001',
    { type: 'requestForward', request: { type: 'meterMod', xid: 7, command: 2, meter: 1 } },
  ],
  [
    'controller status with a URI, 7.4.7',
    '06230028 00000001 0020 0007 00000002 01 00 000000000000 0000 0009 7463703a31 00000000000000',
    {
      type: 'controllerStatus',
      shortId: 7,
      role: 2,
      reason: 1,
      channelStatus: 0,
      properties: [{ type: 'uri' }],
    },
  ],
  [
    'flow statistics, 7.3.5.3',
    '06130030 00000001 0011 0000 00000000 0020 0000 02 01 0064 0001 0004 00000000 0000 0010 80020808 0000000000000005',
    {
      type: 'flowStatsReply',
      flows: [{ table: 2, reason: 1, priority: 100, match: [], stats: [{ stat: 'packetCount', value: 5n }] }],
    },
  ],
  [
    'bundle features, asked',
    '06120018 00000001 0013 0000 00000000 00000001 00000000',
    { type: 'bundleFeaturesRequest', featureFlags: 1 },
  ],
  [
    'bundle features, answered',
    '06130018 00000001 0013 0000 00000000 0003 000000000000',
    { type: 'bundleFeaturesReply', capabilities: 3 },
  ],
  [
    'TTL and PBB actions in a packet-out of 1.3.5, 7.2.5',
    `040d0038 00000001 ffffffff fffffffd 0020 000000000000
     000b0008 00000000 000c0008 00000000 001a0008 88e7 0000 001b0008 00000000`,
    {
      type: 'packetOut',
      actions: [
        { type: 'copyTtlOut' },
        { type: 'copyTtlIn' },
        { type: 'pushPbb', ethertype: 0x88e7 },
        { type: 'popPbb' },
      ],
    },
  ],
  [
    'a queue with rates, 1.5.1 7.3.5.9',
    '06130030 00000001 000f 0000 00000000 00000001 00000002 0020 000000000000 0001 0008 01f4 0000 0002 0008 03e8 0000',
    {
      type: 'queueDescReply',
      queues: [
        {
          port: 1,
          queue: 2,
          properties: [
            { type: 'minRate', rate: 500 },
            { type: 'maxRate', rate: 1000 },
          ],
        },
      ],
    },
  ],
  [
    'a queue with a rate, 1.3.5 7.2.2',
    '04170030 00000001 00000001 00000000 00000002 00000001 0020 000000000000 0001 0010 00000000 01f4 000000000000',
    {
      type: 'queueGetConfigReply',
      queues: [{ port: 1, queue: 2, properties: [{ type: 'minRate', rate: 500 }] }],
    },
  ],
  [
    'asynchronous messages, 1.3.5 7.3.10',
    '041c0020 00000001 00000001 00000002 00000003 00000004 00000005 00000006',
    {
      type: 'setAsync',
      properties: [
        { type: 'packetInPrimary', mask: 1 },
        { type: 'packetInSecondary', mask: 2 },
        { type: 'portStatusPrimary', mask: 3 },
        { type: 'portStatusSecondary', mask: 4 },
        { type: 'flowRemovedPrimary', mask: 5 },
        { type: 'flowRemovedSecondary', mask: 6 },
      ],
    },
  ],
  [
    'asynchronous messages, 1.5.1 7.3.10',
    '061c0010 00000001 0001 0008 00000003',
    { type: 'setAsync', properties: [{ type: 'packetInPrimary', mask: 3 }] },
  ],
  [
    'an optical port, 7.3.4.3',
    `06100038 00000001 00000001 00000000 020000000001 0000 00000000 00000000
     0001 0018 00000001 00000002 00000003 00000004 00000005`,
    {
      type: 'portMod',
      port: 1,
      hwAddr: 0x020000000001n,
      properties: [{ type: 'optical', frequency: 2, txPower: 5 }],
    },
  ],
  [
    'a meter with bands of all kinds, 7.3.4.5',
    `041d0040 00000001 0000 0001 00000005 0001 0010 000003e8 00000007 00000000
     0002 0010 000003e8 00000007 03 000000 ffff 0010 000003e8 00000000 00123456`,
    {
      type: 'meterMod',
      bands: [
        { type: 'drop', rate: 1000, burst: 7 },
        { type: 'dscpRemark', precedence: 3 },
        { type: 'experimenterBand', experimenter: 0x123456 },
      ],
    },
  ],
  [
    'a hello with an element of a later version, 7.5.1',
    '06000018 00000001 0001 0008 00000050 0007 0008 01020304',
    {
      type: 'hello',
      elements: [
        { type: 'versionBitmap', bitmaps: [0x50] },
        { type: 'unknown', code: 7 },
      ],
    },
  ],
  [
    'a hello of 1.0 with text behind it',
    '0100000d 00000001 6e6f7468 69',
    { type: 'hello', version: 1, elements: [], extra: Uint8Array.from([0x6e, 0x6f, 0x74, 0x68, 0x69]) },
  ],
  [
    'a hello with the start of an element behind a whole one, 7.5.1',
    '06000015 00000001 0001 0008 00000050 0001 0010 00',
    {
      type: 'hello',
      elements: [{ type: 'versionBitmap', bitmaps: [0x50] }],
      extra: Uint8Array.from([0, 1, 0, 16, 0]),
    },
  ],
  [
    'a hello whose elements are not padded, 7.5.1',
    '06000020 00000001 0001 000c 00000050 00000000 0007 000c 00000003 00000004',
    { type: 'hello', elements: [{ type: 'versionBitmap', bitmaps: [0x50, 0] }] },
  ],
  [
    'a hello that lacks the padding at its end, 7.5.1',
    '06000014 00000001 0001 000c 00000050 00000000',
    { type: 'hello', elements: [{ type: 'versionBitmap' }], extra: new Uint8Array(0) },
  ],
  [
    'a bitmap of half a word, 7.5.1',
    '06000010 00000001 0001 0006 0050 0000',
    { type: 'hello', elements: [], extra: Uint8Array.from([0, 1, 0, 6, 0, 0x50, 0, 0]) },
  ],
  [
    'a flow monitor whose count of match bytes is wrong, EXT-187',
    `04120030 00000006 ffff 0000 00000000 4f4e4600 0000074e
     00002000 0004 1234 00000002 01 000000 0001 0004 00000000`,
    {
      type: 'flowMonitorRequest',
      monitors: [{ monitor: 0x2000, monitorFlags: 4, match: [], matchBytes: 0x1234 }],
    },
  ],
  [
    'a statistics trigger, 7.2.5',
    `060e0050 00000001 0000000000000000 0000000000000000 00 00 0000 0000 0064 ffffffff ffffffff ffffffff 0000 0007
     0001 0004 00000000 0007 0018 00000001 0000 0010 80020808 0000000000000005`,
    {
      type: 'flowMod',
      importance: 7,
      instructions: [{ type: 'statTrigger', flags: 1, thresholds: [{ stat: 'packetCount', value: 5n }] }],
    },
  ],
  [
    'what a flow monitor says of itself, 7.3.5.20',
    '06130028 00000001 0010 0000 00000000 0008 0004 00000009 0008 0005 00000000 0008 0006 00000000',
    {
      type: 'flowMonitorReply',
      updates: [{ event: 'abbreviated', xid: 9 }, { event: 'paused' }, { event: 'resumed' }],
    },
  ],
  [
    "an experimenter's error, 7.5.4",
    '04010010 00000001 ffff 08fc 4f4e4600',
    { type: 'error', errorType: 0xffff, code: 2300, experimenter: 0x4f4e4600 },
  ],
  [
    'a copy of bits, 1.5.1 7.2.6.7',
    `060d0030 00000001 ffffffff 0018 0000 0001 0004 00000000
     001c 0018 0010 0000 0008 0000 80000606 80000806 00000000`,
    {
      type: 'packetOut',
      actions: [{ type: 'copyField', bits: 16, dstOffset: 8, src: { field: 'eth_dst' } }],
    },
  ],
  [
    'a bundled message that is padded for the property behind it, 7.3.9.6',
    '06220030 00000001 00000001 0000 0001 06020009 00000001 aa 00000000000000 ffff 000c 00123456 00000001 00000000',
    {
      type: 'bundleAdd',
      message: { type: 'echoRequest' },
      properties: [{ type: 'experimenter', experimenter: 0x123456 }],
    },
  ],
  [
    'a copy of bits over 1.3, EXT-320',
    `040d0038 00000001 ffffffff fffffffd 0020 000000000000
     ffff 0020 4f4e4600 0c80 0000 0010 0000 0008 0000 80000606 80000806 00000000`,
    {
      type: 'packetOut',
      actions: [{ type: 'copyField', bits: 16, dstOffset: 8, dst: { field: 'eth_src' } }],
    },
  ],
  [
    'counters of an optical port, 7.3.5.6',
    `06130090 00000001 0004 0000 00000000 0080 0000 00000003 00000001 00000002
     ${'0000000000000005'.repeat(8)}
     0001 002c 00000000 00000013 00000001 00000002 00000003 00000004 00000005 00000006 0007 0008 0009 000a 00000000`,
    {
      type: 'portStatsReply',
      ports: [{ port: 3, properties: [{ type: 'optical', flags: 19, rxGridSpan: 6, temperature: 10 }] }],
    },
  ],
  [
    'a bundle committed at a time, 7.3.9.4',
    '06210028 00000001 00000005 0004 0004 0001 0018 00000000 000000006553f100 000001f4 00000000',
    {
      type: 'bundleControl',
      properties: [{ type: 'time', scheduled: { sec: 1700000000n, nsec: 500 } }],
    },
  ],
  [
    'how a switch schedules bundles, 7.3.5.21',
    `06130060 00000001 0013 0000 00000000 0007 000000000000 0001 0048 00000000
     0000000000000000 000003e8 00000000 0000000000000e10 00000000 00000000
     0000000000000001 00000000 00000000 000000006553f100 00000007 00000000`,
    {
      type: 'bundleFeaturesReply',
      properties: [
        { type: 'time', accuracy: { nsec: 1000 }, maxFuture: { sec: 3600n }, timestamp: { nsec: 7 } },
      ],
    },
  ],
  [
    'a port with pipeline fields that recirculates, 7.2.1.1',
    `06130050 00000001 000d 0000 00000000 00000001 0040 0000 020000000001 0000
     70310000000000000000000000000000 00000000 00000004
     0002 000c 80000408 80004c08 00000000 0004 0008 00000002`,
    {
      type: 'portDescReply',
      ports: [
        {
          name: 'p1',
          properties: [
            { type: 'pipelineInput', fields: [{ field: 'metadata' }, { field: 'tun_id' }] },
            { type: 'recirculate', ports: [2] },
          ],
        },
      ],
    },
  ],
  [
    'a table of packet types and of an experimenter, 7.3.5.18',
    `06130070 00000001 000c 0000 00000000 0060 07 00 00000001 ${'00'.repeat(32)}
     ${'00'.repeat(16)} 00000000 0000000a
     0016 000c 80005804 00010800 00000000 fffe 000c 00123456 00000001 00000000`,
    {
      type: 'tableFeaturesReply',
      tables: [
        {
          table: 7,
          properties: [
            { type: 'packetTypes', packetTypes: [{ field: 'packet_type', value: 0x10800 }] },
            { type: 'experimenterFlows', experimenter: 0x123456 },
          ],
        },
      ],
    },
  ],
  [
    'a name that is not UTF-8, with more behind the NUL',
    `06130038 00000001 000d 0000 00000000 00000001 0028 0000 020000000001 0000
     70ff0041000000000000000000000042 00000000 00000004`,
    { type: 'portDescReply', ports: [{ port: 1, hwAddr: 0x020000000001n }] },
  ],
];

for (const [what, hex, expected] of layouts) {
  t.test(what, async (t) => {
    const digits = hex.replace(/\s/g, '');
    const message: Message = decode(Buffer.from(digits, 'hex'));
    t.match(message, expected);
    t.equal(Buffer.from(encode(message)).toString('hex'), digits);
  });
}
