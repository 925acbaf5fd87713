/** Configurations as the real firewall takes and refuses them. */
import '../harness/ovs-netns.ts';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { eventually } from '../harness/ovs-eventually.ts';
import { factOf, firewall, functionSpec, makeImages, testInWorld } from './nf-world.ts';

makeImages('firewall', 'filter');

testInWorld(t, 'a running guest takes a new configuration and refuses a bad one', async (t, w) => {
  const running = w.start();
  running.instances.want([firewall(w.wanted(1), 1, { default: 'deny' })]);
  await eventually(t, 'ready', () => factOf(running, 1)?.phase === 'ready');
  const pid = factOf(running, 1)?.pid;
  await w.send('cs1l');

  running.instances.want([firewall(w.wanted(1), 2, { default: 'allow' })]);
  await eventually(t, 'the second is confirmed', () => factOf(running, 1)?.revision === 2);
  const counters = await running.instances.counters(w.wanted(1).id);
  t.match(counters, { left: { rxPackets: 1 }, right: { txPackets: 0 } }, 'the first one denied');
  await w.send('cs1l');
  await eventually(t, 'the second one allows', async () => (await w.received('cs1r')) === 1);

  running.instances.want([firewall(w.wanted(1), 3, { default: 'perhaps' })]);
  await eventually(t, 'the third is refused', () => factOf(running, 1)?.problem !== undefined);
  t.match(factOf(running, 1), { phase: 'ready', revision: 2, pid, problem: /revision 3 was refused: / });
  await w.send('cs1l');
  await eventually(t, 'the second is in force', async () => (await w.received('cs1r')) === 2);

  process.kill(pid ?? 0, 'SIGKILL');
  await eventually(t, 'another guest', () => {
    const fact = factOf(running, 1);
    return fact?.phase === 'ready' && fact.pid !== pid;
  });
  t.match(factOf(running, 1), { revision: 2, problem: /revision 3 was refused: / }, 'with what was good');

  running.instances.want([firewall(w.wanted(1), 4, { default: 'deny' })]);
  await eventually(t, 'the fourth is confirmed', () => factOf(running, 1)?.revision === 4);
  t.equal(factOf(running, 1)?.problem, undefined);
  t.equal(factOf(running, 1)?.restarts, 1);
  await running.stop('remove');
  t.ok(w.isEmpty());
});

testInWorld(t, 'a guest that cannot begin waits for a better configuration', async (t, w) => {
  const running = w.start();
  running.instances.want([firewall(w.wanted(1), 1, { default: 'perhaps' })]);
  await eventually(t, 'refused', () => factOf(running, 1)?.phase === 'backoff');
  t.match(factOf(running, 1)?.problem, /the guest refused to start: .*config/);
  running.instances.want([firewall(w.wanted(1), 2, { default: 'allow' })]);
  await eventually(t, 'ready', () => factOf(running, 1)?.phase === 'ready');
  t.equal(factOf(running, 1)?.revision, 2);
  await running.stop('remove');
  t.ok(w.isEmpty());
});

testInWorld(t, 'a long configuration arrives, one that is too long is refused', async (t, w) => {
  const rules = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ allow: { to: `10.0.${i >> 8}.${i & 255}/32` } }));
  const running = w.start();
  running.instances.want([firewall(w.wanted(1), 1, { default: 'deny' })]);
  await eventually(t, 'ready', () => factOf(running, 1)?.phase === 'ready');
  running.instances.want([firewall(w.wanted(1), 2, { default: 'deny', rules: rules(4096) })]);
  await eventually(t, '4096 rules', () => factOf(running, 1)?.revision === 2);
  running.instances.want([firewall(w.wanted(1), 3, { default: 'deny', rules: rules(9000) })]);
  await eventually(t, 'refused', () => factOf(running, 1)?.problem !== undefined);
  t.match(factOf(running, 1), { phase: 'ready', revision: 2, problem: /the most is 262144/ });
  await running.stop('remove');
  t.ok(w.isEmpty());
});

testInWorld(t, 'lists of names come with the start, and others with another', async (t, w) => {
  const filter = (lists: readonly string[], revision: number) => ({
    ...w.wanted(1),
    function: functionSpec('filter', w.isolation),
    config: { lists },
    revision,
  });
  const running = w.start();
  running.instances.want([filter(['one'], 1)]);
  await eventually(t, 'no such list', () => factOf(running, 1)?.phase === 'backoff');
  t.match(factOf(running, 1)?.problem, /the list one cannot be used: .*one\.txt/);
  writeFileSync(join(w.runDir, 'one.txt'), 'example.org\nexample.net\n');
  writeFileSync(join(w.runDir, 'two.txt'), 'example.com\n');
  running.instances.want([filter(['one'], 2)]);
  await eventually(t, 'ready', () => factOf(running, 1)?.phase === 'ready');
  const listed = async (): Promise<unknown> => {
    const counters = await running.instances.counters(w.wanted(1).id);
    return counters?.function['listed'];
  };
  t.equal(await listed(), 2);
  running.instances.want([filter(['one', 'two'], 3)]);
  await eventually(
    t,
    'ready with both',
    () => factOf(running, 1)?.phase === 'ready' && factOf(running, 1)?.revision === 3,
  );
  t.equal(await listed(), 3);
  await running.stop('remove');
  for (const name of ['one.txt', 'two.txt']) rmSync(join(w.runDir, name));
});
