/** Peers of the OpenFlow port: stock clients, switches that clash or die without a word, and hostile ones. */
import '../harness/ovs-netns.ts';
import { execFileSync } from 'node:child_process';
import net from 'node:net';
import t from 'tap';
import { decode, encode, FrameDecoder, type Message, makeHello } from 'ts-openflow';
import type { Dpid } from '../../src/model/ids.ts';
import { startOvs } from '../harness/ovs.ts';
import { eventually } from '../harness/ovs-eventually.ts';
import {
  desiredFlow,
  desiredSwitch,
  outputTo,
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

t.test('two real switches with one datapath id, and one that connects twice', async (t) => {
  const southbound = await startSouthbound(t);
  const refusals = () => southbound.lines.filter(({ message }) => /refused a second switch/.test(message));
  const [first, second] = [await startOvs({ datapath: 'dummy' }), await startOvs({ datapath: 'dummy' })];
  t.teardown(() => Promise.all([first.stop(), second.stop()]));
  await first.addBridge('br1', { dpid, controller: southbound.target });
  await eventually(t, 'the first is connected', () => southbound.fact(dpid)?.connection === 'connected');
  southbound.switches.manage([{ dpid, ovsdb: first.ovsdb }]);
  const desired = desiredSwitch(dpid, [desiredFlow({})]);
  southbound.switches.want([desired]);
  await eventually(t, 'applied', () => southbound.fact(dpid)?.applied?.digest === desired.digest);

  await second.addBridge('br1', { dpid, controller: southbound.target });
  await second.vsctl('set', 'controller', 'br1', 'max_backoff=1000');
  await eventually(t, 'the second is refused and named', () =>
    /another switch with this datapath id/.test(southbound.fact(dpid)?.problem ?? ''),
  );
  await second.vsctl('del-controller', 'br1');
  // Over another name of the same host, so that it is another target.
  await first.vsctl(
    'set-controller',
    'br1',
    southbound.target,
    southbound.target.replace('127.0.0.1', 'localhost'),
  );
  const problem = southbound.fact(dpid)?.problem;
  await eventually(t, 'the same one a second time too', () => southbound.fact(dpid)?.problem !== problem);
  t.match(southbound.fact(dpid), { connection: 'connected', applied: { digest: desired.digest } });
  t.strictSame(await second.dumpFlows('br1'), [], 'nothing was put into the other one');
  t.equal(refusals().length, 1, 'it is logged once, not at each attempt');
  t.strictSame(
    southbound.lines.filter(({ message }) => message === 'switch disconnected'),
    [],
    'the first stayed connected all the time',
  );
  t.strictSame(await first.unexpectedLogLines([/(rconn|stream_tcp|in_band)\|/]), []);
});

t.test('a switch that vanishes from the network without closing its connection', async (t) => {
  const ip = (...args: string[]) => execFileSync('ip', args);
  const there = `cs-half-${process.pid}`;
  ip('netns', 'add', there);
  t.teardown(() => void ip('netns', 'del', there));
  ip('link', 'add', 'near', 'type', 'veth', 'peer', 'name', 'far', 'netns', there);
  ip('addr', 'add', '192.0.2.1/30', 'dev', 'near');
  ip('link', 'set', 'near', 'up');
  ip('-n', there, 'addr', 'add', '192.0.2.2/30', 'dev', 'far');
  ip('-n', there, 'link', 'set', 'far', 'up');
  const southbound = await startSouthbound(t, {
    listen: { host: '192.0.2.1', port: 0 },
    limits: { idleMs: 500 },
  });
  const ovs = await startOvs({ datapath: 'dummy', netns: there });
  t.teardown(() => ovs.stop());
  await ovs.addBridge('br1', { dpid, controller: `tcp:192.0.2.1:${southbound.address.port}` });
  southbound.switches.manage([{ dpid, ovsdb: ovs.ovsdb }]);
  const desired = desiredSwitch(dpid, [desiredFlow({})]);
  southbound.switches.want([desired]);
  const isApplied = () => southbound.fact(dpid)?.applied?.digest === desired.digest;
  await eventually(t, 'applied', isApplied);

  ip('link', 'set', 'near', 'down');
  await eventually(t, 'missed', () => southbound.fact(dpid)?.connection === 'disconnected');
  t.equal(southbound.fact(dpid)?.applied, undefined, 'nothing is claimed of it');
  t.match(
    southbound.lines.filter(({ message }) => message === 'switch disconnected'),
    [{ detail: { reason: 'no sign of life' } }],
  );
  ip('link', 'set', 'near', 'up');
  await eventually(t, 'applied again', isApplied);
  t.equal(southbound.fact(dpid)?.problem, undefined, 'its old connection is not taken for another switch');
  t.strictSame(await ovs.unexpectedLogLines([/(rconn|stream_tcp|vconn)\|/]), []);
});

t.test('a switch limits what it sends to the controller', async (t) => {
  for (const version of ['OpenFlow13', 'OpenFlow15']) {
    const southbound = await startSouthbound(t);
    const ovs = await startOvs({ datapath: 'dummy' });
    t.teardown(() => ovs.stop());
    await ovs.addBridge('br1', { dpid, controller: southbound.target, protocols: version });
    await ovs.vsctl('add-port', 'br1', 'p1');
    const meters = () => ovs.ofctl('-O', version, 'dump-meters', 'br1');
    await eventually(t, 'connected', () => southbound.fact(dpid)?.connection === 'connected');
    t.notMatch(await meters(), /meter=/, 'an undeclared switch is left as it is');
    southbound.switches.manage([{ dpid, ovsdb: ovs.ovsdb }]);
    southbound.switches.want([desiredSwitch(dpid, [desiredFlow({})])]);
    await eventually(t, 'metered', async () => /meter=controller pktps burst/.test(await meters()));
    await ovs.ofctl('-O', version, 'del-meters', 'br1');
    await eventually(t, 'and again', async () => /meter=controller pktps burst/.test(await meters()));
    await ovs.ofctl('-O', version, 'mod-meter', 'br1', 'meter=controller kbps bands=type=drop rate=7');
    southbound.switches.want([desiredSwitch(dpid, [desiredFlow({ priority: 9 })])]);
    await eventually(t, 'looked at again', async () =>
      (await ovs.dumpFlows('br1', { version })).some((flow) => /priority=9/.test(flow)),
    );
    t.match(await meters(), /rate=7/, "an operator's own stays");
    t.strictSame(await ovs.unexpectedLogLines(), []);
    await southbound.close();
  }
});

t.test('a flood of packets to the controller', async (t) => {
  const southbound = await startSouthbound(t);
  const ovs = await startOvs({ datapath: 'dummy' });
  t.teardown(() => ovs.stop());
  await ovs.addBridge('br1', { dpid, controller: southbound.target });
  await ovs.vsctl('add-port', 'br1', 'p1', '--', 'set', 'interface', 'p1', 'ofport_request=1');
  southbound.switches.manage([{ dpid, ovsdb: ovs.ovsdb }]);
  const first = desiredSwitch(dpid, [desiredFlow({ instructions: outputTo(0xfffffffd) })]);
  southbound.switches.want([first]);
  await eventually(t, 'applied', () => southbound.fact(dpid)?.applied?.digest === first.digest);
  // As many as a made-up device keeps until they are taken.
  const packets = Array.from({ length: 100 }, () => 'ffffffffffff00000000000108060001080006040001');
  await eventually(t, 'the switch keeps some to itself', async () => {
    const more = () => ovs.appctl('netdev-dummy/receive', 'p1', ...packets);
    await Promise.all(Array.from({ length: 10 }, more));
    const stats = await ovs.ofctl('-O', 'OpenFlow15', 'meter-stats', 'br1');
    return Number(/0: packet_count:(\d+)/.exec(stats)?.[1]) > 0;
  });
  const second = desiredSwitch(dpid, [desiredFlow({ priority: 7 })]);
  southbound.switches.want([second]);
  await eventually(t, 'work goes on', () => southbound.fact(dpid)?.applied?.digest === second.digest);
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
