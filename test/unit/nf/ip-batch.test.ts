import t from 'tap';
import { IpBatch } from '../../../src/nf/ip-batch.ts';

t.test(
  'commands are carried out one batch after the other, and a complaint goes to whom it is about',
  async (t) => {
    const ip = new IpBatch();
    t.teardown(() => ip.close());
    const [first, second, third] = [
      ip.run(['link show dev lo']),
      ip.run(['link show dev nobody1', 'link show dev nobody2']),
      ip.run(['link show dev lo']),
    ];
    await first;
    await t.rejects(second, {
      message: /^Cannot find device "nobody1"; Cannot find device "nobody2"$|nobody1.*nobody2/,
    });
    await third;
  },
);

t.test('one that has ended is started again', async (t) => {
  const ip = new IpBatch();
  t.teardown(() => ip.close());
  await ip.run(['link show dev lo']);
  ip.close();
  await t.resolves(ip.run(['link show dev lo']));
});
