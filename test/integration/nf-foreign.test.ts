/**
 * Kernels that others have made, as functions: Linux with a busybox as a bridge, and kernels with a Multiboot header
 * and a PVH entry that say what they were told.
 */
import '../harness/ovs-netns.ts';
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import t, { type Test } from 'tap';
import type { BootSpec, JsonObject, OwnFunctionSpec } from '../../src/model/declared.ts';
import type { Name } from '../../src/model/ids.ts';
import { eventually } from '../harness/ovs-eventually.ts';
import { factOf, makeImages, imageDir as ownImages, testInWorld, type World } from './nf-world.ts';

makeImages('counter');
const imageDir = mkdtempSync(join(tmpdir(), 'csforeign-'));
t.teardown(() => rmSync(imageDir, { recursive: true, force: true }));
// lab/setup.sh has made it, where it could: here there is no network to get a kernel from.
const linux = join(ownImages, 'linux');
const hasLinux = existsSync(join(linux, 'linux-bridge.cpio.gz'));
const copied = hasLinux ? [join(linux, 'linux.vmlinuz'), join(linux, 'linux-bridge.cpio.gz')] : [];
for (const file of [join(ownImages, 'counter.elf'), ...copied])
  copyFileSync(file, join(imageDir, basename(file)));
for (const form of ['multiboot', 'pvh'] as const) {
  const define = form === 'pvh' ? ['-DPVH'] : [];
  const link = '-Wl,-N,-Ttext=0x100000,--build-id=none,--no-warn-rwx-segments';
  const says = new URL('../guests/says.S', import.meta.url).pathname;
  execFileSync('gcc', [
    ...['-m32', '-nostdlib', '-static', '-ffreestanding', link, ...define],
    ...['-o', join(imageDir, `${form}.elf`), says],
  ]);
}

const foreign = (image: string, memoryMiB: number, boot: BootSpec): OwnFunctionSpec => ({
  name: 'foreign' as Name,
  image,
  memoryMiB,
  boot,
  transparent: true,
  configSchema: {} as JsonObject,
});
// A guest that is emulated on a busy machine takes its time.
const timing = { readyWithin: 29_000 };

const linuxIsAFunction = async (t: Test, w: World): Promise<void> => {
  const spec = foreign('linux.vmlinuz', 128, {
    initrd: 'linux-bridge.cpio.gz',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: filled in by the controller
    commandLine: 'console=ttyS0 quiet instance=${id}',
    ready: { passes: true },
  });
  const running = w.start({ imageDir, timing });
  running.instances.want([w.wanted(1, { function: spec })]);
  await eventually(t, 'ready', () => factOf(running, 1)?.phase === 'ready');
  t.match(factOf(running, 1), { isolation: 'vm', revision: 1, restarts: 0 });
  await w.send('cs1l');
  await eventually(t, 'a frame comes through', async () => (await w.received('cs1r')) === 1);
  await w.send('cs1r');
  await eventually(t, 'and one the other way', async () => (await w.received('cs1l')) === 1);
  await t.rejects(running.instances.counters(w.wanted(1).id), { code: 'instance-not-ready' });
  await running.stop('keep');

  const next = w.start({ imageDir, timing });
  next.instances.want([w.wanted(1, { function: spec })]);
  await eventually(t, 'it is found again', () => factOf(next, 1)?.phase === 'ready');
  t.equal(factOf(next, 1)?.restarts, 0);
  await next.stop('remove');
  t.ok(w.isEmpty());
  t.strictSame(w.warnings(), []);
};
if (hasLinux) testInWorld(t, 'Linux as a bridge is a function like any other', linuxIsAFunction);
else t.test('Linux as a bridge', { skip: 'lab/setup.sh could not fetch a kernel' }, async () => {});

for (const [form, machine] of [
  ['multiboot', 'pc'],
  ['pvh', 'microvm'],
] as const) {
  testInWorld(
    t,
    `a ${form} kernel is told what it has to know, and again when that changes`,
    async (t, w) => {
      const spec = foreign(`${form}.elf`, 16, {
        machine,
        // biome-ignore lint/suspicious/noTemplateCurlyInString: filled in by the controller
        commandLine: '${config.word} of ${id} ${left}',
        ready: { console: `hello of i1 ${w.wanted(1).left.mac}` },
      });
      const running = w.start({ imageDir, timing: { ...timing, readyWithin: 2_000 } });
      running.instances.want([w.wanted(1, { function: spec, config: { word: 'goodbye' } })]);
      await eventually(t, 'it does not say the word', () => factOf(running, 1)?.phase === 'backoff');
      t.match(factOf(running, 1)?.problem, /did not become ready in time/);
      running.instances.want([w.wanted(1, { function: spec, config: { word: 'hello' }, revision: 2 })]);
      await eventually(t, 'it does', () => factOf(running, 1)?.phase === 'ready');
      t.equal(factOf(running, 1)?.revision, 2);
      await running.stop('remove');
      t.ok(w.isEmpty());
    },
  );
}
