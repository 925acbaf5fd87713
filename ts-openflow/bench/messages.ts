import { readFileSync } from 'node:fs';
import { decode, encode, type Match, type Message, type MessageOf } from '../src/index.ts';

const recorded: readonly Uint8Array[] = readFileSync(
  new URL('../test/vectors/ovs.jsonl', import.meta.url),
  'utf8',
)
  .trim()
  .split('\n')
  .map((line) => Uint8Array.from(Buffer.from(JSON.parse(line).hex, 'hex')));

const flowMods = recorded.filter((bytes) => bytes[0] === 4 && bytes[1] === 14);

/** Flows in one reply: Open vSwitch sends as many as 64 KiB hold, a small table has about that many. */
const flowsPerReply = 10;

/** The flows that the recorded flow-mods make, as a switch tells of them. */
function flowStatsReplies(): Message[] {
  const flows = flowMods.map((bytes, n) => {
    const { table, priority, idleTimeout, hardTimeout, flags, cookie, match, instructions } = decode(
      bytes,
    ) as MessageOf<'flowMod'>;
    const stats = [
      { stat: 'duration', sec: 60 + n, nsec: 1_000_000 * n },
      { stat: 'packetCount', value: 1000n + BigInt(n) },
      { stat: 'byteCount', value: 123_456n * BigInt(n) },
    ] as const;
    const head = { table, priority, idleTimeout, hardTimeout, flags, importance: 0, cookie };
    return { ...head, match, stats, instructions };
  });
  const replies: Message[] = [];
  for (let at = 0; at + flowsPerReply <= flows.length; at += flowsPerReply) {
    const part = flows.slice(at, at + flowsPerReply);
    replies.push({ type: 'flowDescReply', version: 4, xid: at, flags: 0, flows: part });
  }
  return replies;
}

const matches: readonly Match[] = [
  [{ field: 'in_port', value: 3 }],
  [
    { field: 'in_port', value: 1 },
    { field: 'metadata', value: 0x1234n },
  ],
  [
    { field: 'in_port', value: 7 },
    { field: 'tun_id', value: 0x2an },
  ],
];

/** Frames of the sizes that are common, with each of the matches that a packet comes with. */
function packetIns(): Message[] {
  return [60, 90, 128, 590, 1514].flatMap((size) =>
    matches.map((match, n): Message => {
      const data = Uint8Array.from({ length: size }, (_, at) => (at * 7) & 0xff);
      const rest = { reason: 1, table: n, cookie: BigInt(size), match, data };
      return { type: 'packetIn', version: 4, xid: 0, bufferId: 0xffffffff, totalLength: size, ...rest };
    }),
  );
}

/** What is measured, all of OpenFlow 1.3: python-openflow knows no later version. */
export const sets: Readonly<Record<string, readonly Uint8Array[]>> = {
  'flow-mods': flowMods,
  'flow-stats replies': flowStatsReplies().map(encode),
  'packet-ins': packetIns().map(encode),
};
