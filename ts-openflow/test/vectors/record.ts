/**
 * Records what Open vSwitch's own tools say to each other: every command of commands.txt is run over
 * OpenFlow 1.3 and 1.5 through a proxy that writes down the messages of both sides.
 * Usage: node record.ts
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { encode, FrameDecoder, type Version } from '../../src/index.ts';
import { changes, largeFlows, listener, questions, watcher } from './asked.ts';
import { startSwitch, writeLines } from './switch.ts';

const here = dirname(new URL(import.meta.url).pathname);
const run = promisify(execFile);

interface Vector {
  readonly from: 'ofctl' | 'switch';
  readonly command: string;
  readonly hex: string;
}

/** What ovs-ofctl prints of the messages that it got. */
interface Text {
  readonly command: string;
  readonly text: string;
  readonly messages: readonly string[];
}

const texts: Text[] = [];
let received: string[] = [];
const seen = new Set<string>();
const vectors: Vector[] = [];
let command = '';

/** The same but for the xid is the same. */
function keep(from: Vector['from'], message: Uint8Array): void {
  const hex = Buffer.from(message).toString('hex');
  const key = `${from}${hex.slice(0, 8)}${hex.slice(16)}`;
  if (from === 'switch') received.push(hex);
  if (seen.has(key)) return;
  seen.add(key);
  // Table features are 64 KiB a message: one for each version is enough.
  if (hex.length > 20_000) {
    if (seen.has(hex.slice(0, 4))) return;
    seen.add(hex.slice(0, 4));
  }
  vectors.push({ from, command, hex });
}

function forward(from: Vector['from'], source: Socket, target: Socket): void {
  const frames = new FrameDecoder();
  source.on('data', (chunk) => {
    for (const message of frames.push(chunk)) keep(from, message);
    target.write(chunk);
  });
  source.on('end', () => target.end());
  source.on('error', () => target.destroy());
}

const lab = startSwitch('br0', ['p1', 'p2', 'p3']);
const proxy = createServer((client) => {
  const upstream = connect(lab.socket);
  forward('ofctl', client, upstream);
  forward('switch', upstream, client);
});
await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
const address = proxy.address();
if (address === null || typeof address === 'string') throw new Error('no port');
const target = `tcp:127.0.0.1:${address.port}`;

let monitor: ChildProcess | undefined;
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** The switch's answers to messages that this library makes. */
async function ask(version: Version): Promise<void> {
  const socket = connection();
  for (const message of questions(version)) socket.write(encode(message));
  await pause(500);
  socket.destroy();
}

/** A connection to the switch, all of whose messages up to `maxBytes` are kept. */
function connection(maxBytes = Number.POSITIVE_INFINITY): Socket {
  const socket = connect(lab.socket);
  const frames = new FrameDecoder();
  socket.on('data', (chunk) => {
    for (const message of frames.push(chunk)) if (message.byteLength <= maxBytes) keep('switch', message);
  });
  return socket;
}

/** What the switch tells one controller of another one's doings. */
async function overhear(version: Version): Promise<void> {
  const [first, second] = [connection(), connection()];
  for (const message of listener(version)) first.write(encode(message));
  await pause(300);
  for (const message of changes(version)) second.write(encode(message));
  await pause(1500);
  first.destroy();
  second.destroy();
}

/** What the switch tells a controller that has not listened for long. */
async function overwhelm(version: Version): Promise<void> {
  const [first, second] = [connection(1000), connection()];
  for (const message of watcher(version)) first.write(encode(message));
  await pause(300);
  first.pause();
  for (const message of largeFlows(version)) second.write(encode(message));
  await pause(1000);
  first.resume();
  await pause(1000);
  first.destroy();
  second.destroy();
}

async function perform(version: string, line: string): Promise<void> {
  const words = line.match(/'[^']*'|\S+/g)?.map((word) => word.replace(/^'|'$/g, '')) ?? [];
  const [verb = '', ...args] = words;
  if (verb === 'appctl') {
    lab.run('ovs-appctl', ...args);
    return;
  }
  if (verb === 'vsctl') {
    lab.run('ovs-vsctl', ...args);
    return;
  }
  if (verb === 'start') {
    monitor = spawn('ovs-ofctl', ['-O', version, ...args.map((word) => (word === 'BR' ? target : word))], {
      stdio: 'ignore',
    });
    await pause(300);
    return;
  }
  if (verb === 'stop') {
    await pause(300);
    monitor?.kill();
    return;
  }
  const running = run('ovs-ofctl', ['-O', version, ...words.map((word) => (word === 'BR' ? target : word))], {
    timeout: 3_000,
  });
  running.child.stdin?.end();
  received = [];
  const { stdout } = await running;
  if (verb === '--no-stats') texts.push({ command, text: stdout, messages: received });
}

const failures: string[] = [];
for (const version of ['OpenFlow13', 'OpenFlow15']) {
  for (const line of readFileSync(join(here, 'commands.txt'), 'utf8').split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [only, text] = /^(1[35]) (.*)$/.exec(line)?.slice(1) ?? ['', line];
    if (only && !version.endsWith(only)) continue;
    command = `${version} ${text}`;
    try {
      await perform(version, text ?? '');
    } catch (error) {
      failures.push(`${command}: ${String((error as { stderr?: string }).stderr ?? error).trim()}`);
    }
  }
  command = `${version} asked`;
  const wireVersion = version === 'OpenFlow13' ? 4 : 6;
  await ask(wireVersion);
  command = `${version} overheard`;
  await overhear(wireVersion);
  command = `${version} overwhelmed`;
  await overwhelm(wireVersion);
  lab.run('ovs-ofctl', 'del-flows', `unix:${lab.socket}`);
}
proxy.close();
lab.close();
writeLines(join(here, 'ovs.jsonl'), vectors);
writeLines(join(here, 'text.jsonl'), texts);
process.exitCode = vectors.length < 300 ? 1 : 0;
process.stderr.write(`${vectors.length} vectors\n${failures.map((line) => `failed: ${line}\n`).join('')}`);
