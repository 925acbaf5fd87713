/**
 * Converges, seen on the wire: a network device of a running instance that somebody deletes is made again, and
 * its port with it, so that traffic passes and not only the status says so.
 */
import '../harness/ovs-netns.ts';
import { execFileSync } from 'node:child_process';
import t from 'tap';
import { ENDS, Site, UPLINK } from '../harness/site.ts';
import {
  firewallConfig,
  SAID_OF_DELETED_DEVICES,
  SAID_OF_FAULTS,
  SAID_OF_STRANGERS,
} from '../harness/site-faults.ts';
import { upOf } from '../harness/site-traffic.ts';
import { Wire } from '../harness/site-wire.ts';

t.test('a deleted device of an instance comes back and carries traffic', async (t) => {
  const site = await Site.open(t);
  const wire = await Wire.open(t, ENDS);
  await site.declareLab(t);
  const alice = upOf('alice');
  await wire.send(alice);
  const hops = [{ function: 'firewall', config: firewallConfig([]) }];
  const chain = { name: 'alice-protected', subscribers: ['alice'], hops };
  t.match(await site.call('POST', '/v1/chains?wait=active&timeout=30s', chain), { status: 201 });
  await wire.reaches(alice, `out ${UPLINK}`);
  for (const device of ['ct1r', 'ct1l']) {
    execFileSync('ip', ['link', 'delete', device]);
    await wire.reaches(alice, `out ${UPLINK}`);
    t.pass(`${device} is back`);
  }
  await site.equal(t);
  await site.clean(t, {
    controller: [...SAID_OF_FAULTS.controller, ...SAID_OF_DELETED_DEVICES],
    ovs: SAID_OF_STRANGERS,
  });
});
