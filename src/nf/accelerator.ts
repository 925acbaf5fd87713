/**
 * Finds out once per boot of the host whether KVM is of use. A /dev/kvm that opens proves nothing: where
 * virtualization is itself emulated, a guest may run thousands of times slower than without it, or begin well
 * and fail at an instruction that the emulation does not know. So a guest is booted with and without it, is
 * given work, is talked to, and the time decides.
 */
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { JsonObject } from '../model/declared.ts';
import type { InstanceId } from '../model/ids.ts';
import { type Accelerator, probeArguments } from './argv.ts';
import { type Clock, within } from './clock.ts';
import { Guest } from './guest.ts';
import type { RunDir } from './rundir.ts';
import { Runner } from './runner.ts';

/** Without KVM a guest is up in some fifty milliseconds, on a host that is very busy in some hundreds. */
const TCG_WITHIN_MS = 5_000;
/** Slower than TCG by this factor is of no use. Where KVM works, it is quicker; where it does not, slower by far. */
const SLOWEST_FACTOR = 2;
/**
 * A busy host is late at times: the better of TCG's two attempts is the measure, and KVM may miss it once.
 * What is in doubt goes against KVM, for an instance that cannot come up is worse than a slow one.
 */
const TCG_ATTEMPTS = 2;
const KVM_IN_TIME = 2;
const KVM_LATE = 2;
const QUESTIONS = 20;
/** Blanks after the configuration are work for the guest's processor that no device has a part in. */
const CONFIG_BYTES = 60_000;
/** Its own for each run: what an earlier one has left is cleaned away at its own time. */
const PROBE_ID = `probe-${process.pid}` as InstanceId;

export type ProbeOptions = {
  readonly qemu: string;
  readonly runDir: RunDir;
  readonly clock: Clock;
  /** Whom the guest's emulator becomes. */
  readonly user?: number | undefined;
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

/** Undefined when what the guest was given tells nothing about the host. */
async function probe(
  image: string,
  config: JsonObject,
  options: ProbeOptions,
): Promise<Accelerator | undefined> {
  const { runDir } = options;
  try {
    runDir.make(PROBE_ID);
    runDir.writeConfig(PROBE_ID, JSON.stringify(config).padEnd(CONFIG_BYTES));
    let without = Number.POSITIVE_INFINITY;
    for (let attempt = 0; attempt < TCG_ATTEMPTS; attempt++) {
      const took = await timeOf('tcg', image, TCG_WITHIN_MS, options);
      if (took === 'refused') return undefined;
      if (took === 'late') return 'tcg';
      without = Math.min(without, took);
    }
    for (let inTime = 0, late = 0; inTime < KVM_IN_TIME; ) {
      const took = await timeOf('kvm', image, without * SLOWEST_FACTOR, options);
      if (took === 'refused') return 'tcg';
      if (took !== 'late') inTime++;
      else if (++late === KVM_LATE) return 'tcg';
    }
    return 'kvm';
  } finally {
    runDir.remove(PROBE_ID);
  }
}

/** Milliseconds from the emulator's start to the end of a conversation with its guest. */
async function timeOf(
  accelerator: Accelerator,
  image: string,
  most: number,
  { qemu, runDir, clock, user }: ProbeOptions,
): Promise<number | 'refused' | 'late'> {
  const files = { image, config: runDir.config(PROBE_ID), console: runDir.console(PROBE_ID) };
  const args = probeArguments(PROBE_ID, files, { accelerator, time: 0, user });
  const begin = clock.now();
  const runner = await Runner.launch({ program: qemu, args }, runDir.log(PROBE_ID), clock);
  let guest: Guest | undefined;
  try {
    const end = new Promise<number | 'refused' | 'late'>((resolve) => {
      guest = new Guest(runner, files.console, PROBE_ID, clock, {
        said: ({ kind }) => {
          if (kind === 'ready' && guest) void converse(guest, most).then(() => resolve(clock.now() - begin));
          else if (kind === 'refused' || kind === 'panic') resolve('refused');
        },
        lost: () => resolve('refused'),
        complained: () => {},
      });
    });
    const took = (await within(clock, most, end)) ?? 'late';
    return typeof took === 'number' && took > most ? 'late' : took;
  } finally {
    await (guest ?? runner).kill();
  }
}

async function converse(guest: Guest, most: number): Promise<void> {
  for (let asked = 0; asked < QUESTIONS; asked++) await guest.ask({ kind: 'health' }, most);
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
