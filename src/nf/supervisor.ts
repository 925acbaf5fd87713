/**
 * One instance: feeds its state machine with what happens and does what the machine says.
 */
import { join } from 'node:path';
import type { Isolation } from '../model/declared.ts';
import { BLANK_REVISION, type WantedInstance } from '../model/desired.ts';
import { ChainstitchError } from '../model/errors.ts';
import type { InstanceCounters, InstanceFact } from '../model/facts.ts';
import { type Claim, memoryOf } from './admission.ts';
import type { Accelerator } from './argv.ts';
import { limitsOf } from './cgroup.ts';
import { bootConfiguration, bytesOf, listsIn, tooLong } from './configuration.ts';
import type { GuestLine } from './contract.ts';
import { factOf, sameFact } from './fact.ts';
import type { ForeignGuest } from './foreign-console.ts';
import { Guest } from './guest.ts';
import { imageOf, isolationGiven, isolationWith, type Launch, launchOf } from './isolation.ts';
import {
  adoptMachine,
  type Effect,
  type Machine,
  type MachineEvent,
  nextTick,
  type Step,
  startMachine,
  step,
} from './machine.ts';
import { isStuck, nextPassage, type Passage, UNKNOWN_PASSAGE } from './passage.ts';
import { addPorts, makeDevices, portsOf, removeDevices, removePorts } from './place.ts';
import { killProcess, onlyChild, type ProcessRef } from './process.ts';
import type { Configuration, Found, InstanceFile } from './rundir.ts';
import { checkImage, Runner } from './runner.ts';
import type { Surroundings } from './surroundings.ts';

const SHUTDOWN_WITHIN_MS = 500;
/** A guest's clock drifts against the host's, and the host's may be set. */
const SET_CLOCK_EVERY_MS = 600_000;
/** What finds out whether an accelerator works, for a guest of which it is not known when it is up. */
const PROBE_IMAGE = 'counter.elf';
/** Milliseconds between two questions to the switch whether frames come through a guest that cannot say that it is ready. */
const ASK_PASSAGE_EVERY_MS = 100;
/** Milliseconds after which the switch says that no frame comes through, if none does. */
const MISSES_WITHIN_MS = 8_000;
/** Lines of a guest's own that are written to the log between two questions for its health. */
const GUEST_LOG_LINES = 20;

export class Supervisor {
  readonly #around: Surroundings;
  #wanted: WantedInstance;
  #machine: Machine;
  #guest: Guest | undefined;
  #isolation: Isolation | undefined;
  #accelerator: Accelerator | undefined;
  /** The place that it asks for or has on the host, by the memory that it is counted with. */
  #place: { readonly is: 'asked' | 'had' | 'yielded'; readonly memoryMiB: number } | undefined;
  /** When a guest was started that has not said yet that it is ready. */
  #launchedAt: number | undefined;
  readonly #user: number | undefined;
  /** Of the guest itself: of what the keeper of a sandbox has started, as soon as it has. */
  #pid: number | undefined;
  /** What the guest was booted with; unknown when an earlier run did it. */
  #booted: Configuration | undefined;
  #lastGood: Configuration | undefined;
  /** The switch has the ports. */
  #attached: Promise<void> = Promise.resolve();
  /** What touches the host is done one after another. */
  #work: Promise<void> = Promise.resolve();
  #cancelTick = (): void => {};
  #bootOver = (): void => {};
  #placeDecided = (): void => {};
  #settle = (): void => {};
  #remove = (): void => {};
  /** A guest that an earlier run has left on our devices and that cannot be adopted. */
  #stray: ProcessRef | undefined;
  /** Tells a start that has been overtaken from the one that is wanted. */
  #attempt = 0;
  #guestLines = 0;
  #passage: Passage = UNKNOWN_PASSAGE;
  #clockSetAt = Number.NEGATIVE_INFINITY;
  #released = false;
  #lastChance = false;
  /** Resolves when the guest has become ready for the first time, or failed to. */
  readonly settled = new Promise<void>((resolve) => {
    this.#settle = resolve;
  });
  /** Resolves when nothing is left of the instance. */
  readonly removed = new Promise<void>((resolve) => {
    this.#remove = resolve;
  });

  private constructor(
    around: Surroundings,
    wanted: WantedInstance,
    machine: Machine,
    user: number | undefined,
  ) {
    this.#around = around;
    this.#user = user;
    this.#wanted = wanted;
    this.#machine = machine;
  }

  /** An instance that is to be started. */
  static create(around: Surroundings, wanted: WantedInstance, before?: Found): Supervisor {
    const { state, effects } = startMachine(wanted.revision);
    const supervisor = new Supervisor(around, wanted, state, around.users.take());
    supervisor.#lastGood = before?.file?.lastGood;
    supervisor.#stray = before?.process;
    for (const effect of effects) supervisor.#do(effect);
    return supervisor;
  }

  /** An instance of an earlier run whose guest is running. */
  static adopt(around: Surroundings, file: InstanceFile, process: ProcessRef): Supervisor {
    const { clock, timing, runDir } = around;
    const { id, revision } = file.wanted;
    const machine = adoptMachine(revision, file.restarts, clock.now(), timing);
    const supervisor = new Supervisor(around, file.wanted, machine, file.user);
    around.users.keep(file.user);
    supervisor.#isolation = file.isolation;
    supervisor.#accelerator = file.accelerator;
    const memoryMiB = memoryOf(file.wanted.function, file.isolation ?? 'vm');
    supervisor.#place = { is: 'had', memoryMiB };
    supervisor.#lastGood = file.lastGood;
    const guest = supervisor.#takeGuest(Runner.adopt(process, runDir.log(id), clock));
    // One that cannot be asked is ready if it ever was.
    if (file.lastGood?.revision === revision) queueMicrotask(() => guest.becomeReady());
    void guest.watch(timing.answerWithin);
    supervisor.#rearm();
    return supervisor;
  }

  get wanted(): WantedInstance {
    return this.#wanted;
  }

  get stopping(): boolean {
    return this.#machine.phase === 'stopping';
  }

  get ready(): boolean {
    return this.#machine.phase === 'ready';
  }

  fact(): InstanceFact {
    return factOf(this.#wanted, this.#machine, this.#pid, this.#isolation, this.#accelerator);
  }

  /** What it asks or has of the host. */
  claim(): Claim | undefined {
    if (this.#place === undefined) return undefined;
    const { is, memoryMiB } = this.#place;
    if (is === 'asked' && this.stopping) return undefined;
    const standing = is === 'asked' ? 'asks' : this.stopping || is === 'yielded' ? 'leaves' : 'holds';
    return { id: this.#wanted.id, memoryMiB, standing, isBlank: this.#wanted.revision === BLANK_REVISION };
  }

  /** There is room for what it asks. */
  admit(): void {
    if (this.#place?.is !== 'asked') return;
    this.#place = { ...this.#place, is: 'had' };
    this.#happen({ is: 'room' });
    this.#placeDecided();
  }

  /** There is no room for what it asks. */
  makeWait(reason: string): void {
    this.#happen({ is: 'no-room', reason });
  }

  /** Ends its guest for another instance's, and asks for room anew. */
  giveWay(): void {
    if (this.#place?.is !== 'had') return;
    this.#place = { ...this.#place, is: 'yielded' };
    this.#around.log.info({ instance: this.#wanted.id }, 'a blank gives way to an instance that is needed');
    this.#happen({ is: 'replace' });
  }

  /** Gives the guest what has changed while it runs. */
  update(wanted: WantedInstance): void {
    this.#wanted = wanted;
    this.#remember();
    this.#happen({ is: 'want', revision: wanted.revision });
  }

  /** Puts another guest in the place of this one. */
  restart(wanted: WantedInstance): void {
    this.#around.log.info({ instance: wanted.id }, 'what is wanted takes another guest');
    this.#wanted = wanted;
    this.#lastGood = undefined;
    this.#happen({ is: 'want', revision: wanted.revision });
    this.#happen({ is: 'replace' });
  }

  /** Something outside shows that the guest cannot work. */
  fail(reason: string): void {
    this.#happen({ is: 'failed', reason });
  }

  /**
   * Removes the instance and all that belongs to it, trying again until it is done.
   *
   * @param lastChance there is no again: what cannot be removed now is left for the next run
   */
  stop(lastChance = false): void {
    this.#lastChance ||= lastChance;
    this.#happen({ is: 'stop' });
  }

  /** Lets go of the guest and leaves it running. */
  async release(): Promise<void> {
    this.#released = true;
    this.#cancelTick();
    this.#guest?.silence();
    this.#bootOver();
    this.#placeDecided();
    await this.#work;
    this.#settle();
  }

  /** @throws ChainstitchError `instance-not-ready` */
  async counters(): Promise<InstanceCounters> {
    const { id } = this.#wanted;
    if (this.#machine.phase !== 'ready' || !this.#guest)
      throw new ChainstitchError('instance-not-ready', `instance ${id} is ${this.#machine.phase}`);
    if (this.#wanted.function.boot)
      throw new ChainstitchError(
        'instance-not-ready',
        `what runs in instance ${id} speaks no contract, and tells no counts`,
      );
    const answer = await this.#guest.ask({ kind: 'counters' }, this.#around.timing.answerWithin);
    if (answer?.kind === 'counters') return answer.counters;
    throw new ChainstitchError('instance-not-ready', `instance ${id} did not answer`);
  }

  #happen(event: MachineEvent): void {
    if (this.#released) return;
    const { clock, timing } = this.#around;
    this.#apply(step(this.#machine, event, clock.now(), timing));
  }

  #apply({ state, effects }: Step): void {
    const before = this.#machine;
    this.#machine = state;
    for (const effect of effects) this.#do(effect);
    this.#rearm();
    if (state.phase !== 'starting') {
      this.#bootOver();
      this.#settle();
    }
    if (state.phase !== 'waiting' && state.phase !== 'starting') this.#placeDecided();
    if (state === before) return;
    this.#report(before);
    if (!sameFact(before, state)) this.#around.changed();
  }

  #report(before: Machine): void {
    const { phase, problem, confirmed, restarts } = this.#machine;
    const report = { instance: this.#wanted.id, phase, revision: confirmed, restarts, problem };
    // Each failure is told once, also when it is the same as the one before.
    const news = before.problem !== problem || (phase === 'backoff' && before.phase !== phase);
    if (problem !== undefined && news) this.#around.log.warn(report, 'instance has a problem');
    else if (before.phase !== phase) this.#around.log.info(report, 'instance changed');
  }

  #rearm(): void {
    this.#cancelTick();
    const { clock } = this.#around;
    const at = nextTick(this.#machine);
    if (at === undefined) return;
    this.#cancelTick = clock.after(Math.max(0, at - clock.now()), () => {
      // When this process was held up, the answer may have come long ago and wait to be read: that goes first.
      setImmediate(() => this.#happen({ is: 'tick' }));
    });
  }

  #do(effect: Effect): void {
    switch (effect.do) {
      case 'start': {
        const attempt = ++this.#attempt;
        this.#queue(() => this.#start(attempt));
        return;
      }
      case 'kill':
        this.#attempt++;
        this.#guest?.silence();
        this.#bootOver();
        this.#placeDecided();
        this.#queue(() => this.#end());
        return;
      case 'remove':
        this.#queue(() => this.#removeAll());
        return;
      case 'ask-health':
        void this.#askHealth();
        return;
      case 'configure':
        void this.#configure();
    }
  }

  #queue(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => {
      this.fail(error instanceof Error ? error.message : String(error));
    });
  }

  async #start(attempt: number): Promise<void> {
    await this.#around.gate;
    if (!this.#isCurrent(attempt)) return;
    await this.#end();
    const isolation = await this.#chooseIsolation();
    if (!this.#isCurrent(attempt)) return;
    await this.#takePlace(isolation);
    await this.#around.starts(async () => {
      if (!this.#isCurrent(attempt)) return;
      this.#write();
      await makeDevices(this.#wanted, this.#around);
      if (!this.#isCurrent(attempt)) return;
      // A guest takes as long to boot as the switch to give its ports numbers; it is ready with both.
      this.#attached = this.addPorts();
      this.#attached.catch((error: Error) => {
        if (this.#isCurrent(attempt)) this.fail(error.message);
      });
      await this.#launch(attempt, isolation);
    });
  }

  /** Waits for room on the host. One that had it keeps it, unless it needs more now or has given it up. */
  async #takePlace(isolation: Isolation): Promise<void> {
    const memoryMiB = memoryOf(this.#wanted.function, isolation);
    if (this.#place?.is === 'had' && this.#place.memoryMiB === memoryMiB) return;
    this.#place = { is: 'asked', memoryMiB };
    const decided = new Promise<void>((resolve) => {
      this.#placeDecided = resolve;
    });
    this.#around.claimed();
    await decided;
  }

  /** Whether this is still the start that is wanted: a lot may happen while the host makes devices and ports. */
  #isCurrent(attempt: number): boolean {
    const { phase } = this.#machine;
    return attempt === this.#attempt && (phase === 'starting' || phase === 'waiting') && !this.#released;
  }

  async #launch(attempt: number, isolation: Isolation): Promise<void> {
    const { runDir, imageDir, qemu, clock } = this.#around;
    const { id, function: spec } = this.#wanted;
    const boot = this.#bootConfiguration();
    const image = join(imageDir, imageOf(spec, isolation));
    checkImage(image);
    this.#isolation = isolation;
    this.#booted = boot;
    runDir.writeConfig(id, bytesOf(boot.config));
    const state = runDir.hasState(id) ? runDir.state(id) : undefined;
    const lists = listsIn(spec, boot.config);
    const data = lists.length === 0 ? undefined : this.#around.lists.table(lists);
    const initrd = spec.boot?.initrd === undefined ? undefined : join(imageDir, spec.boot.initrd);
    if (initrd !== undefined) checkImage(initrd);
    const files = { image, config: runDir.config(id), console: runDir.console(id), state, data, initrd };
    const options = {
      qemu,
      accelerator: this.#accelerator ?? 'tcg',
      time: wallClock(),
      user: this.#user,
      root: runDir.empty(),
    };
    const launch = this.#confine(launchOf(isolation, this.#wanted, boot.revision, files, options), isolation);
    this.#launchedAt = clock.now();
    const runner = await Runner.launch(launch, runDir.log(id), clock);
    const over = new Promise<void>((resolve) => {
      this.#bootOver = resolve;
    });
    this.#takeGuest(runner);
    if (this.#isCurrent(attempt)) this.#happen({ is: 'spawned' });
    this.#write();
    // The place among the starts is kept until the guest is up: booting is what would overload the host.
    if (this.#isCurrent(attempt)) await over;
    // What has overtaken this start comes next and ends the guest, unless it is to be kept.
  }

  #confine(launch: Launch, isolation: Isolation): Launch {
    const { cgroups } = this.#around;
    const { id, function: spec } = this.#wanted;
    cgroups?.make(id, limitsOf(spec, isolation));
    return cgroups?.inside(id, launch) ?? launch;
  }

  #bootConfiguration(): Configuration {
    return bootConfiguration(this.#wanted, this.#machine.refused?.revision, this.#lastGood);
  }

  /** Which accelerator the host has is found out with the machine's image, and only where it matters. */
  async #chooseIsolation(): Promise<Isolation> {
    const { imageDir, accelerator } = this.#around;
    const { function: spec } = this.#wanted;
    const { config } = this.#bootConfiguration();
    const given = isolationGiven(spec);
    if (given === 'process') return given;
    const machine = join(imageDir, spec.boot ? PROBE_IMAGE : spec.image);
    checkImage(machine);
    this.#accelerator = await accelerator.for(machine, spec.boot ? {} : config);
    return given ?? isolationWith(this.#accelerator);
  }

  #takeGuest(runner: Runner): Guest {
    const { runDir, clock, log } = this.#around;
    const instance = this.#wanted.id;
    const guest = new Guest(
      runner,
      runDir.console(instance),
      instance,
      clock,
      {
        said: (line) => this.#hear(line),
        lost: (reason) => this.fail(reason),
        complained: (line) => log.warn({ instance, line }, 'the process of a guest complains'),
      },
      this.#foreign(),
    );
    this.#guest = guest;
    this.#passage = UNKNOWN_PASSAGE;
    this.#pid = this.#guestPid();
    if (this.#released) guest.silence();
    const { boot } = this.#wanted.function;
    if (boot && 'passes' in boot.ready) this.#awaitPassage(guest);
    return guest;
  }

  #foreign(): ForeignGuest | undefined {
    const { id, revision, function: spec } = this.#wanted;
    if (!spec.boot) return undefined;
    const { ready } = spec.boot;
    const readyText = 'console' in ready ? ready.console : undefined;
    return { id, function: spec.name, revision: this.#booted?.revision ?? revision, readyText };
  }

  /** A switch that has just begun to send frames does not miss any yet, so it has to have missed some before. */
  #awaitPassage(guest: Guest, hasMissed = false, since = this.#around.clock.now()): void {
    const { ports, clock } = this.#around;
    const { bridge, left, right } = this.#wanted;
    if (guest !== this.#guest || this.#machine.phase !== 'starting' || this.#released) return;
    const passes = ports.passes(bridge, [left.port, right.port]);
    const isSure = hasMissed || clock.now() - since >= MISSES_WITHIN_MS;
    if (passes === true && isSure) guest.becomeReady();
    else
      clock.after(ASK_PASSAGE_EVERY_MS, () =>
        this.#awaitPassage(guest, hasMissed || passes === false, since),
      );
  }

  #hear(line: GuestLine): void {
    const instance = this.#wanted.id;
    switch (line.kind) {
      case 'ready':
        void this.#becomeReady(line.revision);
        return;
      case 'refused':
        this.#happen({ is: 'refused', revision: this.#booted?.revision ?? -1, reason: line.reason });
        return;
      case 'panic':
        this.fail(`the guest panicked: ${line.text}`);
        return;
      case 'state':
        this.#attemptToKeep(() => this.#around.runDir.writeState(instance, line.text));
        return;
      case 'log':
        if (this.#guestLines++ < GUEST_LOG_LINES)
          this.#around.log.info({ instance, text: line.text }, 'the guest says');
    }
  }

  async #becomeReady(revision: number): Promise<void> {
    this.#countBoot();
    const guest = this.#guest;
    // That it failed is told where it does.
    await this.#attached.catch(() => {});
    if (guest !== this.#guest) return;
    this.#rememberGood(revision);
    this.#pid = this.#guestPid();
    this.#happen({ is: 'ready', revision });
  }

  /** A guest that is told a new configuration says that it is ready, too; only the first time is a boot. */
  #countBoot(): void {
    const { clock, meters } = this.#around;
    const kept = this.#isolation === 'process' ? this.#isolation : this.#accelerator;
    if (this.#launchedAt !== undefined && kept !== undefined)
      meters.booted(clock.now() - this.#launchedAt, kept);
    this.#launchedAt = undefined;
  }

  #guestPid(): number | undefined {
    const pid = this.#guest?.process.pid;
    return pid !== undefined && this.#isolation === 'process' ? onlyChild(pid) : pid;
  }

  #rememberGood(revision: number): void {
    const good = [this.#booted, this.#wanted].find((candidate) => candidate?.revision === revision);
    if (!good || this.#lastGood?.revision === revision) return;
    this.#lastGood = { revision, config: good.config };
    this.#remember();
  }

  async #askHealth(): Promise<void> {
    const guest = this.#guest;
    if (!guest) return;
    this.#guestLines = 0;
    guest.readLog();
    const { clock, timing } = this.#around;
    if (clock.now() - this.#clockSetAt > SET_CLOCK_EVERY_MS) {
      this.#clockSetAt = clock.now();
      void guest.ask({ kind: 'time', seconds: wallClock() }, timing.answerWithin);
    }
    const answer = await guest.ask({ kind: 'health' }, timing.answerWithin);
    if (!answer || guest !== this.#guest) return;
    this.#happen({ is: 'healthy' });
    this.#askSwitch();
  }

  /** A guest may answer and pass nothing. The switch knows: it sends frames through. */
  #askSwitch(): void {
    const { ports, clock } = this.#around;
    const { bridge, left, right } = this.#wanted;
    const now = clock.now();
    const passes = ports.passes(bridge, [left.port, right.port]);
    this.#passage = nextPassage(this.#passage, passes, now);
    if (isStuck(this.#passage, now))
      this.fail('it answers, but the frames that the switch sends through it do not come out');
  }

  async #configure(): Promise<void> {
    const guest = this.#guest;
    const { revision, config } = this.#wanted;
    const fault = tooLong(config);
    const request = { kind: 'config', revision, config: bytesOf(config) } as const;
    const answer = await (fault === undefined
      ? guest?.ask(request, this.#around.timing.configWithin)
      : ({ kind: 'config-refused', reason: fault } as const));
    if (!answer || guest !== this.#guest) return;
    if (answer.kind === 'config-refused') {
      this.#happen({ is: 'config-refused', revision, reason: answer.reason });
    } else if (answer.kind === 'config-ok' && answer.revision === revision) {
      this.#lastGood = { revision, config };
      this.#remember();
      this.#happen({ is: 'configured', revision });
    } else {
      this.fail(`the guest confirmed another revision than ${revision}`);
    }
  }

  /** Makes sure that no guest is running. */
  async #end(): Promise<void> {
    if (this.#stray) await killProcess(this.#stray, this.#around.clock);
    this.#stray = undefined;
    if (!this.#guest) return;
    await this.#guest.kill();
    this.#guest = undefined;
    this.#pid = undefined;
    this.#around.changed();
  }

  /** The ports go first: nothing more is sent to the guest then, and the switch does not miss its devices. */
  async #removeAll(): Promise<void> {
    await this.#around.gate;
    await this.#around.starts(async () => {
      if (this.#released) return;
      // Ports that are still being added would outlive their devices. What becomes of them was told by the start.
      await this.#attached.catch(() => {});
      const failure = await removePorts(this.#wanted, portsOf(this.#wanted), this.#around).catch(
        (error: Error) => error,
      );
      await this.#guest?.shutDown(SHUTDOWN_WITHIN_MS);
      await this.#end();
      if (failure && !this.#lastChance) throw failure;
      await removeDevices(this.#wanted, this.#around);
      // Where ports are left, the directory tells the next run of them.
      if (!failure) this.#clearDirectory();
      this.#released = true;
      this.#cancelTick();
      this.#settle();
      this.#around.users.release(this.#user);
      this.#around.cgroups?.remove(this.#wanted.id);
      this.#remove();
    });
  }

  #clearDirectory(): void {
    const { runDir, isKnown } = this.#around;
    const { id } = this.#wanted;
    if (!this.#lastChance && isKnown(id)) runDir.rest(id);
    else runDir.remove(id);
  }

  /** Puts the ports back when a stranger has taken them from the bridge. */
  addPorts(): Promise<void> {
    return addPorts(this.#wanted, this.#around);
  }

  /** Writes down what the next run must know. */
  #write(): void {
    const { runDir } = this.#around;
    runDir.make(this.#wanted.id);
    runDir.write(this.#wanted.id, {
      version: 1,
      wanted: this.#wanted,
      restarts: this.#machine.restarts,
      process: this.#guest?.process,
      accelerator: this.#accelerator,
      isolation: this.#isolation,
      user: this.#user,
      lastGood: this.#lastGood,
    });
  }

  /** The same where the guest runs well without it. */
  #remember(): void {
    this.#attemptToKeep(() => this.#write());
  }

  #attemptToKeep(write: () => void): void {
    try {
      write();
    } catch (error) {
      const problem = (error as Error).message;
      this.#around.log.warn(
        { instance: this.#wanted.id, problem },
        'a later run may not know what this instance has to tell',
      );
    }
  }
}

const wallClock = (): number => Math.floor(Date.now() / 1000);
