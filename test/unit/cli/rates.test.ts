import t from 'tap';
import type { InstanceShown } from '../../../src/cli/kinds.ts';
import { rateRows, type Sample, shortNumber } from '../../../src/cli/rates.ts';

const side = (rxPackets: number, dropped = 0) => ({
  rxPackets,
  rxBytes: rxPackets * 100,
  txPackets: 0,
  txBytes: 0,
  dropped,
  lost: 0,
});
const shown = (id: string, subscriber: string, phase = 'ready') =>
  ({ id, chain: 'c', subscriber, hop: 'h', status: { phase } }) as unknown as InstanceShown;
const sample = (at: number, counts: Record<string, [number, number] | undefined>): Sample => ({
  at,
  instances: Object.entries(counts).map(([id, count]) => ({
    shown: shown(id, `of-${id}`, count === undefined ? 'starting' : 'ready'),
    counters: count && { left: side(count[0]), right: side(count[1]), function: {} },
  })),
});

t.test('packets and bits a second, the busiest first', async (t) => {
  const before = sample(1000, { i1: [0, 0], i2: [10, 10] });
  const now = sample(3000, { i1: [2, 0], i2: [110, 20] });
  const rows = rateRows(now, before, 'instance');
  t.same(
    rows.map(({ key }) => key),
    ['i2', 'i1'],
  );
  t.match(rows[0], { rates: { upPackets: 50, upBits: 40_000, downPackets: 5, downBits: 4_000, dropped: 0 } });
});

t.test('without a sample before there are no rates', async (t) => {
  t.match(rateRows(sample(0, { i1: [5, 5] }), undefined, 'instance'), [{ key: 'i1', rates: undefined }]);
});

t.test('a guest that began again counts from nothing', async (t) => {
  const rows = rateRows(sample(2000, { i1: [4, 0] }), sample(0, { i1: [1000, 0] }), 'instance');
  t.match(rows[0], { rates: { upPackets: 2 } });
});

t.test('summed up, with those that cannot be asked', async (t) => {
  const before = sample(0, { i1: [0, 0], i2: undefined, i3: [0, 0] });
  const now = sample(1000, { i1: [1, 0], i2: undefined, i3: [2, 0] });
  t.match(rateRows(now, before, 'chain'), [
    { key: 'c', instances: 3, ready: 2, subscriber: '', rates: { upPackets: 3 } },
  ]);
});

t.test('numbers fit their columns', async (t) => {
  t.same([0, 7.4, 999, 1000, 1234, 12_345, 999_999, 1e6, 2.5e9].map(shortNumber), [
    '0',
    '7',
    '999',
    '1.00k',
    '1.23k',
    '12.3k',
    '1.00M',
    '1.00M',
    '2.50G',
  ]);
});
