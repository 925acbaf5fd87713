/**
 * Processes by pid and start time: a pid alone may by now be somebody else's.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { ChainstitchError } from '../model/errors.ts';
import { type Clock, pause } from './clock.ts';

/** A process that survives its kill for this long is stuck in the host's kernel. */
const KILL_WITHIN_MS = 10_000;

export type ProcessRef = {
  readonly pid: number;
  /** Clock ticks after boot at which it started: field 22 of /proc/<pid>/stat, proc(5). */
  readonly startTime: number;
};

/** The process that has this pid now; undefined when there is none or it is only waiting to be reaped. */
export function findProcess(pid: number): ProcessRef | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The second field is the name in parentheses, and a name may hold anything, parentheses and spaces too.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  const threads = Number(fields[17]);
  const startTime = Number(fields[19]);
  if (!Number.isSafeInteger(startTime) || state === 'X') return undefined;
  // While other threads are on their way out, the first one is a zombie already but the devices are still open.
  if (state === 'Z' && !(threads > 1)) return undefined;
  return { pid, startTime };
}

export function isAlive(process: ProcessRef): boolean {
  return findProcess(process.pid)?.startTime === process.startTime;
}

/** Sends a signal, unless the pid belongs to another process by now. True when the process was there. */
export function signal(target: ProcessRef, name: 'SIGTERM' | 'SIGKILL'): boolean {
  if (!isAlive(target)) return false;
  try {
    return process.kill(target.pid, name);
  } catch {
    return false;
  }
}

/** Waits for the end of a process; false when it is still there after this long. */
export async function awaitEnd(target: ProcessRef, within: number, clock: Clock): Promise<boolean> {
  const until = clock.now() + within;
  for (let delay = 1; isAlive(target); delay = Math.min(50, delay * 2)) {
    if (clock.now() >= until) return false;
    await pause(clock, delay);
  }
  return true;
}

/** @throws ChainstitchError `host-failed` when it does not end */
export async function killProcess(target: ProcessRef, clock: Clock): Promise<void> {
  signal(target, 'SIGKILL');
  if (!(await awaitEnd(target, KILL_WITHIN_MS, clock)))
    throw new ChainstitchError(
      'host-failed',
      `process ${target.pid} does not end when it is killed; the host's kernel log may say why`,
    );
}

/** The one process that this one has started, if it is one and both are there. */
export function onlyChild(pid: number): number | undefined {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ');
    return children.length === 1 && children[0] !== '' ? Number(children[0]) : undefined;
  } catch {
    return undefined;
  }
}

/** Arguments of a process; empty when it is gone. */
export function commandLine(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    return [];
  }
}

/** Every process of this host that one of whose arguments contains `text`. */
export function findByArgument(text: string): readonly ProcessRef[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => commandLine(Number(name)).some((argument) => argument.includes(text)))
    .flatMap((name) => findProcess(Number(name)) ?? []);
}
