/**
 * What is so. Southbound and nf are the only writers; everyone else reads a snapshot.
 */

import type { JsonObject } from './declared.ts';
import type { Dpid, InstanceId, Mac, OfPort, OwnerId } from './ids.ts';

export type PortFact = {
  readonly name: string;
  readonly ofport: OfPort;
  readonly mac: Mac;
  readonly linkUp: boolean;
};

/** A flow that the switch refused, traced to whom it belongs. */
export type Rejection = {
  readonly owner: OwnerId;
  /** The digest of the owner's flows that were refused; other flows of the same owner may do better. */
  readonly digest: string;
  /** OpenFlow's own name of the error, as in `OFPBAC_BAD_OUT_PORT`. */
  readonly reason: string;
  /** The refused flow, or group, in ovs-ofctl syntax. */
  readonly flow: string;
};

/** What one comparison of a switch with what it is to hold came to. */
export type Reconciled = {
  /** Flows and groups that were put in, changed or taken out. */
  readonly changes: number;
  readonly rejections: readonly Rejection[];
};

/** What the switch has confirmed by a barrier. */
export type Applied = {
  readonly digest: string;
  readonly owners: ReadonlyMap<OwnerId, string>;
};

export type SwitchFact = {
  readonly dpid: Dpid;
  /** `connected` only once the ports have been read. */
  readonly connection: 'connected' | 'disconnected';
  readonly protocol?: 'OpenFlow 1.3' | 'OpenFlow 1.5';
  readonly ports: ReadonlyMap<string, PortFact>;
  /** Absent until a first barrier was answered on this connection. */
  readonly applied?: Applied;
  readonly rejections: readonly Rejection[];
  /** Why the switch is not as wanted, where that is known: a remedy for the operator. */
  readonly problem?: string;
};

export type InstancePhase = 'starting' | 'ready' | 'backoff' | 'stopping';

export type InstanceFact = {
  readonly id: InstanceId;
  readonly phase: InstancePhase;
  /** Revision of the configuration that the guest has confirmed; absent until it is ready. */
  readonly revision?: number;
  /** Names of the switch ports at the subscriber's side and at the uplink's side. */
  readonly ports: { readonly left: string; readonly right: string };
  readonly accelerator?: 'kvm' | 'tcg';
  readonly pid?: number;
  /** Times that it was started again after it had died. */
  readonly restarts: number;
  /** Why it is not ready, or why a configuration was refused. */
  readonly problem?: string;
};

/** What one side of an instance has seen, counted by the guest since it booted. */
export type InterfaceCounters = {
  readonly rxPackets: number;
  readonly rxBytes: number;
  readonly txPackets: number;
  readonly txBytes: number;
  /** Came in from there and went nowhere, because the function said so. */
  readonly dropped: number;
  /** Were to go out to there and could not: too many were on their way. */
  readonly lost: number;
};
export type InstanceCounters = {
  readonly left: InterfaceCounters;
  readonly right: InterfaceCounters;
  /** Numbers of the function's own, as its page in docs/ names them. */
  readonly function: JsonObject;
};

export type Facts = {
  readonly switches: ReadonlyMap<Dpid, SwitchFact>;
  readonly instances: ReadonlyMap<InstanceId, InstanceFact>;
};
