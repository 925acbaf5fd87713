import fc from 'fast-check';
import t from 'tap';
import type { WantedInstance } from '../../../src/model/desired.ts';
import type { InstanceId } from '../../../src/model/ids.ts';
import { type KnownInstance, plan } from '../../../src/nf/plan.ts';
import { wantedInstance } from './wanted.ts';

const known = (...instances: WantedInstance[]): Map<InstanceId, KnownInstance> =>
  new Map(instances.map((wanted) => [wanted.id, { wanted, stopping: false }]));

const one = wantedInstance(1);
const change = (difference: Partial<WantedInstance>): WantedInstance => ({ ...one, ...difference });

t.test('what each difference leads to', async (t) => {
  const functionOf = (difference: object) => change({ function: { ...one.function, ...difference } });
  const cases: [string, WantedInstance, string | undefined][] = [
    ['nothing', one, undefined],
    ['the description of the function', functionOf({ description: 'other words' }), undefined],
    ['the schema of the function', functionOf({ configSchema: { type: 'object' } }), undefined],
    ['the configuration', change({ revision: 2, config: { a: 1 } }), 'update'],
    [
      'where the database listens',
      change({ bridge: { ...one.bridge, ovsdb: 'tcp:192.0.2.1:6640' } }),
      'update',
    ],
    ['the order of members', change({ config: { b: [2], a: 1 } }), undefined],
    ['the image', functionOf({ image: 'other.elf' }), 'restart'],
    ['the sandbox', functionOf({ sandbox: 'firewall.sandbox' }), 'restart'],
    ['the isolation', functionOf({ isolation: 'vm' }), 'restart'],
    ['the memory', functionOf({ memoryMiB: 9 }), 'restart'],
    ['an address', change({ left: { ...one.left, mac: one.right.mac } }), 'restart'],
    ['the configuration under the same revision', change({ config: { a: 2 } }), 'restart'],
    ['a port', change({ left: { ...one.left, port: 'other' } }), 'remove'],
    ['the bridge', change({ bridge: { ...one.bridge, dpid: '0000000000000009' as never } }), 'remove'],
  ];
  for (const [what, wanted, action] of cases) {
    t.strictSame(
      plan([wanted], known(one)).map((planned) => planned.do),
      action === undefined ? [] : [action],
      what,
    );
  }
});

t.test('what stops is left alone until it is gone', async (t) => {
  const stopping = new Map([[one.id, { wanted: one, stopping: true }]]);
  t.strictSame(plan([one], stopping), []);
  t.strictSame(plan([], stopping), []);
  t.strictSame(plan([one], new Map()), [{ do: 'create', instance: one }]);
});

t.test('carrying the plan out makes an empty plan', async (t) => {
  const wanted = fc
    .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 3 })), {
      selector: ([number]) => number,
    })
    .map((entries) => entries.map(([number, revision]) => ({ ...wantedInstance(number), revision })));
  fc.assert(
    fc.property(wanted, wanted, (before, after) => {
      const now = known(...before);
      for (const action of plan(after, now)) {
        if (action.do === 'remove') now.delete(action.id);
        else now.set(action.instance.id, { wanted: action.instance, stopping: false });
      }
      return plan(after, now).length === 0 && now.size === after.length;
    }),
  );
  t.pass();
});
