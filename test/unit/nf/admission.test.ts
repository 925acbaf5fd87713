import fc from 'fast-check';
import t from 'tap';
import type { InstanceId } from '../../../src/model/ids.ts';
import { admit, type Claim, memoryOf, type Room, UNBOUNDED } from '../../../src/nf/admission.ts';
import { wantedInstance } from './wanted.ts';

const claim = (
  number: number,
  memoryMiB: number,
  standing: Claim['standing'],
  kind: 'own' | 'blank' = 'own',
): Claim => ({ id: `i${number}` as InstanceId, memoryMiB, standing, isBlank: kind === 'blank' });

t.test('who has a place keeps it, and who asks gets what is free, in order', async (t) => {
  const whole = { memoryMiB: 100, instances: 3 };
  const { admitted, waiting, givingWay } = admit(
    [claim(1, 40, 'holds'), claim(2, 40, 'asks'), claim(3, 40, 'asks'), claim(4, 10, 'asks')],
    whole,
  );
  t.strictSame(admitted, ['i2']);
  t.strictSame(givingWay, []);
  t.match(
    waiting.get('i3' as InstanceId),
    /it needs 40 MiB and 1 place; free are 20 of 100 MiB and 1 of 3 places; .*--instance-memory/,
  );
  t.match(waiting.get('i4' as InstanceId), /others have waited longer/, 'a small one overtakes no large one');
});

t.test('places on the cores are counted as memory is', async (t) => {
  const whole = { memoryMiB: 100, instances: 1 };
  const { admitted, waiting } = admit([claim(1, 1, 'asks'), claim(2, 1, 'asks')], whole);
  t.strictSame(admitted, ['i1']);
  t.match(waiting.get('i2' as InstanceId), /--instances-per-core/);
});

t.test('what never fits says so and holds nobody up', async (t) => {
  const { admitted, waiting } = admit([claim(1, 200, 'asks'), claim(2, 100, 'asks')], {
    memoryMiB: 100,
    instances: 9,
  });
  t.strictSame(admitted, ['i2']);
  t.match(waiting.get('i1' as InstanceId), /needs 200 MiB, and all instances .* may have 100 MiB/);
});

t.test('blanks give way, the youngest first, no more than are needed, and only where it helps', async (t) => {
  const whole = { memoryMiB: 100, instances: 9 };
  const blanks = [1, 2, 3].map((number) => claim(number, 30, 'holds', 'blank'));
  const one = admit([...blanks, claim(4, 40, 'asks')], whole);
  t.strictSame(one, { admitted: [], waiting: new Map(), givingWay: ['i3'] });
  const leaving = [...blanks.slice(0, 2), claim(3, 30, 'leaves', 'blank')];
  t.strictSame(admit([...leaving, claim(4, 40, 'asks')], whole).givingWay, [], 'what leaves is waited for');
  const both = admit([...blanks, claim(4, 40, 'asks'), claim(5, 30, 'asks')], whole);
  t.strictSame(both, { admitted: [], waiting: new Map(), givingWay: ['i3', 'i2'] });
  const vain = admit([claim(1, 30, 'holds', 'blank'), claim(2, 60, 'holds'), claim(3, 50, 'asks')], whole);
  t.strictSame(vain.givingWay, [], 'no blank ends for one that would have to wait all the same');
  t.ok(vain.waiting.has('i3' as InstanceId));
});

t.test('a blank that asks comes last and makes nobody give way', async (t) => {
  const whole = { memoryMiB: 60, instances: 9 };
  const { admitted, waiting, givingWay } = admit(
    [claim(1, 30, 'holds', 'blank'), claim(2, 30, 'asks', 'blank'), claim(3, 30, 'asks')],
    whole,
  );
  t.strictSame({ admitted, givingWay }, { admitted: ['i3'], givingWay: [] });
  t.strictSame([...waiting.keys()], ['i2']);
});

t.test('an instance is counted with what its isolation costs', async (t) => {
  const { function: spec } = wantedInstance(1);
  const boot = { protocol: 'pvh', ready: { console: 'up' } } as never;
  t.equal(memoryOf(spec, 'process'), spec.memoryMiB + 1);
  t.equal(memoryOf(spec, 'vm'), spec.memoryMiB + 32);
  t.equal(memoryOf({ ...spec, boot }, 'vm'), spec.memoryMiB + 64);
});

t.test('whoever comes and goes, nothing is given that is not there, and everyone gets a turn', async (t) => {
  const arrivals = fc.array(
    fc.record({ memoryMiB: fc.integer({ min: 1, max: 60 }), isBlank: fc.boolean() }),
    { maxLength: 12 },
  );
  const run = fc.property(
    arrivals,
    fc.integer({ min: 60, max: 120 }),
    fc.integer({ min: 1, max: 5 }),
    (all, memoryMiB, instances) => {
      const whole: Room = { memoryMiB, instances };
      let claims = all.map((one, i) => ({ ...claim(i, one.memoryMiB, 'asks'), isBlank: one.isBlank }));
      const served = new Set<InstanceId>();
      for (let turn = 0; turn < 100 && claims.some(({ isBlank }) => !isBlank); turn++) {
        const { admitted, waiting, givingWay } = admit(claims, whole);
        const gone = new Set(claims.filter(({ standing }) => standing === 'leaves').map(({ id }) => id));
        claims = claims
          .map((one) => (admitted.includes(one.id) ? { ...one, standing: 'holds' as const } : one))
          .map((one) => (givingWay.includes(one.id) ? { ...one, standing: 'leaves' as const } : one));
        const held = claims.filter(({ standing }) => standing !== 'asks');
        const sum = held.reduce((total, one) => total + one.memoryMiB, 0);
        if (sum > memoryMiB || held.length > instances) throw new Error('more was given than there is');
        for (const { id, isBlank } of held) if (!isBlank) served.add(id);
        for (const id of givingWay)
          if (!claims.find((one) => one.id === id)?.isBlank) throw new Error('somebody was thrown out');
        const comes = claims.filter(({ id, standing }) => standing === 'asks' && !waiting.has(id));
        if (comes.length > 0 && !claims.some(({ standing }) => standing === 'leaves'))
          throw new Error('one is neither let in nor told to wait, and nothing will make room for it');
        // Blanks that gave way ask again; the first of the others that has a place goes.
        const first = claims.find(({ standing, isBlank }) => standing === 'holds' && !isBlank);
        claims = claims
          .filter((one) => one !== first && !(gone.has(one.id) && !one.isBlank))
          .map((one) => (gone.has(one.id) ? { ...one, standing: 'asks' as const } : one));
      }
      const owed = all.flatMap(({ isBlank }, i) => (isBlank ? [] : [`i${i}`]));
      return owed.every((id) => served.has(id as InstanceId));
    },
  );
  const { failed, seed, counterexample, errorInstance } = fc.check(run, { numRuns: 1000 });
  t.notOk(failed, `seed ${seed} ${JSON.stringify(counterexample)} ${errorInstance ?? ''}`);
  t.strictSame(admit([claim(1, 1e6, 'asks')], UNBOUNDED).admitted, ['i1']);
});
