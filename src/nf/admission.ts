/**
 * Which instances may run with what there is for them on this host. Pure.
 *
 * Who has a place keeps it until it is removed, also between its guests, so nobody is stopped for another: but a blank,
 * which nobody uses yet, gives way. Who waits is let in in order. No small one overtakes a large one, which would
 * wait for ever; one that does not fit into the whole waits aside.
 */
import type { Isolation, OwnFunctionSpec } from '../model/declared.ts';
import type { InstanceId } from '../model/ids.ts';

/** What instances may have together: memory, and places on the cores, of which each takes one. */
export type Room = { readonly memoryMiB: number; readonly instances: number };

export const UNBOUNDED: Room = {
  memoryMiB: Number.POSITIVE_INFINITY,
  instances: Number.POSITIVE_INFINITY,
};

export type Claim = {
  readonly id: InstanceId;
  readonly memoryMiB: number;
  /** `leaves`: it has a place, and is on its way out of it. */
  readonly standing: 'asks' | 'holds' | 'leaves';
  /** Booted for whoever may need it. */
  readonly isBlank: boolean;
};

export type Verdict = {
  readonly admitted: readonly InstanceId[];
  /** Why others that ask have to wait, and what would help. Those that are in neither have a place in a moment. */
  readonly waiting: ReadonlyMap<InstanceId, string>;
  /** Blanks whose places are needed. */
  readonly givingWay: readonly InstanceId[];
};

/**
 * What runs a guest besides the memory that it is given, in MiB: a single virtual machine of ours has some 40
 * altogether, a process less than one (docs/benchmarks.md), and the machine of somebody else's kernel has more devices.
 */
const OVERHEAD_MIB = { process: 1, vm: 32, foreign: 64 } as const;

/** The memory that one instance is counted with: all that its guest may ever touch. */
export const memoryOf = ({ memoryMiB, boot }: OwnFunctionSpec, isolation: Isolation): number =>
  memoryMiB + OVERHEAD_MIB[boot ? 'foreign' : isolation];

/**
 * The memory that the kernel lets one have at most: pages of its image and of shared libraries are charged to whoever
 * touches them first, so it is more than what one is counted with.
 */
export const allowanceOf = (spec: OwnFunctionSpec, isolation: Isolation): number =>
  memoryOf(spec, isolation) + SHARED_MIB[isolation];

const SHARED_MIB = { process: 8, vm: 64 } as const;

/** @param claims in the order in which they were made */
export function admit(claims: readonly Claim[], whole: Room): Verdict {
  const admitted: InstanceId[] = [];
  const waiting = new Map<InstanceId, string>();
  const givingWay: InstanceId[] = [];
  const standing = (wanted: Claim['standing']) => claims.filter((claim) => claim.standing === wanted);
  const free = [...standing('holds'), ...standing('leaves')].reduce(without, whole);
  /** What there is at once, and what there will be when those that leave have left. */
  let now = free;
  let soon = standing('leaves').reduce(withAlso, free);
  let turn: 'now' | 'soon' | 'later' = 'now';
  const blanks = standing('holds').filter(({ isBlank }) => isBlank);
  for (const claim of standing('asks').sort(blanksLast)) {
    if (!fits(claim, whole)) {
      waiting.set(claim.id, tooLarge(claim, whole));
      continue;
    }
    if (turn === 'now' && !fits(claim, now)) turn = 'soon';
    if (turn === 'soon' && !claim.isBlank) {
      const needed = blanksFor(claim, soon, blanks);
      blanks.splice(blanks.length - needed.length);
      soon = needed.reduce(withAlso, soon);
      givingWay.push(...needed.map(({ id }) => id));
    }
    if (turn !== 'later' && fits(claim, soon)) {
      if (turn === 'now') {
        admitted.push(claim.id);
        now = without(now, claim);
      }
      soon = without(soon, claim);
    } else {
      waiting.set(claim.id, turn === 'later' ? behind(claim) : full(claim, now, whole));
      turn = 'later';
    }
  }
  return { admitted, waiting, givingWay };
}

/** The youngest blanks that make room together with what there will be; none where all of them would not. */
function blanksFor(claim: Claim, soon: Room, blanks: readonly Claim[]): readonly Claim[] {
  for (let count = 0; count <= blanks.length; count++) {
    const chosen = blanks.slice(blanks.length - count);
    if (fits(claim, chosen.reduce(withAlso, soon))) return chosen;
  }
  return [];
}

const blanksLast = (a: Claim, b: Claim): number => Number(a.isBlank) - Number(b.isBlank);

const fits = ({ memoryMiB }: Claim, room: Room): boolean =>
  memoryMiB <= room.memoryMiB && room.instances >= 1;

const without = (room: Room, { memoryMiB }: Claim): Room => ({
  memoryMiB: room.memoryMiB - memoryMiB,
  instances: room.instances - 1,
});

const withAlso = (room: Room, { memoryMiB }: Claim): Room => ({
  memoryMiB: room.memoryMiB + memoryMiB,
  instances: room.instances + 1,
});

const tooLarge = ({ memoryMiB }: Claim, whole: Room): string =>
  `it needs ${memoryMiB} MiB, and all instances of this host together may have ${whole.memoryMiB} MiB; ` +
  'give its function less memory, or raise --instance-memory';

/** The one that is next is told in numbers; for those behind it they would change with each that comes or goes. */
const behind = ({ memoryMiB }: Claim): string =>
  `the host has no room for it: it needs ${memoryMiB} MiB, and others have waited longer; ` +
  'the one that is next says what is free';

function full({ memoryMiB }: Claim, free: Room, whole: Room): string {
  const remedy =
    memoryMiB > free.memoryMiB
      ? 'raise --instance-memory if the host can bear it'
      : 'raise --instances-per-core if the host can bear it';
  return (
    `the host has no room for it: it needs ${memoryMiB} MiB and 1 place; ` +
    `free are ${most(free.memoryMiB)} of ${whole.memoryMiB} MiB and ${most(free.instances)} of ${whole.instances} places; ` +
    `it starts when others end, or ${remedy}`
  );
}

/** What was admitted under an older setting may be more than there is. */
const most = (free: number): number => Math.max(0, free);
