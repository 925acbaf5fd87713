/** Which accelerator a host is found to have. */
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { AcceleratorChoice } from '../../src/nf/accelerator.ts';
import { systemClock } from '../../src/nf/clock.ts';
import { findByArgument } from '../../src/nf/process.ts';
import { RunDir } from '../../src/nf/rundir.ts';
import { imageDir, makeImages } from './nf-world.ts';

makeImages('firewall');
const image = join(imageDir, 'firewall.elf');
const fake = join(import.meta.dirname, 'nf-fake-emulator.ts');

function directory(t: Test): string {
  const made = mkdtempSync(join(tmpdir(), 'csnf-'));
  t.teardown(() => rmSync(made, { recursive: true }));
  return made;
}

const choice = (runDir: string, qemu = 'qemu-system-x86_64', given?: 'kvm' | 'tcg'): AcceleratorChoice =>
  new AcceleratorChoice(given, { qemu, runDir: new RunDir(runDir), clock: systemClock });

function opensKvm(): boolean {
  try {
    closeSync(openSync('/dev/kvm', 'r+'));
    return true;
  } catch {
    return false;
  }
}

t.test(
  'the host is asked once, and the next run knows',
  { skip: !opensKvm() && 'no /dev/kvm' },
  async (t) => {
    const runDir = directory(t);
    const found = await choice(runDir).for(image, { default: 'deny' });
    t.match(found, /^(kvm|tcg)$/);
    t.strictSame(findByArgument(`path=${runDir}/`), [], 'the probe is gone');
    t.notOk(existsSync(join(runDir, `instances/probe-${process.pid}`)));
    t.ok(existsSync(join(runDir, 'accelerator.json')));
    t.equal(await choice(runDir).for('/no/such/image', {}), found, 'without an image to ask with');
  },
);

t.test('a configuration that is refused tells nothing', { skip: !opensKvm() && 'no /dev/kvm' }, async (t) => {
  const runDir = directory(t);
  t.equal(await choice(runDir).for(image, { default: 'perhaps' }), 'tcg');
  t.notOk(existsSync(join(runDir, 'accelerator.json')), 'and is asked again');
});

t.test('KVM is taken where it is quick', { skip: !opensKvm() && 'no /dev/kvm' }, async (t) => {
  const runDir = directory(t);
  // Both ways the stand-in is as quick, which is what a KVM that works is at least.
  writeFileSync(join(runDir, 'quick'), '');
  t.equal(await choice(runDir, fake).for(join(runDir, 'quick'), {}), 'kvm');
});

t.test('what the operator says is not asked for', async (t) => {
  t.equal(await choice(directory(t), '/no/such/emulator', 'kvm').for('/no/such/image', {}), 'kvm');
});
