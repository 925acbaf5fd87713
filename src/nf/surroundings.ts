import type { InstanceId } from '../model/ids.ts';
import type { Meters } from '../model/meters.ts';
import type { AcceleratorChoice } from './accelerator.ts';
import type { Cgroups } from './cgroup.ts';
import type { Limit } from './limit.ts';
import type { Log } from './log.ts';
import type { Timing } from './machine.ts';
import type { NameLists } from './name-lists.ts';
import type { PlaceOptions } from './place.ts';
import type { Users } from './users.ts';

/** What all instances share. */
export type Surroundings = PlaceOptions & {
  readonly imageDir: string;
  readonly lists: NameLists;
  readonly qemu: string;
  readonly timing: Timing;
  readonly log: Log;
  readonly meters: Meters;
  readonly accelerator: AcceleratorChoice;
  readonly users: Users;
  /** What the kernel holds instances to their limits by; undefined where it cannot. */
  readonly cgroups: Cgroups | undefined;
  /** Bounds how many are started or removed at once. */
  readonly starts: Limit;
  /** Opens with the first `want`: until then nothing may be started or removed. */
  readonly gate: Promise<void>;
  /** Whether an instance is wanted, now or when somebody has use for it. */
  readonly isKnown: (id: InstanceId) => boolean;
  /** An instance asks for a place on the host, or has given up its own. */
  readonly claimed: () => void;
  /** A fact has changed. */
  readonly changed: () => void;
};
