/**
 * What the process of a guest writes to its standard output and error, kept in a file that does not grow for ever.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';

const MOST_BYTES = 65_536;
const MOST_LINES = 20;

/** Reads what is new in the file since the last time. A file that is too long is begun anew. */
export class LogFile {
  readonly #path: string;
  #read = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Opens the file for a process to append to, so that it can be cut short under it. */
  static openForAppending(path: string): number {
    return openSync(path, 'a', 0o600);
  }

  /** The new lines, the last ones when there are many. */
  newLines(): readonly string[] {
    let file: number;
    try {
      file = openSync(this.#path, 'r+');
    } catch {
      return [];
    }
    try {
      const { size } = fstatSync(file);
      if (size <= this.#read) return [];
      const from = Math.max(this.#read, size - MOST_BYTES);
      const bytes = Buffer.alloc(size - from);
      readSync(file, bytes, 0, bytes.length, from);
      this.#read = size;
      if (size > MOST_BYTES) {
        ftruncateSync(file, 0);
        this.#read = 0;
      }
      const lines = bytes
        .toString('utf8')
        .split('\n')
        .map((line) => line.trim());
      return lines.filter((line) => line !== '').slice(-MOST_LINES);
    } finally {
      closeSync(file);
    }
  }

  /** Passes over what an earlier run of the controller has read already. */
  skip(): void {
    this.newLines();
  }
}
