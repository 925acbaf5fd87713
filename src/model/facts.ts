/**
 * What is so. Southbound and nf are the only writers; everyone else reads a snapshot.
 */

import type { Isolation, JsonObject } from './declared.ts';
import type { Dpid, InstanceId, Mac, OfPort, OwnerId } from './ids.ts';

export type PortFact = {
  readonly name: string;
  readonly ofport: OfPort;
  readonly mac: Mac;
  readonly linkUp: boolean;
  /**
   * It is not known yet whether another of our switches is behind this port. Until it is, what the port sends
   * is not switched: it might close a ring.
   */
  readonly listening?: true;
  /** Bytes of the largest Ethernet payload, without tags, as OVSDB says; absent where it says nothing. */
  readonly mtu?: number;
};

/** A port of a switch, by the name that the switch gives it. */
export type LinkEnd = { readonly dpid: Dpid; readonly port: string };

/**
 * Two ports that are joined, `a` before `b` by datapath id and name.
 *
 * - `up`: seen in both directions, with nothing else at either port
 * - `stale`: it was, and an end cannot be heard since, for its switch is away or flooded; it may still forward
 * - `oneWay`: seen in one direction only, or one of several at a port: fit for no path, and a way for a loop
 */
export type LinkFact = {
  readonly a: LinkEnd;
  readonly b: LinkEnd;
  readonly state: 'up' | 'stale' | 'oneWay';
  /** Milliseconds since the epoch: when it was first seen in both directions, or at all. */
  readonly since: number;
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
  /** Whose flows are in it, by the digests of them; those that the switch refused are not named. */
  readonly owners: ReadonlyMap<OwnerId, string>;
  /** Digests of all that is needed for each owner, whether it was refused or not. */
  readonly needs: ReadonlyMap<OwnerId, string>;
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
  /**
   * How far the search for its links is; absent where none are looked for.
   *
   * - `asking`: whether an earlier run has prepared the switch for it is not known yet
   * - `idle`: the switch is not prepared for it before our flows are in it
   * - `listening`: at some port a link may still turn up
   * - `done`: what is not in the links by now is none
   */
  readonly discovery?: 'asking' | 'idle' | 'listening' | 'done';
  /** Why the switch is not as wanted, where that is known: a remedy for the operator. */
  readonly problem?: string;
};

/** `waiting`: for room on its host. */
export const INSTANCE_PHASES = ['waiting', 'starting', 'ready', 'backoff', 'stopping'] as const;
export type InstancePhase = (typeof INSTANCE_PHASES)[number];

export type InstanceFact = {
  readonly id: InstanceId;
  readonly phase: InstancePhase;
  /** Revision of the configuration that the guest has confirmed; absent until it is ready. */
  readonly revision?: number;
  /** Names of the switch ports at the subscriber's side and at the uplink's side. */
  readonly ports: { readonly left: string; readonly right: string };
  /** What its guest is kept in. */
  readonly isolation?: Isolation;
  /** What a virtual machine runs on: the processor, or an emulation of it. */
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
  readonly links: readonly LinkFact[];
};
