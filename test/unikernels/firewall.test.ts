import t from 'tap';

import { buildImages, DEVICES, ip, startMachine } from './machine.ts';
import { ethernet, ipv4, tagged, udp, Wire } from './wire.ts';

buildImages();

const CLIENT = '10.0.0.2';
const SERVER = '192.0.2.1';
const query = (port: number) => ipv4(17, CLIENT, SERVER, udp(5000, port));
const reply = (port: number) => ipv4(17, SERVER, CLIENT, udp(port, 5000));

const dnsOnly = {
  default: 'deny',
  rules: [{ allow: { protocol: 'udp', port: 53, direction: 'upstream' } }],
};

t.test('passes what is allowed and its replies, and counts', async (t) => {
  const { namespace, console, machine } = await startMachine(t, { config: dnsOnly });
  const wire = await Wire.open(t, namespace);
  t.notOk(await wire.passes('right', reply(53)), 'a reply to nothing');
  t.notOk(await wire.passes('left', query(54)), 'another port');
  t.ok(await wire.passes('left', query(53)));
  t.ok(await wire.passes('right', reply(53)));
  t.notOk(await wire.passes('left', ethernet(0x88cc, Buffer.alloc(46))), 'neither IP nor ARP');
  t.notOk(await wire.passes('left', ethernet(0x0800, Buffer.alloc(46))), 'malformed');

  const counters = await console.counters();
  // Each look at the wire sends an ARP frame of 60 bytes either way.
  const markers = 6;
  t.strictSame(counters, {
    left: {
      rxPackets: 4 + markers,
      rxBytes: 120 * 2 - 120 + query(53).length * 2 + markers * 60,
      txPackets: 1 + markers,
      txBytes: reply(53).length + markers * 60,
      dropped: 3,
      lost: 0,
    },
    right: {
      rxPackets: 2 + markers,
      rxBytes: reply(53).length * 2 + markers * 60,
      txPackets: 1 + markers,
      txBytes: query(53).length + markers * 60,
      dropped: 1,
      lost: 0,
    },
    function: {
      allowed: 2 + 2 * markers,
      denied: 3,
      malformed: 1,
      flows: 1,
      flowsEvicted: 0,
      flowsLimited: 0,
      rules: [1],
      furtherRules: 0,
    },
  });
  t.equal(machine.complaints, '');
});

t.test('a change takes effect at once, also on flows that exist; a refused one has none', async (t) => {
  const { namespace, console } = await startMachine(t, { config: dnsOnly });
  const wire = await Wire.open(t, namespace);
  t.ok(await wire.passes('left', query(53)));
  t.match(
    await console.configure(2, { default: 'allow', rules: [{ allow: { nonsense: 1 } }] }),
    /^config refused reason=rule 0: a rule has no such member/,
  );
  t.ok(await wire.passes('right', reply(53)), 'the old one is still in force');
  t.notOk(await wire.passes('left', query(54)));
  t.equal(
    await console.configure(3, { default: 'allow', rules: [{ deny: { protocol: 'udp', port: 53 } }] }),
    'config ok revision=3',
  );
  t.notOk(await wire.passes('left', query(53)));
  t.notOk(await wire.passes('right', ipv4(17, SERVER, CLIENT, udp(5000, 53))));
  t.ok(await wire.passes('left', query(54)));
  t.notOk(await wire.passes('left', tagged(0x9100, tagged(0x8100, query(53)))), 'behind two VLAN tags');
  t.ok(await wire.passes('left', tagged(0x9100, tagged(0x8100, query(54)))));
  t.notOk(await wire.passes('left', tagged(0x9100, tagged(0x8100, tagged(0x8100, query(54))))), 'three');
  t.match(await console.ask('hello'), / revision=3$/);
  t.strictSame((await console.counters()).function.rules, [3], 'counted from the change on');
});

t.test('4096 rules: the last one decides', async (t) => {
  const rules = Array.from({ length: 4095 }, (_, i) => ({ deny: { protocol: 'tcp', port: i + 1 } }));
  const config = { default: 'deny', rules: [...rules, { allow: { protocol: 'udp', port: 53 } }] };
  const { namespace, console } = await startMachine(t, { config });
  const wire = await Wire.open(t, namespace);
  t.ok(await wire.passes('left', query(53)));
  t.notOk(await wire.passes('left', query(54)));
  const counted = (await console.counters()).function;
  t.strictSame(counted.rules, Array(1024).fill(0));
  t.equal(counted.furtherRules, 1);
  t.equal(await console.configure(2, config), 'config ok revision=2');
  t.match(
    await console.configure(3, { ...config, rules: [...config.rules, { allow: {} }] }),
    /^config refused reason=rule 4096: more than 4096 rules/,
  );
});

t.test('hostile frames change nothing but the counters', async (t) => {
  const { namespace, console, machine } = await startMachine(t, { config: dnsOnly });
  const wire = await Wire.open(t, namespace);
  // A fixed sequence: a failure must come back.
  let state = 1;
  const random = (limit: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % limit;
  };
  const types = [0x0800, 0x86dd, 0x8100, 0x0806, 0x88a8];
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 100; i++) {
      const frame = random(2)
        ? ethernet(types[random(types.length)] ?? 0, Buffer.alloc(random(1500)))
        : Buffer.from(query(53));
      for (let j = random(12); j > 0; j--) frame[12 + random(frame.length - 12)] = random(256);
      wire.send(random(2) ? 'left' : 'right', frame.subarray(0, 14 + random(frame.length - 13)));
    }
    await wire.arrivals();
  }
  t.ok(await wire.passes('left', query(53)));
  t.equal(await console.ask('health'), 'health ok');
  const { function: counted, left, right } = await console.counters();
  t.equal(Number(counted.allowed) + Number(counted.denied) + Number(counted.malformed), 2000 + 42 + 1);
  t.equal(left.rxPackets, right.txPackets + left.dropped);
  t.equal(right.rxPackets, left.txPackets + right.dropped);
  t.equal(machine.complaints, '');
});

t.test('a flood is survived, and frames of every size come out whole', async (t) => {
  const { namespace, console, machine } = await startMachine(t, { config: { default: 'allow' } });
  const wire = await Wire.open(t, namespace);
  const flood = wire.flood('left', ethernet(0x88b5, Buffer.alloc(1000)), 20_000);
  t.equal(await console.ask('health'), 'health ok', 'answers while it is busy');
  await flood;
  await wire.settle();
  for (const size of [0, 1, 45, 46, 1499, 1500])
    t.ok(await wire.passes('left', ethernet(0x88b5, Buffer.alloc(size, 0xa5))), `${size} bytes`);
  const { left, right } = await console.counters();
  t.equal(left.rxPackets, right.txPackets);
  t.equal(machine.complaints, '');
});

t.test('the counter passes everything', async (t) => {
  const { namespace, console, introduction } = await startMachine(t, { function: 'counter', config: {} });
  t.equal(introduction, 'ready contract=1 function=counter id=test-1 revision=1');
  const wire = await Wire.open(t, namespace);
  t.ok(await wire.passes('left', query(1)));
  t.ok(await wire.passes('right', ethernet(0x88cc, Buffer.alloc(46))));
  t.strictSame((await console.counters()).function, {
    upstream: 3,
    downstream: 3,
    ipv4: 1,
    ipv6: 0,
    arp: 4,
    other: 1,
  });
  t.match(await console.configure(2, { a: 1 }), /^config refused reason=there is nothing to configure/);
});

t.test('goes on when a side goes down and comes up again', async (t) => {
  const { namespace, console, machine } = await startMachine(t, { config: { default: 'allow' } });
  const wire = await Wire.open(t, namespace);
  const frame = ethernet(0x88b5, Buffer.alloc(100));
  ip('-n', namespace, 'link', 'set', DEVICES.right, 'down');
  // Many times as many as there are buffers.
  await wire.flood('left', frame, 5000);
  t.equal(await console.ask('health'), 'health ok');
  ip('-n', namespace, 'link', 'set', DEVICES.right, 'up');
  await wire.settle();
  t.ok(await wire.passes('left', frame));
  t.ok(await wire.passes('right', frame));
  t.equal(machine.complaints, '');
});
