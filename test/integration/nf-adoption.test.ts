/** What a controller leaves behind when it dies, and what the next one makes of it. */
import '../harness/ovs-netns.ts';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { findProcess } from '../../src/nf/process.ts';
import { eventually } from '../harness/ovs-eventually.ts';
import { factOf, firewall, makeImages, testInBothWorlds, testInWorld } from './nf-world.ts';

makeImages('counter', 'firewall');

testInBothWorlds(t, 'guests outlive a killed controller and are adopted', async (t, w) => {
  const before = await w.startElsewhere([w.wanted(1), w.wanted(2)]);
  await w.send('cs1l');
  await before.crash();
  await w.send('cs1l');
  await eventually(t, 'packets pass without a controller', async () => (await w.received('cs1r')) === 2);

  const running = w.start();
  await w.send('cs1l');
  await running.settled;
  t.equal(factOf(running, 1)?.phase, 'ready', 'known before anything is wanted');
  t.match(factOf(running, 1), { revision: 1, pid: before.pidOf(1), restarts: 0, isolation: w.isolation });
  t.equal(factOf(running, 2)?.pid, before.pidOf(2));
  await w.send('cs1l');
  t.equal(w.guests().length, 2, 'nothing is cleaned away before it is known what is wanted');

  running.instances.want([w.wanted(1)]);
  await eventually(t, 'the other one is removed', () => running.instances.facts().size === 1);
  t.equal(factOf(running, 1)?.pid, before.pidOf(1), 'the same guest');
  t.strictSame(w.guests(), [before.pidOf(1)]);
  t.strictSame(w.taps(), ['cs1l', 'cs1r']);
  t.strictSame(await w.bridgePorts(), ['cs1l', 'cs1r']);
  t.strictSame(readdirSync(join(w.runDir, 'instances')), ['i1']);
  await w.send('cs1l');
  await eventually(t, 'no packet is lost', async () => (await w.received('cs1r')) === 5);
  const { left } = await running.instances.counters(w.wanted(1).id);
  t.equal(left.rxPackets, 5, 'the guest has counted all the while');

  await running.stop('remove');
  t.ok(w.isEmpty());
  t.strictSame(w.warnings(), []);
});

testInBothWorlds(t, 'an adopted guest that dies is started again', async (t, w) => {
  const before = await w.startElsewhere([w.wanted(1)]);
  await before.crash();
  const running = w.start();
  await running.settled;
  running.instances.want([w.wanted(1)]);
  process.kill(before.pidOf(1) ?? 0, 'SIGKILL');
  await eventually(t, 'another guest', () => {
    const fact = factOf(running, 1);
    return fact?.phase === 'ready' && fact.pid !== before.pidOf(1);
  });
  t.equal(factOf(running, 1)?.restarts, 1);
  await running.stop('remove');
  t.ok(w.isEmpty());
});

testInWorld(t, 'a controller that stops may keep its guests for the next one', async (t, w) => {
  const first = w.start();
  first.instances.want([w.wanted(1)]);
  await eventually(t, 'ready', () => factOf(first, 1)?.phase === 'ready');
  const { pid } = factOf(first, 1) ?? {};
  await first.stop('keep');
  t.strictSame(w.guests(), [pid]);

  const second = w.start();
  second.instances.want([w.wanted(1, { revision: 2 })]);
  await eventually(t, 'the new configuration', () => factOf(second, 1)?.revision === 2);
  t.equal(factOf(second, 1)?.pid, pid, 'in the same guest');
  await second.stop('remove');
  t.ok(w.isEmpty());
});

testInWorld(
  t,
  'a controller that died in the middle of a request does not confuse the next one',
  async (t, w) => {
    const first = w.start();
    first.instances.want([firewall(w.wanted(1), 1, { default: 'allow' })]);
    await eventually(t, 'ready', () => factOf(first, 1)?.phase === 'ready');
    const { pid } = factOf(first, 1) ?? {};
    await first.stop('keep');
    const half = connect(join(w.runDir, 'instances/i1/console.sock'));
    await once(half, 'connect');
    await new Promise<void>((resolve) => half.end('config 2 5000\n{"default":"de', resolve));

    const second = w.start();
    await second.settled;
    t.match(factOf(second, 1), { phase: 'ready', revision: 1, pid, restarts: 0 });
    second.instances.want([firewall(w.wanted(1), 2, { default: 'deny' })]);
    await eventually(t, 'it listens again', () => factOf(second, 1)?.revision === 2);
    await second.stop('remove');
    t.ok(w.isEmpty());
  },
);

testInWorld(t, 'a store that was lost is not mistaken for the one that is known', async (t, w) => {
  const before = await w.startElsewhere([firewall(w.wanted(1), 1, { default: 'deny' })]);
  await before.crash();
  const running = w.start();
  running.instances.want([firewall(w.wanted(1), 1, { default: 'allow' })]);
  await running.settled;
  await eventually(t, 'another guest', () => {
    const fact = factOf(running, 1);
    return fact?.phase === 'ready' && fact.pid !== before.pidOf(1);
  });
  await running.stop('remove');
  t.ok(w.isEmpty());
});

testInWorld(t, 'what is left of dead and forgotten instances is cleaned away', async (t, w) => {
  const before = await w.startElsewhere([w.wanted(1), w.wanted(2), w.wanted(3)]);
  await before.crash();
  process.kill(before.pidOf(1) ?? 0, 'SIGKILL');
  rmSync(join(w.runDir, 'instances/i2'), { recursive: true });
  // A pid that belongs to somebody else by now, written down with the start time that this one has.
  const innocent = spawn('sleep', ['60'], { stdio: 'ignore' });
  t.teardown(() => innocent.kill());
  mkdirSync(join(w.runDir, 'instances/i9'));
  const process9 = findProcess(innocent.pid ?? 0);
  const file = { version: 1, wanted: w.wanted(9), restarts: 0, process: process9 };
  writeFileSync(join(w.runDir, 'instances/i9/instance.json'), JSON.stringify(file));

  const running = w.start();
  await running.settled;
  t.equal(w.taps().length, 6, 'not before it is known what is wanted');
  running.instances.want([w.wanted(3)]);
  await eventually(t, 'only the third is left', async () => {
    const left = [...w.taps(), ...(await w.bridgePorts()), ...readdirSync(join(w.runDir, 'instances'))];
    return left.join() === 'cs3l,cs3r,cs3l,cs3r,i3' && w.guests().join() === String(before.pidOf(3));
  });
  t.ok(findProcess(innocent.pid ?? 0), 'who has a recycled pid is not killed');
  await running.stop('remove');
  t.ok(w.isEmpty());
});

testInWorld(t, 'an emulator whose directory is lost makes room for its successor', async (t, w) => {
  const before = await w.startElsewhere([w.wanted(1)]);
  await before.crash();
  rmSync(join(w.runDir, 'instances/i1'), { recursive: true });
  const running = w.start();
  running.instances.want([w.wanted(1)]);
  await eventually(t, 'ready', () => factOf(running, 1)?.phase === 'ready');
  t.not(factOf(running, 1)?.pid, before.pidOf(1));
  t.strictSame(w.guests(), [factOf(running, 1)?.pid]);
  await running.stop('remove');
  t.ok(w.isEmpty());
});

testInWorld(t, 'stopping right after a crash removes what the crashed controller made', async (t, w) => {
  const before = await w.startElsewhere([w.wanted(1)]);
  await before.crash();
  const running = w.start();
  await running.stop('remove');
  t.ok(w.isEmpty());
  t.strictSame(await w.bridgePorts(), []);
});

testInWorld(t, 'whenever the controller is killed, the next one makes it right', async (t, w) => {
  const all = [1, 2, 3, 4].map((number) => w.wanted(number));
  // With each round the death comes later: among devices, ports, starts, and removals.
  for (let changes = 1; changes <= 12; changes++) {
    const wanted = changes % 2 === 0 ? all.slice(0, 3) : all.slice(1);
    await w.crashAfter(changes, wanted);
  }
  const running = w.start();
  running.instances.want(all.slice(0, 2));
  await eventually(t, 'two are ready', () =>
    [1, 2].every((number) => factOf(running, number)?.phase === 'ready'),
  );
  await eventually(t, 'and nothing else is there', async () => {
    const left = [...w.taps(), ...(await w.bridgePorts()), ...readdirSync(join(w.runDir, 'instances'))];
    return left.join() === 'cs1l,cs1r,cs2l,cs2r,cs1l,cs1r,cs2l,cs2r,i1,i2' && w.guests().length === 2;
  });
  await w.send('cs1l');
  await eventually(t, 'packets pass', async () => (await w.received('cs1r')) === 1);
  await running.stop('remove');
  t.ok(w.isEmpty());
});
