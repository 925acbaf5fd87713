/**
 * Finds out once per boot of the host whether KVM is of use. A /dev/kvm that opens proves nothing: where
 * virtualization is itself emulated, a guest may run thousands of times slower than without it, or begin well
 * and fail at an instruction that the emulation does not know.
 */
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { JsonObject } from '../model/declared.ts';
import type { InstanceId } from '../model/ids.ts';
import { type Accelerator, probeArguments } from './argv.ts';
import { type Clock, within } from './clock.ts';
import { CONTRACT } from './contract.ts';
import { Guest } from './guest.ts';
import { Emulator, runAs } from './qemu.ts';
import type { RunDir } from './rundir.ts';

/** A guest on hardware that works is up in some ten milliseconds and answers within one. */
const PROBE_WITHIN_MS = 2_000;
const QUESTIONS = 20;
/** Its own for each run: what an earlier one has left is cleaned away at its own time. */
const PROBE_ID = `probe-${process.pid}` as InstanceId;

export type ProbeOptions = {
  readonly qemu: string;
  readonly runDir: RunDir;
  readonly clock: Clock;
};

/** The accelerator of this host, found out with the first guest that boots. */
export class AcceleratorChoice {
  readonly #options: ProbeOptions;
  #known: Promise<Accelerator | undefined>;

  /** @param given what to use without asking */
  constructor(given: Accelerator | undefined, options: ProbeOptions) {
    this.#options = options;
    this.#known = Promise.resolve(given ?? (canOpenKvm() ? undefined : 'tcg'));
  }

  /** Never fails: what is in doubt is `tcg`, which works everywhere. */
  async for(image: string, config: JsonObject): Promise<Accelerator> {
    this.#known = this.#known.then((known) => known ?? this.#find(image, config));
    return (await this.#known) ?? 'tcg';
  }

  async #find(image: string, config: JsonObject): Promise<Accelerator | undefined> {
    const { runDir, qemu } = this.#options;
    const cache = `${runDir.path}/accelerator.json`;
    const key = `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${qemu}`;
    const cached = read(cache, key);
    if (cached) return cached;
    const found = await probe(image, config, this.#options).catch((): Accelerator => 'tcg');
    if (!found) return undefined;
    try {
      mkdirSync(dirname(cache), { recursive: true, mode: 0o700 });
      writeFileSync(cache, JSON.stringify({ key, accelerator: found }), { mode: 0o600 });
    } catch {
      // The next run asks again, no more.
    }
    return found;
  }
}

/** Boots a guest with KVM and talks to it; undefined when what it was given tells nothing about KVM. */
async function probe(
  image: string,
  config: JsonObject,
  { qemu, runDir, clock }: ProbeOptions,
): Promise<Accelerator | undefined> {
  runDir.remove(PROBE_ID);
  runDir.make(PROBE_ID);
  runDir.writeConfig(PROBE_ID, config);
  const socket = runDir.console(PROBE_ID);
  const files = { image, config: runDir.config(PROBE_ID), console: socket };
  const args = probeArguments(PROBE_ID, files, { accelerator: 'kvm', runAs: runAs() });
  const emulator = await Emulator.launch(qemu, args, runDir.log(PROBE_ID), clock);
  let guest: Guest | undefined;
  try {
    const verdict = new Promise<Accelerator | undefined>((resolve) => {
      guest = new Guest(emulator, socket, PROBE_ID, clock, {
        said: (line) => {
          if (line.kind === 'ready' && guest) void converse(guest).then(resolve);
          else if (line.kind === 'refused')
            resolve(line.reason.startsWith(CONTRACT.CONTRACT_CONFIG_FILE) ? undefined : 'tcg');
        },
        lost: () => resolve('tcg'),
        complained: () => {},
      });
    });
    const inTime = await within(
      clock,
      PROBE_WITHIN_MS,
      verdict.then((accelerator) => ({ accelerator })),
    );
    return inTime ? inTime.accelerator : 'tcg';
  } finally {
    await (guest ?? emulator).kill();
    runDir.remove(PROBE_ID);
  }
}

async function converse(guest: Guest): Promise<Accelerator> {
  for (let asked = 0; asked < QUESTIONS; asked++) {
    if (!(await guest.ask({ kind: 'health' }, PROBE_WITHIN_MS))) return 'tcg';
  }
  return 'kvm';
}

function canOpenKvm(): boolean {
  try {
    closeSync(openSync('/dev/kvm', 'r+'));
    return true;
  } catch {
    return false;
  }
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
