/** Sums of what flows count, over everything that may happen to the flows. */
import fc from 'fast-check';
import t from 'tap';
import type { FlowDesc } from 'ts-openflow';
import type { Counted, CountPoint } from '../../../src/model/counters.ts';
import type { DesiredFlow } from '../../../src/model/desired.ts';
import type { Name, OwnerId } from '../../../src/model/ids.ts';
import { FlowCounts } from '../../../src/southbound/reconcile/counts.ts';
import { desiredFlow } from '../../harness/ovs-southbound.ts';

const point = (owner: number, hop: string): CountPoint => ({
  owner: owner as OwnerId,
  subscriber: 'alice' as Name,
  direction: 'upstream',
  at: { kind: 'into', hop },
});
const wanted = (...points: CountPoint[]): DesiredFlow => ({ ...desiredFlow({}), counts: points });
const held = (packets: number): FlowDesc => ({
  ...desiredFlow({}),
  idleTimeout: 0,
  hardTimeout: 0,
  importance: 0,
  flags: 0,
  stats: [
    { stat: 'packetCount', value: BigInt(packets) },
    { stat: 'byteCount', value: BigInt(packets * 100) },
  ],
});
const sums = (all: readonly Counted[]) =>
  all.map(({ point: { owner, at }, packets, bytes }) => [
    owner,
    'hop' in at ? at.hop : at.kind,
    packets,
    bytes,
  ]);

t.test('a flow goes on, is put there anew, changes its meaning and goes', async (t) => {
  const counts = new FlowCounts();
  const [a, b] = [point(1, 'a'), point(1, 'b')];
  const read = (flow: DesiredFlow | undefined, packets: number | undefined) => {
    counts.read(flow ? [['k', flow]] : [], new Map(packets === undefined ? [] : [['k', held(packets)]]));
    return sums(counts.all);
  };
  t.strictSame(read(wanted(a), undefined), [], 'not there yet');
  t.strictSame(read(wanted(a), 5), [[1, 'a', 5, 500]], 'all of it is new');
  t.strictSame(read(wanted(a), 7), [[1, 'a', 7, 700]]);
  t.strictSame(read(wanted(a), 7), [[1, 'a', 7, 700]], 'read twice, counted once');
  t.strictSame(read(wanted(a), 2), [[1, 'a', 9, 900]], 'another flow in its place');
  t.strictSame(read(wanted(b), 6), [[1, 'a', 13, 1300]], 'until now it meant the one');
  t.strictSame(read(wanted(b), 8).at(-1), [1, 'b', 2, 200], 'from now on the other');
  t.strictSame(read(undefined, 9).at(-1), [1, 'b', 3, 300], 'its last counts are taken along');
  t.strictSame(read(undefined, 10).at(-1), [1, 'b', 4, 400], 'as long as it is there');
  t.strictSame(read(undefined, undefined).at(-1), [1, 'b', 4, 400]);
  t.strictSame(
    read(wanted(a, b), 1),
    [
      [1, 'a', 14, 1400],
      [1, 'b', 5, 500],
    ],
    'one flow may count for two',
  );
  counts.retain(new Set([1 as OwnerId]));
  t.equal(counts.all.length, 2);
  counts.retain(new Set());
  t.strictSame(counts.all, [], 'a chain that is gone is forgotten');
});

t.test('no sum ever goes down, whatever is read', async () => {
  const step = fc.record({
    packets: fc.option(fc.nat(20), { nil: undefined }),
    meaning: fc.constantFrom('a', 'b', undefined),
  });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const counts = new FlowCounts();
      const before = new Map<string, number>();
      for (const { packets, meaning } of steps) {
        const flows: [string, DesiredFlow][] = meaning ? [['k', wanted(point(1, meaning))]] : [];
        counts.read(flows, new Map(packets === undefined ? [] : [['k', held(packets)]]));
        for (const [, hop, now] of sums(counts.all)) {
          if (Number(now) < (before.get(String(hop)) ?? 0)) throw new Error(`${hop} went down to ${now}`);
          before.set(String(hop), Number(now));
        }
      }
    }),
  );
});
