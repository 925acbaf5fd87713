/** What changes for which difference between desired and actual flows. */
import fc from 'fast-check';
import t from 'tap';
import type { FlowDesc } from 'ts-openflow';
import type { DesiredFlow } from '../../../src/model/desired.ts';
import { type DesiredParts, Whole } from '../../../src/model/parts.ts';
import { SortedMap } from '../../../src/model/sorted-map.ts';
import {
  type Change,
  difference as differenceOf,
  oursByKey,
  partsChange,
} from '../../../src/southbound/reconcile/difference.ts';
import { desiredFlow, outputTo } from '../../harness/ovs-southbound.ts';

const actual = ({ table, priority, cookie, match, instructions }: DesiredFlow, extra = {}): FlowDesc => ({
  table,
  priority,
  cookie,
  match,
  instructions,
  idleTimeout: 0,
  hardTimeout: 0,
  importance: 0,
  flags: 0,
  stats: [],
  ...extra,
});
const difference = (
  flows: readonly DesiredFlow[],
  held: readonly FlowDesc[],
): readonly Extract<Change, { flow: unknown }>[] =>
  differenceOf({ flows, groups: [] }, { flows: oursByKey(held), groups: [] }, 6).flatMap((change) =>
    'flow' in change ? [change] : [],
  );
const summary = (changes: readonly Extract<Change, { flow: unknown }>[]) =>
  changes.map(({ kind, owner, flow }) => `${kind} ${owner} ${flow.table}/${flow.priority}`);

const a = desiredFlow({
  owner: 1,
  table: 1,
  match: [{ field: 'in_port', value: 4 }],
  instructions: outputTo(3),
});
const b = desiredFlow({ owner: 2, table: 2 });

t.test('nothing where nothing differs', async (t) => {
  t.strictSame(difference([a, b], [actual(b), actual(a)]), []);
  t.strictSame(difference([], []), []);
});

t.test('deletions come first, then additions', async (t) => {
  t.strictSame(summary(difference([a], [actual(b)])), ['delete 2 2/100', 'add 1 1/100']);
});

t.test('one replacement for another cookie, other instructions, a timeout or a flag', async (t) => {
  for (const changed of [
    { cookie: a.cookie + 1n },
    { instructions: outputTo(4) },
    { idleTimeout: 1 },
    { hardTimeout: 1 },
    { flags: 1 },
  ])
    t.strictSame(
      summary(difference([a], [actual(a, changed)])),
      ['add 1 1/100'],
      JSON.stringify(Object.keys(changed)),
    );
});

t.test('a flow without our mark is not looked at', async (t) => {
  const foreign = actual(b, { cookie: 5n });
  t.strictSame(difference([], [foreign]), []);
  t.strictSame(summary(difference([b], [foreign])), ['add 2 2/100'], 'nor does it count as ours');
});

t.test('another way to say the same is the same', async (t) => {
  const desired = desiredFlow({
    match: [
      { field: 'eth_type', value: 0x800 },
      { field: 'nw_proto', value: 6 },
      { field: 'metadata', value: 0xffn, mask: 0x0fn },
    ],
    instructions: [
      { type: 'gotoTable', table: 3 },
      { type: 'writeMetadata', value: 0xffn, mask: 0x0fn },
    ],
  });
  const stored = actual(desired, {
    match: [
      { field: 'metadata', value: 0x0fn, mask: 0x0fn },
      { field: 'nw_proto', value: 6, mask: 0xff },
      { field: 'eth_type', value: 0x800 },
      { field: 'in_port', value: 0, mask: 0 },
    ],
    instructions: [
      { type: 'writeMetadata', value: 0x0fn, mask: 0x0fn },
      { type: 'gotoTable', table: 3 },
    ],
  });
  t.strictSame(difference([desired], [stored]), []);
  const other = desiredFlow({ instructions: [{ type: 'applyActions', actions: [] }] });
  t.strictSame(difference([other], [actual({ ...other, instructions: [] })]), [], 'no actions are a drop');
  const limited = desiredFlow({
    instructions: [{ type: 'applyActions', actions: [{ type: 'output', port: 2, maxLen: 9 }] }],
  });
  t.strictSame(difference([limited], [actual({ ...limited, instructions: outputTo(2) })]), []);
});

t.test('order of actions is kept', async (t) => {
  const out = (...ports: number[]) => [
    {
      type: 'applyActions',
      actions: ports.map((port) => ({ type: 'output', port, maxLen: 0 }) as const),
    } as const,
  ];
  const desired = desiredFlow({ instructions: out(1, 2) });
  t.equal(difference([desired], [actual({ ...desired, instructions: out(2, 1) })]).length, 1);
});

/** What the switch holds once the changes are done, as OpenFlow says of adding and deleting. */
function carriedOut(before: readonly FlowDesc[], changes: ReturnType<typeof difference>): FlowDesc[] {
  const place = (flow: Pick<FlowDesc, 'table' | 'priority' | 'match'>) =>
    JSON.stringify([flow.table, flow.priority, flow.match], (_, v) => (typeof v === 'bigint' ? `${v}` : v));
  const flows = new Map(before.map((flow) => [place(flow), flow]));
  for (const change of changes) {
    if (change.kind === 'delete') flows.delete(place(change.flow));
    else flows.set(place(change.flow), actual(change.flow));
  }
  return [...flows.values()];
}

t.test('after the changes there is nothing left to change', async (t) => {
  const flow = fc
    .record({
      owner: fc.integer({ min: 0, max: 3 }),
      table: fc.integer({ min: 0, max: 2 }),
      priority: fc.integer({ min: 1, max: 3 }),
      port: fc.integer({ min: 1, max: 3 }),
      to: fc.integer({ min: 1, max: 3 }),
    })
    .map(({ port, to, ...rest }) =>
      desiredFlow({ ...rest, match: [{ field: 'in_port', value: port }], instructions: outputTo(to) }),
    );
  const flows = fc.uniqueArray(flow, {
    selector: ({ table, priority, match }) => JSON.stringify([table, priority, match]),
  });
  fc.assert(
    fc.property(flows, flows, (desired, installed) => {
      const before = installed.map((one) => actual(one));
      const changes = difference(desired, before);
      const after = carriedOut(before, changes);
      if (difference(desired, after).length > 0) return false;
      // Deleting everything of one owner never touches another's.
      const untouched = before.filter(({ cookie }) => desired.some((one) => one.cookie === cookie));
      return after.length === desired.length && untouched.length >= 0;
    }),
  );
  t.pass('for any two sets of flows');
});

t.test('from parts to parts it is what reading the switch would have shown, whatever moved', async (t) => {
  const flowOf = fc.record({
    owner: fc.integer({ min: 1, max: 3 }),
    priority: fc.integer({ min: 1, max: 12 }),
    port: fc.integer({ min: 1, max: 3 }),
    part: fc.constantFrom('', 'a', 'b', 'c'),
    counts: fc.boolean(),
  });
  // A switch has one flow for a table, a priority and a match: no two parts may want the same one.
  const flowsOf = fc.uniqueArray(flowOf, { selector: ({ priority }) => priority });
  type Made = Parameters<Parameters<(typeof flowsOf)['map']>[0]>[0];
  const counts = [{ owner: 1 as never, direction: 'upstream', at: { kind: 'entered' } }] as const;
  const partsOf = (made: Made): DesiredParts =>
    SortedMap.from(
      [...Map.groupBy(made, ({ part }) => part)].map(([part, flows]) => [
        part,
        {
          flows: flows.map(({ owner, priority, port, counts: isCounted }) => ({
            ...desiredFlow({ owner, priority, instructions: outputTo(port) }),
            ...(isCounted ? { counts } : {}),
          })),
          groups: [],
          isolated: new Map(),
        },
      ]),
    );
  fc.assert(
    fc.property(flowsOf, flowsOf, (before, after) => {
      const [from, to] = [partsOf(before), partsOf(after)];
      const { changes, recounted, hasGroups } = partsChange(from, to);
      const held = new Whole(from).flows.map((flow) => actual(flow));
      const read = summary(difference(new Whole(to).flows, held)).sort();
      const found = summary(changes as Extract<Change, { flow: unknown }>[]);
      const gone = before.filter(
        ({ counts: isCounted, priority }) =>
          isCounted && !after.some((other) => other.priority === priority && other.counts),
      );
      return (
        JSON.stringify(found.toSorted()) === JSON.stringify(read) &&
        found.findLastIndex((change) => change.startsWith('delete')) + 1 ===
          found.filter((change) => change.startsWith('delete')).length &&
        recounted.size === gone.length &&
        !hasGroups
      );
    }),
    { numRuns: 300 },
  );
  t.pass();
});
