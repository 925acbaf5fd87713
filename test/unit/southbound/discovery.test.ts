/** The search for links, over a network that is made up and a clock that stands still. */
import t from 'tap';
import type { LinkFact } from '../../../src/model/facts.ts';
import type { Dpid, Mac, OfPort } from '../../../src/model/ids.ts';
import {
  DISCOVERY_TIMES,
  Discovery,
  type DiscoveryOutput,
  type DiscoveryPort,
} from '../../../src/southbound/topology/discovery.ts';
import { readProbe, writeProbe } from '../../../src/southbound/topology/lldp.ts';

const KEY = new Uint8Array(32).fill(7);
const dpid = (n: number): Dpid => n.toString(16).padStart(16, '0') as Dpid;
const port = (n: number, linkUp = true): DiscoveryPort => ({
  name: `p${n}`,
  ofport: n as OfPort,
  mac: `02:00:00:00:00:0${n}` as Mac,
  linkUp,
});

type Place = readonly [switchNumber: number, port: number];
type Frame = { readonly from: Place; readonly frame: Buffer };

/** Switches 1 to n with ports 1 to 4, joined by cables that a test may change at any time. */
class Net {
  readonly discovery = new Discovery(KEY);
  now = 0;
  /** Where what leaves a port arrives; both directions are entered apart. */
  readonly cables = new Map<string, readonly Place[]>();
  readonly refused: string[] = [];
  readonly sent: Frame[] = [];

  constructor(switches: number, edges: readonly string[] = []) {
    const managed = Array.from({ length: switches }, (_, i) => [dpid(i + 1), new Set(edges)] as const);
    this.discovery.manage(new Map(managed), this.now);
    for (let n = 1; n <= switches; n++) this.connect(n);
  }

  connect(n: number, ready = true): void {
    this.discovery.observe(
      dpid(n),
      [1, 2, 3, 4].map((p) => port(p)),
      this.now,
    );
    if (ready) this.discovery.ready(dpid(n), this.now);
  }

  join([s, p]: Place, [r, q]: Place): void {
    this.cables.set(`${s}/${p}`, [[r, q]]);
    this.cables.set(`${r}/${q}`, [[s, p]]);
  }

  cut([s, p]: Place): void {
    for (const [r, q] of this.cables.get(`${s}/${p}`) ?? []) this.cables.delete(`${r}/${q}`);
    this.cables.delete(`${s}/${p}`);
  }

  deliver(outputs: readonly DiscoveryOutput[] = this.discovery.drain()): void {
    for (const output of outputs) {
      if (output.kind === 'refused')
        this.refused.push(`${Number(output.dpid)}/${output.port} ${output.cause}`);
      if (output.kind !== 'probe') continue;
      const from: Place = [Number.parseInt(output.dpid, 16), output.port];
      this.sent.push({ from, frame: output.frame });
      for (const [s, p] of this.cables.get(from.join('/')) ?? []) this.hand([s, p], output.frame);
    }
  }

  hand([s, p]: Place, frame: Uint8Array): void {
    this.discovery.received(dpid(s), p, frame, this.now);
  }

  pass(ms: number): void {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += 50;
      this.discovery.tick(this.now);
      this.deliver();
    }
  }

  get links(): readonly string[] {
    return this.discovery.links.map(text);
  }
}

const text = ({ a, b, state }: LinkFact): string =>
  `${Number(a.dpid)}/${a.port}-${Number(b.dpid)}/${b.port} ${state}`;

t.test('a link is found in both directions and once', async (t) => {
  const net = new Net(3);
  net.join([1, 1], [2, 2]);
  net.join([3, 1], [2, 1]);
  net.pass(300);
  t.strictSame(net.links, ['1/p1-2/p2 up', '2/p1-3/p1 up']);
  const [first] = net.discovery.links;
  net.pass(30_000);
  t.strictSame(net.discovery.links[0], first, 'and stays the same while it is heard of');
  t.strictSame(net.refused, []);
});

t.test('one direction alone is no link to use, and known as a danger', async (t) => {
  const net = new Net(2);
  net.cables.set('1/1', [[2, 2]]);
  net.pass(300);
  t.strictSame(net.links, ['1/p1-2/p2 oneWay']);
  net.join([1, 1], [2, 2]);
  net.pass(2500);
  t.strictSame(net.links, ['1/p1-2/p2 up']);
});

t.test('a port that leads to several, or to itself, leads to no one', async (t) => {
  const net = new Net(3);
  for (const [from, ...to] of [
    [
      [1, 1],
      [2, 1],
      [3, 1],
    ],
    [
      [2, 1],
      [1, 1],
      [3, 1],
    ],
    [
      [3, 1],
      [1, 1],
      [2, 1],
    ],
  ] as const) {
    net.cables.set(from.join('/'), to);
  }
  net.cables.set('1/2', [[1, 2]]);
  net.join([2, 3], [2, 4]);
  net.pass(9000);
  t.ok(
    net.links.every((link) => link.startsWith('2/p3-2/p4') || link.endsWith('oneWay')),
    net.links.join(),
  );
  t.ok(net.links.includes('1/p2-1/p2 oneWay'));
});

t.test('a port that goes down ends its link at once; silence ends it in time', async (t) => {
  const net = new Net(2);
  net.join([1, 1], [2, 2]);
  net.join([1, 3], [2, 3]);
  net.pass(300);
  net.discovery.observe(dpid(1), [port(1, false), port(2), port(3), port(4)], net.now);
  t.strictSame(net.links, ['1/p3-2/p3 up']);
  net.cut([1, 3]);
  net.pass(DISCOVERY_TIMES.timeout - DISCOVERY_TIMES.interval - 100);
  t.strictSame(net.links, ['1/p3-2/p3 up'], 'a lost probe or two end nothing');
  net.pass(DISCOVERY_TIMES.interval + 200);
  t.strictSame(net.links, []);
});

t.test('a switch that is away takes no link with it, and has its time when it returns', async (t) => {
  const net = new Net(2);
  net.join([1, 1], [2, 2]);
  net.pass(300);
  net.discovery.disconnected(dpid(2), net.now);
  t.strictSame(net.links, ['1/p1-2/p2 up']);
  net.pass(3 * DISCOVERY_TIMES.timeout);
  t.strictSame(net.links, ['1/p1-2/p2 stale']);
  net.connect(2);
  t.strictSame(net.links, ['1/p1-2/p2 up']);
  net.cut([1, 1]);
  net.pass(2 * DISCOVERY_TIMES.timeout);
  t.strictSame(net.links, [], 'once it is back, silence counts');

  net.join([1, 1], [2, 2]);
  net.pass(2500);
  net.discovery.disconnected(dpid(2), net.now);
  net.discovery.observe(dpid(1), [port(2)], net.now);
  t.strictSame(net.links, [], 'what the other end sees counts all the same');
});

t.test('declared ports are left alone', async (t) => {
  const net = new Net(2, ['p1']);
  net.join([1, 1], [2, 1]);
  net.pass(5000);
  t.ok(
    net.sent.every(({ from: [, p] }) => p !== 1),
    'no probe is sent there',
  );
  const [{ frame } = { frame: Buffer.alloc(0) }] = net.sent;
  net.hand([1, 1], frame);
  t.strictSame(net.links, [], 'and what they send shows nothing');
  net.discovery.manage(new Map([[dpid(1), new Set<string>()]]), net.now);
  t.equal(net.discovery.state(dpid(2)), undefined, 'a switch that is not managed any more is forgotten');
});

t.test('what is forged, repeated, late or from nowhere shows no link, and is said once', async (t) => {
  const net = new Net(3);
  net.join([1, 1], [2, 2]);
  net.pass(300);
  const taken = net.sent.find(({ from }) => from.join() === '1,1');
  const free = net.sent.findLast(({ from }) => from.join() === '1,3');
  if (!taken || !free) throw new Error('no probes');
  const forge = (serial: bigint, key = new Uint8Array(32)): Buffer =>
    writeProbe(key, { dpid: dpid(1), port: 'p1', serial }, port(1).mac, 10);
  for (let i = 0; i < 3; i++) {
    net.hand([3, 1], taken.frame);
    net.hand([3, 2], forge(BigInt(i)));
  }
  net.hand([3, 3], writeProbe(KEY, { dpid: dpid(9), port: 'p1', serial: 1n }, port(1).mac, 10));
  const bent = Buffer.from(free.frame);
  bent.writeUInt8(bent.readUInt8(40) ^ 1, 40);
  net.hand([3, 2], bent);
  for (let length = 0; length < free.frame.length - 2; length++)
    net.hand([3, 2], free.frame.subarray(0, length));
  net.hand(
    [3, 2],
    Buffer.from('0180c200000e02000000000188cc0207040200000000010403020001060200780000', 'hex'),
  );
  net.pass(DISCOVERY_TIMES.timeout + 1000);
  net.hand([3, 4], free.frame);
  net.deliver();
  t.strictSame(net.links, ['1/p1-2/p2 up'], 'no link came of it');
  t.strictSame(net.refused, [
    '3/p1 replayed',
    '3/p2 forged',
    '3/p3 unknown-sender',
    '3/p2 flood',
    '3/p4 replayed',
  ]);
});

t.test('a flood at one port costs no link', async (t) => {
  const net = new Net(2);
  net.join([1, 1], [2, 2]);
  net.pass(300);
  const junk = Buffer.alloc(64);
  net.cables.delete('2/2');
  for (let i = 0; i < 20; i++) {
    for (let n = 0; n < 100; n++) net.hand([1, 4], junk);
    net.pass(1000);
  }
  t.strictSame(net.links, ['1/p1-2/p2 stale']);
  net.pass(DISCOVERY_TIMES.timeout + 1000);
  t.strictSame(net.links, ['1/p1-2/p2 oneWay'], 'once it has ended, silence counts again');
  t.strictSame(net.refused, ['1/p4 flood']);
});

t.test(
  'a port listens until its switch has had time to hear of a neighbour, once each time it comes up',
  async (t) => {
    const net = new Net(0);
    net.discovery.manage(new Map([[dpid(1), new Set(['p4'])]]), 0);
    net.connect(1, false);
    t.equal(net.discovery.state(dpid(1)), 'idle');
    net.pass(5000);
    t.strictSame([...net.discovery.listening(dpid(1))], ['p1', 'p2', 'p3'], 'not before it can hear');
    net.discovery.ready(dpid(1), net.now);
    t.equal(net.discovery.state(dpid(1)), 'listening');
    net.pass(DISCOVERY_TIMES.listen);
    t.equal(net.discovery.state(dpid(1)), 'done');
    net.discovery.disconnected(dpid(1), net.now);
    net.connect(1, false);
    t.equal(net.discovery.state(dpid(1)), 'done', 'a connection that was lost changes nothing');
    net.discovery.observe(dpid(1), [port(1, false), port(2), port(3), port(4)], net.now);
    net.connect(1);
    t.strictSame([...net.discovery.listening(dpid(1))], ['p1']);
  },
);

t.test('a probe can be read by whoever has the key, and is LLDP', async (t) => {
  const probe = { dpid: dpid(0xabc), port: 's1-eth1', serial: 2n ** 63n };
  const frame = writeProbe(KEY, probe, port(1).mac, 10);
  t.strictSame(readProbe(KEY, frame), { kind: 'probe', probe });
  t.equal(readProbe(new Uint8Array(32), frame).kind, 'forged');
  t.equal(frame.subarray(0, 6).toString('hex'), '0180c200000e');
});
