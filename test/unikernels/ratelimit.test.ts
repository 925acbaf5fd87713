/** The limits in a booted guest. How fast they refill is judged on the host, where the clock stands still. */
import t from 'tap';

import { buildImages, ISOLATIONS, startMachine } from './machine.ts';
import { ipv4, udp, Wire } from './wire.ts';

buildImages();

/** So slow that nothing of note comes back while the test runs. */
const SLOW = { bitsPerSecond: 1, burstBytes: 10_000 };

function marked(dscp: number, ecn: number): Buffer {
  const frame = ipv4(17, '10.0.0.1', '10.0.0.2', udp(1000, 2000, Buffer.alloc(1000 - 42)));
  frame.writeUInt8((dscp << 2) | ecn, 15);
  return frame;
}

for (const isolation of ISOLATIONS) {
  t.test(`a class gets its burst each way, and the rest is not limited, ${isolation}`, async (t) => {
    const config = { classes: [{ dscp: [46], upstream: SLOW, downstream: SLOW }], ecn: 'mark' };
    const { namespace, console } = await startMachine(t, { isolation, function: 'ratelimit', config });
    const wire = await Wire.open(t, namespace);
    for (const side of ['left', 'right'] as const) {
      for (let i = 0; i < 20; i++) wire.send(side, marked(46, 1));
      const came = await wire.arrivals();
      t.equal(came.length, 10, `${side}: the burst`);
      t.strictSame(
        came.map(({ frame }) => frame.readUInt8(15) & 3),
        [1, 1, 1, 1, 1, 3, 3, 3, 3, 3],
        'marked below the half',
      );
      for (let i = 0; i < 20; i++) wire.send(side, marked(0, 0));
      t.equal((await wire.arrivals()).length, 20, 'not limited');
    }
    const { function: numbers } = await console.counters();
    const each = { passed: 10, marked: 5, dropped: 10 };
    t.match(numbers, { classes: [{ upstream: each, downstream: each }] });
  });

  t.test(`a new limit holds from the next frame on, ${isolation}`, async (t) => {
    const { namespace, console } = await startMachine(t, {
      isolation,
      function: 'ratelimit',
      config: { classes: [{ dscp: [8], upstream: SLOW }] },
    });
    const wire = await Wire.open(t, namespace);
    const burst = async (): Promise<number> => {
      for (let i = 0; i < 20; i++) wire.send('left', marked(8, 0));
      return (await wire.arrivals()).length;
    };
    t.equal(await burst(), 10);
    await console.configure(2, { classes: [{ dscp: [8], upstream: { ...SLOW, burstBytes: 60_000 } }] });
    t.equal(await burst(), 0, 'what was spent stays spent');
    await console.configure(3, { upstream: { bitsPerSecond: 1_000_000_000 } });
    t.equal(await burst(), 20);
  });
}
