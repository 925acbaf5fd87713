/**
 * What depends on whether a person or a program reads: colours, and the width of a line.
 */
import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** The text in a colour, if the stream is a terminal that wants colours (NO_COLOR, FORCE_COLOR). */
export function paint(style: Style, text: string, stream: 'stdout' | 'stderr' = 'stdout'): string {
  return styleText(style, text, { stream: process[stream] });
}

export function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

/** A remark for the person at the terminal, kept out of what a program reads. */
export function remark(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** A reader that has had enough, such as `head`, is no error. */
export function endWithReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(0);
      throw error;
    });
  }
}
