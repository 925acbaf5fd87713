/**
 * Instances on demand, as the loop sees them: which paths are called for and which are idle, and what becomes of
 * the packets that have come for a path that sleeps.
 */
import type { Traffic } from '../compiler/demand.ts';
import { switchesOf } from '../compiler/legs.ts';
import { decodePlace } from '../compiler/metadata.ts';
import { portName } from '../compiler/view.ts';
import type { Declared } from '../model/declared.ts';
import type { DesiredSwitch } from '../model/desired.ts';
import type { Facts } from '../model/facts.ts';
import type { Dpid, Name, PathId } from '../model/ids.ts';
import type { HandedIn, Switches } from '../model/interfaces.ts';
import type { Meters } from '../model/meters.ts';
import { doorOf, type InstanceRecord, type Steering } from '../model/steering.ts';
import { Idleness } from './idleness.ts';
import { WaitingRoom } from './waiting-room.ts';

export type DemandOptions = {
  readonly switches: Pick<Switches, 'counters' | 'countedAt' | 'putBack'>;
  readonly interfacePrefix: string;
  readonly meters: Meters;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
};

/** Digests that a switch was asked to hold and has not confirmed; one that is further behind has to catch up first. */
const ASKED = 256;

export class Demand {
  readonly #options: DemandOptions;
  readonly #room = new WaitingRoom();
  readonly #idleness = new Idleness();
  /** What each switch was asked to hold, and in which turn that began. */
  readonly #asked = new Map<Dpid, { readonly digest: string; readonly turn: number }[]>();
  #turn = 0;
  #idle: ReadonlySet<PathId> = new Set();
  /** When the counts were read that were last looked at. */
  #reading = '';

  constructor(options: DemandOptions) {
    this.#options = options;
  }

  /** Paths that hold as much as they may. */
  get overfull(): ReadonlySet<PathId> {
    return this.#room.overfull;
  }

  /** A switch does not know what to do with a packet. @returns whether that changes anything */
  handedIn({ dpid, port, metadata, frame }: HandedIn, { paths }: Steering): boolean {
    const { path } = decodePlace(metadata);
    const record = paths.get(path);
    if (record?.demand === undefined) return false;
    const isHeld = record.hops.some(({ onDemand }) => onDemand?.firstPacket === 'hold');
    if (isHeld) this.#room.keep(path, { dpid, port, frame }, this.#options.now());
    else this.#room.call(path);
    return true;
  }

  /** Whether paths are to be looked at from time to time. */
  mayDoze(steering: Steering): boolean {
    return this.#idleness.concerns(steering);
  }

  /** Looks for paths that are idle, where there are new counts. @returns whether it has found any */
  lookForIdle(declared: Declared, steering: Steering): boolean {
    const { switches } = this.#options;
    const readAt = switches.countedAt();
    const reading = [...readAt].join();
    if (reading === this.#reading) return false;
    this.#reading = reading;
    const at = (name: Name): number | undefined => {
      const dpid = declared.switches.get(name)?.spec.dpid;
      return dpid === undefined ? undefined : readAt.get(dpid);
    };
    this.#idle = this.#idleness.find(steering, { counted: switches.counters().counted, at });
    return this.#idle.size > 0;
  }

  traffic(declared: Declared, facts: Facts): Traffic {
    const { interfacePrefix, now } = this.#options;
    this.#room.expire(now());
    const idle = this.#idle;
    this.#idle = new Set();
    return {
      called: this.#room.called,
      idle,
      isAttached({ id, switch: name }: InstanceRecord) {
        const dpid = declared.switches.get(name)?.spec.dpid;
        const ports = dpid === undefined ? undefined : facts.switches.get(dpid)?.ports;
        return (['left', 'right'] as const).every((side) => ports?.has(portName(interfacePrefix, id, side)));
      },
    };
  }

  /** After switches were told what they are to hold: what has waited for that goes on. */
  release(
    declared: Declared,
    steering: Steering,
    desired: ReadonlyMap<Dpid, DesiredSwitch>,
    facts: Facts,
  ): void {
    this.#turn++;
    for (const dpid of this.#asked.keys()) if (!desired.has(dpid)) this.#asked.delete(dpid);
    for (const [dpid, { digest }] of desired) {
      const asked = this.#asked.get(dpid) ?? [];
      if (asked.at(-1)?.digest !== digest) asked.push({ digest, turn: this.#turn });
      this.#asked.set(dpid, asked.slice(-ASKED));
    }
    const isHeld = (path: PathId): boolean => {
      const record = steering.paths.get(path);
      return record?.state.phase === 'current' && doorOf(record) !== 'open';
    };
    const inForce = (dpid: Dpid, id: PathId): number => {
      const path = steering.paths.get(id);
      const others = (path ? switchesOf(path) : []).flatMap(
        (name) => declared.switches.get(name)?.spec.dpid ?? [],
      );
      return Math.min(...[dpid, ...others].map((one) => this.#inForce(one, facts)));
    };
    const released = this.#room.release(this.#turn, isHeld, inForce);
    for (const [dpid, packets] of released) this.#options.switches.putBack(dpid, packets);
    const count = [...released.values()].reduce((sum, packets) => sum + packets.length, 0);
    this.#options.meters.held(count, this.#room.takeDropped());
  }

  /** When to look again although nothing happens. */
  get nextDeadline(): number | undefined {
    return this.#room.expiresAt;
  }

  /** The last turn of which a switch holds what it was told. */
  #inForce(dpid: Dpid, facts: Facts): number {
    const applied = facts.switches.get(dpid)?.applied?.digest;
    const asked = this.#asked.get(dpid) ?? [];
    const at = asked.findLastIndex(({ digest }) => digest === applied);
    if (at < 0) return Number.NEGATIVE_INFINITY;
    const next = asked[at + 1];
    return next === undefined ? this.#turn : next.turn - 1;
  }
}
