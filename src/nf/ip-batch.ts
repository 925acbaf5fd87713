/**
 * One `ip` that carries out commands as they come: to start a process for each takes longer than what it does.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type { Socket } from 'node:net';

type Waiting = { readonly end: string; resolve(): void; reject(error: Error): void };

/** What it is asked for and cannot be: the complaint says that all before it is done. */
const endOf = (number: number): string => `end-${number}`;

export class IpBatch {
  #child: ChildProcessWithoutNullStreams | undefined;
  #waiting: Waiting[] = [];
  #complaint = '';
  #asked = 0;

  /**
   * Resolves when all of these commands are done.
   *
   * @throws Error with what `ip` complained of; commands after one that failed are done all the same
   */
  run(commands: readonly string[]): Promise<void> {
    const child = this.#start();
    const end = endOf(++this.#asked);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ end, resolve, reject });
      this.#hold(child, true);
      child.stdin.write([...commands, end].map((command) => `${command}\n`).join(''));
    });
  }

  close(): void {
    this.#child?.stdin.end();
    this.#child = undefined;
  }

  #start(): ChildProcessWithoutNullStreams {
    if (this.#child) return this.#child;
    const child = spawn('ip', ['-force', '-batch', '-'], { stdio: 'pipe' });
    this.#child = child;
    this.#complaint = '';
    child.stderr.on('data', (bytes: Buffer) => this.#hear(bytes.toString('utf8')));
    child.stdout.resume();
    const ended = (why: string): void => {
      // Who was closed has nothing to do with what is asked of the next one.
      if (this.#child !== undefined && this.#child !== child) return;
      this.#child = undefined;
      for (const { reject } of this.#waiting.splice(0)) reject(new Error(why));
    };
    child.on('error', (error) => ended(`"ip" cannot be run, install iproute2: ${error.message}`));
    child.on('close', () => ended(this.#complaint.trim() || '"ip" ended'));
    // It may end before it has read all; that it did is told above.
    child.stdin.on('error', () => {});
    return child;
  }

  #hear(text: string): void {
    this.#complaint += text;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const mark = new RegExp(`Object "${next.end}" is unknown.*\\n(Command failed.*\\n)?`).exec(
        this.#complaint,
      );
      if (mark === null) break;
      const before = this.#complaint.slice(0, mark.index);
      this.#complaint = this.#complaint.slice(mark.index + mark[0].length);
      this.#waiting.shift();
      // Which line of the batch it was that failed says nothing, and ends of earlier ones may come in two pieces.
      const complaint = before
        .replaceAll(/^Command failed .*$/gm, '')
        .trim()
        .replaceAll(/\n+/g, '; ');
      if (complaint === '') next.resolve();
      else next.reject(new Error(complaint));
    }
    if (this.#waiting.length === 0 && this.#child) this.#hold(this.#child, false);
  }

  /** While nothing is asked, it keeps no program from ending. */
  #hold(child: ChildProcessWithoutNullStreams, isNeeded: boolean): void {
    const how = isNeeded ? 'ref' : 'unref';
    child[how]();
    for (const stream of child.stdio) (stream as Socket | null)?.[how]();
  }
}
