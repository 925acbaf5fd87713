/** What a host may lack, and what a guest may do that it must not. */
import '../harness/ovs-netns.ts';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { eventually } from '../harness/ovs-eventually.ts';
import { factOf, functionSpec, imageDir, ip, makeImages, testInWorld, type World } from './nf-world.ts';

makeImages('counter', 'trial');

testInWorld(t, 'an image that is missing is told, and used once it is there', async (t, w) => {
  const empty = mkdtempSync(join(tmpdir(), 'csnf-images-'));
  t.teardown(() => rmSync(empty, { recursive: true }));
  const running = w.start({ imageDir: empty });
  running.instances.want([w.wanted(1)]);
  await eventually(t, 'a problem', () => factOf(running, 1)?.problem !== undefined);
  t.match(factOf(running, 1), {
    phase: 'backoff',
    problem: /counter.elf cannot be read.*make -C unikernels/,
  });
  cpSync(join(imageDir, 'counter.elf'), join(empty, 'counter.elf'));
  await eventually(t, 'ready', () => factOf(running, 1)?.phase === 'ready');
  t.equal(factOf(running, 1)?.restarts, 0);
  await running.stop('remove');
  t.ok(w.isEmpty());
});

testInWorld(t, 'an image that is none is told with what the emulator says', async (t, w) => {
  const bad = mkdtempSync(join(tmpdir(), 'csnf-images-'));
  t.teardown(() => rmSync(bad, { recursive: true }));
  writeFileSync(join(bad, 'counter.elf'), 'no kernel');
  const running = w.start({ imageDir: bad, accelerator: 'tcg' });
  running.instances.want([w.wanted(1)]);
  await eventually(t, 'a problem', () => factOf(running, 1)?.problem !== undefined);
  t.match(factOf(running, 1)?.problem, /it ended with status 1: .*invalid kernel header/);
  await running.stop('remove');
  t.ok(w.isEmpty());
});

testInWorld(t, 'a device of somebody else’s is not touched', async (t, w) => {
  ip('tuntap', 'add', 'dev', 'cs1l', 'mode', 'tap');
  const running = w.start();
  running.instances.want([w.wanted(1)]);
  await eventually(t, 'a problem', () => factOf(running, 1)?.problem !== undefined);
  t.match(factOf(running, 1)?.problem, /cs1l exists and is not this instance's; remove it/);
  await running.stop('remove');
  t.strictSame(w.taps(), ['cs1l']);
});

testInWorld(t, 'without an emulator or a bridge there is a remedy, not a crash', async (t, w) => {
  const running = w.start({ qemu: '/nowhere/qemu', accelerator: 'tcg' });
  running.instances.want([w.wanted(1)]);
  await eventually(t, 'a problem', () => factOf(running, 1)?.problem !== undefined);
  t.match(factOf(running, 1)?.problem, /\/nowhere\/qemu cannot be run/);
  await t.rejects(running.instances.counters(w.wanted(1).id), { code: 'instance-not-ready' });
  await t.rejects(running.instances.counters('i77' as never), { code: 'instance-not-ready' });
  await running.stop('remove');
  t.ok(w.isEmpty());
});

testInWorld(
  t,
  'stopping does not wait for a database that is gone, and the next run removes the ports',
  async (t, w) => {
    let gone = false;
    const whileThere = <A extends unknown[], R>(ask: (...args: A) => Promise<R>) => {
      return (...args: A) => (gone ? Promise.reject(new Error('no OVSDB')) : ask.apply(w.ports, args));
    };
    const broken = {
      add: whileThere(w.ports.add),
      remove: whileThere(w.ports.remove),
      list: whileThere(w.ports.list),
      passes: () => undefined,
    };
    const running = w.start({ ports: broken });
    running.instances.want([w.wanted(1)]);
    await eventually(t, 'ready', () => factOf(running, 1)?.phase === 'ready');
    gone = true;
    running.instances.want([]);
    await eventually(t, 'it tries again', () => factOf(running, 1)?.problem === 'no OVSDB');
    t.strictSame(w.guests(), [], 'the guest is ended all the same');
    await running.stop('remove');
    t.strictSame(w.taps(), []);
    t.equal((await w.bridgePorts()).length, 2);

    const next = w.start();
    next.instances.want([]);
    await eventually(t, 'nothing is left', async () => (await w.bridgePorts()).length === 0);
    await next.stop('remove');
    t.ok(w.isEmpty());
  },
  { expected: [/(netdev_linux|dpif_netdev)\|(WARN|ERR)\|.*cs1[lr]/] },
);

/** The real emulator cannot be brought to these; a stand-in behaves so. */
const MISBEHAVIOURS = {
  flood: /says more than/,
  garbage: /not text/,
  'endless-line': /a line of more than/,
  unasked: /answered "config-ok" unasked/,
  impostor: /calls itself i99999/,
  'wrong-contract': /speaks contract 2/,
  'hang-up': /console closed/,
};

async function startFake(t: Test, w: World, behaviour: string) {
  const images = mkdtempSync(join(tmpdir(), 'csnf-images-'));
  t.teardown(() => rmSync(images, { recursive: true }));
  writeFileSync(join(images, behaviour), '');
  const qemu = join(import.meta.dirname, 'nf-fake-emulator.ts');
  const running = w.start({ qemu, imageDir: images, accelerator: 'tcg' });
  const wanted = w.wanted(1);
  running.instances.want([{ ...wanted, function: { ...wanted.function, image: behaviour } }]);
  return running;
}

async function misbehave(t: Test, w: World, behaviour: string, problem: RegExp): Promise<void> {
  const running = await startFake(t, w, behaviour);
  await eventually(t, 'it is found out', () => factOf(running, 1)?.phase === 'backoff');
  t.match(factOf(running, 1)?.problem, problem);
  await eventually(t, 'and started again', () => (factOf(running, 1)?.restarts ?? 0) > 0);
  await running.stop('remove');
  t.ok(w.isEmpty(), behaviour);
}

testInWorld(t, 'a guest that breaks the contract is started again', async (t, w) => {
  for (const [behaviour, problem] of Object.entries(MISBEHAVIOURS)) await misbehave(t, w, behaviour, problem);
});

testInWorld(t, 'counters that make no sense are no answer', async (t, w) => {
  const running = await startFake(t, w, 'bad-counters');
  await eventually(t, 'ready', () => factOf(running, 1)?.phase === 'ready');
  await t.rejects(running.instances.counters(w.wanted(1).id), { code: 'instance-not-ready' });
  await eventually(t, 'started again', () => (factOf(running, 1)?.restarts ?? 0) > 0);
  await running.stop('remove');
  t.ok(w.isEmpty());
});

testInWorld(t, 'what the emulator complains of is in the log', async (t, w) => {
  const running = await startFake(t, w, 'complain');
  await eventually(t, 'a warning', () => w.warnings().some((line) => line.includes('something is odd')));
  await running.stop('remove');
  t.ok(w.isEmpty());
});

testInWorld(t, 'two controllers do not share a run directory', async (t, w) => {
  const first = w.start();
  t.throws(() => w.start(), { code: 'bad-setting', message: /is in use by another controller/ });
  await first.stop('keep');
  const second = w.start();
  await second.stop('remove');
  const third = await w.startElsewhere([]);
  await third.tells();
  t.throws(() => w.start(), { code: 'bad-setting' }, 'nor do two processes');
  await third.crash();
  await w.start().stop('remove');
});

testInWorld(
  t,
  'a function that asks the kernel for more is ended, replaced, and it is said',
  async (t, w) => {
    const running = w.start();
    const spec = { ...functionSpec('counter', 'process'), sandbox: 'trial.sandbox' };
    running.instances.want([w.wanted(1, { function: spec })]);
    await eventually(t, 'ready', () => factOf(running, 1)?.phase === 'ready');
    const { pid } = factOf(running, 1) ?? {};
    // `y`: make a system call; its number is what follows, 41 is socket(2).
    await w.send('cs1l', 'y.\0\0\0)');
    await eventually(t, 'another one', () => {
      const fact = factOf(running, 1);
      return fact?.phase === 'ready' && fact.pid !== pid;
    });
    t.ok(
      w
        .warnings()
        .some((line) => /ended by SIGSYS: it tried a system call that its sandbox forbids/.test(line)),
    );
    await running.stop('remove');
    t.ok(w.isEmpty());
  },
  { isolation: 'process' },
);

testInWorld(t, 'a state is given to the next guest, in both forms', async (t, w) => {
  for (const isolation of ['vm', 'process'] as const) {
    const running = w.start();
    const spec = { ...functionSpec('counter', isolation), image: 'trial.elf', sandbox: 'trial.sandbox' };
    const wanted = w.wanted(1, { function: spec });
    running.instances.want([wanted]);
    await eventually(t, 'ready', () => factOf(running, 1)?.phase === 'ready');
    await w.send('cs1l', 'k');
    const path = join(w.runDir, 'instances/i1/state');
    await eventually(t, 'the state is kept', () => existsSync(path));
    t.equal(readFileSync(path, 'utf8'), '{"kept":1}');
    process.kill(factOf(running, 1)?.pid ?? 0, 'SIGKILL');
    await eventually(t, 'its successor has it', async () => {
      const counters = await running.instances.counters(wanted.id).catch(() => undefined);
      return counters?.function['restored'] === 1;
    });
    await running.stop('remove');
    t.ok(w.isEmpty());
  }
});

for (const isolation of ['vm', 'process'] as const)
  testInWorld(
    t,
    `a guest that answers and passes nothing is replaced, ${isolation}`,
    async (t, w) => {
      const running = w.start({ timing: { healthEvery: 200 } });
      const wanted = w.wanted(1);
      running.instances.want([wanted]);
      await eventually(t, 'ready', () => factOf(running, 1)?.phase === 'ready');
      const ports = ['cs1l', 'cs1r'];
      await eventually(t, 'the switch sees frames pass', () => w.ports.passes(wanted.bridge, ports) === true);
      const { left } = await running.instances.counters(wanted.id);
      t.equal(left.rxPackets, 0, 'and they are not counted');
      ip('link', 'set', 'cs1r', 'down');
      await eventually(t, 'it is noticed', () => factOf(running, 1)?.phase !== 'ready');
      t.match(factOf(running, 1)?.problem, /do not come out/);
      await eventually(t, 'another one is ready', () => factOf(running, 1)?.phase === 'ready');
      await eventually(t, 'and passes frames', () => w.ports.passes(wanted.bridge, ports) === true);
      t.equal(factOf(running, 1)?.restarts, 1);
      await running.stop('remove');
      t.ok(w.isEmpty());
    },
    // The device is down while the switch reads from it and sends to it.
    { isolation, expected: [/(netdev_linux|dpif_netdev)(\([^)]*\))?\|(WARN|ERR)\|.*cs1[lr]/] },
  );
