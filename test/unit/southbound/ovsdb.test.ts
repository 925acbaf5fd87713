/** The parts of the OVSDB client that need no server. */
import net from 'node:net';
import t from 'tap';
import type { Isolation } from '../../../src/model/desired.ts';
import type { Dpid, OfPort } from '../../../src/model/ids.ts';
import { targetOf } from '../../../src/southbound/index.ts';
import { parseOvsdbAddress } from '../../../src/southbound/ovsdb/address.ts';
import { bridgeRepairs, oneBridge, protocolsProblem } from '../../../src/southbound/ovsdb/bridges.ts';
import { OvsdbConnection } from '../../../src/southbound/ovsdb/connection.ts';
import { isolationRepairs } from '../../../src/southbound/ovsdb/isolation.ts';
import { JsonStream } from '../../../src/southbound/ovsdb/json-stream.ts';
import { Tables } from '../../../src/southbound/ovsdb/tables.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

t.test('addresses', async (t) => {
  t.strictSame(parseOvsdbAddress('unix:/run/db.sock'), { kind: 'unix', path: '/run/db.sock' });
  t.strictSame(parseOvsdbAddress('tcp:10.0.0.1:6640'), { kind: 'tcp', host: '10.0.0.1', port: 6640 });
  t.strictSame(parseOvsdbAddress('tcp:[::1]:6640'), { kind: 'tcp', host: '::1', port: 6640 });
  t.strictSame(parseOvsdbAddress('ssl:a:1'), { kind: 'ssl', host: 'a', port: 1 });
  for (const wrong of [
    '',
    'unix:',
    'tcp:host',
    'tcp:host:0',
    'tcp:host:65536',
    'ssl:a',
    'pssl:1',
    'tcp:::1:3',
  ])
    t.throws(() => parseOvsdbAddress(wrong), { code: 'ovsdb-failed' }, wrong);
});

t.test('where a switch is told to connect to', async (t) => {
  const port = 6653;
  t.equal(targetOf('tcp', { host: '10.0.0.1', port }, '192.0.2.1'), 'tcp:10.0.0.1:6653');
  t.equal(targetOf('ssl', { host: '10.0.0.1', port }, undefined), 'ssl:10.0.0.1:6653');
  t.equal(targetOf('tcp', { host: '::1', port }, undefined), 'tcp:[::1]:6653');
  t.equal(targetOf('tcp', { host: '0.0.0.0', port }, undefined), 'tcp:127.0.0.1:6653');
  t.equal(targetOf('tcp', { host: '0.0.0.0', port }, '192.0.2.1'), 'tcp:192.0.2.1:6653');
  t.equal(targetOf('tcp', { host: '::', port }, '::ffff:192.0.2.1'), 'tcp:192.0.2.1:6653');
  t.equal(targetOf('tcp', { host: '::', port }, '2001:db8::1'), 'tcp:[2001:db8::1]:6653');
});

t.test('JSON objects come out of any cut of the stream', async (t) => {
  const text = '{"a":"}{\\"[","b":[1,{"c":"\\\\"}]} \n{"ü":{}}{}';
  const whole = [{ a: '}{"[', b: [1, { c: '\\' }] }, { ü: {} }, {}];
  for (const step of [1, 2, 3, 5, 100]) {
    const stream = new JsonStream({ maxBytes: 100 });
    const all = bytes(text);
    const got: object[] = [];
    for (let at = 0; at < all.length; at += step) got.push(...stream.push(all.subarray(at, at + step)));
    t.strictSame(got, whole, `in pieces of ${step}`);
  }
});

t.test('what is no JSON object ends in a typed error', async (t) => {
  for (const wrong of ['x', '[1]', '"a"', '{"a":}', '{]}', '{"a":"\xff"}x'])
    t.throws(
      () => new JsonStream({ maxBytes: 100 }).push(Buffer.from(wrong, 'latin1')),
      { code: 'ovsdb-failed' },
      wrong,
    );
  const long = new JsonStream({ maxBytes: 10 });
  t.throws(() => long.push(bytes(`{"a":"${'x'.repeat(10)}`)), { code: 'ovsdb-failed' }, 'too long');
});

const dpid = '00000000000000aa' as Dpid;
const ref = (id: string) => ['uuid', id];
function tablesOf(bridge: object, port: object = {}): Tables {
  const tables = new Tables();
  const row = (columns: object) => ({ new: columns });
  tables.apply({
    Bridge: {
      b1: row({
        name: 'br1',
        datapath_id: dpid,
        fail_mode: ['set', []],
        controller: ['set', []],
        ports: ref('p1'),
        ...bridge,
      }),
    },
    Port: {
      p1: row({
        name: 'p1',
        interfaces: ref('i1'),
        tag: ['set', []],
        trunks: ['set', []],
        vlan_mode: ['set', []],
        external_ids: ['map', []],
        ...port,
      }),
    },
    Interface: { i1: row({ name: 'p1', ofport: 3 }) },
    Controller: {
      c1: row({ ...KEPT, target: 'tcp:127.0.0.1:1', external_ids: made('me') }),
      c2: row({ ...KEPT, target: 'tcp:127.0.0.1:2', external_ids: made('me'), max_backoff: ['set', []] }),
      c3: row({ ...KEPT, target: 'tcp:127.0.0.1:3', external_ids: made('another') }),
      c4: row({ target: 'tcp:127.0.0.1:4', external_ids: ['map', []] }),
    },
  });
  return tables;
}
const KEPT = { connection_mode: 'out-of-band', max_backoff: 1000, inactivity_probe: 5000 };
const made = (by: string) => ['map', [['chainstitch-controller', by]]];
const repairs = (bridge: object, target = 'tcp:127.0.0.1:1') => {
  const tables = tablesOf(bridge);
  const found = oneBridge(tables, dpid);
  if ('problem' in found) throw new Error(found.problem);
  return bridgeRepairs(tables, found, { target, identity: 'me' }).map(({ op, table }) => `${op} ${table}`);
};

t.test('what a bridge needs', async (t) => {
  const secure = (...controllers: string[]) => ({
    fail_mode: 'secure',
    controller: ['set', controllers.map(ref)],
  });
  t.strictSame(repairs({}), ['update Bridge', 'insert Controller', 'mutate Bridge']);
  t.strictSame(repairs(secure('c1')), []);
  t.strictSame(repairs({ ...secure('c1', 'c3'), fail_mode: 'standalone' }), ['update Bridge']);
  t.strictSame(repairs(secure('c3')), ['insert Controller', 'mutate Bridge'], "another's stays");
  t.strictSame(repairs(secure('c2', 'c1')), ['mutate Bridge'], 'a target that was ours goes');
  t.strictSame(repairs(secure('c2'), 'tcp:127.0.0.1:2'), ['update Controller'], 'how fast it comes back');
  t.strictSame(repairs(secure('c3'), 'tcp:127.0.0.1:3'), ['mutate Controller'], 'it is at our address');
  t.strictSame(repairs(secure('c4'), 'tcp:127.0.0.1:4'), ['update Controller', 'mutate Controller']);
  t.match(oneBridge(new Tables(), dpid), { problem: /no bridge/ });
  const protocols = (value: unknown) =>
    protocolsProblem(
      new Map([
        ['name', 'br1'],
        ['protocols', value],
      ] as [string, unknown][]),
    );
  t.equal(protocols(['set', []]), undefined);
  t.equal(protocols('OpenFlow13'), undefined);
  t.match(protocols(['set', ['OpenFlow10', 'OpenFlow14']]), /protocols=/);
});

t.test('isolation is made once and undone once', async (t) => {
  const changes = (port: object, isolated: Isolation) => {
    const tables = tablesOf({}, port);
    const found = oneBridge(tables, dpid);
    if ('problem' in found) throw new Error(found.problem);
    return isolationRepairs(tables, found, new Map([[3 as OfPort, isolated]])).length;
  };
  t.equal(changes({}, 'none'), 0);
  t.equal(changes({}, 'all'), 2);
  const isolated = { vlan_mode: 'trunk', trunks: 4095 };
  t.equal(changes(isolated, 'all'), 0);
  t.equal(changes(isolated, 'none'), 0, "an instance's port, or an operator's wish, stays");
  const saved = { ...isolated, external_ids: ['map', [['chainstitch-vlan', '{}']]] };
  t.equal(changes(saved, 'none'), 2);
  t.equal(changes(saved, 'tagged'), 2);
  t.equal(changes({ vlan_mode: 'trunk', trunks: 0 }, 'tagged'), 0);
  const edited = { ...isolated, external_ids: ['map', [['chainstitch-vlan', 'no json']]] };
  t.throws(() => changes(edited, 'none'), { code: 'ovsdb-failed' });
});

t.test('updates of any form do no harm', async (t) => {
  const tables = new Tables();
  for (const update of [
    null,
    1,
    [],
    { Bridge: 1 },
    { Bridge: { x: null } },
    { __proto__: {}, constructor: {} },
    { Nothing: {} },
  ])
    tables.apply(update);
  tables.apply({ Bridge: { b: { new: { datapath_id: 5, ports: ['uuid'], controller: { a: 1 } } } } });
  t.match(oneBridge(tables, dpid), { problem: /no bridge/ });
});

t.test('a server that does not behave', async (t) => {
  /** What becomes of a connection and one request when the server does this with it. */
  async function against(serve: (socket: net.Socket) => void): Promise<{ reason: string; request: unknown }> {
    const server = net.createServer(serve);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as net.AddressInfo;
    let request: unknown;
    const reason = await new Promise<string>((resolve) => {
      const connection = new OvsdbConnection(
        `tcp:127.0.0.1:${port}`,
        {
          open: () => void connection.request('list_dbs', []).catch((error) => (request = error)),
          notification() {},
          closed: resolve,
        },
        { maxBytes: 1000, requestTimeoutMs: 200, idleMs: 200 },
      );
    });
    await new Promise((resolve) => setImmediate(resolve));
    server.close();
    return { reason, request };
  }
  const typed = { code: 'ovsdb-failed' };
  t.match(await against((s) => s.on('error', () => {}).write('no json')), { request: typed });
  t.match(await against((s) => s.on('error', () => {}).write(`{"a":"${'x'.repeat(2000)}`)), {
    request: typed,
  });
  t.match(await against((s) => s.on('error', () => {}).resume()), { request: typed, reason: /no answer/ });
  t.match(await against((s) => s.on('error', () => {}).end()), { request: typed });
  const refuse = (s: net.Socket) =>
    s.on('error', () => {}).once('data', () => s.end('{"id":1,"result":null,"error":{"error":"no"}}'));
  t.match(await against(refuse), { request: { code: 'ovsdb-failed', message: /refused/ } });
});
