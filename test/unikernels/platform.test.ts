/** What the platform gives to a function, seen from outside, with a function that does as it is told. */
import { setTimeout } from 'node:timers/promises';

import t, { type Test } from 'tap';

import {
  buildImages,
  ISOLATIONS,
  type Isolation,
  MACS,
  type MachineOptions,
  type Running,
  startMachine,
  type Teardown,
} from './machine.ts';
import { ethernet, type Side, Wire } from './wire.ts';

buildImages();

const COMMAND = 0x88b5;
const command = (letter: string, length = 60): Buffer =>
  ethernet(COMMAND, Buffer.from(letter.padEnd(length - 14, '.')));

type World = Running & { wire: Wire; tell(letter: string, from?: Side): Promise<Came[]> };
type Came = { side: Side; frame: Buffer };

async function world(t: Teardown, isolation: Isolation, files: MachineOptions['files'] = {}): Promise<World> {
  const running = await startMachine(t, { isolation, function: 'trial', config: {}, files });
  const wire = await Wire.open(t, running.namespace);
  const tell = async (letter: string, from: Side = 'left'): Promise<Came[]> => {
    wire.send(from, command(letter));
    // What goes the other way than its command may come after the first mark, and is there before the second.
    return [...(await wire.arrivals()), ...(await wire.arrivals())];
  };
  return { ...running, wire, tell };
}

function both(name: string, body: (t: Test, isolation: Isolation) => Promise<void>): void {
  for (const isolation of ISOLATIONS) t.test(`${name}, ${isolation}`, (t) => body(t, isolation));
}

both('verdicts', async (t, isolation) => {
  const { tell, console } = await world(t, isolation);
  for (const [from, to] of [
    ['left', 'right'],
    ['right', 'left'],
  ] as const) {
    t.strictSame(await tell('p', from), [{ side: to, frame: command('p') }], 'passed');
    t.strictSame(await tell('a', from), [{ side: from, frame: command('a') }], 'answered');
    t.strictSame(await tell('d', from), [], 'dropped');
  }
  const { left, right } = await console.counters();
  // Three commands and the twelve marks behind them came in; one answer, one that passed and the marks went out.
  for (const side of [left, right]) t.match(side, { rxPackets: 15, txPackets: 14, dropped: 1, lost: 0 });
});

both('a frame may change its length', async (t, isolation) => {
  const { wire, tell, console } = await world(t, isolation);
  const [longer] = await tell('g');
  t.equal(longer?.frame.length, 164);
  t.equal(longer?.frame.toString('latin1', 14, 15), 'g');
  t.equal(longer?.frame.toString('latin1', 19), `${'.'.repeat(45)}${'g'.repeat(100)}`);
  wire.send('right', command('s', 100));
  t.strictSame(await wire.arrivals(), [{ side: 'left', frame: command('s', 80) }]);
  t.strictSame(await tell('n'), [], 'nothing is left of it');
  t.match((await console.counters()).left, { dropped: 1, txBytes: 80 + 5 * 60 });
});

both('frames of its own', async (t, isolation) => {
  const { tell, console, wire } = await world(t, isolation);
  const three = (side: Side): Came[] => Array(3).fill({ side, frame: command('e') });
  for (const from of ['left', 'right'] as const) {
    const came = await tell('e', from);
    t.strictSame(
      came.toSorted((a, b) => a.side.localeCompare(b.side)),
      [...three('left'), ...three('right')],
    );
  }
  const came = await tell('f');
  const { lost } = (await console.counters()).left;
  t.equal(came.length + lost, 1000, 'what does not fit is counted');
  t.ok(came.length >= 32);
  for (let i = 0; i < 40; i++) await tell('e');
  t.equal((await console.counters()).left.lost, lost, 'places come back');
  t.ok(await wire.passes('left', command('p')));
});

both('a timer, and rest without one', async (t, isolation) => {
  const { tell, machine, console, wire } = await world(t, isolation);
  await tell('t');
  await setTimeout(200);
  const expected = command('t').fill(0, 15);
  const [tick] = await wire.arrivals();
  t.equal(tick?.side, 'right');
  t.strictSame(tick?.frame.subarray(12), expected.subarray(12));
  t.equal(tick?.frame.subarray(6, 12).toString('hex'), MACS.right.replaceAll(':', ''));
  t.match((await console.counters()).function, { ticks: 1 });
  const before = machine.cpuTicks();
  await setTimeout(2000);
  t.ok(machine.cpuTicks() - before <= 1, 'no CPU without work');
});

both('memory as the machine has it', async (t, isolation) => {
  const { tell, console } = await world(t, isolation);
  await tell('m');
  const { taken } = (await console.counters()).function as { taken: number };
  t.ok(taken > 4 * 2 ** 20 && taken <= 8 * 2 ** 20, `${taken} of 8 MiB`);
  const large = await startMachine(t, { isolation, function: 'trial', config: {}, memoryMiB: 33 });
  const wire = await Wire.open(t, large.namespace);
  wire.send('left', command('m'));
  await wire.arrivals();
  const more = (await large.console.counters()).function as { taken: number };
  t.ok(more.taken > 28 * 2 ** 20 && more.taken <= 33 * 2 ** 20, `${more.taken} of 33 MiB`);
});

both('a state outlives its machine', async (t, isolation) => {
  const { tell, console, wire } = await world(t, isolation);
  wire.send('left', command('k'));
  await tell('k');
  t.equal(await console.lines.next('state'), 'state {"kept":2}', 'once for both changes');
  t.match(await console.ask('hello'), /^ready /);
  t.equal(await console.lines.next('state'), 'state {"kept":2}', 'again for who may not have heard it');
  await tell('k');
  t.equal(await console.ask('shutdown'), 'state {"kept":3}');
  t.equal(await console.lines.next('shutdown'), 'shutdown ok');

  const second = await world(t, isolation, { state: '{"kept":3}' });
  t.match((await second.console.counters()).function, { kept: 3, restored: 3 });
  const damaged = await world(t, isolation, { state: '{"kept":' });
  t.match(damaged.introduction, /^ready /);
  t.match((await damaged.console.counters()).function, { kept: 0 });
});

both('the time of day, as the host gives it', async (t, isolation) => {
  const { tell, console } = await world(t, isolation, { time: '1000000000' });
  await tell('w');
  t.match(await console.lines.next('time'), /^log the time is 100000000\d$/);
  t.equal(await console.ask('time 2000000000'), 'time ok');
  await tell('w');
  t.match(await console.lines.next('time'), /^log the time is 200000000\d$/);
  for (const bad of ['time ', 'time -1', 'time 1.5', 'time x'])
    t.match(await console.ask(bad), /^error reason=/, bad);
  const without = await world(t, isolation);
  await without.tell('w');
  t.equal(await without.console.lines.next('time'), 'log the time is 0');
});

both('its log is bounded, and a panic says why', async (t, isolation) => {
  const { tell, console, machine, wire } = await world(t, isolation);
  await tell('l');
  t.equal(await console.ask('health'), 'log too much?');
  let lines = 1;
  while ((await console.lines.next('health')) !== 'health ok') lines++;
  t.ok(lines <= 30, `${lines} lines`);
  wire.send('left', command('x'));
  t.equal(await console.lines.next('panic'), 'panic as it was told');
  t.equal(await machine.exit(), 0);
});
