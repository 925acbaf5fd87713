/**
 * Converges, poison stays local, hostile bytes: what is left after any sequence of faults, and what is done to
 * one chain or to the controller's own ports and reaches nobody else.
 */
import '../harness/ovs-netns.ts';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import t, { type Test } from 'tap';
import { encode, makeHello } from 'ts-openflow';
import { eventually } from '../harness/ovs-eventually.ts';
import { ENDS, HOSTS, Site, UPLINK } from '../harness/site.ts';
import {
  Dice,
  FAULTS,
  FlowMonitor,
  firewallConfig,
  type Hop,
  SAID_OF_DELETED_DEVICES,
  SAID_OF_FAULTS,
  SAID_OF_STRANGERS,
  STRANGERS,
  seedOf,
  someHops,
  versionsOf,
} from '../harness/site-faults.ts';
import { arrivals, doubled, missing, strays } from '../harness/site-judge.ts';
import { downOf, upOf, type Versions, wired } from '../harness/site-traffic.ts';
import { Wire } from '../harness/site-wire.ts';

const firewalls = (...names: readonly string[]): readonly Hop[] =>
  names.map((name) => ({ name, function: 'firewall', onFailure: 'closed', config: firewallConfig([]) }));
const chainOf = (name: string, hops: readonly Hop[]) => ({ name, subscribers: [name], hops });

async function allActive(t: Test, site: Site, names: readonly string[]): Promise<void> {
  for (const name of names) {
    await eventually(t, `the chain of ${name} is active`, async () => (await site.phase(name)) === 'active');
  }
  await site.equal(t);
}

type PathsShown = { readonly paths: readonly { readonly hops: readonly { readonly instance: string }[] }[] };

/** Whether a process was stopped by a signal; a guest that was is noticed and replaced after a while. */
function isFrozen(pid: number): boolean {
  try {
    return /^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Nothing drains any more, and no port, device or process is there but those of the hops of the chains. */
async function nothingMore(t: Test, site: Site): Promise<void> {
  await eventually(t, 'ports, devices and processes are those of the chains', async () => {
    const chains = (await site.call('GET', '/v1/chains')).body['items'] as { status: PathsShown }[];
    const hops = chains.flatMap(({ status }) => status.paths.flatMap((path) => path.hops));
    const ids = hops.map(({ instance }) => instance.slice(1));
    if ((await site.instances()).length !== ids.length || site.guests().some(isFrozen)) return false;
    const ports = ids.flatMap((id) => [`ct${id}l`, `ct${id}r`]).sort();
    const { bridge, devices } = await site.leftPorts();
    return (
      bridge.join() === ports.join() && devices.join() === ports.join() && site.guests().length === ids.length
    );
  });
}

/** What the controller may write in the switch's database. */
async function database(site: Site): Promise<string> {
  const ports = await site.ovs.vsctl('--columns=name,trunks,tag,vlan_mode,external_ids', 'list', 'port');
  return `${ports}${await site.ovs.vsctl('--columns=fail_mode,controller,ports', 'list', 'bridge')}`;
}

t.test('converges: after any faults the switch is as wanted, and another look changes nothing', async (t) => {
  const dice = new Dice(seedOf(t));
  const site = await Site.open(t);
  await site.declareLab(t);
  for (const name of ['alice', 'bob']) await site.call('POST', '/v1/chains', chainOf(name, someHops(dice)));
  const edits = {
    'other hops': async () => {
      const name = dice.pick(['alice', 'bob']);
      const { status } = await site.call('PUT', `/v1/chains/${name}`, chainOf(name, someHops(dice)));
      return `${name}: ${status}`;
    },
  };
  const hands = Object.entries({ ...FAULTS, ...STRANGERS, ...edits, again: edits['other hops'] });
  for (const [name, hand] of dice.shuffled(hands)) t.comment(`${name} ${await hand(site, dice)}`);
  await nothingMore(t, site);
  await allActive(t, site, ['alice', 'bob']);
  await nothingMore(t, site);
  t.equal(await site.ovs.vsctl('get', 'bridge', 's1', 'fail_mode'), 'secure');

  const foreign = 'cookie=0xf00d,table=9,priority=7,in_port=1,actions=drop';
  await site.ovs.ofctl('-O', 'OpenFlow15', 'add-flow', 's1', foreign);
  const before = await database(site);
  const monitor = await FlowMonitor.open(t, site);
  const pids = site.guests();
  await FAULTS['restart the controller'](site);
  await allActive(t, site, ['alice', 'bob']);
  t.strictSame(await monitor.now(site), [], 'a controller that looks anew changes no flow');
  t.equal(await database(site), before, 'nor anything in the database');
  t.strictSame(site.guests(), pids, 'nor any instance');

  for (const name of ['alice', 'bob']) await site.call('DELETE', `/v1/chains/${name}`);
  await eventually(t, 'all instances are gone', async () => (await site.instances()).length === 0);
  await nothingMore(t, site);
  await site.equal(t);
  t.match(await site.dump(), /0xf00d/, 'a foreign flow stays');
  await site.clean(t, {
    controller: [...SAID_OF_FAULTS.controller, ...SAID_OF_DELETED_DEVICES],
    ovs: [...SAID_OF_FAULTS.ovs, ...SAID_OF_STRANGERS],
  });
});

t.test(
  'poison stays local: a chain whose flows the switch refuses is rejected, the others go on',
  async (t) => {
    const site = await Site.open(t);
    const wire = await Wire.open(t, ENDS);
    await site.declareLab(t, 'carol');
    const [alice, bob, carol] = [upOf('alice'), upOf('bob'), upOf('carol')];
    await wire.send(alice, bob, carol);
    await site.call('POST', '/v1/chains?wait=active&timeout=30s', chainOf('alice', firewalls('one')));
    await wire.reaches(alice, `out ${UPLINK}`);
    const from = (await wire.look())[alice.name]?.next ?? 0;

    // A path of n hops takes 2n + 2 of them; one miss, and two paths of one hop fit, one of three does not.
    const limit = ['flow_limit=11', 'overflow_policy=refuse'];
    const table = ['--id=@t', 'create', 'Flow_Table', ...limit];
    await site.ovs.vsctl('--', ...table, '--', 'set', 'bridge', 's1', 'flow_tables:2=@t');
    const refused = await site.call(
      'POST',
      '/v1/chains?wait=active&timeout=30s',
      chainOf('bob', firewalls('a', 'b', 'c')),
    );
    t.match(refused.body, { code: 'chain-rejected' }, 'it is said at once');
    t.match(await site.call('GET', '/v1/chains/bob'), {
      status: 200,
      body: {
        status: {
          phase: 'rejected',
          conditions: [{}, {}, {}, { type: 'FlowsInstalled', status: false, message: /OFPFMFC_TABLE_FULL/ }],
        },
      },
    });
    const bobs = (await wire.look())[bob.name]?.next ?? 0;
    const added = await site.call(
      'POST',
      '/v1/chains?wait=active&timeout=30s',
      chainOf('carol', firewalls('one')),
    );
    t.match(added, { status: 201, body: { status: { phase: 'active' } } }, 'another one goes active');
    await wire.reaches(carol, `out ${UPLINK}`);
    await wire.reaches(alice, `out ${UPLINK}`);

    const longer = await site.call(
      'PUT',
      '/v1/chains/alice?wait=active&timeout=30s',
      chainOf('alice', firewalls('one', 'two', 'three')),
    );
    t.match(longer.body, { code: 'chain-rejected' }, 'an edit of a chain in force may be refused too');
    await wire.reaches(alice, `out ${UPLINK}`);
    t.equal(await site.phase('carol'), 'active');

    await FAULTS['restart the controller'](site);
    for (const name of ['alice', 'bob']) {
      await eventually(t, `${name} is refused again`, async () => (await site.phase(name)) === 'rejected');
    }
    await eventually(t, 'and carol is not', async () => (await site.phase('carol')) === 'active');
    await wire.reaches(alice, `out ${UPLINK}`);
    await wire.reaches(carol, `out ${UPLINK}`);
    const report = await wire.report();
    t.strictSame(
      arrivals(report, bob.name, /^out s1-/, [[bobs, Number.POSITIVE_INFINITY]]),
      [],
      'it is closed',
    );
    const way = wired(
      alice,
      'alice',
      'upstream',
      [['one']],
      new Map([[alice.name, [[from, Number.POSITIVE_INFINITY]]]]),
    );
    t.strictSame(strays(report, way, site.stations), [], 'the old version of the edited one is in force');

    const back = await site.call(
      'PUT',
      '/v1/chains/alice?wait=active&timeout=30s',
      chainOf('alice', firewalls('one')),
    );
    t.match(back, { status: 200, body: { status: { phase: 'active' } } }, 'taken back, it is active');
    await wire.stop(alice);
    const end = (await wire.look())[alice.name]?.next ?? 0;
    await wire.until('the last frame', (look) => look[alice.name]?.latest[`out ${UPLINK}`] === end - 1);
    t.strictSame(
      missing(await wire.report(), alice.name, `out ${UPLINK}`, [from, end]),
      [],
      'and lost nothing',
    );

    await site.ovs.vsctl('clear', 'bridge', 's1', 'flow_tables');
    const mended = await site.call('POST', '/v1/switches/s1/reconcile');
    t.match(mended, { status: 200, body: { rejections: [] } }, 'the operator may have it tried again');
    await eventually(t, 'now it is taken', async () => (await site.phase('bob')) === 'active');
    const edited = await site.call(
      'PUT',
      '/v1/chains/bob?wait=active&timeout=30s',
      chainOf('bob', firewalls('a', 'b')),
    );
    t.match(edited, { status: 200, body: { status: { phase: 'active' } } }, 'and can be edited');
    await wire.reaches(bob, `out ${UPLINK}`);
    await allActive(t, site, ['alice', 'bob', 'carol']);
    await nothingMore(t, site);
    // The controller was restarted.
    const { ovs } = SAID_OF_FAULTS;
    await site.clean(t, {
      ovs,
      controller: [/"the switch refused a flow"/, /"chain rejected"/, /"switch disconnected"/],
    });
  },
);

/** Leaves a connection with these bytes on it, or half of them. */
async function say(port: number, bytes: Buffer, then: 'end' | 'reset' | 'wait'): Promise<net.Socket> {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.resume();
  await new Promise<void>((resolve) => socket.once('connect', resolve).once('close', () => resolve()));
  await new Promise<void>((resolve) => socket.write(bytes, () => resolve()));
  if (then === 'end') socket.end();
  if (then === 'reset') socket.resetAndDestroy();
  return socket;
}

/** Bytes that are nearly OpenFlow, and some that are not. */
function hostileOpenFlow(dice: Dice): Buffer {
  const xid = dice.below(2 ** 32);
  const hello = Buffer.from(encode(makeHello(xid)));
  const features = encode({
    type: 'featuresReply',
    version: 6,
    xid: 1,
    datapathId: dice.pick([1n, 0n, 0xffffffffffffffffn]),
    bufferCount: 0,
    tableCount: 254,
    auxiliaryId: dice.below(3),
    capabilities: 0,
    reserved: 0,
  });
  const header = (version: number, type: number, length: number): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.set([version, type]);
    bytes.writeUInt16BE(length, 2);
    bytes.writeUInt32BE(xid, 4);
    return bytes;
  };
  const flipped = (bytes: Buffer): Buffer => {
    const changed = Buffer.from(bytes);
    for (let i = 0; i <= dice.below(4); i++) changed[dice.below(changed.length)] = dice.below(256);
    return changed;
  };
  const rest = dice.bytes(dice.below(2000));
  const version = dice.pick([4, 6]);
  return dice.pick([
    () => rest,
    () => Buffer.concat([hello, rest]),
    () => Buffer.concat([hello, header(version, dice.below(40), 8 + rest.length), rest]),
    () => Buffer.concat([hello, header(version, dice.below(40), dice.below(8)), rest]),
    () => Buffer.concat([hello, header(version, 19, 0xffff), rest]),
    () => Buffer.concat([hello, features, rest]),
    () => flipped(Buffer.concat([hello, features])),
    () => hello.subarray(0, dice.below(hello.length)),
    () => Buffer.concat([hello, features]).subarray(0, hello.length + dice.below(features.length)),
    // An element of a HELLO that is nothing long.
    () => Buffer.concat([header(6, 0, 16), Buffer.alloc(8)]),
    () => Buffer.concat(Array.from({ length: 500 }, () => header(version, 2, 8))),
  ])();
}

/** Bytes that are nearly HTTP, and some that are not. */
function hostileHttp(dice: Dice): Buffer {
  const rest = dice.bytes(dice.below(2000));
  const post = (length: number | string, body: Buffer | string): Buffer =>
    Buffer.concat([
      Buffer.from(
        `POST /v1/chains HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`,
      ),
      Buffer.from(body),
    ]);
  const deep = '['.repeat(50_000);
  return dice.pick([
    () => rest,
    () => Buffer.from('GET /v1/chains'),
    () => Buffer.from('GET /v1/chains HTTP/1.1\r\nhost: x\r\n'),
    () => Buffer.from(`GET /${'a'.repeat(70_000)} HTTP/1.1\r\n\r\n`),
    () => Buffer.from(`GET /v1/chains/%${rest.toString('latin1', 0, 20)} HTTP/1.1\r\nhost: x\r\n\r\n`),
    () => Buffer.from(`GET / HTTP/1.1\r\n${'x: y\r\n'.repeat(5000)}\r\n`),
    () => post(rest.length, rest),
    () => post(100, '{"name":"al'),
    () => post(-1, '{}'),
    () => post(deep.length, deep),
    () => post(2, '{}'),
    () => post(4, 'null'),
    () => post(9e15, rest),
    () =>
      Buffer.from('POST /v1/chains HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nffffffffff\r\nx'),
  ])();
}

const MEBIBYTE = 1024;

t.test('hostile bytes on the ports of the controller disturb nobody', async (t) => {
  const dice = new Dice(seedOf(t));
  const site = await Site.open(t);
  const wire = await Wire.open(t, ENDS);
  await site.declareLab(t);
  const streams = [upOf('alice', 8), downOf('alice', 8), upOf('bob', 8), downOf('bob', 8)] as const;
  const [up, down] = streams;
  const versions: Versions = [['one']];
  await site.call('POST', '/v1/chains?wait=active&timeout=30s', chainOf('alice', firewalls('one')));
  // Bob's address has to be learned before his frames have one way.
  await wire.send(...streams);
  for (const stream of streams) await wire.reaches(stream, placeOf(stream));
  const from = await wire.look();
  const open: net.Socket[] = [];
  t.teardown(() => {
    for (const socket of open) socket.destroy();
  });
  const before = site.memory();
  for (let round = 0; round < 40; round++) {
    open.push(await say(site.openflowPort, hostileOpenFlow(dice), dice.pick(['end', 'reset', 'wait'])));
    open.push(await say(site.apiPort, hostileHttp(dice), dice.pick(['end', 'reset', 'wait'])));
    if (round % 10 !== 5) continue;
    const hops = someHops(dice);
    versions.push(...versionsOf(hops));
    const put = await site.call('PUT', '/v1/chains/alice?wait=active&timeout=30s', chainOf('alice', hops));
    t.match(put, { status: 200, body: { status: { phase: 'active' } } }, 'an honest request is served');
  }
  const unasked = (await site.call('GET', '/v1/chains')).body['items'] as readonly unknown[];
  t.equal(unasked.length, 1, 'nothing was declared by anybody else');
  await allActive(t, site, ['alice']);
  t.match((await site.call('GET', '/v1/switches/s1')).body, { status: { connection: 'connected' } });
  t.ok(site.memory() - before < 150 * MEBIBYTE, 'the controller did not swell');
  await wire.stop(...streams);
  const last = await wire.look();
  for (const stream of streams) {
    const { name } = stream;
    const place = placeOf(stream);
    const end = last[name]?.next ?? 0;
    await wire.until(`the last of ${name}`, (look) => look[name]?.latest[place] === end - 1);
    const range = [from[name]?.next ?? 0, end] as const;
    t.strictSame(missing(await wire.report(), name, place, range), [], `${name}: nothing was lost`);
  }
  const report = await wire.report();
  t.strictSame(
    [
      ...strays(report, wired(up, 'alice', 'upstream', versions), site.stations),
      ...strays(report, wired(down, 'alice', 'downstream', versions), site.stations),
      ...doubled(report),
    ],
    [],
    'each frame went along its wire, once',
  );
  await nothingMore(t, site);
  await site.clean(t);
});

/** Where frames of a stream arrive. */
function placeOf({ name }: { readonly name: string }): string {
  const [, to] = /^the server to (\w+)/.exec(name) ?? [];
  return `out ${to === 'alice' || to === 'bob' ? HOSTS[to].port : UPLINK}`;
}
