/**
 * Runs instances of network functions in virtual machines and sandboxes, and keeps them running.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { WantedInstance } from '../model/desired.ts';
import { ChainstitchError } from '../model/errors.ts';
import type { InstanceCounters, InstanceFact } from '../model/facts.ts';
import type { Dpid, InstanceId } from '../model/ids.ts';
import type { BridgePorts, Instances, ManagedBridge, Wake } from '../model/interfaces.ts';
import { type Meters, UNMETERED } from '../model/meters.ts';
import { AcceleratorChoice } from './accelerator.ts';
import { admit, type Room, UNBOUNDED } from './admission.ts';
import type { Accelerator } from './argv.ts';
import { audit } from './audit.ts';
import { type Cgroups, findCgroups } from './cgroup.ts';
import { type Clock, systemClock, within } from './clock.ts';
import { limit } from './limit.ts';
import type { Log } from './log.ts';
import { DEFAULT_TIMING, type Timing } from './machine.ts';
import { NameLists } from './name-lists.ts';
import { type Action, plan } from './plan.ts';
import { killProcess } from './process.ts';
import { type Found, RunDir } from './rundir.ts';
import { Supervisor } from './supervisor.ts';
import type { Surroundings } from './surroundings.ts';
import { Taps } from './tap.ts';
import { Users } from './users.ts';

const STOP_WITHIN_MS = 30_000;

export type InstancesOptions = {
  readonly runDir: string;
  readonly imageDir: string;
  /** Of the lists of names that configurations name. */
  readonly listDir: string;
  readonly ports: BridgePorts;
  readonly wake: Wake;
  readonly log: Log;
  readonly meters?: Meters;
  readonly clock?: Clock;
  readonly timing?: Partial<Timing>;
  /** The emulator; default `qemu-system-x86_64`. */
  readonly qemu?: string;
  /** Default: KVM where a guest boots with it, else TCG. */
  readonly accelerator?: Accelerator;
  /** Of the TAP devices; default 1500. */
  readonly mtu?: number;
  /** Milliseconds between two comparisons of bridges and devices with what they are to be; default 10 s. */
  readonly auditEvery?: number;
  /** What instances may have of this host together; default without bounds. */
  readonly room?: Room;
  /** A cgroup v2 for those of instances; default one that is found to be the controller's. */
  readonly cgroup?: string;
  /** Instances that are started or removed at the same time; default twice the processors, at least 4. */
  readonly startsAtOnce?: number;
};

export type RunningInstances = {
  readonly instances: Instances;
  /**
   * Resolves when every guest that an earlier run has left running has said who it is, or has not in time.
   * Facts are whole from then on: who decides on them before would take a running guest for a missing one.
   */
  readonly settled: Promise<void>;
  /**
   * `remove` ends every instance and takes away its process, devices, ports and directory; `keep` leaves them
   * for the next run to adopt.
   */
  stop(mode: 'remove' | 'keep'): Promise<void>;
};

/**
 * Begins to look after the instances of this run directory.
 *
 * @throws ChainstitchError `bad-setting` when the run directory cannot hold sockets or is in use
 */
export function createInstances(options: InstancesOptions): RunningInstances {
  const fleet = new Fleet(options);
  return { instances: fleet, settled: fleet.settled, stop: (mode) => fleet.stop(mode) };
}

class Fleet implements Instances {
  readonly settled: Promise<void>;
  readonly #around: Surroundings;
  readonly #wake: Wake;
  readonly #supervisors = new Map<InstanceId, Supervisor>();
  /** What earlier runs have left that does not run. */
  readonly #remains: Map<InstanceId, Found>;
  readonly #bridges = new Map<Dpid, ManagedBridge>();
  #wanted: readonly WantedInstance[] | undefined;
  /** The ids of those that are wanted or sleep. */
  #known: ReadonlySet<InstanceId> = new Set();
  /** Directories that have nothing in them but what a guest has saved. */
  readonly #resting = new Set<InstanceId>();
  #stopped = false;
  readonly #auditEvery: number;
  readonly #room: Room;
  #isAllotting = false;
  #openGate = (): void => {};
  #facts: ReadonlyMap<InstanceId, InstanceFact> | undefined;
  #cancelAudit = (): void => {};
  #auditing: Promise<unknown> = Promise.resolve();

  constructor(options: InstancesOptions) {
    const runDir = new RunDir(options.runDir);
    runDir.lock();
    const clock = options.clock ?? systemClock;
    const qemu = options.qemu ?? 'qemu-system-x86_64';
    const users = new Users(runDir.path);
    this.#wake = options.wake;
    this.#auditEvery = options.auditEvery ?? 10_000;
    this.#room = options.room ?? UNBOUNDED;
    this.#around = {
      runDir,
      imageDir: options.imageDir,
      lists: new NameLists(options.listDir, join(runDir.path, 'lists')),
      ports: options.ports,
      taps: new Taps(),
      qemu,
      mtu: options.mtu ?? 1500,
      clock,
      timing: { ...DEFAULT_TIMING, ...options.timing },
      log: options.log,
      meters: options.meters ?? UNMETERED,
      accelerator: new AcceleratorChoice(options.accelerator, {
        qemu,
        runDir,
        clock,
        user: users.probe,
      }),
      users,
      cgroups: this.#findCgroups(options, runDir),
      starts: limit(options.startsAtOnce ?? Math.max(4, 2 * availableParallelism())),
      gate: new Promise((resolve) => {
        this.#openGate = resolve;
      }),
      isKnown: (id) => this.#known.has(id),
      claimed: () => this.#allotSoon(),
      changed: () => this.#changed(),
    };
    this.#remains = this.#adopt(runDir.discover());
    this.settled = Promise.all([...this.#supervisors.values()].map((one) => one.settled)).then(() => {});
  }

  #findCgroups({ cgroup = '', log }: InstancesOptions, runDir: RunDir): Cgroups | undefined {
    const found = findCgroups(cgroup, runDir.path);
    if (found.is === 'there') return found.cgroups;
    // Who has named one wants limits; where none is named they are an addition.
    const say = cgroup === '' ? log.info : log.warn;
    say.call(log, { why: found.why, remedy: found.remedy }, 'the kernel holds instances to no limits');
    return undefined;
  }

  facts(): ReadonlyMap<InstanceId, InstanceFact> {
    this.#facts ??= new Map([...this.#supervisors].map(([id, supervisor]) => [id, supervisor.fact()]));
    return this.#facts;
  }

  want(instances: readonly WantedInstance[], sleeping: ReadonlySet<InstanceId> = new Set()): void {
    if (this.#stopped) return;
    const first = this.#wanted === undefined;
    this.#wanted = instances;
    this.#known = new Set([...instances.map(({ id }) => id), ...sleeping]);
    for (const { bridge } of instances) this.#bridges.set(bridge.dpid, bridge);
    this.#reconcile();
    // What was a blank may be wanted for somebody now, and comes before those that are blanks.
    this.#allotSoon();
    if (first) this.#begin();
  }

  async counters(id: InstanceId): Promise<InstanceCounters> {
    const supervisor = this.#supervisors.get(id);
    if (!supervisor) throw new ChainstitchError('instance-not-ready', `there is no instance ${id}`);
    return supervisor.counters();
  }

  async stop(mode: 'remove' | 'keep'): Promise<void> {
    this.#stopped = true;
    this.#cancelAudit();
    this.#openGate();
    const supervisors = [...this.#supervisors.values()];
    if (mode === 'keep') {
      await Promise.all(supervisors.map((supervisor) => supervisor.release()));
      this.#around.taps.close();
      this.#around.runDir.unlock();
      return;
    }
    await this.#auditing;
    for (const supervisor of supervisors) supervisor.stop(true);
    const removed = Promise.all(supervisors.map((supervisor) => supervisor.removed));
    await within(this.#around.clock, STOP_WITHIN_MS, removed);
    await this.#clearRemains();
    if ((await this.#audit()) && this.#supervisors.size === 0) {
      this.#around.runDir.removeTree();
      this.#around.cgroups?.close();
    }
    this.#around.taps.close();
    this.#around.runDir.unlock();
  }

  /** Takes over what runs; gives what does not. Nothing is changed yet: what is wanted is not known. */
  #adopt(found: readonly Found[]): Map<InstanceId, Found> {
    const remains = new Map<InstanceId, Found>();
    for (const one of found) {
      const { id, file, process } = one;
      if (file) this.#bridges.set(file.wanted.bridge.dpid, file.wanted.bridge);
      if (file && process) this.#look(id, Supervisor.adopt(this.#around, file, process));
      else remains.set(id, one);
    }
    return remains;
  }

  /** With the first `want` known, what nobody wants may go. */
  #begin(): void {
    this.#openGate();
    this.#auditLater(0);
  }

  #look(id: InstanceId, supervisor: Supervisor): void {
    this.#supervisors.set(id, supervisor);
    void supervisor.removed.then(() => {
      this.#supervisors.delete(id);
      if (this.#around.runDir.hasState(id)) this.#resting.add(id);
      this.#changed();
      this.#reconcile();
      this.#allotSoon();
    });
  }

  /** Once for all that ask in one go. */
  #allotSoon(): void {
    if (this.#isAllotting) return;
    this.#isAllotting = true;
    queueMicrotask(() => {
      this.#isAllotting = false;
      this.#allot();
    });
  }

  #allot(): void {
    if (this.#stopped) return;
    const claims = [...this.#supervisors.values()].flatMap((supervisor) => supervisor.claim() ?? []);
    const { admitted, waiting, givingWay } = admit(claims, this.#room);
    for (const id of admitted) this.#supervisors.get(id)?.admit();
    for (const [id, reason] of waiting) this.#supervisors.get(id)?.makeWait(reason);
    for (const id of givingWay) this.#supervisors.get(id)?.giveWay();
  }

  #reconcile(): void {
    if (this.#stopped || this.#wanted === undefined) return;
    for (const action of plan(this.#wanted, this.#supervisors)) this.#act(action);
    for (const id of this.#resting) if (!this.#known.has(id)) this.#forget(id);
  }

  #act(action: Action): void {
    switch (action.do) {
      case 'create':
        this.#create(action.instance);
        return;
      case 'update':
        this.#supervisors.get(action.instance.id)?.update(action.instance);
        return;
      case 'restart':
        this.#supervisors.get(action.instance.id)?.restart(action.instance);
        return;
      case 'remove':
        this.#supervisors.get(action.id)?.stop();
    }
  }

  #create(instance: WantedInstance): void {
    const { id } = instance;
    const before = this.#remains.get(id);
    this.#remains.delete(id);
    this.#resting.delete(id);
    this.#look(id, Supervisor.create(this.#around, instance, before));
    this.#changed();
  }

  #changed(): void {
    this.#facts = undefined;
    this.#wake();
  }

  #auditLater(after: number): void {
    this.#cancelAudit();
    if (this.#stopped) return;
    this.#cancelAudit = this.#around.clock.after(after, () => {
      this.#auditing = this.#clearRemains()
        .then(() => this.#audit())
        .finally(() => this.#auditLater(this.#auditEvery));
    });
  }

  async #audit(): Promise<boolean> {
    const { runDir, ports, taps, log } = this.#around;
    const bridges = [...this.#bridges.values()];
    const complete = await audit({
      runDir: runDir.path,
      ports,
      taps,
      log,
      bridges,
      supervisors: this.#supervisors,
    });
    this.#around.cgroups?.retain(this.#supervisors);
    // The directories tell of the ports, so they go last.
    if (complete) this.#forgetRemains();
    return complete;
  }

  /** Ends guests whose directory is lost: they cannot be adopted. */
  async #clearRemains(): Promise<void> {
    for (const { id, process } of this.#remains.values()) {
      if (!process) continue;
      this.#around.log.info({ instance: id, pid: process.pid }, 'ending a guest that nobody can speak to');
      await killProcess(process, this.#around.clock).catch((error: Error) =>
        this.#around.log.warn({ instance: id, problem: error.message }, 'a guest stays'),
      );
    }
  }

  #forgetRemains(): void {
    const { runDir } = this.#around;
    for (const id of this.#remains.keys()) {
      this.#remains.delete(id);
      if (this.#known.has(id) && runDir.hasState(id)) {
        runDir.rest(id);
        this.#resting.add(id);
      } else runDir.remove(id);
    }
  }

  #forget(id: InstanceId): void {
    this.#resting.delete(id);
    this.#around.runDir.remove(id);
  }
}
