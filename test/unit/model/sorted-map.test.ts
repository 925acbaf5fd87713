import fc from 'fast-check';
import t from 'tap';
import { SortedMap } from '../../../src/model/sorted-map.ts';

const key = fc.integer({ min: 0, max: 3000 }).map((n) => `k${n.toString(36)}`);
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ put: key, value: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ drop: key }) },
);
const sortedEntries = (map: ReadonlyMap<string, number>): [string, number][] =>
  [...map].sort(([a], [b]) => (a < b ? -1 : 1));

t.test('it is what a map is, in order, and no change is seen in an older one', async (t) => {
  fc.assert(
    fc.property(fc.array(key), fc.array(step, { maxLength: 3000, size: 'max' }), key, (start, steps, at) => {
      const model = new Map(start.map((name, index) => [name, index]));
      let map = SortedMap.from(model);
      const first = map;
      const before = sortedEntries(model);
      for (const one of steps) {
        if ('put' in one) {
          model.set(one.put, one.value);
          map = map.with(one.put, one.value);
        } else {
          model.delete(one.drop);
          map = map.without(one.drop);
        }
      }
      const expected = sortedEntries(model);
      const same = (found: unknown, wanted: unknown): boolean =>
        JSON.stringify(found) === JSON.stringify(wanted);
      return (
        same([...map], expected) &&
        same([...first], before) &&
        map.size === model.size &&
        map.get(at) === model.get(at) &&
        map.has(at) === model.has(at) &&
        same(
          [...map.keys()],
          expected.map(([name]) => name),
        ) &&
        same(
          [...map.values()],
          expected.map(([, value]) => value),
        ) &&
        same(
          [...map.after(at)],
          expected.filter(([name]) => name > at),
        )
      );
    }),
    { numRuns: 60 },
  );
  t.pass();
});

t.test('what has changed is found, and many changes at once are as many one by one', async (t) => {
  const steps = fc.array(step, { maxLength: 400, size: 'max' });
  fc.assert(
    fc.property(fc.uniqueArray(key, { maxLength: 2500, size: 'max' }), steps, (start, steps) => {
      const before = SortedMap.from(start.map((name, index): [string, number] => [name, index]));
      const changes = new Map<string, number | undefined>(
        steps.map((one) => ('put' in one ? [one.put, one.value] : [one.drop, undefined])),
      );
      let after = before;
      for (const [name, value] of changes)
        after = value === undefined ? after.without(name) : after.with(name, value);
      const names = new Set([...before.keys(), ...after.keys()]);
      const expected = [...names].filter((name) => before.get(name) !== after.get(name));
      const atOnce = before.withAll(changes);
      const found = (map: typeof before): string => JSON.stringify([...map.changedSince(before)].sort());
      return (
        found(after) === JSON.stringify(expected.sort()) &&
        found(atOnce) === found(after) &&
        JSON.stringify([...atOnce]) === JSON.stringify([...after])
      );
    }),
    { numRuns: 60 },
  );
  t.strictSame(
    SortedMap.from([
      [9, 'a'],
      [10, 'b'],
    ]).get(10),
    'b',
    'numbers are in the order of numbers',
  );
});

t.test('taking away what is not there changes nothing', async (t) => {
  const map = SortedMap.from<string, number>([['b', 1]]);
  t.equal(map.without('a'), map);
  t.same([...map.without('b')], []);
  t.throws(() => Object.assign(map, { size: 3 }), TypeError);
});
