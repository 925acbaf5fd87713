/**
 * The process that runs a guest, be it an emulator or the keeper of a sandbox: starting one, and holding on to one
 * that an earlier run has started.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, closeSync, constants } from 'node:fs';
import { ChainstitchError } from '../model/errors.ts';
import type { Clock } from './clock.ts';
import type { Launch } from './isolation.ts';
import { LogFile } from './logfile.ts';
import { awaitEnd, findProcess, killProcess, type ProcessRef } from './process.ts';

const { PATH } = process.env;

export class Runner {
  readonly process: ProcessRef;
  readonly #clock: Clock;
  readonly #log: LogFile;
  /** How a child of ours ended; one that was adopted is nobody's child and ends without saying how. */
  readonly #ended: Promise<string> | undefined;

  private constructor(process: ProcessRef, clock: Clock, log: LogFile, ended?: Promise<string>) {
    this.process = process;
    this.#clock = clock;
    this.#log = log;
    this.#ended = ended;
  }

  /**
   * Starts one that outlives this process.
   *
   * @throws ChainstitchError `host-failed`
   */
  static async launch({ program, args }: Launch, logPath: string, clock: Clock): Promise<Runner> {
    const log = new LogFile(logPath);
    log.skip();
    const output = LogFile.openForAppending(logPath);
    try {
      // A session of its own: a signal to the controller's terminal or process group does not reach it.
      // Of the environment it gets what it is found by: the rest is none of a guest's business.
      const child = spawn(program, args, {
        detached: true,
        stdio: ['ignore', output, output],
        cwd: '/',
        env: { PATH },
      });
      const ended = new Promise<string>((resolve) => {
        child.once('exit', (code, by) =>
          resolve(by === null ? `it ended with status ${code}` : `it was ended by ${by}`),
        );
      });
      child.unref();
      await once(child, 'spawn').catch((error: Error) => {
        throw new ChainstitchError('host-failed', `${program} cannot be run: ${error.message}`, {
          cause: error,
        });
      });
      const process = findProcess(child.pid ?? 0);
      if (!process) {
        const said = log.newLines().join('; ');
        throw new ChainstitchError('host-failed', `${program} ended at once: ${said || 'it said nothing'}`);
      }
      return new Runner(process, clock, log, ended);
    } finally {
      closeSync(output);
    }
  }

  /** Takes over one that runs. */
  static adopt(process: ProcessRef, logPath: string, clock: Clock): Runner {
    const log = new LogFile(logPath);
    log.skip();
    return new Runner(process, clock, log);
  }

  /** What it has said since the last call. */
  newLogLines(): readonly string[] {
    return this.#log.newLines();
  }

  /** How it ended, when it has; undefined for one that is not our child. */
  get ended(): Promise<string> | undefined {
    return this.#ended;
  }

  /** Resolves when the process has ended, true, or has not in this time, false. */
  endsWithin(milliseconds: number): Promise<boolean> {
    return awaitEnd(this.process, milliseconds, this.#clock);
  }

  /**
   * Ends the process and waits for that: until then its devices are taken.
   *
   * @throws ChainstitchError `host-failed`
   */
  async kill(): Promise<void> {
    await killProcess(this.process, this.#clock);
  }
}

/** @throws ChainstitchError `host-failed` when the image cannot be read */
export function checkImage(path: string): void {
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    throw new ChainstitchError(
      'host-failed',
      `the image ${path} cannot be read; build the images with "make -C unikernels" or correct the image directory`,
      { cause: error },
    );
  }
}
