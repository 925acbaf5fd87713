import type { FlowDesc, GroupDesc } from 'ts-openflow';
import type { DesiredSwitch, Isolation } from '../../model/desired.ts';
import { ChainstitchError } from '../../model/errors.ts';
import type { Applied, Reconciled, Rejection } from '../../model/facts.ts';
import type { OfPort } from '../../model/ids.ts';
import type { Meters } from '../../model/meters.ts';
import type { Log } from '../log.ts';
import { type Channel, Disconnected, Refused } from '../openflow/channel.ts';
import { carryOut, type Outcome, type Refusal, readContent, readFlows } from './bundle.ts';
import { FlowCounts } from './counts.ts';
import { describeChange, describeFault } from './describe.ts';
import {
  type Change,
  type Content,
  countingByKey,
  difference,
  oursByKey,
  type PartsChange,
  partsChange,
} from './difference.ts';
import { meterPacketIns } from './meter.ts';
import { Rejections } from './rejections.ts';

export type KeeperOptions = {
  readonly log: Log;
  readonly meters: Meters;
  readonly auditIntervalMs: number;
  /** Keeps NORMAL off ports, or gives them back; resolves when the switch has followed. */
  readonly isolate: (ports: ReadonlyMap<OfPort, Isolation>) => Promise<void>;
  /** `applied`, `rejections` or `problem` changed. */
  readonly changed: () => void;
};

/** Looks in a row at which the same flow had to be repaired before the operator is told. */
const RESTLESS = 3;
const MANY = 1000;
/**
 * Milliseconds between two looks for each flow that the switch holds: to read one takes a hundredth of that, and
 * what is wanted anew meanwhile has to wait.
 */
const PAUSE_PER_FLOW_MS = 1;
/** Flows whose counts are asked for one by one before they go; with more the switch is read as a whole. */
const FEW = 64;

const NOTHING_TO_DO = { done: true } as const;

type Asker = { resolve(outcome: Reconciled): void; reject(error: ChainstitchError): void };

function whyOf(error: unknown): string {
  if (error instanceof Refused) return describeFault(error.answer);
  return error instanceof Error ? error.message : String(error);
}

const notConnected = (): ChainstitchError =>
  new ChainstitchError('switch-not-connected', 'the switch is not connected');
const failed = (reason: string, cause?: unknown): ChainstitchError =>
  new ChainstitchError('switch-failed', `the switch could not be read or made equal: ${reason}`, { cause });

/**
 * Keeps one switch equal to what is desired of it: read, compare, repair the difference, wait for the
 * barrier; again when something is wanted anew, when the switch comes back, and from time to time.
 */
export class SwitchKeeper {
  readonly #options: KeeperOptions;
  #desired: DesiredSwitch | undefined;
  #channel: Channel | undefined;
  #applied: Applied | undefined;
  #problem: string | undefined;
  readonly #rejections = new Rejections();
  readonly #counts = new FlowCounts();
  #countedAt: number | undefined;
  #askers: Asker[] = [];
  /** How many looks in a row each flow was repaired at. */
  #repairs = new Map<string, number>();
  /** What this connection's switch holds, as of the last barrier; undefined where that is to be found out. */
  #held: DesiredSwitch | undefined;
  #flowsHeld = 0;
  #lookedAt = 0;
  #bundle = 0;
  /** `change`: what is wanted is another than what the switch is known to hold; `look`: that has to be read. */
  #due: 'nothing' | 'change' | 'look' = 'nothing';
  #running = false;
  #audit: NodeJS.Timeout | undefined;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** Whether anything is wanted of this switch. */
  get wanted(): boolean {
    return this.#desired !== undefined;
  }

  /** What the switch has confirmed on this connection. */
  get applied(): Applied | undefined {
    return this.#applied;
  }

  get rejections(): readonly Rejection[] {
    return this.#rejections.all;
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  get counts(): FlowCounts {
    return this.#counts;
  }

  /** When they were read last, in milliseconds since the epoch. */
  get countedAt(): number | undefined {
    return this.#countedAt;
  }

  /** Nothing more is done to the switch once this is undefined; its flows stay as they are. */
  want(desired: DesiredSwitch | undefined): void {
    if (desired !== undefined && desired.digest === this.#desired?.digest) {
      // What the flows count may have another name.
      this.#desired = desired;
      return;
    }
    this.#desired = desired;
    if (desired === undefined) this.#applied = undefined;
    this.#repairs.clear();
    if (desired === undefined) this.#problem = undefined;
    this.#rejections.pardon(desired);
    this.#do('change');
  }

  connected(channel: Channel): void {
    this.#channel = channel;
    this.#applied = undefined;
    this.#held = undefined;
    // It may be another version of the switch, or have other ports: what it refused may work now.
    this.#rejections.clear();
    this.look();
  }

  disconnected(): void {
    this.#channel = undefined;
    this.#applied = undefined;
    this.#held = undefined;
    clearTimeout(this.#audit);
    if (!this.#running) this.#dismiss();
  }

  close(): void {
    this.#desired = undefined;
    this.disconnected();
  }

  /**
   * Looks at the switch now, and tries again what it refused.
   * @throws ChainstitchError `switch-not-connected`, `switch-failed`
   */
  reconcile(): Promise<Reconciled> {
    return new Promise((resolve, reject) => {
      this.#askers.push({ resolve, reject });
      this.#rejections.clear();
      if (this.#channel === undefined || this.#desired === undefined) return this.#dismiss();
      this.look();
    });
  }

  /** Everything that the switch holds. @throws ChainstitchError `switch-not-connected`, `switch-failed` */
  async read(): Promise<Content<FlowDesc, GroupDesc>> {
    const channel = this.#channel;
    if (channel === undefined) throw notConnected();
    try {
      return await readContent(channel, 'everybody');
    } catch (error) {
      throw error instanceof Disconnected ? notConnected() : failed(whyOf(error), error);
    }
  }

  /** Those that nothing can be done for. */
  #dismiss(): void {
    const error = this.#channel === undefined ? notConnected() : failed('nothing is wanted of it yet');
    for (const { reject } of this.#askers.splice(0)) reject(error);
  }

  /** Reads the switch soon and repairs what differs. While it is being done, one more time is enough. */
  look(): void {
    this.#do('look');
  }

  #do(what: 'change' | 'look'): void {
    if (this.#due !== 'look') this.#due = what;
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    clearTimeout(this.#audit);
    while (this.#due !== 'nothing' && this.#desired !== undefined && this.#channel !== undefined) {
      const from = this.#due === 'change' && this.#rejections.all.length === 0 ? this.#held : undefined;
      this.#due = 'nothing';
      if (from === undefined) this.#lookedAt = performance.now();
      // Those who ask while it is being done want to know what comes after.
      const askers = this.#askers.splice(0);
      const outcome = await this.#reconcile(this.#desired, this.#channel, from);
      for (const asker of askers) {
        if (typeof outcome === 'number') asker.resolve({ changes: outcome, rejections: this.rejections });
        else asker.reject(outcome);
      }
    }
    this.#running = false;
    this.#dismiss();
    if (this.#desired === undefined || this.#channel === undefined) return;
    // Jitter, so that many switches are not read at the same moment.
    const least = Math.max(this.#options.auditIntervalMs, this.#flowsHeld * PAUSE_PER_FLOW_MS);
    const pause = least * (0.85 + 0.3 * Math.random());
    // Changes, however often they come, put off no look.
    this.#audit = setTimeout(() => this.look(), Math.max(0, this.#lookedAt + pause - performance.now()));
  }

  /**
   * Gives the number of changes that were made, or why the switch is not equal.
   *
   * @param from what the switch is known to hold; where that is not known, it is read
   */
  async #reconcile(
    desired: DesiredSwitch,
    channel: Channel,
    from: DesiredSwitch | undefined,
  ): Promise<number | ChainstitchError> {
    const { log } = this.#options;
    const change = from && partsChange(from.parts, desired.parts);
    const isolated = change?.isolated ?? desired.isolated;
    try {
      // A port that NORMAL may have again gets it before the flows that carried its traffic go: between the
      // two it would be cut off. One that NORMAL is to be kept off has its flows first, for the same reason.
      const given = [...isolated].filter(([, isolation]) => isolation === 'none');
      // If this fails, so does the whole below, which says so; the flows do not wait for it.
      if (given.length > 0) await this.#options.isolate(new Map(given)).catch(() => {});
      const changed =
        (change && (await this.#change(desired, channel, change))) ??
        (await this.#equalise(desired, channel));
      if (isolated.size > 0) await this.#options.isolate(isolated);
      if (this.#channel !== channel) return notConnected();
      this.#held = this.#rejections.all.length === 0 ? desired : undefined;
      const owners = [...desired.owners].filter(([owner]) => !this.#rejections.has(owner));
      const before = this.#applied;
      this.#applied = { digest: desired.digest, owners: new Map(owners), needs: desired.needs };
      if (changed > 0)
        log.info(
          { dpid: desired.dpid, changes: changed, digest: desired.digest, storeRevision: desired.revision },
          'switch made equal',
        );
      this.#say(
        this.#restless(),
        before?.digest !== desired.digest || before.owners.size !== owners.length || changed > 0,
      );
      return changed;
    } catch (error) {
      if (this.#channel !== channel || error instanceof Disconnected) return notConnected();
      const reason = whyOf(error);
      log.warn({ dpid: desired.dpid, reason }, 'could not make the switch equal');
      // What is in the switch now is not what was confirmed before, or that cannot be known.
      const had = this.#applied !== undefined;
      this.#applied = undefined;
      this.#held = undefined;
      this.#say(`the switch could not be made equal: ${reason}`, had);
      return failed(reason, error);
    }
  }

  /**
   * Brings a switch whose content is known to what is wanted now. Gives the number of changes that were made, or
   * undefined where it has to be read after all: nothing is changed then.
   */
  async #change(
    desired: DesiredSwitch,
    channel: Channel,
    { changes, recounted, hasGroups }: PartsChange,
  ): Promise<number | undefined> {
    if (hasGroups || recounted.size > FEW) return undefined;
    if (recounted.size > 0) {
      const gone = [...recounted.values()].flatMap(({ was }) => was ?? []);
      this.#counts.change(recounted, oursByKey(await readFlows(channel, gone)));
    }
    if (changes.length > 0 && !(await this.#carryOut(channel, changes)).done) return undefined;
    this.#options.meters.looked(desired.dpid, {
      held: this.#flowsHeld,
      changes: changes.length,
      why: 'news',
    });
    return changes.length;
  }

  /** Gives the number of changes that were made. */
  async #equalise(desired: DesiredSwitch, channel: Channel): Promise<number> {
    // A refusal may have come while these were already wanted instead of those that were refused.
    this.#rejections.pardon(desired);
    await meterPacketIns(channel);
    const leftOut = this.#rejections.atThisLook();
    const content = await readContent(channel, 'ours');
    this.#flowsHeld = content.flows.length;
    const flows = oursByKey(content.flows);
    // Before anything is changed, so that what goes is counted.
    this.#counts.read(countingByKey(desired.flows), flows);
    this.#countedAt = Date.now();
    const all = difference(desired, { flows, groups: content.groups }, channel.version);
    for (;;) {
      const changes = all.filter(({ owner }) => !leftOut.has(owner));
      this.#count(changes);
      const outcome = changes.length === 0 ? NOTHING_TO_DO : await this.#carryOut(channel, changes);
      if (outcome.done) {
        this.#rejections.keep(leftOut);
        const why = this.#applied?.digest === desired.digest ? 'repair' : 'news';
        this.#options.meters.looked(desired.dpid, {
          held: content.flows.length,
          changes: changes.length,
          why,
        });
        return changes.length;
      }
      for (const refusal of outcome.refused) {
        if (!leftOut.has(refusal.change.owner)) this.#reject(desired, refusal);
        leftOut.add(refusal.change.owner);
      }
    }
  }

  #count(changes: readonly Change[]): void {
    const before = this.#repairs;
    this.#repairs = new Map();
    // So many at once are an installation.
    if (changes.length > MANY) return;
    for (const change of changes) {
      const text = describeChange(change);
      this.#repairs.set(text, (before.get(text) ?? 0) + 1);
    }
  }

  /** A flow that never comes to rest: the switch stores something else, or somebody keeps changing it. */
  #restless(): string | undefined {
    const [flow] = [...this.#repairs].find(([, times]) => times >= RESTLESS) ?? [];
    return flow && `a flow had to be repaired at every one of the last looks: ${flow}`;
  }

  async #carryOut(channel: Channel, changes: readonly Change[]): Promise<Outcome> {
    this.#bundle = (this.#bundle + 1) >>> 0;
    const begin = performance.now();
    const outcome = await carryOut(channel, this.#bundle, changes);
    this.#options.meters.bundled(performance.now() - begin, outcome.done ? 'committed' : 'refused');
    return outcome;
  }

  #reject(desired: DesiredSwitch, { change, fault }: Refusal): void {
    const { owner } = change;
    const reason = describeFault(fault);
    const flow = describeChange(change);
    this.#rejections.add(desired, owner, reason, flow);
    this.#options.log.warn({ dpid: desired.dpid, owner, reason, flow }, 'the switch refused a flow');
    this.#options.changed();
  }

  #say(problem: string | undefined, changed: boolean): void {
    const news = changed || problem !== this.#problem;
    this.#problem = problem;
    if (news) this.#options.changed();
  }
}
