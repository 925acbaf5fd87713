import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { decode, encode, type Message, parseFlow, printFlow, printMessage } from '../src/index.ts';
import { bodies } from '../src/text/bodies.ts';

interface Vector {
  readonly command: string;
  readonly hex: string;
}

const vectors: Vector[] = ['ovs.jsonl', 'osken.jsonl'].flatMap((file) =>
  readFileSync(new URL(`./vectors/${file}`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line)),
);

/** What ovs-ofctl prints of each message, read as one stream: a barrier request of a certain xid ends each. */
function printedByOvs(messages: readonly Uint8Array[]): string[] {
  const xid = 0xabcdef;
  const barrier = encode({ type: 'barrierRequest', version: 4, xid });
  const directory = mkdtempSync(join(tmpdir(), 'oftext-'));
  const file = join(directory, 'stream');
  writeFileSync(file, Buffer.concat(messages.flatMap((message) => [message, barrier])));
  const options = { encoding: 'utf8', stdio: 'pipe', maxBuffer: 2 ** 28 } as const;
  try {
    const text = execFileSync('ovs-ofctl', ['ofp-parse', file], options);
    return text.split(/OFPT_BARRIER_REQUEST \(OF1\.3\) \(xid=0xabcdef\):\n/).slice(0, -1);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Open vSwitch looks into packets and what it packed into continuations; this library does not. */
const packets = new Set(['packetIn', 'packetIn2', 'nxPacketIn', 'resume', 'packetOut']);

/** Where there is more to tell than Open vSwitch tells, or it tells what is not in the message. */
function differs(message: Message, command: string, theirs: string): boolean {
  if (theirs.includes('***') || theirs.includes('CUSTOM Statistics')) return true;
  if (message.type === 'flowDescRequest') return message.cookieMask !== 0n;
  // Fields that Open vSwitch keeps with fewer bits than they have on the wire.
  if (/erspan|gtpu/.test(theirs)) return true;
  if (message.type === 'flowMod') return command.includes('out_group');
  // The bits that the mask leaves out are not what is set.
  if (message.type === 'portMod') return (message.config & ~message.mask) !== 0;
  return message.type === 'error' && message.experimenter === 0x2320;
}

/** What Open vSwitch and os-ken never send, or only in a form that Open vSwitch refuses. */
const neverSeen = ['setControllerId', 'cancelFlowMonitor'];

t.test('messages print as ovs-ofctl prints them', async (t) => {
  const messages = vectors.map(({ hex, command }) => {
    const bytes = Buffer.from(hex, 'hex');
    return { bytes, command, message: decode(bytes) };
  });
  const theirs = printedByOvs(messages.map(({ bytes }) => bytes));
  t.equal(theirs.length, messages.length);
  const seen = new Set<string>();
  let compared = 0;
  for (const [index, { message, command }] of messages.entries()) {
    const expected = (theirs[index] ?? '').trimEnd();
    const known = message.type in bodies || /^(bundleAdd|error)$|Request$/.test(message.type);
    if (!known || differs(message, command, expected)) continue;
    const first = (text: string) => (packets.has(message.type) ? text.split('\n')[0] : text.trimEnd());
    const ours = printMessage(message);
    if (first(ours) !== first(expected)) t.equal(first(ours), first(expected), command);
    compared++;
    seen.add(message.type);
  }
  t.ok(compared > 640, `${compared} messages`);
  t.same(
    Object.keys(bodies).filter((type) => !seen.has(type)),
    neverSeen,
  );
});

t.test('what is about a message prints it, but no error in an error', async (t) => {
  const about = (data: string) => printMessage(decode(Buffer.from(data, 'hex')));
  t.equal(
    about('0401001400000001000100060405000800000002'),
    'OFPT_ERROR (OF1.3) (xid=0x1): OFPBRC_BAD_LEN\nOFPT_FEATURES_REQUEST (OF1.3) (xid=0x2):',
  );
  t.equal(about('0401000f00000001000000006e6f21'), 'OFPT_ERROR (OF1.3) (xid=0x1): OFPHFC_INCOMPATIBLE\nno!');
  t.equal(
    about('040100180000000100010006040100080000000200010006'),
    'OFPT_ERROR (OF1.3) (xid=0x1): OFPBRC_BAD_LEN\n040100080000000200010006',
  );
});

t.test('other versions and masked ports print as in ovs-ofctl', async (t) => {
  const text = (data: string) => printMessage(decode(Buffer.from(data, 'hex')));
  t.equal(text('0100000800000001'), 'OFPT_HELLO (xid=0x1):\n version bitmap: 0x01');
  t.match(text('0500000800000001'), /^OFPT_HELLO \(OF1\.4\) \(xid=0x1\):/);
  t.match(text('2100000800000001'), /^OFPT_HELLO \(OF 0x21\) .*0x1f$/s);
  t.equal(printFlow(parseFlow('in_port=0x4/0x5,actions=drop')), 'in_port=0x4/0x5 actions=drop');
});
