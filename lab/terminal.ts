/**
 * How the story looks on a terminal. Colours only where somebody looks at it.
 */
import type { Writable } from 'node:stream';
import { NotSeen } from './observe.ts';

export class Terminal {
  readonly #out: Writable;
  readonly #colours: boolean;

  constructor(out: Writable & { readonly isTTY?: boolean }) {
    this.#out = out;
    const { NO_COLOR } = process.env;
    this.#colours = out.isTTY === true && NO_COLOR === undefined;
  }

  line(text = ''): void {
    this.#out.write(`${text}\n`);
  }

  note(text: string): void {
    this.line(this.#paint('2', text));
  }

  step(number: number, title: string): void {
    this.line();
    this.line(this.#paint('1', `${String(number).padStart(2)}  ${title}`));
  }

  /** Something that was seen, as it was expected to be. */
  seen(text: string): void {
    this.line(`    ${this.#paint('32', '✓')} ${text}`);
  }

  failed(error: unknown): void {
    if (error instanceof NotSeen) {
      this.line(`    ${this.#paint('31', '✗')} expected: ${error.expected}`);
      this.line(`      seen:     ${error.seen}`);
    } else {
      this.line(`    ${this.#paint('31', '✗')} ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #paint(code: string, text: string): string {
    return this.#colours ? `\u001b[${code}m${text}\u001b[0m` : text;
  }
}
