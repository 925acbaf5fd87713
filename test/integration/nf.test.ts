/** Instances as real guests of the real emulator, on ports of a real switch. */
import '../harness/ovs-netns.ts';
import t from 'tap';
import { eventually } from '../harness/ovs-eventually.ts';
import { factOf, makeImages, testInWorld } from './nf-world.ts';

makeImages('counter');

testInWorld(t, 'an instance starts, passes packets, counts them, and leaves nothing behind', async (t, w) => {
  let wakes = 0;
  const running = w.start({ wake: () => wakes++ });
  await running.settled;
  t.equal(running.instances.facts().size, 0);
  running.instances.want([w.wanted(1)]);
  t.equal(factOf(running, 1)?.phase, 'starting');
  await eventually(t, 'ready', () => factOf(running, 1)?.phase === 'ready');
  t.match(factOf(running, 1), {
    id: 'i1',
    phase: 'ready',
    revision: 1,
    ports: { left: 'cs1l', right: 'cs1r' },
    accelerator: /^(kvm|tcg)$/,
    pid: Number,
    restarts: 0,
  });
  t.ok(wakes > 0, 'who waits was woken');
  t.strictSame(w.emulators(), [factOf(running, 1)?.pid]);
  t.strictSame(await w.bridgePorts(), ['cs1l', 'cs1r']);

  await w.send('cs1l');
  await w.send('cs1l');
  await w.send('cs1r');
  const id = w.wanted(1).id;
  await eventually(t, 'two upstream, one downstream', async () => {
    const { left, right } = await running.instances.counters(id);
    return left.rxPackets === 2 && right.txPackets === 2 && right.rxPackets === 1 && left.txPackets === 1;
  });
  await eventually(t, 'the switch has them back', async () => (await w.received('cs1r')) === 2);

  await running.stop('remove');
  t.ok(w.isEmpty(), 'no process, no device, no directory');
  t.strictSame(await w.bridgePorts(), []);
  t.strictSame(w.warnings(), []);
});
