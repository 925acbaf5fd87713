/** TAPs as ports of the userspace datapath, the way instances use them. */
import '../harness/ovs-netns.ts';
import { execFileSync } from 'node:child_process';
import t from 'tap';
import type { Dpid, InstanceId } from '../../src/model/ids.ts';
import { startOvs } from '../harness/ovs.ts';
import { eventually } from '../harness/ovs-eventually.ts';
import { desiredFlow, desiredSwitch, outputTo, startSouthbound } from '../harness/ovs-southbound.ts';

const dpid = '00000000000000e1' as Dpid;
const id = 'i1' as InstanceId;
const ip = (...args: string[]) => execFileSync('ip', args);

t.test('persistent TAPs get port numbers, and those that are missing are named', async (t) => {
  const ovs = await startOvs();
  t.teardown(() => ovs.stop());
  const southbound = await startSouthbound(t);
  await ovs.addBridge('br1', { dpid });
  const bridge = { dpid, ovsdb: ovs.ovsdb };
  southbound.switches.manage([bridge]);
  await eventually(
    t,
    'the switch was told where to connect',
    () => southbound.fact(dpid)?.connection === 'connected',
  );

  for (const tap of ['cs0', 'cs1']) {
    ip('tuntap', 'add', 'dev', tap, 'mode', 'tap');
    ip('link', 'set', tap, 'up');
  }
  const add = southbound.ports.add(bridge, ['cs0', 'absent'], id);
  await t.rejects(add, { code: 'ovsdb-failed', message: /absent.*No such device/ });
  t.strictSame(await southbound.ports.list(bridge), [], 'all or nothing');
  await southbound.ports.add(bridge, ['cs0', 'cs1'], id);
  await eventually(t, 'OpenFlow has them', () => southbound.fact(dpid)?.ports.has('cs1') === true);
  const [cs0, cs1] = ['cs0', 'cs1'].map((name) => southbound.fact(dpid)?.ports.get(name));
  t.equal(cs0?.linkUp, false, 'no process holds it');
  const desired = desiredSwitch(
    dpid,
    [
      desiredFlow({
        match: [{ field: 'in_port', value: cs0?.ofport ?? 0 }],
        instructions: outputTo(cs1?.ofport ?? 0),
      }),
    ],
    [
      [cs0?.ofport ?? 0, 'all'],
      [cs1?.ofport ?? 0, 'all'],
    ],
  );
  southbound.switches.want([desired]);
  await eventually(t, 'applied', () => southbound.fact(dpid)?.applied?.digest === desired.digest);

  await southbound.ports.remove(bridge, ['cs0', 'cs1']);
  await eventually(t, 'OpenFlow has them no more', () => southbound.fact(dpid)?.ports.has('cs1') === false);
  for (const tap of ['cs0', 'cs1']) ip('link', 'del', tap);
  t.strictSame(await ovs.unexpectedLogLines([/absent/]), []);
});
