/** The harness itself: both datapaths start, speak, and leave nothing behind. */
import '../harness/ovs-netns.ts';
import { existsSync } from 'node:fs';
import t from 'tap';
import { startOvs } from '../harness/ovs.ts';

for (const datapath of ['netdev', 'dummy'] as const) {
  t.test(`a private Open vSwitch with the ${datapath} datapath`, async (t) => {
    const ovs = await startOvs({ datapath });
    t.teardown(() => ovs.stop());
    await ovs.addBridge('br1', { dpid: '00000000000000a1' });
    t.equal(await ovs.vsctl('get', 'bridge', 'br1', 'datapath_id'), '"00000000000000a1"');
    await ovs.ofctl('-O', 'OpenFlow15', 'add-flow', 'br1', 'table=3,priority=7,actions=drop');
    t.strictSame(await ovs.dumpFlows('br1'), ['table=3, priority=7 actions=drop']);
    t.strictSame(await ovs.unexpectedLogLines(), []);
    const { vswitchd } = ovs.pids;
    await ovs.stop();
    t.throws(() => process.kill(vswitchd, 0), { code: 'ESRCH' }, 'the daemon is gone');
    t.notOk(existsSync(ovs.dir), 'the directory is gone');
  });
}
