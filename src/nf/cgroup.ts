/**
 * What the kernel holds instances to, by cgroup v2: a cgroup for each, below one that the controller may write. Whether
 * that works is found out by making one.
 *
 * @see Linux, Documentation/admin-guide/cgroup-v2.rst
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Isolation, OwnFunctionSpec } from '../model/declared.ts';
import { ChainstitchError } from '../model/errors.ts';
import type { InstanceId } from '../model/ids.ts';
import { allowanceOf } from './admission.ts';
import type { Launch } from './isolation.ts';

/** Files of an instance's cgroup and what is written into them. */
export type Limits = Readonly<Record<string, string>>;

const MICROSECONDS = 100_000;
/** A process has one thread; an emulator computes in one and waits for devices in another. */
const CORES = { process: 1, vm: 2 } as const;
/** A process and its keeper; an emulator has a few threads, and more while it opens files. */
const TASKS = { process: 4, vm: 32 } as const;

export const limitsOf = (spec: OwnFunctionSpec, isolation: Isolation): Limits => ({
  'memory.max': String(allowanceOf(spec, isolation) * 2 ** 20),
  // A keeper without what it keeps is of no use.
  'memory.oom.group': '1',
  'cpu.max': `${CORES[isolation] * MICROSECONDS} ${MICROSECONDS}`,
  'pids.max': String(TASKS[isolation]),
});

/** Where service managers put the controller, if they know how, so that what is beside it is free for instances. */
const CONTROLLERS_OWN = 'controller';

export type CgroupsFound =
  | { readonly is: 'there'; readonly cgroups: Cgroups }
  /** With what would help. */
  | { readonly is: 'missing'; readonly why: string; readonly remedy: string };

/** Limits that have to be possible. Values do not matter. */
const SAMPLE: Limits = {
  'memory.max': 'max',
  'memory.oom.group': '0',
  'cpu.max': 'max',
  'pids.max': 'max',
};

/**
 * @param given a cgroup that the controller may write and that has no processes; empty to look for one
 * @param runDir controllers with different run directories have different cgroups
 */
export function findCgroups(given: string, runDir: string, sample: Limits = SAMPLE): CgroupsFound {
  const parent = given === '' ? delegated() : given;
  if (parent === undefined)
    return {
      is: 'missing',
      why: 'there is no cgroup v2 that is the controller’s to divide',
      remedy:
        `Run the controller in a cgroup of its own named ${CONTROLLERS_OWN}, below one that is delegated to it ` +
        '(deploy/chainstitch.service, with systemd 254 or later), or set --instance-cgroup.',
    };
  const name = `instances-${createHash('sha256').update(runDir).digest('hex').slice(0, 8)}`;
  const directory = join(parent, name);
  try {
    const controllers = controllersOf(sample);
    enable(parent, controllers);
    mkdirSync(directory, { recursive: true });
    enable(directory, controllers);
    const cgroups = new Cgroups(directory);
    cgroups.make(TRIAL, sample);
    cgroups.remove(TRIAL);
    return { is: 'there', cgroups };
  } catch (error) {
    removeIfEmpty(directory);
    return {
      is: 'missing',
      why: (error as Error).message,
      remedy:
        'The controllers memory, cpu and pids have to be those of cgroup v2 (in the file cgroup.controllers), and ' +
        `${parent} must be writable and have no processes of its own.`,
    };
  }
}

const TRIAL = 'trial' as InstanceId;

export class Cgroups {
  readonly directory: string;

  /** @param directory a cgroup whose children have controllers */
  constructor(directory: string) {
    this.directory = directory;
  }

  /** Makes the cgroup of an instance, or gives the one that is there new limits. @throws ChainstitchError `host-failed` */
  make(id: InstanceId, limits: Limits): void {
    const path = join(this.directory, id);
    try {
      mkdirSync(path, { recursive: true });
      for (const [file, value] of Object.entries(limits)) writeFileSync(join(path, file), value);
    } catch (error) {
      throw new ChainstitchError(
        'host-failed',
        `the cgroup ${path} cannot be made: ${(error as Error).message}`,
        { cause: error },
      );
    }
  }

  /** The same program begun in the instance's cgroup: it has no moment outside of it. */
  inside(id: InstanceId, { program, args }: Launch): Launch {
    const enter = 'echo $$ >"$0" && exec "$@"';
    return {
      program: '/bin/sh',
      args: ['-c', enter, join(this.directory, id, 'cgroup.procs'), program, ...args],
    };
  }

  /** Ends what may still be in the cgroup of an instance, and removes it. One that is gone is no error. */
  remove(id: InstanceId): void {
    const path = join(this.directory, id);
    write(join(path, 'cgroup.kill'), '1');
    removeIfEmpty(path);
  }

  /** Removes all that are of none of these. */
  retain(ids: { has(id: InstanceId): boolean }): void {
    for (const id of this.#list()) if (!ids.has(id)) this.remove(id);
  }

  /** Removes the cgroup of all of them, if none is left. */
  close(): void {
    removeIfEmpty(this.directory);
  }

  #list(): readonly InstanceId[] {
    try {
      const entries = readdirSync(this.directory, { withFileTypes: true });
      return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name as InstanceId);
    } catch {
      return [];
    }
  }
}

/** What is beside the own cgroup where that is a leaf made for it; all there is where the own one is the root. */
function delegated(): string | undefined {
  const mounted = /^(?:\S+ ){3}\/ (\S+) .* - cgroup2 /m.exec(
    readFileSync('/proc/self/mountinfo', 'utf8'),
  )?.[1];
  const path = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1];
  if (mounted === undefined || path === undefined) return undefined;
  const own = join(mounted, path);
  if (path === '/') return own;
  return basename(own) === CONTROLLERS_OWN ? dirname(own) : undefined;
}

/** A file's name begins with its controller's; those of cgroups as such have none. */
const controllersOf = (limits: Limits): ReadonlySet<string> =>
  new Set(Object.keys(limits).flatMap((file) => /^(?!cgroup\.)[a-z]+/.exec(file) ?? []));

/** Children get these controllers. @throws Error that says which one they do not get */
function enable(cgroup: string, controllers: ReadonlySet<string>): void {
  for (const controller of controllers) {
    try {
      writeFileSync(join(cgroup, 'cgroup.subtree_control'), `+${controller}`);
    } catch (error) {
      throw new Error(
        `${cgroup} cannot give its children the controller ${controller}: ${(error as Error).message}`,
        {
          cause: error,
        },
      );
    }
  }
}

function write(path: string, value: string): void {
  try {
    writeFileSync(path, value, { flag: 'r+' });
  } catch {
    // It is gone, or of a kernel before 5.14, which has no such file: then what is in it keeps it.
  }
}

/** One that is in use stays, for `retain` to come back to. */
function removeIfEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Processes of it are ending, or it is gone.
  }
}
