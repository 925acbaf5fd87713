/**
 * The lab's observers themselves: what they make of what tcpdump and ovs-ofctl print.
 */
import t from 'tap';
import { parseFlow } from '../../lab/flows.ts';
import { Hopeless, NotSeen, until } from '../../lab/observe.ts';
import { whereTheyEnded } from '../../lab/steps/answers.ts';
import { bypasses, downstream, type Hop, upstream } from '../../lab/steps/traffic.ts';
import { echoWays, type Frame, parseLine } from '../../lab/wire.ts';

const ALICE = '00:00:00:00:00:01';
const SERVER = '00:00:00:00:00:64';

const hop = (instance: string): Hop => ({
  hop: 'firewall-1',
  function: 'firewall',
  instance,
  left: `${instance}l`,
  right: `${instance}r`,
  pid: 1,
  restarts: 0,
});

/** A ping of Alice's, or its answer, seen at each of these places in turn. */
function seen(stations: readonly string[], kind: 'request' | 'reply', seq = 1): readonly Frame[] {
  const [source, ends] =
    kind === 'request' ? [ALICE, '10.0.0.1 > 10.0.0.100'] : [SERVER, '10.0.0.100 > 10.0.0.1'];
  return stations.map((station, at) => {
    const [way, port = ''] = station.split(' ');
    const text = `ethertype IPv4 (0x0800), length 104: ${ends}: ICMP echo ${kind}, id 7, seq ${seq}, length 64`;
    return { at, port, way: way === 'out' ? 'out' : 'in', source, text };
  });
}

t.test('a line of tcpdump', async (t) => {
  const line = (way: string): string =>
    `1795467199.078476 s1-eth1 ${way}   ifindex 2 ${ALICE} ethertype IPv4 (0x0800), length 104: 10.0.0.1 > ` +
    '10.0.0.100: ICMP echo request, id 7971, seq 1, length 64';
  t.match(parseLine(line('P')), { at: 1795467199.078476, port: 's1-eth1', way: 'in', source: ALICE });
  t.match(parseLine(line('B')), { way: 'in' });
  t.match(parseLine(line('Out')), { way: 'out', text: /^ethertype IPv4/ });
  t.equal(parseLine('listening on any, link-type LINUX_SLL2'), undefined);
  const frame = parseLine(line('P'));
  t.same(frame && [...echoWays([frame], 'request')], [['7971.1', ['in s1-eth1']]]);
});

t.test('a flow of ovs-ofctl', async (t) => {
  const flow = parseFlow(
    ' cookie=0xc5c5000000000001, duration=12.5s, table=2, n_packets=3, n_bytes=294, send_flow_rem ' +
      'priority=5,metadata=0x100/0xff00 actions=goto_table:3',
  );
  t.match(flow, { table: 2, duration: 12.5, packets: 3, actions: 'goto_table:3' });
  t.equal(flow?.match, 'priority=5,metadata=0x100/0xff00');
  t.equal(flow?.cookie, 0xc5c5000000000001n);
});

t.test('a bypass is told from a packet on its way', async (t) => {
  const one = [hop('i1')];
  const two = [hop('i1'), hop('i2')];
  t.same(bypasses(seen(upstream(two), 'request'), [two]), [], 'all hops upstream');
  t.same(bypasses(seen(downstream(two), 'reply'), [two]), [], 'all hops downstream');
  t.same(bypasses(seen(upstream(two).slice(0, 3), 'request'), [two]), [], 'lost is not around');
  t.equal(bypasses(seen(upstream([]), 'request'), [two]).length, 1, 'none of the hops');
  t.equal(bypasses(seen(upstream(one), 'request'), [two]).length, 1, 'one of two hops');
  t.equal(bypasses(seen(upstream(two.toReversed()), 'request'), [two]).length, 1, 'the wrong order');
  t.equal(bypasses(seen(downstream(one), 'reply'), [two]).length, 1, 'a reply that skips a hop');
  t.same(bypasses(seen(upstream(one), 'request'), [one, two]), [], 'during a change the old way is right');
  t.equal(
    bypasses([...seen(upstream(one), 'request', 1), ...seen(upstream([]), 'request', 2)], [one]).length,
    1,
    "another packet's passage does not count",
  );
});

t.test('a lost ping is found where it was last seen', async (t) => {
  const frames = [
    ...seen(['in s1-eth1', 'out i1l', 'in i1r', 'out s1-eth3'], 'request', 1),
    ...seen(['in s1-eth3', 'out i1r', 'in i1l', 'out s1-eth1'], 'reply', 1),
    ...seen(['in s1-eth1', 'out i1l'], 'request', 2),
  ];
  t.equal(whereTheyEnded(frames, 's1-eth1'), 'lost on the way: 7.2: in s1-eth1 > out i1l');
  t.equal(whereTheyEnded(frames.slice(0, 8), 's1-eth1'), 'all that were on the wire were answered');
});

t.test('waiting', async (t) => {
  let looks = 0;
  t.equal(await until('it', () => (++looks === 3 ? 'there' : undefined), { every: 1 }), 'there');
  const never = (): never => {
    throw new NotSeen('it', 'something else');
  };
  await t.rejects(until('it', never, { timeout: 20, every: 1 }), { message: /seen: something else$/ });
  looks = 0;
  const hopeless = (): never => {
    looks++;
    throw new Hopeless('it', 'it is gone');
  };
  await t.rejects(until('it', hopeless), { message: /seen: it is gone$/ });
  t.equal(looks, 1, 'what cannot come any more is not waited for');
});
