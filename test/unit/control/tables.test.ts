/** Digests that grow with each change are those of the whole. */
import fc from 'fast-check';
import t from 'tap';
import { CompiledSwitch } from '../../../src/compiler/compile.ts';
import { Tables } from '../../../src/control/tables.ts';
import { type OwnerId, SWITCH_OWNER } from '../../../src/model/ids.ts';
import type { DesiredParts } from '../../../src/model/parts.ts';
import { SortedMap } from '../../../src/model/sorted-map.ts';
import { desiredFlow } from '../../harness/ovs-southbound.ts';
import { DPID } from '../world.ts';

const A = 1 as OwnerId;
const B = 2 as OwnerId;
/** Parts whose flows are told by owner and priority. */
const partsOf = (parts: Readonly<Record<string, readonly (readonly [number, number])[]>>): DesiredParts =>
  SortedMap.from(
    Object.entries(parts).map(([key, flows]) => [
      key,
      {
        flows: flows.map(([owner, priority]) => desiredFlow({ owner, priority })),
        groups: [],
        isolated: new Map([[flows.length as never, 'all' as const]]),
      },
    ]),
  );
const tables = (parts: DesiredParts, before?: Tables): Tables =>
  new Tables(new CompiledSwitch(DPID, parts), 1, before);
const shown = ({ digest, owners, needs }: Tables): string =>
  JSON.stringify([digest, [...owners].sort(), [...needs].sort()]);

t.test('however the parts came and went, the digests are those of what is there', async (t) => {
  const flow = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 3 }));
  const part = fc.dictionary(fc.constantFrom('', 'a', 'b', 'c'), fc.array(flow, { maxLength: 3 }));
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (states) => {
      let grown: Tables | undefined;
      for (const state of states) grown = tables(partsOf(state), grown);
      return shown(grown as Tables) === shown(tables(partsOf(states.at(-1) ?? {})));
    }),
    { numRuns: 300 },
  );
  t.pass();
});

t.test('a chain needs what is its own, what its parts hold besides, and what everybody does', async (t) => {
  const before = tables(partsOf({ '': [[0, 1]], a: [[1, 2]], b: [[2, 3]] }));
  const changed = (parts: Parameters<typeof partsOf>[0]): OwnerId[] => {
    const after = tables(partsOf(parts));
    return [SWITCH_OWNER, A, B].filter((owner) => after.needs.get(owner) !== before.needs.get(owner));
  };
  t.strictSame(changed({ '': [[0, 1]], a: [[1, 2]], b: [[2, 3]] }), []);
  t.strictSame(changed({ '': [[0, 1]], a: [[1, 2]], b: [[2, 4]] }), [B], 'its own');
  t.strictSame(
    changed({
      '': [[0, 1]],
      a: [
        [1, 2],
        [0, 9],
      ],
      b: [[2, 3]],
    }),
    [A],
    'what stands beside it',
  );
  t.strictSame(changed({ '': [[0, 1]], a: [[1, 2]], b: [[2, 3]], c: [[0, 9]] }), [], 'what is of no chain');
  t.strictSame(changed({ '': [[0, 9]], a: [[1, 2]], b: [[2, 3]] }), [SWITCH_OWNER], 'what everybody needs');
});
