/**
 * Packets that have come for paths that sleep, until they can go on. What it keeps is bounded for each path and in
 * all; the oldest go first. It has no clock and sends nothing.
 */
import type { Dpid, PathId } from '../model/ids.ts';
import type { HandedIn } from '../model/interfaces.ts';

export const WAITING_LIMITS = {
  /** Bytes that are kept for one path, and in all. A packet counts for what it takes to keep it, too. */
  bytesOfOne: 65_536,
  bytesInAll: 16_777_216,
  bytesBesides: 256,
  /** Milliseconds after which nobody waits for an answer to a packet any more. */
  heldMs: 10_000,
} as const;

export type Waiting = Pick<HandedIn, 'dpid' | 'port' | 'frame'>;
type Kept = Waiting & { readonly at: number };
type Entry = {
  kept: Kept[];
  bytes: number;
  /** The path has yet to be told that somebody called. */
  calls: boolean;
  isOverfull: boolean;
  /** The turn of the loop since which the path takes packets in. */
  openSince: number | undefined;
};

const sizeOf = ({ frame }: Waiting): number => frame.byteLength + WAITING_LIMITS.bytesBesides;

export class WaitingRoom {
  readonly #entries = new Map<PathId, Entry>();
  #bytes = 0;
  #dropped = 0;

  /** Paths that packets have come for since they were last said to have woken. */
  get called(): ReadonlySet<PathId> {
    return new Set([...this.#entries].filter(([, { calls }]) => calls).map(([path]) => path));
  }

  get overfull(): ReadonlySet<PathId> {
    return new Set([...this.#entries].filter(([, { isOverfull }]) => isOverfull).map(([path]) => path));
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** When the oldest of all will have waited for too long. */
  get expiresAt(): number | undefined {
    let first: number | undefined;
    for (const { kept } of this.#entries.values()) {
      const at = kept[0]?.at;
      if (at !== undefined && (first === undefined || at < first)) first = at;
    }
    return first === undefined ? undefined : first + WAITING_LIMITS.heldMs;
  }

  /** How many were thrown away since this was last asked. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  /** Somebody wants a path to wake, and goes on without waiting. */
  call(path: PathId): void {
    this.#entry(path).calls = true;
  }

  keep(path: PathId, packet: Waiting, at: number): void {
    const entry = this.#entry(path);
    entry.calls = true;
    entry.kept.push({ ...packet, at });
    entry.bytes += sizeOf(packet);
    this.#bytes += sizeOf(packet);
    while (entry.bytes > WAITING_LIMITS.bytesOfOne) {
      this.#drop(entry);
      entry.isOverfull = true;
    }
    for (const other of this.#entries.values()) {
      while (this.#bytes > WAITING_LIMITS.bytesInAll && other.kept.length > 0) this.#drop(other);
      if (this.#bytes <= WAITING_LIMITS.bytesInAll) break;
    }
  }

  expire(now: number): void {
    for (const [path, entry] of this.#entries) {
      while ((entry.kept[0]?.at ?? now) <= now - WAITING_LIMITS.heldMs) this.#drop(entry);
      if (entry.kept.length > 0) continue;
      entry.isOverfull = false;
      if (!entry.calls) this.#entries.delete(path);
    }
  }

  /**
   * Gives what can go on.
   *
   * @param turn the number of this turn of the loop
   * @param isHeld whether what comes for a path now is handed in
   * @param inForce the last turn of which a switch, and all others that a path is on, are known to hold what they were
   *   told
   */
  release(
    turn: number,
    isHeld: (path: PathId) => boolean,
    inForce: (dpid: Dpid, path: PathId) => number,
  ): ReadonlyMap<Dpid, readonly Waiting[]> {
    const released = new Map<Dpid, Kept[]>();
    for (const [path, entry] of this.#entries) {
      if (isHeld(path)) {
        entry.openSince = undefined;
        continue;
      }
      entry.calls = false;
      entry.openSince ??= turn;
      const { openSince } = entry;
      const [goes, stays] = [true, false].map((is) =>
        entry.kept.filter(({ dpid }) => inForce(dpid, path) >= openSince === is),
      ) as [Kept[], Kept[]];
      for (const packet of goes) {
        const others = released.get(packet.dpid);
        if (others) others.push(packet);
        else released.set(packet.dpid, [packet]);
        entry.bytes -= sizeOf(packet);
        this.#bytes -= sizeOf(packet);
      }
      entry.kept = stays;
      if (stays.length === 0) this.#entries.delete(path);
    }
    return released;
  }

  #entry(path: PathId): Entry {
    const known = this.#entries.get(path);
    if (known) return known;
    const made = { kept: [], bytes: 0, calls: false, isOverfull: false, openSince: undefined };
    this.#entries.set(path, made);
    return made;
  }

  #drop(entry: Entry): void {
    const packet = entry.kept.shift();
    if (!packet) return;
    entry.bytes -= sizeOf(packet);
    this.#bytes -= sizeOf(packet);
    this.#dropped++;
  }
}
