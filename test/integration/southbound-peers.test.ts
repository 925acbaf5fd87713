/** Peers of the OpenFlow port: stock clients, switches that clash or die without a word, and hostile ones. */
import net from 'node:net';
import t from 'tap';
import { decode, encode, FrameDecoder, type Message, makeHello } from 'ts-openflow';
import type { Dpid } from '../../src/model/ids.ts';
import { startOvs } from '../harness/ovs.ts';
import { eventually } from '../harness/ovs-eventually.ts';
import {
  desiredFlow,
  desiredSwitch,
  startSouthbound,
  type TestSouthbound,
} from '../harness/ovs-southbound.ts';

const dpid = '00000000000000d1' as Dpid;

t.test('stock clients see a correct controller', async (t) => {
  const ovs = await startOvs({ datapath: 'dummy' });
  t.teardown(() => ovs.stop());
  const southbound = await startSouthbound(t);
  for (const version of ['OpenFlow13', 'OpenFlow15']) {
    await t.resolves(ovs.ofctl('-O', version, 'probe', southbound.target), `${version} probe`);
    // It goes on for ten rounds or so and says what does not match.
    const pinged = await ovs.ofctl('-O', version, 'ping', southbound.target);
    t.notMatch(pinged, /does not match/);
    t.match(pinged, /64 bytes from/, `${version} ping`);
    t.match(
      await ovs.ofctl('-O', version, 'benchmark', southbound.target, '100', '200'),
      /200/,
      `${version} benchmark`,
    );
  }
  await t.rejects(ovs.ofctl('-O', 'OpenFlow14', 'probe', southbound.target), {
    message: /negotiation failed/,
  });
  t.strictSame(
    southbound.lines.filter(({ level }) => level !== 'debug'),
    [],
  );
});

/** A peer that does the handshake of a switch of 1.5 and answers what `answer` answers. */
async function fakeSwitch(
  southbound: TestSouthbound,
  id: string,
  answer: (message: Message) => Message | undefined = () => undefined,
): Promise<net.Socket> {
  const socket = net.connect(southbound.address.port, '127.0.0.1');
  const frames = new FrameDecoder();
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    for (const bytes of frames.push(chunk)) {
      const message = decode(bytes);
      const reply = answer(message) ?? handshake(message, id);
      if (reply !== undefined) socket.write(encode(reply));
    }
  });
  socket.write(encode(makeHello(1)));
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

function handshake({ type, xid }: Message, id: string): Message | undefined {
  const head = { version: 6, xid } as const;
  if (type === 'featuresRequest')
    return {
      type: 'featuresReply',
      ...head,
      datapathId: BigInt(`0x${id}`),
      bufferCount: 0,
      tableCount: 254,
      auxiliaryId: 0,
      capabilities: 0,
      reserved: 0,
    };
  if (type === 'portDescRequest') return { type: 'portDescReply', ...head, flags: 0, ports: [] };
  return undefined;
}
const lively = (message: Message): Message | undefined =>
  message.type === 'echoRequest' ? { ...message, type: 'echoReply' } : undefined;
const ended = (socket: net.Socket): Promise<void> =>
  new Promise((resolve) => socket.once('close', () => resolve()));

t.test('two live switches with one datapath id: the second is sent away', async (t) => {
  const southbound = await startSouthbound(t);
  const ovs = await startOvs({ datapath: 'dummy' });
  t.teardown(() => ovs.stop());
  await ovs.addBridge('br1', { dpid, controller: southbound.target });
  await eventually(t, 'the first is connected', () => southbound.fact(dpid)?.connection === 'connected');
  const second = await fakeSwitch(southbound, dpid, lively);
  t.teardown(() => second.destroy());
  await ended(second);
  t.match(southbound.fact(dpid), {
    connection: 'connected',
    problem: /another switch with this datapath id/,
  });
  const desired = desiredSwitch(dpid, [desiredFlow({})]);
  southbound.switches.want([desired]);
  await eventually(
    t,
    'the first still works',
    () => southbound.fact(dpid)?.applied?.digest === desired.digest,
  );
  t.strictSame(await ovs.unexpectedLogLines(), []);
});

t.test('a switch that died without a word is replaced by its new connection', async (t) => {
  const southbound = await startSouthbound(t);
  const dead = await fakeSwitch(southbound, dpid);
  t.teardown(() => dead.destroy());
  await eventually(t, 'the first is connected', () => southbound.fact(dpid)?.connection === 'connected');
  const again = await fakeSwitch(southbound, dpid, lively);
  t.teardown(() => again.destroy());
  await ended(dead);
  await eventually(t, 'connected again', () => southbound.fact(dpid)?.connection === 'connected');
  t.equal(southbound.fact(dpid)?.problem, undefined);
  t.notOk(again.closed);
});

t.test('a switch that falls silent is given up', async (t) => {
  const ovs = await startOvs({ datapath: 'dummy' });
  t.teardown(() => ovs.stop());
  const southbound = await startSouthbound(t, { limits: { idleMs: 500 } });
  await ovs.addBridge('br1', { dpid, controller: southbound.target });
  await eventually(t, 'connected', () => southbound.fact(dpid)?.connection === 'connected');
  process.kill(ovs.pids.vswitchd, 'SIGSTOP');
  await eventually(t, 'given up', () => southbound.fact(dpid) === undefined);
  process.kill(ovs.pids.vswitchd, 'SIGCONT');
  await eventually(t, 'back', () => southbound.fact(dpid)?.connection === 'connected');
  t.strictSame(await ovs.unexpectedLogLines([/rconn\|WARN|timeval|poll_loop|stream_tcp|vconn_stream/]), []);
});

t.test('hostile bytes', async (t) => {
  const southbound = await startSouthbound(t, { limits: { helloMs: 300, handshakeMs: 500 } });
  const hello = encode(makeHello(1));
  const send = async (what: string, ...chunks: Uint8Array[]) => {
    const socket = net.connect(southbound.address.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    for (const chunk of chunks) socket.write(chunk);
    await ended(socket);
    t.pass(what);
  };
  await send('nothing at all');
  await send('zeros', new Uint8Array(100_000));
  await send('text', Buffer.from('GET / HTTP/1.1\r\n\r\n'.repeat(10_000)));
  await send('ones', new Uint8Array(100_000).fill(255));
  await send('a hello without end', Buffer.concat([hello.subarray(0, 4), new Uint8Array(1)]));
  await send(
    'a hello of zero-length elements',
    Uint8Array.of(6, 0, 0, 16, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0),
  );
  await send(
    'unknown types without end',
    hello,
    Buffer.alloc(80_000, Uint8Array.of(6, 99, 0, 8, 0, 0, 0, 1)),
  );
  await send('a length of zero', hello, Uint8Array.of(6, 2, 0, 0, 0, 0, 0, 1));
  let seed = 42;
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed >>> 24;
  };
  const noise = Array.from({ length: 40 }, () => Uint8Array.from({ length: 4096 }, random));
  await Promise.all(noise.map((bytes, round) => send(`noise ${round}`, hello, bytes)));
  // Whoever asks and never reads is cut off once enough has piled up.
  const greedy = net.connect(southbound.address.port, '127.0.0.1');
  greedy.on('error', () => {});
  greedy.pause();
  greedy.write(hello);
  const question = encode({ type: 'echoRequest', version: 6, xid: 1, data: new Uint8Array(60_000) });
  const flood = setInterval(() => {
    if (greedy.writableLength < 1 << 22) for (let i = 0; i < 100; i++) greedy.write(question);
  }, 5);
  await eventually(t, 'cut off', () => greedy.destroyed || greedy.closed);
  clearInterval(flood);
  greedy.destroy();
  t.strictSame([...southbound.switches.facts().keys()], []);
  t.strictSame(
    southbound.lines.filter(({ level }) => level === 'error'),
    [],
  );
});
