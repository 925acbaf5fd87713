/**
 * What the parts need of one another. main.ts joins each to the part that implements it.
 */

import type { AuditReport } from './audit-report.ts';
import type { ChainCounters, Counted, SubscriberCounters } from './counters.ts';
import type { Declared } from './declared.ts';
import type { DesiredSwitch, SwitchContent, WantedInstance } from './desired.ts';
import type { ExplainQuery, ExplainSource, Explanation } from './explain.ts';
import type { InstanceCounters, InstanceFact, LinkFact, Reconciled, SwitchFact } from './facts.ts';
import type { Dpid, InstanceId, Name, OfPort, OwnerId, PathId } from './ids.ts';
import type { Plan } from './plan.ts';
import type { ChainStatus, ShownPhase } from './status.ts';
import type { InstanceRecord, PathState } from './steering.ts';

export type { Store } from './store.ts';

/** Says that something changed, not what: whoever is woken reads again. Losing or doubling a call is harmless. */
export type Wake = () => void;

/** A packet that a flow of ours has handed to the controller, as it was when it met that flow. */
export type HandedIn = {
  readonly dpid: Dpid;
  /** The port that it came in at. */
  readonly port: OfPort;
  readonly metadata: bigint;
  /** All of it, or its beginning where the flow says so. */
  readonly frame: Uint8Array;
};

/** The switches as southbound sees and keeps them. */
export interface Switches {
  facts(): ReadonlyMap<Dpid, SwitchFact>;
  /**
   * The whole of what is wanted, replacing what was wanted before. Southbound reads each switch, repairs the
   * difference and goes on doing so; what it reached is in `facts`. A switch that is not named is left alone.
   */
  want(switches: readonly DesiredSwitch[]): void;
  /**
   * Reads the switch now, tries again what it refused before, and repairs the difference.
   * @throws ChainstitchError `switch-not-connected`, `switch-failed`
   */
  reconcile(dpid: Dpid): Promise<Reconciled>;
  /**
   * Sends packets through the tables of a switch once more, in this order, each from the port that it came in at.
   * They are lost if the switch is not connected, or has lost the port.
   */
  putBack(dpid: Dpid, packets: readonly Pick<HandedIn, 'port' | 'frame'>[]): void;
  /** What the flows of all switches have counted, and when that was read last. */
  counters(): { readonly counted: readonly Counted[]; readonly at?: string };
  /** When the counters of each switch were read last, in milliseconds since the epoch. */
  countedAt(): ReadonlyMap<Dpid, number>;
  /** Forgets the counters of chains other than these. */
  retainCounters(owners: ReadonlySet<OwnerId>): void;
  /** Everything that the switch holds now. @throws ChainstitchError `switch-not-connected`, `switch-failed` */
  read(dpid: Dpid): Promise<SwitchContent>;
  /**
   * The links between switches that are managed. A switch that is not connected takes nothing away: what it
   * forwards goes on.
   */
  links(): readonly LinkFact[];
  /** The switches to take care of: fail mode and controller target by OVSDB, and the links between them. */
  manage(switches: readonly ManagedSwitch[]): void;
}
export type ManagedBridge = { readonly dpid: Dpid; readonly ovsdb: string };
/** Names of ports. */
export type Edges = { has(port: string): boolean };
export type ManagedSwitch = ManagedBridge & {
  /**
   * Names of the ports where no switch of ours is: those of subscribers, uplinks and instances. Links are
   * looked for at all others; where this is absent, at none.
   */
  readonly edges?: Edges;
};

/** Puts the ports of instances on bridges. Implemented by southbound with OVSDB, used by nf. */
export interface BridgePorts {
  /**
   * Adds existing network devices as ports, all in one transaction, isolated from NORMAL's flooding; a port
   * that is there already is left as it is. Resolves when the switch has given every port a number.
   */
  add(bridge: ManagedBridge, devices: readonly string[], owner: InstanceId): Promise<void>;
  /** Removes ports that `add` made; one that is gone already is no error. */
  remove(bridge: ManagedBridge, devices: readonly string[]): Promise<void>;
  /**
   * Whether frames that the switch puts into either of these two comes out of the other, as it last found;
   * undefined where that is not known.
   */
  passes(bridge: ManagedBridge, devices: readonly string[]): boolean | undefined;
  /** Names of the ports on this bridge that `add` made, by any run of this controller. */
  list(bridge: ManagedBridge): Promise<readonly string[]>;
}

/** The instances as nf sees and keeps them. */
export interface Instances {
  facts(): ReadonlyMap<InstanceId, InstanceFact>;
  /**
   * The whole of what is wanted, replacing what was wanted before; everything else of ours is stopped. Of those that
   * sleep, what their guests have saved is kept for the next ones.
   */
  want(instances: readonly WantedInstance[], sleeping?: ReadonlySet<InstanceId>): void;
  /** Asks the guest now. @throws ChainstitchError `instance-not-ready` */
  counters(id: InstanceId): Promise<InstanceCounters>;
}

/** What northbound may ask of control. */
export interface Introspection {
  chainStatus(name: Name): ChainStatus | undefined;
  /** Of the snapshot that the statuses speak of; -1 until there is one. */
  observedRevision(): number;
  /** The flows that were last asked for, of the chain with this uid, switch by switch. */
  chainFlows(uid: number): readonly ChainFlows[];
  /** The paths that there still are of a chain that may have been deleted. */
  remains(uid: number): readonly RemainingPath[];
  switchFacts(): ReadonlyMap<Dpid, SwitchFact>;
  links(): readonly LinkFact[];
  instances(): readonly InstanceView[];
  instanceCounters(id: InstanceId): Promise<InstanceCounters>;
  /** @throws ChainstitchError `not-found`, `switch-not-connected`, `switch-failed` */
  explain(query: ExplainQuery, source: ExplainSource): Promise<Explanation>;
  /** As of the last look at each switch; undefined where there is no such object. */
  chainCounters(name: Name): ChainCounters | undefined;
  subscriberCounters(name: Name): SubscriberCounters | undefined;
  /** Proves promise 1, no bypass, on what the switches hold now; one at a time. */
  audit(): Promise<AuditReport>;
  /** The last report of this run. */
  lastAudit(): AuditReport | undefined;
  /**
   * Compares a switch with what it is to hold, now, and repairs the difference. Chains that it rejected are
   * tried once more. @throws ChainstitchError `not-found`, `switch-not-connected`, `switch-failed`
   */
  reconcile(name: Name): Promise<Reconciled>;
  /** What would come of it if this were declared. Nothing is changed by asking. */
  whatIf(declared: Declared): Plan;
  /** Why declared objects are not acted on yet; empty where they are. */
  unready(): readonly string[];
  /** Resolves with the next change of any status, or when the signal aborts. */
  changed(signal: AbortSignal): Promise<void>;
}
export type ChainFlows = {
  readonly switch: Name;
  /** Whether the switch has answered the barrier behind them. */
  readonly confirmed: boolean;
  /** In ovs-ofctl syntax. */
  readonly flows: readonly string[];
};
export type RemainingPath = {
  readonly path: PathId;
  readonly switch: Name;
  readonly phase: PathState['phase'];
  readonly instances: readonly InstanceId[];
};
export type InstanceView = {
  readonly record: InstanceRecord;
  readonly fact: InstanceFact | undefined;
  /** Whether it is on demand and nobody demands it. */
  readonly sleeps: boolean;
};
/** One that is being stopped, or booted for whoever may need one, is told as that although it sleeps. */
export const shownPhase = ({ fact, sleeps }: Omit<InstanceView, 'record'>): ShownPhase =>
  sleeps && (fact === undefined || fact.phase === 'ready' || fact.phase === 'waiting')
    ? 'asleep'
    : (fact?.phase ?? 'unknown');

/** What one side of TLS shows and whom it believes, as PEM. */
export type TlsMaterial = {
  readonly cert: string;
  readonly key: string;
  /** Certificates of authorities; where the other side has to show a certificate, one of them has signed it. */
  readonly ca?: string;
};

/** Certificates that may be renewed while they are in use. Implemented by src/tls. */
export interface TlsCredentials {
  current(): TlsMaterial;
  /** Calls when `current` gives something else. What is connected stays connected. */
  onChange(listener: () => void): void;
}
