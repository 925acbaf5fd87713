import type { DesiredSwitch } from '../../model/desired.ts';
import type { Rejection } from '../../model/facts.ts';
import type { OwnerId } from '../../model/ids.ts';

/** Stands for the digest of an owner that has no flows any more. */
const GONE = '';
/** Looks until refused flows are tried again as they are: a full table, say, may have room by then. */
const LOOKS_APART = 12;

type Entry = { readonly rejection: Rejection; looks: number };

/**
 * Whose flows a switch refused. All changes of such an owner are left out, so that one poisonous flow does
 * not hold up the others.
 */
export class Rejections {
  readonly #entries = new Map<OwnerId, Entry>();

  get all(): readonly Rejection[] {
    return [...this.#entries.values()].map(({ rejection }) => rejection);
  }

  has(owner: OwnerId): boolean {
    return this.#entries.has(owner);
  }

  clear(): void {
    this.#entries.clear();
  }

  /** Forgets those whose flows are others now than those that were refused. */
  pardon(desired: DesiredSwitch | undefined): void {
    for (const [owner, { rejection }] of this.#entries)
      if ((desired?.owners.get(owner) ?? GONE) !== rejection.digest) this.#entries.delete(owner);
  }

  /** Whose changes are to be left out at this look; the others that are here have another try. */
  atThisLook(): Set<OwnerId> {
    const leftOut = new Set<OwnerId>();
    for (const [owner, entry] of this.#entries) {
      if (--entry.looks > 0) leftOut.add(owner);
      else entry.looks = LOOKS_APART;
    }
    return leftOut;
  }

  add(desired: DesiredSwitch, owner: OwnerId, reason: string, flow: string): void {
    const digest = desired.owners.get(owner) ?? GONE;
    this.#entries.set(owner, { rejection: { owner, digest, reason, flow }, looks: LOOKS_APART });
  }

  /** All but these are in the switch now. */
  keep(leftOut: ReadonlySet<OwnerId>): void {
    for (const owner of this.#entries.keys()) if (!leftOut.has(owner)) this.#entries.delete(owner);
  }
}
