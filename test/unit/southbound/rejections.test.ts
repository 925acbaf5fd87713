/** Whose flows are left out, for how long, and when they are forgotten. */
import t from 'tap';
import type { Dpid, OwnerId } from '../../../src/model/ids.ts';
import { Rejections } from '../../../src/southbound/reconcile/rejections.ts';
import { desiredFlow, desiredSwitch } from '../../harness/ovs-southbound.ts';

const dpid = '00000000000000f1' as Dpid;
const owner = 7 as OwnerId;
const first = desiredSwitch(dpid, [desiredFlow({ owner: 7 }), desiredFlow({ owner: 8, table: 1 })]);
const second = desiredSwitch(dpid, [
  desiredFlow({ owner: 7, priority: 3 }),
  desiredFlow({ owner: 8, table: 1 }),
]);

t.test('a refused owner is left out until its flows are others', async (t) => {
  const rejections = new Rejections();
  rejections.add(first, owner, 'OFPFMFC_TABLE_FULL', 'actions=drop');
  t.match(rejections.all, [{ owner, digest: first.owners.get(owner), reason: 'OFPFMFC_TABLE_FULL' }]);
  t.strictSame([...rejections.atThisLook()], [owner]);
  rejections.pardon(first);
  t.ok(rejections.has(owner));
  rejections.pardon(second);
  t.notOk(rejections.has(owner));
});

t.test('it has another try now and then, and is still told of until that succeeds', async (t) => {
  const rejections = new Rejections();
  rejections.add(first, owner, 'OFPFMFC_TABLE_FULL', 'actions=drop');
  let looks = 0;
  while (rejections.atThisLook().has(owner)) {
    t.ok(++looks < 100);
    rejections.keep(new Set([owner]));
  }
  t.ok(rejections.has(owner), 'told of while it is tried');
  rejections.add(first, owner, 'OFPFMFC_TABLE_FULL', 'actions=drop');
  t.ok(rejections.atThisLook().has(owner), 'refused again: left out again');
  rejections.keep(new Set());
  t.strictSame(rejections.all, [], 'it is in the switch');
});

t.test('an owner without flows keeps the refusal of a deletion', async (t) => {
  const rejections = new Rejections();
  const without = desiredSwitch(dpid, [desiredFlow({ owner: 8, table: 1 })]);
  rejections.add(without, owner, 'OFPFMFC_EPERM', 'actions=drop');
  rejections.pardon(without);
  t.ok(rejections.has(owner));
  rejections.pardon(first);
  t.notOk(rejections.has(owner));
});
