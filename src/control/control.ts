/**
 * The control loop: read what is declared and what is so, decide, compile, hand on what is wanted, say what
 * the state is. It is level-triggered: a wake-up says only "look again", so one that is lost or doubled does
 * no harm.
 */
import type { WarmPool } from '../compiler/blanks.ts';
import { type Compiled, Compiler } from '../compiler/compile.ts';
import { type ExplainedSwitch, explain } from '../compiler/explain.ts';
import { type AnyFlow, FlowTables } from '../compiler/packets/flow-table.ts';
import { nextDeadline, planSteering } from '../compiler/plan.ts';
import { Topology } from '../compiler/route.ts';
import { type LinkKey, linkKey, NO_TREE, nextTree } from '../compiler/tree.ts';
import { type CompileInput, edgesOf } from '../compiler/view.ts';
import type { AuditReport } from '../model/audit-report.ts';
import type { Declared, FunctionSpec, Stored } from '../model/declared.ts';
import type { DesiredSwitch } from '../model/desired.ts';
import { ChainstitchError } from '../model/errors.ts';
import type { ExplainSource } from '../model/explain.ts';
import type { Facts, LinkEnd, SwitchFact } from '../model/facts.ts';
import type { Dpid, Name, PathId } from '../model/ids.ts';
import type {
  HandedIn,
  Instances,
  InstanceView,
  Introspection,
  Store,
  Switches,
  Wake,
} from '../model/interfaces.ts';
import { type Meters, UNMETERED } from '../model/meters.ts';
import type { ChainStatus } from '../model/status.ts';
import { type Steering, sleepersOf } from '../model/steering.ts';
import { runAudit } from './audit.ts';
import { type CountersInput, chainCounters, subscriberCounters } from './counters.ts';
import { Demand } from './demand.ts';
import { withExternal } from './external.ts';
import { confirmedPaths, installation, leftPaths } from './installed.ts';
import { chainFlows, remainsOf } from './made.ts';
import { newsOf, type Seen, see } from './news.ts';
import { Rejections } from './rejections.ts';
import { chainStatus } from './status.ts';
import { type Tables, tablesOf } from './tables.ts';
import { whatIf } from './what-if.ts';

export type ControlOptions = {
  readonly store: Store;
  readonly switches: Switches;
  readonly instances: Instances;
  readonly builtIns: readonly FunctionSpec[];
  readonly interfacePrefix: string;
  /** How many instances of which function are booted before they are needed; by default none. */
  readonly warmPool?: WarmPool;
  /** Milliseconds that an old path stays in place for what is under way on it. */
  readonly drainTime: number;
  /**
   * Milliseconds after the start within which instances of an earlier run may be found again. Until they are,
   * no switch is touched: what is not known yet must not look like what is not there.
   */
  readonly settleTime: number;
  readonly clock: Clock;
  readonly log: ControlLog;
  readonly meters?: Meters;
};

/** Milliseconds since the epoch, and one-shot timers. */
export interface Clock {
  now(): number;
  after(ms: number, then: () => void): { cancel(): void };
}
export interface ControlLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface Control extends Introspection {
  readonly wake: Wake;
  /** Takes a packet that a switch has for a path that sleeps. */
  handedIn(packet: HandedIn): void;
  /** What every switch was last asked to hold. */
  desired(): readonly DesiredSwitch[];
  close(): void;
}

/** A rest after a turn is as long as the turn, if it is worth it, and no longer than this. */
const MIN_REST_MS = 10;
const MAX_REST_MS = 1_000;

/** Time until the store is tried again after it could not be written. */
const STORE_RETRY_MS = 1_000;
/** Between two looks for paths that may sleep. */
const IDLE_LOOK_MS = 1_000;
/** Milliseconds after which an audit looks again at a switch that is being changed. */
const AUDIT_PAUSE_MS = 100;

export function createControl(options: ControlOptions): Control {
  const { store, switches, instances, clock, log, meters = UNMETERED } = options;
  const declaredWithBuiltIns = mergeBuiltIns(options.builtIns);
  const compiler = new Compiler();
  const rejections = new Rejections();
  const { interfacePrefix, warmPool = new Map() } = options;
  const demand = new Demand({ switches, interfacePrefix, meters, now: () => clock.now() });
  const lastActive = new Map<number, number>();
  const waiters = new Set<() => void>();
  const settleBy = clock.now() + options.settleTime;

  let compiled: Compiled = { switches: new Map(), instances: [] };
  let compiledFrom: CompileInput | undefined;
  let desired = new Map<Dpid, Tables>();
  /** The paths that have flows in `desired`. */
  let compiledPaths: ReadonlySet<PathId> = new Set();
  /** Switches whose links were known once. */
  const known = new Set<Dpid>();
  let tree = NO_TREE;
  const guarded = new Set<LinkKey>();
  let statuses: ReadonlyMap<Name, ChainStatus> = new Map();
  /** What was told last; undefined until there is something to compare with. */
  let seen: Seen | undefined;
  let observedRevision = -1;
  let settled = false;
  let turned = false;
  let toldRevision: number | undefined;
  let scheduled = false;
  let rest = 0;
  let closed = false;
  let timer: { cancel(): void } | undefined;
  let idling: { cancel(): void } | undefined;
  /** Whoever asks while one is under way has its report. */
  let auditing: Promise<AuditReport> | undefined;
  let lastAudit: AuditReport | undefined;

  const countersInput = (): CountersInput => {
    const { counted, at } = switches.counters();
    return { declared: store.declared(), steering: store.steering(), counted, at };
  };

  const readFacts = (): Facts => {
    const found = switches.facts();
    const all = withExternal(instances.facts(), store.steering(), store.declared(), found);
    return { switches: found, instances: all, links: switches.links() };
  };

  /** What a switch does with packets; undefined where that is not known. */
  async function explained(
    at: Name,
    declared: Declared,
    source: ExplainSource,
  ): Promise<ExplainedSwitch | undefined> {
    const dpid = declared.switches.get(at)?.spec.dpid;
    const fact = dpid && switches.facts().get(dpid);
    const { flows, groups } = (dpid && compiled.switches.get(dpid)) ?? {};
    if (!fact || !flows) return undefined;
    const held = source === 'switch' ? await switches.read(fact.dpid) : undefined;
    return {
      tables: new FlowTables<AnyFlow>(held?.flows ?? flows, held?.groups ?? groups),
      ports: fact.ports,
    };
  }

  /** What an earlier run left must have been found, or have had its time, before a switch is touched. */
  function isSettled(facts: Facts, steering: Steering): boolean {
    return (
      clock.now() >= settleBy ||
      [...steering.instances.values()].every(({ id, external }) => {
        if (external || sleepersOf(steering).has(id)) return true;
        const phase = facts.instances.get(id)?.phase;
        return phase === 'ready' || phase === 'backoff' || phase === 'waiting';
      })
    );
  }

  function manage(declared: Declared, steering: Steering): void {
    switches.manage(
      [...declared.switches.values()].map(({ spec: { name, dpid, ovsdb } }) => ({
        dpid,
        ovsdb,
        edges: edgesOf({ declared, steering, interfacePrefix }, name),
      })),
    );
  }

  /**
   * A switch that an earlier run has filled is left alone until its links are known again: a link that is not
   * known yet must not look like one that is lost, nor its port like an open one.
   */
  function isKnown({ dpid, connection, discovery }: SwitchFact): boolean {
    if (connection === 'connected' && discovery !== 'asking' && discovery !== 'listening') known.add(dpid);
    return known.has(dpid);
  }

  /** Links whose ports a switch has confirmed, since they were found, to be kept from tagged frames of others. */
  function guardedLinks(facts: Facts): ReadonlySet<LinkKey> {
    const keys = new Set(facts.links.map(linkKey));
    for (const key of guarded) if (!keys.has(key)) guarded.delete(key);
    for (const link of facts.links)
      if ([link.a, link.b].every((end) => isGuarded(facts, end))) guarded.add(linkKey(link));
    return guarded;
  }

  function isGuarded(facts: Facts, { dpid, port }: LinkEnd): boolean {
    const ofport = facts.switches.get(dpid)?.ports.get(port)?.ofport;
    const isolation = ofport === undefined ? undefined : desired.get(dpid)?.isolated.get(ofport);
    return isolation !== undefined && isolation !== 'none' && isInForce(facts, dpid);
  }

  /** Whether a switch has confirmed all that was wanted of it last. */
  function isInForce(facts: Facts, dpid: Dpid): boolean {
    const wanted = desired.get(dpid)?.digest;
    return wanted !== undefined && facts.switches.get(dpid)?.applied?.digest === wanted;
  }

  function step(): void {
    const begin = performance.now();
    const declared = declaredWithBuiltIns(store.declared());
    const before = store.steering();
    // Before the facts are read: they say which of the ports that are no edges listen.
    manage(declared, before);
    const facts = readFacts();
    const isInstalled = installation(declared, facts, desired);
    const confirmed = confirmedPaths(before, compiledPaths, isInstalled);
    rejections.observe(facts, before, confirmed, desired);
    settled ||= isSettled(facts, before);

    const fit = guardedLinks(facts);
    const topology = new Topology({ declared, facts, isGuarded: (link) => fit.has(linkKey(link)) });
    const now = clock.now();
    const steering = planSteering({
      declared,
      steering: before,
      instances: facts.instances,
      settled,
      confirmed,
      left: leftPaths(before, declared, isInstalled),
      now,
      drainTime: options.drainTime,
      traffic: demand.traffic(declared, facts),
      topology,
    });
    if (steering !== before) {
      store.saveSteering(steering);
      manage(declared, steering);
    }
    rejections.retain(steering, declared);

    const rejected = rejections.paths();
    // What no switch was told of needs no care.
    const told = desired.size === 0 ? NO_TREE : tree;
    tree = nextTree(told, facts.links, ({ a, b }) => [a, b].some(({ dpid }) => isInForce(facts, dpid)));
    const compileBegin = performance.now();
    const { overfull } = demand;
    compiledFrom = { declared, steering, facts, interfacePrefix, rejected, tree, overfull, warmPool };
    compiled = compiler.compile(compiledFrom);
    const compileTook = performance.now() - compileBegin;
    instances.want(compiled.instances, sleepersOf(steering));
    if (settled) {
      const { revision } = declared;
      const desiredBefore = desired;
      const knownSwitches = [...facts.switches.values()].filter(isKnown);
      const wanted = knownSwitches.flatMap(({ dpid }) => compiled.switches.get(dpid) ?? []);
      desired = new Map(wanted.map((of) => [of.dpid, tablesOf(of, revision, desiredBefore.get(of.dpid))]));
      tellCompiled(revision, desiredBefore);
      compiledPaths = new Set([...steering.paths.keys()].filter((id) => !rejected.has(id)));
      switches.want([...desired.values()]);
      demand.release(declared, steering, desired, facts);
      switches.retainCounters(new Set(steering.owners.values()));
    }
    publish(declared, steering, facts, topology);
    arm(steering, now);
    turned = true;
    meters.turned({ all: performance.now() - begin, compile: compileTook });
  }

  /** One line for each revision, so that the log leads from a request to what it changed on which switch. */
  function tellCompiled(revision: number, before: ReadonlyMap<Dpid, DesiredSwitch>): void {
    if (revision === toldRevision) return;
    toldRevision = revision;
    const changed = [...desired.values()].filter(({ dpid, digest }) => before.get(dpid)?.digest !== digest);
    log.info({ storeRevision: revision, switches: changed.map(({ dpid }) => dpid) }, 'compiled');
  }

  function publish(declared: Declared, steering: Steering, facts: Facts, topology: Topology): void {
    const next = new Map<Name, ChainStatus>();
    const isInstalled = installation(declared, facts, desired);
    const reasons = rejections.reasons();
    for (const chain of declared.chains.values()) {
      const status = chainStatus(chain, {
        declared,
        steering,
        facts,
        topology,
        installed: isInstalled,
        rejected: reasons,
        lastActive: lastActive.get(chain.uid),
      });
      if (status.phase === 'active') lastActive.set(chain.uid, chain.generation);
      report(chain, statuses.get(chain.spec.name), status);
      next.set(chain.spec.name, status);
    }
    const live = new Set([...declared.chains.values()].map(({ uid }) => uid));
    for (const uid of lastActive.keys()) if (!live.has(uid)) lastActive.delete(uid);
    statuses = next;
    observedRevision = declared.revision;
    tell(see(declared, next, facts));
    for (const resolve of waiters) resolve();
    waiters.clear();
  }

  function tell(now: Seen): void {
    const news = seen === undefined ? [] : newsOf(seen, now);
    seen = now;
    if (news.length > 0) store.journal.observe(news);
  }

  function report(chain: Stored<'chains'>, before: ChainStatus | undefined, now: ChainStatus): void {
    if (before?.phase === now.phase && before.observedGeneration === now.observedGeneration) return;
    const problem = now.conditions.find((condition) => !condition.status);
    const fields = { chain: chain.spec.name, phase: now.phase, generation: now.observedGeneration };
    if (now.phase === 'rejected') log.warn({ ...fields, problem: problem?.message }, 'chain rejected');
    else log.info({ ...fields, ...(problem ? { problem: problem.message } : {}) }, `chain ${now.phase}`);
  }

  function arm(steering: Steering, planned: number): void {
    timer?.cancel();
    timer = undefined;
    const deadlines = [
      nextDeadline(steering, planned),
      demand.nextDeadline,
      settled ? undefined : settleBy,
    ].filter((at) => at !== undefined);
    if (idling === undefined && demand.mayDoze(steering)) idling = clock.after(IDLE_LOOK_MS, lookForIdle);
    if (deadlines.length === 0) return;
    timer = clock.after(Math.max(0, Math.min(...deadlines) - clock.now()), wake);
  }

  /** A turn of the loop is taken only where it finds something: there may be a great many paths. */
  function lookForIdle(): void {
    idling = undefined;
    const steering = store.steering();
    if (closed || !demand.mayDoze(steering)) return;
    if (demand.lookForIdle(store.declared(), steering)) wake();
    else idling = clock.after(IDLE_LOOK_MS, lookForIdle);
  }

  /** A store that cannot be written, as when the disk is full, stops nothing: what is in force stays. */
  function attempt(): void {
    try {
      step();
    } catch (error) {
      if (!(error instanceof ChainstitchError) || error.code !== 'store-unusable') throw error;
      log.warn({ err: error }, 'the store cannot be written; the network stays as it is until it can');
      timer?.cancel();
      timer = clock.after(STORE_RETRY_MS, wake);
    }
  }

  function wake(): void {
    if (scheduled || closed) return;
    scheduled = true;
    const turn = (): void => {
      scheduled = false;
      if (closed) return;
      const begin = clock.now();
      attempt();
      rest = Math.min(clock.now() - begin, MAX_REST_MS);
    };
    // A turn that took long, because there is much, is followed by as much time for all others in this process.
    if (rest < MIN_REST_MS) setImmediate(turn);
    else clock.after(rest, turn);
  }

  return {
    wake,
    handedIn(packet) {
      if (demand.handedIn(packet, store.steering())) wake();
    },
    desired: () => [...desired.values()],
    chainStatus: (name) => statuses.get(name),
    observedRevision: () => observedRevision,
    chainFlows: (uid) => chainFlows(uid, store, [...desired.values()], switches.facts()),
    remains: (uid) => remainsOf(uid, store.steering()),
    switchFacts: () => switches.facts(),
    links: () => switches.links(),
    instances(): readonly InstanceView[] {
      const facts = readFacts().instances;
      const sleepers = sleepersOf(store.steering());
      return [...store.steering().instances.values()].map((record) => ({
        record,
        fact: facts.get(record.id),
        sleeps: sleepers.has(record.id),
      }));
    },
    instanceCounters: (id) => instances.counters(id),
    async explain(query, source) {
      const declared = declaredWithBuiltIns(store.declared());
      if (!declared.switches.has(query.switch))
        throw new ChainstitchError('not-found', `There is no switch ${query.switch}.`);
      const { interfacePrefix } = options;
      const answer = explain({
        query,
        links: switches.links(),
        declared,
        steering: store.steering(),
        interfacePrefix,
      });
      let next = answer.next();
      while (!next.done) next = answer.next(await explained(next.value, declared, source));
      return next.value;
    },
    chainCounters: (name) => chainCounters(name, countersInput()),
    subscriberCounters: (name) => subscriberCounters(name, countersInput()),
    audit() {
      auditing ??= runAudit({
        switches,
        input: () => compiledFrom,
        inForce: (dpid) => (isInForce(readFacts(), dpid) ? desired.get(dpid)?.digest : undefined),
        pause: () => new Promise((resolve) => void clock.after(AUDIT_PAUSE_MS, resolve)),
        now: () => clock.now(),
      })
        .then((report) => {
          lastAudit = report;
          const { result, findings, more } = report;
          const fields = { result, findings: findings.length + more };
          if (result === 'violated')
            log.warn({ ...fields, first: findings[0]?.detail }, 'the audit found something');
          else log.info(fields, 'audited');
          return report;
        })
        .finally(() => {
          auditing = undefined;
        });
      return auditing;
    },
    lastAudit: () => lastAudit,
    async reconcile(name) {
      const spec = store.declared().switches.get(name)?.spec;
      if (!spec) throw new ChainstitchError('not-found', `There is no switch ${name}.`);
      rejections.forget(name, store.steering());
      step();
      // What comes of it is in the facts, and wakes the loop by itself.
      return switches.reconcile(spec.dpid);
    },
    whatIf: (next) =>
      whatIf({
        now: declaredWithBuiltIns(store.declared()),
        next: declaredWithBuiltIns(next),
        steering: store.steering(),
        facts: readFacts(),
        interfacePrefix,
        tree,
      }),
    unready() {
      if (!turned) return ['the control loop has not turned yet'];
      return settled ? [] : ['instances of an earlier run are being looked for; no switch is touched before'];
    },
    changed(signal) {
      return new Promise((resolve) => {
        const done = (): void => {
          waiters.delete(done);
          signal.removeEventListener('abort', done);
          resolve();
        };
        if (signal.aborted) return resolve();
        waiters.add(done);
        signal.addEventListener('abort', done, { once: true });
      });
    },
    close() {
      closed = true;
      timer?.cancel();
      idling?.cancel();
    },
  };
}

/** Functions that come with the product stand beside the declared ones; the result is kept per revision. */
function mergeBuiltIns(builtIns: readonly FunctionSpec[]): (declared: Declared) => Declared {
  const epoch = new Date(0).toISOString();
  const own = builtIns.map((spec): [Name, Stored<'functions'>] => [
    spec.name,
    { kind: 'functions', uid: 0, generation: 1, createdAt: epoch, updatedAt: epoch, spec },
  ]);
  let last: { from: Declared; merged: Declared } | undefined;
  return (declared) => {
    if (last?.from === declared) return last.merged;
    const isSame = last?.from.functions === declared.functions;
    const functions =
      last !== undefined && isSame ? last.merged.functions : new Map([...declared.functions, ...own]);
    last = { from: declared, merged: { ...declared, functions } };
    return last.merged;
  };
}
