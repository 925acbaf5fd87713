/**
 * Finds out once per boot of the host whether KVM is of use. A /dev/kvm that opens proves nothing: where
 * virtualization is itself emulated, a guest runs thousands of times slower than without it.
 */
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { InstanceId } from '../model/ids.ts';
import { type Accelerator, probeArguments } from './argv.ts';
import type { Clock } from './clock.ts';
import { Console } from './console.ts';
import { Emulator, runAs } from './qemu.ts';
import type { RunDir } from './rundir.ts';

/** A guest on hardware that works is up in some ten milliseconds. */
const PROBE_WITHIN_MS = 2_000;
const PROBE_ID = 'probe' as InstanceId;

export type ProbeOptions = {
  readonly qemu: string;
  readonly runDir: RunDir;
  readonly clock: Clock;
};

/** Boots a guest of this image with KVM, unless the answer is known. Never fails: what is in doubt is `tcg`. */
export async function findAccelerator(image: string, options: ProbeOptions): Promise<Accelerator> {
  if (!canOpenKvm()) return 'tcg';
  const cache = `${options.runDir.path}/accelerator.json`;
  const key = `${bootId()} ${options.qemu}`;
  const known = read(cache, key);
  if (known) return known;
  const found = await probe(image, options).catch((): Accelerator => 'tcg');
  try {
    mkdirSync(dirname(cache), { recursive: true, mode: 0o700 });
    writeFileSync(cache, JSON.stringify({ key, accelerator: found }), { mode: 0o600 });
  } catch {
    // It costs another probe, no more.
  }
  return found;
}

async function probe(image: string, { qemu, runDir, clock }: ProbeOptions): Promise<Accelerator> {
  runDir.remove(PROBE_ID);
  runDir.make(PROBE_ID);
  const socket = runDir.console(PROBE_ID);
  const args = probeArguments(image, socket, { accelerator: 'kvm', runAs: runAs() });
  const emulator = await Emulator.launch(qemu, args, runDir.log(PROBE_ID), clock);
  try {
    return await new Promise<Accelerator>((resolve) => {
      // Without its network cards the guest refuses to run: to say so it must have booted.
      const console = new Console(socket, PROBE_ID, clock, {
        said: ({ kind }) => answer(kind === 'ready' || kind === 'refused' ? 'kvm' : 'tcg'),
        ended: () => answer('tcg'),
      });
      const cancel = clock.after(PROBE_WITHIN_MS, () => answer('tcg'));
      const answer = (accelerator: Accelerator): void => {
        cancel();
        console.close();
        resolve(accelerator);
      };
    });
  } finally {
    await emulator.kill();
    runDir.remove(PROBE_ID);
  }
}

function canOpenKvm(): boolean {
  try {
    closeSync(openSync('/dev/kvm', 'r+'));
    return true;
  } catch {
    return false;
  }
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

function read(path: string, key: string): Accelerator | undefined {
  try {
    const cached = JSON.parse(readFileSync(path, 'utf8'));
    if (cached.key !== key) return undefined;
    return cached.accelerator === 'kvm' || cached.accelerator === 'tcg' ? cached.accelerator : undefined;
  } catch {
    return undefined;
  }
}
