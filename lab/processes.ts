/**
 * Processes that the lab starts: short ones to their end, long ones until they are stopped.
 */
import { type ChildProcess, execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { pause, within } from './observe.ts';

/**
 * The name of an environment variable that every process of a lab inherits, with the lab's directory as its
 * value: whoever has it when the lab is over was left behind.
 */
export const MARK = 'LAB_DIRECTORY';

export type Finished = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** Runs a program to its end, and kills it if that takes longer than `timeout` milliseconds. */
export function run(argv: readonly string[], timeout = 10_000): Promise<Finished> {
  const [program = '', ...rest] = argv;
  return new Promise((resolve, reject) => {
    execFile(
      program,
      rest,
      { timeout, killSignal: 'SIGKILL', maxBuffer: 1 << 26 },
      (error, stdout, stderr) => {
        if (error !== null && (error.killed || typeof error.code === 'string')) {
          reject(new Error(`${argv.join(' ')}: ${error.killed ? 'took too long' : error.code}`));
        } else {
          resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
        }
      },
    ).stdin?.end();
  });
}

/** Runs a program whose failure is a failure of the lab; returns what it printed. */
export async function must(argv: readonly string[], timeout?: number): Promise<string> {
  const { code, stdout, stderr } = await run(argv, timeout);
  if (code !== 0) throw new Error(`${argv.join(' ')}: exit code ${code}: ${(stderr || stdout).trim()}`);
  return stdout;
}

/** Resolves when the process has ended, at once if it has already. */
export function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

/** Asks the process to end, and kills it if it does not. */
export async function stop(child: ChildProcess, signal: NodeJS.Signals, timeout: number): Promise<void> {
  child.kill(signal);
  try {
    await within(timeout, `the end of process ${child.pid}`, ended(child));
  } catch (error) {
    child.kill('SIGKILL');
    await ended(child);
    throw error;
  }
}

export function isAlive(pid: number): boolean {
  try {
    // A zombie is dead: all it still has is its line in the process table.
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Whether the process has gone before the time is over. */
export async function isGone(pid: number, timeout = 2_000): Promise<boolean> {
  const deadline = performance.now() + timeout;
  while (isAlive(pid) && performance.now() < deadline) await pause(5);
  return !isAlive(pid);
}

/** Processes that carry the mark of this lab or name its directory, other than this one. */
export function processesOf(directory: string): readonly { pid: number; command: string }[] {
  const found: { pid: number; command: string }[] = [];
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid || !isAlive(pid)) continue;
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
      if (environment.includes(`${MARK}=${directory}`) || command.includes(directory)) {
        found.push({ pid, command });
      }
    } catch {
      // It ended while it was looked at.
    }
  }
  return found;
}
