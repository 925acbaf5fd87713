import { setTimeout } from 'node:timers/promises';

import t, { type Test } from 'tap';

import { buildImages, ISOLATIONS, type Isolation, startMachine } from './machine.ts';

buildImages();

function both(name: string, body: (t: Test, isolation: Isolation) => Promise<void>): void {
  for (const isolation of ISOLATIONS) t.test(`${name}, ${isolation}`, (t) => body(t, isolation));
}

both('answers the console', async (t, isolation) => {
  const { console, introduction } = await startMachine(t, { isolation, id: 'fw-7.a', revision: '41' });
  t.equal(introduction, 'ready contract=1 function=firewall id=fw-7.a revision=41');
  t.equal(await console.ask('health'), 'health ok');
  const counters = await console.counters();
  const nothing = { rxPackets: 0, rxBytes: 0, txPackets: 0, txBytes: 0, dropped: 0, lost: 0 };
  t.strictSame(counters, {
    left: nothing,
    right: nothing,
    function: {
      allowed: 0,
      denied: 0,
      malformed: 0,
      flows: 0,
      flowsEvicted: 0,
      flowsLimited: 0,
      rules: [],
      furtherRules: 0,
    },
  });
  t.equal(await console.ask('reboot'), 'error reason=unknown request');
});

both('stays in sync', async (t, isolation) => {
  const { console } = await startMachine(t, { isolation });
  t.equal(await console.ask('x'.repeat(256)), 'error reason=unknown request');
  t.equal(await console.ask('x'.repeat(257)), 'error reason=request longer than 256 bytes');
  t.equal(await console.ask('x'.repeat(5000)), 'error reason=request longer than 256 bytes');
  t.equal(await console.configure(2, 'x'.repeat(262_145)), 'config refused reason=longer than 262144 bytes');
  t.equal(await console.configure(2, `${' '.repeat(65_516)}{"default":"allow"} `), 'config ok revision=2');
  t.equal(
    await console.ask('config 3 2\n{} \n'),
    'config refused reason=no newline after the declared length',
  );
  t.match(await console.configure(3, '{}'), /^config refused reason=default is required/);
  console.send('health\nhello\nhealth\n');
  t.equal(await console.lines.next('health'), 'health ok');
  t.equal(await console.lines.next('hello'), 'ready contract=1 function=firewall id=test-1 revision=2');
  t.equal(await console.lines.next('health'), 'health ok');
  t.strictSame(console.lines.unread, []);
});

both('can be adopted by who connects next', async (t, isolation) => {
  const { machine, console } = await startMachine(t, { isolation });
  t.equal(await console.configure(8, { default: 'deny' }), 'config ok revision=8');
  await console.close();
  const second = await machine.connect();
  t.equal(await second.ask('hello'), 'ready contract=1 function=firewall id=test-1 revision=8');

  // One that goes away in the middle of a configuration is forgotten, though not at once.
  second.send('config 9 1000\n{"default"');
  await setTimeout(100);
  await second.close();
  const third = await machine.connect();
  t.teardown(() => third.close());
  await setTimeout(1500);
  t.equal(await third.ask('hello'), 'ready contract=1 function=firewall id=test-1 revision=8');
});

both('a host that does not read holds up nothing', async (t, isolation) => {
  const { machine, console } = await startMachine(t, { isolation });
  await console.close();
  const deaf = await machine.connect();
  deaf.pause();
  deaf.send('counters\n'.repeat(1000));
  let before = -1;
  let ticks = machine.cpuTicks();
  for (let i = 0; i < 20 && ticks !== before; i++) {
    await setTimeout(500);
    before = ticks;
    ticks = machine.cpuTicks();
  }
  t.equal(ticks, before, 'it waits without spinning');
  deaf.resume();
  let answers = 0;
  while (answers < 1000 && (await deaf.lines.next('counters')).startsWith('counters {')) answers++;
  t.equal(answers, 1000, 'every request is answered in the end');
  await deaf.close();
});

both('sleeps when nothing happens', async (t, isolation) => {
  const { machine } = await startMachine(t, { isolation });
  await setTimeout(200);
  const before = machine.cpuTicks();
  await setTimeout(2000);
  // A machine that polls would have used 200 ticks or so.
  t.ok(machine.cpuTicks() - before <= 2, `${machine.cpuTicks() - before} ticks in two seconds`);
});

both('ends when asked to', async (t, isolation) => {
  const { machine, console } = await startMachine(t, { isolation });
  t.equal(await console.ask('shutdown'), 'shutdown ok');
  t.equal(await machine.exit(), 0);
  t.equal(machine.complaints, '');
});
