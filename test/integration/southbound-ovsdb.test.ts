/** Bridges and ports by OVSDB, against a real ovsdb-server and ovs-vswitchd. */
import net from 'node:net';
import t, { type Test } from 'tap';
import type { Dpid, InstanceId, OfPort } from '../../src/model/ids.ts';
import { silent } from '../../src/southbound/log.ts';
import { OvsdbManager } from '../../src/southbound/ovsdb/manager.ts';
import { type Ovs, startOvs } from '../harness/ovs.ts';
import { eventually } from '../harness/ovs-eventually.ts';

const dpid = '00000000000000b1' as Dpid;
const controllerTarget = 'tcp:127.0.0.1:1';
/** Nobody listens at that target. */
const unreached = /rconn\|/;

async function start(t: Test): Promise<{ ovs: Ovs; manager: OvsdbManager; changes: () => number }> {
  const ovs = await startOvs({ datapath: 'dummy' });
  let count = 0;
  const manager = new OvsdbManager({
    controllerTarget: () => controllerTarget,
    identity: 'test',
    log: silent,
    changed: () => count++,
  });
  t.teardown(async () => {
    manager.close();
    await ovs.stop();
  });
  return { ovs, manager, changes: () => count };
}

t.test('a bridge is made ours and kept so', async (t) => {
  const { ovs, manager } = await start(t);
  manager.manage([{ dpid, ovsdb: ovs.ovsdb }]);
  await eventually(t, 'the bridge is missed', () => /no bridge has/.test(manager.problem(dpid) ?? ''));
  await ovs.addBridge('br1', { dpid, failMode: 'standalone', controller: 'ptcp:0:127.0.0.1' });
  const failMode = () => ovs.vsctl('get', 'bridge', 'br1', 'fail_mode');
  const controllers = async () => (await ovs.vsctl('get-controller', 'br1')).split('\n').sort();
  await eventually(t, 'fail mode secure', async () => (await failMode()) === 'secure');
  t.strictSame(
    await controllers(),
    ['ptcp:0:127.0.0.1', controllerTarget],
    'the controller of another stays',
  );
  t.equal(manager.problem(dpid), undefined);

  await ovs.vsctl('set-fail-mode', 'br1', 'standalone');
  await eventually(t, 'a stranger is corrected', async () => (await failMode()) === 'secure');
  await ovs.vsctl('set-controller', 'br1', 'ptcp:0:127.0.0.1');
  await eventually(t, 'the target is back', async () => (await controllers()).includes(controllerTarget));

  const ours = (...args: string[]) =>
    ovs.vsctl('--bare', ...args, 'controller', `target="${controllerTarget}"`);
  const columns = async () =>
    (await ours('--columns=max_backoff,inactivity_probe,connection_mode', 'find')).split('\n');
  const [uuid = ''] = (await ours('--columns=_uuid', 'find')).split('\n');
  await eventually(
    t,
    'it is to come back soon',
    async () => (await columns()).join() === '1000,5000,out-of-band',
  );
  await ovs.vsctl('set', 'controller', uuid, 'max_backoff=60000', 'inactivity_probe=0');
  await eventually(
    t,
    'a stranger is corrected',
    async () => (await columns()).join() === '1000,5000,out-of-band',
  );

  await ovs.vsctl('set', 'bridge', 'br1', 'protocols=OpenFlow10');
  await eventually(t, 'protocols are named', () => /OpenFlow13/.test(manager.problem(dpid) ?? ''));
  await ovs.vsctl('clear', 'bridge', 'br1', 'protocols');
  await eventually(t, 'and forgotten', () => manager.problem(dpid) === undefined);
  t.strictSame(await ovs.unexpectedLogLines([unreached]), []);
});

t.test(
  'a target that was ours at another address is taken back, another controller keeps its own',
  async (t) => {
    const { ovs, manager } = await start(t);
    await ovs.addBridge('br1', { dpid });
    const controllers = async () => (await ovs.vsctl('get-controller', 'br1')).split('\n').sort().join();
    const claims = [
      { identity: 'test', target: 'tcp:127.0.0.1:2' },
      { identity: 'another', target: 'tcp:127.0.0.1:3' },
    ];
    for (const { identity, target } of claims) {
      const other = new OvsdbManager({ controllerTarget: () => target, identity, log: silent, changed() {} });
      other.manage([{ dpid, ovsdb: ovs.ovsdb }]);
      await eventually(t, `${target} is there`, async () => (await controllers()).includes(target));
      other.close();
    }
    manager.manage([{ dpid, ovsdb: ovs.ovsdb }]);
    await eventually(t, 'moved', async () => (await controllers()) === `${controllerTarget},tcp:127.0.0.1:3`);
    t.strictSame(await ovs.unexpectedLogLines([unreached]), []);
  },
);

t.test('nobody waits long for a server that is away once the controller stops', async (t) => {
  const { ovs, manager } = await start(t);
  const away = { dpid, ovsdb: `unix:${ovs.dir}/absent.sock` };
  let waits = true;
  const waiting = manager.list(away).finally(() => {
    waits = false;
  });
  await Promise.all([
    t.rejects(waiting, { code: 'ovsdb-failed', message: /no connection/ }),
    new Promise((resolve) => setTimeout(resolve, 100)).then(() => {
      t.ok(waits, 'otherwise it waits');
      manager.hurry();
    }),
  ]);
  t.ok(await ovs.vsctl('show'), 'and all the others are not concerned');
});

t.test('over TCP, and two bridges with one datapath id', async (t) => {
  const { ovs, manager } = await start(t);
  await ovs.addBridge('br1', { dpid, failMode: 'standalone' });
  const free = net.createServer();
  await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
  const { port } = free.address() as net.AddressInfo;
  await new Promise((resolve) => free.close(resolve));
  await ovs.ovsdbctl('ovsdb-server/add-remote', `ptcp:${port}:127.0.0.1`);
  manager.manage([{ dpid, ovsdb: `tcp:127.0.0.1:${port}` }]);
  await eventually(t, 'fail mode secure', async () => {
    return (await ovs.vsctl('get', 'bridge', 'br1', 'fail_mode')) === 'secure';
  });
  await ovs.addBridge('br2', { dpid });
  await eventually(t, 'the clash is named', () =>
    /br1 and br2|br2 and br1/.test(manager.problem(dpid) ?? ''),
  );
  await ovs.vsctl('del-br', 'br2');
  await eventually(t, 'and forgotten', () => manager.problem(dpid) === undefined);
  t.strictSame(await ovs.unexpectedLogLines([unreached]), []);
});

t.test('the database server goes and comes back', async (t) => {
  const { ovs, manager } = await start(t);
  await ovs.addBridge('br1', { dpid });
  manager.manage([{ dpid, ovsdb: ovs.ovsdb }]);
  await eventually(t, 'followed', () => manager.problem(dpid) === undefined);
  await ovs.stopOvsdb();
  await eventually(t, 'its loss is said', () => manager.problem(dpid) !== undefined);
  await ovs.startOvsdb();
  await ovs.vsctl('--no-wait', 'set-fail-mode', 'br1', 'standalone');
  await eventually(t, 'corrected after it came back', async () => {
    return (await ovs.vsctl('--no-wait', 'get', 'bridge', 'br1', 'fail_mode')) === 'secure';
  });
  t.strictSame(await ovs.unexpectedLogLines([unreached, /reconnect\|WARN/, /jsonrpc\|WARN/]), []);
});

t.test('ports of instances', async (t) => {
  const { ovs, manager } = await start(t);
  await ovs.addBridge('br1', { dpid });
  await ovs.vsctl('add-port', 'br1', 'other');
  const bridge = { dpid, ovsdb: ovs.ovsdb };
  const id = 'i7' as InstanceId;
  await manager.add(bridge, ['a0', 'a1'], id);
  await manager.add(bridge, ['a0', 'a1', 'a2'], id);
  t.strictSame([...(await manager.list(bridge))].sort(), ['a0', 'a1', 'a2']);
  t.equal(await ovs.vsctl('get', 'port', 'a0', 'external_ids:chainstitch-instance'), 'i7');

  await t.test('are out of reach of NORMAL and in reach of flows', async (t) => {
    const number = async (port: string) => Number(await ovs.vsctl('get', 'interface', port, 'ofport'));
    const [a0, other] = [await number('a0'), await number('other')];
    await ovs.ofctl('-O', 'OpenFlow15', 'add-flow', 'br1', 'table=0,priority=0,actions=NORMAL');
    const trace = async (port: number, frame = '') =>
      /Datapath actions: (.*)/.exec(
        await ovs.appctl('ofproto/trace', 'br1', `in_port=${port},dl_dst=ff:ff:ff:ff:ff:ff${frame}`),
      )?.[1];
    const local = await trace(other);
    t.match(local, /^\d+$/, 'NORMAL floods to the local port alone');
    t.equal(await trace(other, ',dl_vlan=7'), local, 'tagged frames too');
    t.equal(await trace(a0), 'drop', 'NORMAL takes nothing from it');
    const flows = [
      `priority=1,in_port=${other},actions=output:${a0}`,
      `priority=1,in_port=${a0},actions=output:${other}`,
    ];
    for (const flow of flows) await ovs.ofctl('-O', 'OpenFlow15', 'add-flow', 'br1', flow);
    t.match(await trace(other), /^\d+$/, 'explicit output reaches it, without a tag');
    t.match(await trace(a0), /^\d+$/, 'what comes from it meets table 0');
    await ovs.ofctl('-O', 'OpenFlow15', 'del-flows', 'br1');
  });

  await manager.remove(bridge, ['a0', 'a1', 'never', 'other']);
  await manager.remove(bridge, ['a0']);
  t.strictSame(await manager.list(bridge), ['a2']);
  t.match(await ovs.vsctl('list-ports', 'br1'), /other/, 'a port of another stays');
  t.strictSame(await ovs.unexpectedLogLines([unreached]), []);
});

t.test("keeping NORMAL off an operator's port and giving it back", async (t) => {
  const { ovs, manager } = await start(t);
  await ovs.addBridge('br1', { dpid });
  await ovs.vsctl('add-port', 'br1', 'p1', 'tag=20', '--', 'set', 'interface', 'p1', 'ofport_request=5');
  manager.manage([{ dpid, ovsdb: ovs.ovsdb }]);
  await eventually(t, 'followed', () => manager.problem(dpid) === undefined);
  const port = 5 as OfPort;
  const columns = async () =>
    Promise.all(['tag', 'trunks', 'vlan_mode', 'external_ids'].map((c) => ovs.vsctl('get', 'port', 'p1', c)));
  await manager.isolate(dpid, new Map([[port, 'all']]));
  t.equal(manager.needsIsolation(dpid, new Map([[port, 'all']])), false);
  t.strictSame((await columns()).slice(0, 3), ['[]', '[4095]', 'trunk']);
  await manager.isolate(
    dpid,
    new Map([
      [port, 'all'],
      [9 as OfPort, 'all'],
    ]),
  );
  await manager.isolate(dpid, new Map([[port, 'tagged']]));
  t.strictSame((await columns()).slice(0, 3), ['[]', '[0]', 'trunk']);
  await manager.isolate(dpid, new Map([[port, 'none']]));
  t.strictSame(await columns(), ['20', '[]', '[]', '{}'], 'as the operator had it');
  t.strictSame(await ovs.unexpectedLogLines([unreached]), []);
});

t.test('what fails is a typed error', async (t) => {
  const { ovs, manager } = await start(t);
  await ovs.addBridge('br1', { dpid });
  await ovs.addBridge('br2', { dpid: '00000000000000b2' });
  await ovs.vsctl('add-port', 'br2', 'taken');
  const bridge = { dpid, ovsdb: ovs.ovsdb };
  const id = 'i8' as InstanceId;
  await t.rejects(manager.add(bridge, ['taken'], id), { code: 'ovsdb-failed', message: /constraint/ });
  const nowhere = new OvsdbManager({
    controllerTarget: () => controllerTarget,
    identity: 'test',
    log: silent,
    changed() {},
    patienceMs: 300,
  });
  t.teardown(() => nowhere.close());
  const absent = { dpid, ovsdb: `unix:${ovs.dir}/absent.sock` };
  await t.rejects(nowhere.add(absent, ['x'], id), { code: 'ovsdb-failed', message: /ENOENT/ });
  await t.rejects(nowhere.list({ dpid: 'ffffffffffffffff' as Dpid, ovsdb: ovs.ovsdb }), {
    code: 'ovsdb-failed',
  });
  await t.rejects(nowhere.list({ dpid, ovsdb: 'ftp:x' }), { code: 'ovsdb-failed' });
  t.strictSame(await ovs.unexpectedLogLines([unreached]), []);
});
