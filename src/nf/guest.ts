/**
 * A running guest: its process and its console as one thing that speaks and that can be lost.
 */
import type { InstanceId } from '../model/ids.ts';
import { type Clock, within } from './clock.ts';
import { Console } from './console.ts';
import type { GuestLine, Request } from './contract.ts';
import { ForeignConsole, type ForeignGuest } from './foreign-console.ts';
import type { ProcessRef } from './process.ts';
import type { Runner } from './runner.ts';

/** The console's end is seen just before the process's, and only the latter says why. */
const REASON_WITHIN_MS = 50;

/** The keeper of a sandbox says so when the function has ended, which is news and no complaint. */
const KEEPER_TELLS = 'the function was ended by ';

export type GuestEvents = {
  readonly said: (line: GuestLine) => void;
  /** It died or broke the contract. Called once, and never after `silence`. */
  readonly lost: (reason: string) => void;
  /** What it has written to its log. */
  readonly complained: (line: string) => void;
};

export class Guest {
  readonly #runner: Runner;
  readonly #console: Console | ForeignConsole;
  readonly #clock: Clock;
  readonly #events: GuestEvents;
  #silent = false;
  /** How it ended, told before the end itself was noticed. */
  #lastWords: string | undefined;

  /** @param foreign where it speaks no contract */
  constructor(
    runner: Runner,
    consolePath: string,
    id: InstanceId,
    clock: Clock,
    events: GuestEvents,
    foreign?: ForeignGuest,
  ) {
    this.#runner = runner;
    this.#clock = clock;
    this.#events = events;
    const heard = {
      said: (line: GuestLine) => {
        if (!this.#silent) events.said(line);
      },
      ended: (reason: string) => void this.#consoleEnded(reason),
    };
    this.#console = foreign
      ? new ForeignConsole(consolePath, foreign, clock, heard)
      : new Console(consolePath, id, clock, heard);
    void runner.ended?.then((reason) => this.#lose(reason));
  }

  get process(): ProcessRef {
    return this.#runner.process;
  }

  /** For one that is not our child: notices within this time that it is dead, although there is no console to tell. */
  async watch(milliseconds: number): Promise<void> {
    if (await this.#runner.endsWithin(milliseconds)) this.#lose('it has ended');
  }

  /** What cannot say so itself has shown that it is ready. */
  becomeReady(): void {
    if (this.#console instanceof ForeignConsole) this.#console.becomeReady();
  }

  /** Undefined when the answer does not come in time, or never will. */
  ask(request: Request, milliseconds: number): Promise<GuestLine | undefined> {
    const answer = this.#console.request(request).catch(() => undefined);
    return within(this.#clock, milliseconds, answer);
  }

  /** Passes on what it has written since the last time. */
  readLog(): void {
    for (const line of this.#runner.newLogLines())
      if (line.startsWith(KEEPER_TELLS)) this.#lastWords = line;
      else this.#events.complained(line);
  }

  /** Stops listening; the guest goes on. */
  silence(): void {
    this.#silent = true;
    this.#console.close();
  }

  /** Ends it as it wishes: it may finish what it does, for so long. */
  async shutDown(milliseconds: number): Promise<void> {
    const answer = this.ask({ kind: 'shutdown' }, milliseconds);
    // Its end is wanted now and no loss.
    this.#silent = true;
    if (await answer) await this.#runner.endsWithin(milliseconds);
  }

  /** @throws ChainstitchError `host-failed` */
  async kill(): Promise<void> {
    this.silence();
    await this.#runner.kill();
    this.readLog();
  }

  async #consoleEnded(reason: string): Promise<void> {
    const ended = this.#runner.ended;
    const better = ended && (await within(this.#clock, REASON_WITHIN_MS, ended));
    this.#lose(better ?? reason);
  }

  #lose(reason: string): void {
    if (this.#silent) return;
    this.silence();
    // What it said last is why it ended, and told as that.
    const lines = this.#runner.newLogLines();
    for (const line of lines.slice(0, -1)) this.#events.complained(line);
    const last = lines.at(-1) ?? this.#lastWords;
    this.#events.lost(last === undefined ? reason : `${reason}: ${last}`);
  }
}
