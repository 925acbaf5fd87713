/** Switches and OVSDB servers by TLS, against a real ovs-vswitchd and ovsdb-server. */
import { once } from 'node:events';
import { chmodSync, readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import t, { type Test } from 'tap';
import type { Dpid } from '../../src/model/ids.ts';
import { FileCredentials } from '../../src/tls/credentials.ts';
import { type Ovs, startOvs } from '../harness/ovs.ts';
import { eventually } from '../harness/ovs-eventually.ts';
import {
  desiredFlow,
  desiredSwitch,
  outputTo,
  startSouthbound,
  type TestSouthbound,
} from '../harness/ovs-southbound.ts';
import { Authority, type Credential, renew } from '../harness/pki.ts';

const dpid = '00000000000000c1' as Dpid;

type World = {
  ovs: Ovs;
  southbound: TestSouthbound;
  authority: Authority;
  controller: Credential;
  ovsdb: string;
};

const setSsl = (ovs: Ovs, { key, cert }: Credential, ca: string) => ovs.vsctl('set-ssl', key, cert, ca);

async function start(t: Test): Promise<World> {
  const dir = t.testdir();
  const authority = new Authority(dir, 'authority');
  const controller = authority.issue('controller');
  const quiet = { info() {}, warn() {} };
  const tls = new FileCredentials({ files: { ...controller, ca: authority.ca }, log: quiet, pollMs: 50 });
  const ovs = await startOvs({ datapath: 'dummy' });
  t.teardown(() => ovs.stop());
  t.teardown(() => tls.close());
  await setSsl(ovs, authority.issue('switch'), authority.ca);
  const ovsdb = await ovs.listenSsl();
  await ovs.addBridge('br1', { dpid });
  const southbound = await startSouthbound(t, { tls });
  southbound.switches.manage([{ dpid, ovsdb }]);
  return { ovs, southbound, authority, controller, ovsdb };
}

const connected = ({ southbound }: World) => southbound.fact(dpid)?.connection === 'connected';

t.test('a switch is found by ssl, told to connect by ssl, and programmed', async (t) => {
  const world = await start(t);
  const { ovs, southbound } = world;
  await eventually(t, 'the switch connects', () => connected(world));
  t.equal(await ovs.vsctl('get-controller', 'br1'), `ssl:127.0.0.1:${southbound.address.port}`);
  const flow = desiredFlow({ instructions: outputTo(1) });
  southbound.switches.want([desiredSwitch(dpid, [flow])]);
  await eventually(t, 'the flow is there', () => southbound.fact(dpid)?.applied !== undefined);
  t.equal((await ovs.dumpFlows('br1')).length, 1);
  t.equal(await ovs.vsctl('get', 'bridge', 'br1', 'fail_mode'), 'secure');
  t.strictSame(await ovs.unexpectedLogLines(), []);
});

t.test('certificates are renewed while switches stay connected', async (t) => {
  const world = await start(t);
  const { ovs, southbound, authority, controller } = world;
  await eventually(t, 'the switch connects', () => connected(world));
  const before = southbound.lines.length;
  // A new authority: whoever connects from now on is held to it.
  const next = new Authority(t.testdirName, 'next');
  renew({ cert: authority.ca, key: `${t.testdirName}/x` }, { cert: next.ca, key: next.ca });
  renew(controller, next.issue('renewed'));
  await setSsl(ovs, next.issue('switch2'), next.ca);
  await ovs.addBridge('br2', {
    dpid: '00000000000000c2',
    controller: southbound.target.replace('tcp', 'ssl'),
  });
  await eventually(
    t,
    'a switch with a new certificate connects',
    () => southbound.fact('00000000000000c2' as Dpid)?.connection === 'connected',
  );
  t.ok(connected(world));
  t.notOk(
    southbound.lines.slice(before).some(({ message }) => message === 'switch disconnected'),
    'and the other has been connected all the time',
  );
});

t.test('a switch of another authority is refused, and that is said', async (t) => {
  const world = await start(t);
  const { ovs, southbound } = world;
  await eventually(t, 'the switch connects', () => connected(world));
  const strange = new Authority(t.testdirName, 'strange');
  // The switch believes the right authority and shows a certificate of another one.
  await setSsl(ovs, strange.issue('impostor'), world.authority.ca);
  const controller = southbound.target.replace('tcp', 'ssl');
  await ovs.addBridge('br2', { dpid: '00000000000000c2', controller });
  await eventually(t, 'it is said', () =>
    southbound.lines.some(({ message }) => message === 'refused a connection by TLS'),
  );
  const line = southbound.lines.find(({ message }) => message === 'refused a connection by TLS');
  t.match(line?.detail, { peer: /^127\.0\.0\.1:\d+$/, reason: /SELF_SIGNED|UNABLE/ });
  t.equal(southbound.fact('00000000000000c2' as Dpid), undefined);
});

t.test('a server of another authority is not believed', async (t) => {
  const world = await start(t);
  await eventually(t, 'the switch connects', () => connected(world));
  const strange = new Authority(t.testdirName, 'strange');
  await setSsl(world.ovs, strange.issue('impostor'), strange.ca);
  await world.ovs.ovsdbctl('ovsdb-server/reconnect');
  await eventually(t, 'it is refused', () =>
    world.southbound.lines.some(
      ({ message, detail }) =>
        message === 'no connection to the OVSDB server' &&
        /self.signed|unable to/i.test(JSON.stringify(detail)),
    ),
  );
});

t.test('old versions are refused, and who never shakes hands makes room for others', async (t) => {
  const dir = t.testdir();
  const authority = new Authority(dir, 'authority');
  const log = { info() {}, warn() {} };
  const files = { ...authority.issue('controller'), ca: authority.ca };
  const credentials = new FileCredentials({ files, log });
  t.teardown(() => credentials.close());
  const southbound = await startSouthbound(t, { tls: credentials });
  const { port } = southbound.address;
  const ca = readFileSync(authority.ca);
  const mine = authority.issue('switch');
  const shake = async (options: tls.ConnectionOptions): Promise<string> => {
    const socket = tls.connect({ port, host: '127.0.0.1', ca, ...options });
    const [error] = await Promise.race([once(socket, 'secureConnect').then(() => []), once(socket, 'error')]);
    socket.destroy();
    return (error as Error | undefined)?.message ?? 'shaken';
  };
  const own = { cert: readFileSync(mine.cert), key: readFileSync(mine.key) };
  const old = { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
  t.match(await shake({ ...own, ...old }), /protocol version/);

  const idle = Array.from({ length: 257 }, () => net.connect(port, '127.0.0.1'));
  t.teardown(() => idle.forEach((socket) => void socket.destroy()));
  const [first] = idle;
  await once(first as net.Socket, 'close');
  t.equal(await shake(own), 'shaken');
});

t.test('plain TCP does not get in', async (t) => {
  const world = await start(t);
  const { ovs, southbound } = world;
  await ovs.vsctl('set-controller', 'br1', southbound.target);
  await eventually(t, 'plain TCP is refused', () =>
    southbound.lines.some(({ detail }) => /wrong version|http request|packet/i.test(JSON.stringify(detail))),
  );
});

t.test('a key that others can read is refused', async (t) => {
  const dir = t.testdir();
  const authority = new Authority(dir, 'authority');
  const files = authority.issue('controller');
  chmodSync(files.key, 0o644);
  const log = { info() {}, warn() {} };
  t.throws(() => new FileCredentials({ files, log }), {
    code: 'bad-setting',
    message: /mode 0644\): chmod 0600/,
  });
});
