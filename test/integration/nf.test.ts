/** Instances as real guests of the real emulator, on ports of a real switch. */
import '../harness/ovs-netns.ts';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { InstanceId } from '../../src/model/ids.ts';
import { commandLine } from '../../src/nf/process.ts';
import { eventually } from '../harness/ovs-eventually.ts';
import { factOf, makeImages, testInBothWorlds, testInWorld } from './nf-world.ts';

makeImages('counter');

testInBothWorlds(
  t,
  'an instance starts, passes packets, counts them, and leaves nothing behind',
  async (t, w) => {
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
      isolation: w.isolation,
      accelerator: w.isolation === 'vm' ? /^(kvm|tcg)$/ : undefined,
      pid: Number,
      restarts: 0,
    });
    t.ok(wakes > 0, 'who waits was woken');
    t.strictSame(w.guests(), [factOf(running, 1)?.pid]);
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
  },
);

testInBothWorlds(t, 'a guest that is killed is started again, on the same ports', async (t, w) => {
  const running = w.start();
  running.instances.want([w.wanted(1)]);
  await eventually(t, 'ready', () => factOf(running, 1)?.phase === 'ready');
  const before = factOf(running, 1);
  const ofport = await w.ofport('cs1r');
  process.kill(before?.pid ?? 0, 'SIGKILL');
  await eventually(t, 'its death is noticed', () => factOf(running, 1)?.phase !== 'ready');
  t.match(factOf(running, 1)?.problem, /ended by SIGKILL/);
  t.equal(factOf(running, 1)?.revision, undefined);
  await eventually(t, 'ready again', () => factOf(running, 1)?.phase === 'ready');
  const after = factOf(running, 1);
  t.equal(after?.restarts, 1);
  t.not(after?.pid, before?.pid);
  t.equal(after?.problem, undefined);
  t.equal(await w.ofport('cs1r'), ofport, 'the port kept its number');
  await w.send('cs1l');
  await eventually(t, 'packets pass again', async () => (await w.received('cs1r')) === 1);
  await running.stop('remove');
  t.ok(w.isEmpty());
});

testInBothWorlds(t, 'a guest that hangs is replaced', async (t, w) => {
  const running = w.start({ timing: { healthEvery: 100, answerWithin: 500 } });
  running.instances.want([w.wanted(1)]);
  await eventually(t, 'ready', () => factOf(running, 1)?.phase === 'ready');
  const hung = factOf(running, 1)?.pid ?? 0;
  process.kill(hung, 'SIGSTOP');
  await eventually(t, 'its silence is noticed', () => factOf(running, 1)?.phase !== 'ready');
  t.match(factOf(running, 1)?.problem, /did not answer in time/);
  await eventually(t, 'another one is ready', () => factOf(running, 1)?.phase === 'ready');
  t.not(factOf(running, 1)?.pid, hung);
  t.strictSame(w.guests(), [factOf(running, 1)?.pid], 'the hung one is gone');
  await running.stop('remove');
  t.ok(w.isEmpty());
});

testInBothWorlds(t, 'many are started and removed side by side', async (t, w) => {
  const running = w.start();
  const numbers = Array.from({ length: 12 }, (_, i) => i + 1);
  running.instances.want(numbers.map((number) => w.wanted(number)));
  await eventually(t, 'all ready', () =>
    numbers.every((number) => factOf(running, number)?.phase === 'ready'),
  );
  t.equal(w.guests().length, 12);
  t.equal((await w.bridgePorts()).length, 24);
  const kept = [w.wanted(3), w.wanted(7)];
  const pids = kept.map(({ id }) => running.instances.facts().get(id)?.pid);
  running.instances.want(kept);
  await eventually(t, 'ten are removed', () => running.instances.facts().size === 2);
  t.strictSame(new Set(w.guests()), new Set(pids), 'the other two were not touched');
  t.strictSame(new Set(await w.bridgePorts()), new Set(['cs3l', 'cs3r', 'cs7l', 'cs7r']));
  await running.stop('remove');
  t.ok(w.isEmpty());
  t.strictSame(w.warnings(), []);
});

testInWorld(t, 'another memory size takes another guest, another port another place', async (t, w) => {
  const running = w.start();
  const first = w.wanted(1);
  running.instances.want([first]);
  await eventually(t, 'ready', () => factOf(running, 1)?.phase === 'ready');
  const { pid } = factOf(running, 1) ?? {};
  const ofport = await w.ofport('cs1l');

  running.instances.want([{ ...first, function: { ...first.function, memoryMiB: 6 } }]);
  await eventually(
    t,
    'replaced',
    () => factOf(running, 1)?.phase === 'ready' && factOf(running, 1)?.pid !== pid,
  );
  t.strictSame(w.warnings(), [], 'nothing died');
  t.equal(await w.ofport('cs1l'), ofport);

  running.instances.want([w.wanted(1, { left: { ...first.left, port: 'cs1x' } })]);
  await eventually(t, 'moved', () => {
    const fact = factOf(running, 1);
    return fact?.phase === 'ready' && fact.ports.left === 'cs1x';
  });
  t.strictSame(await w.bridgePorts(), ['cs1r', 'cs1x']);
  t.strictSame(w.taps(), ['cs1r', 'cs1x']);
  await running.stop('remove');
  t.ok(w.isEmpty());
});

testInWorld(t, 'what a stranger takes away is put back', async (t, w) => {
  const running = w.start({ auditEvery: 50 });
  running.instances.want([w.wanted(1)]);
  await eventually(t, 'ready', () => factOf(running, 1)?.phase === 'ready');
  const { pid } = factOf(running, 1) ?? {};
  await w.ovs.vsctl('del-port', 'cs1l');
  await eventually(t, 'the port is back', async () => (await w.bridgePorts()).includes('cs1l'));
  t.equal(factOf(running, 1)?.pid, pid, 'the guest has not noticed');
  await running.stop('remove');
  t.ok(w.isEmpty());
});

testInWorld(t, 'a start that is overtaken leaves one guest, of the latest kind', async (t, w) => {
  const of = (memoryMiB: number) => {
    const wanted = w.wanted(1);
    return [{ ...wanted, function: { ...wanted.function, memoryMiB } }];
  };
  let memory = 4;
  const running = w.start({
    wake: () => {
      if (memory < 12) queueMicrotask(() => running.instances.want(of(++memory)));
    },
  });
  running.instances.want(of(memory));
  for (let later = 0; later < 8; later++) {
    await new Promise((resolve) => setTimeout(resolve, later * 7));
    running.instances.want(of(++memory));
  }
  await eventually(t, 'ready', () => {
    const [pid] = w.guests();
    const words = commandLine(pid ?? 0);
    return factOf(running, 1)?.phase === 'ready' && words[words.indexOf('-m') + 1] === String(memory);
  });
  t.strictSame(w.guests(), [factOf(running, 1)?.pid]);
  t.equal(factOf(running, 1)?.restarts, 0);
  running.instances.want([]);
  running.instances.want(of(4));
  running.instances.want([]);
  await eventually(t, 'gone', () => running.instances.facts().size === 0);
  await running.stop('remove');
  t.ok(w.isEmpty());
  t.strictSame(w.warnings(), []);
});

testInWorld(
  t,
  'what a guest has saved outlives its sleep and a restart, and goes with the instance',
  async (t, w) => {
    const state = join(w.runDir, 'instances/i1/state');
    const asleep = new Set(['i1' as InstanceId]);
    const running = w.start();
    running.instances.want([w.wanted(1)]);
    await eventually(t, 'ready', () => factOf(running, 1)?.phase === 'ready');
    writeFileSync(state, 'as a guest would');
    running.instances.want([], asleep);
    await eventually(t, 'asleep', () => running.instances.facts().size === 0);
    t.strictSame(readdirSync(join(state, '..')), ['state']);
    await running.stop('keep');

    const next = w.start({ auditEvery: 50 });
    next.instances.want([], asleep);
    await new Promise((resolve) => setTimeout(resolve, 200));
    t.strictSame(readdirSync(join(state, '..')), ['state']);
    next.instances.want([]);
    t.notOk(existsSync(join(state, '..')), 'nobody wants it any more');
    await next.stop('remove');
    t.strictSame(w.warnings(), []);
  },
);
