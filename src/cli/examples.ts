/**
 * Examples of commands: beneath their help, and in docs/cli.md.
 */
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { paint } from './terminal.ts';

export type Example = { readonly line: string; readonly does: string };
const EXAMPLES = new WeakMap<CommandUnknownOpts, readonly Example[]>();

export function withExamples(command: CommandUnknownOpts, examples: readonly Example[]): void {
  EXAMPLES.set(command, examples);
  const lines = examples.map(({ line, does }) => `  ${paint('bold', line)}\n      ${does}`);
  command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}

export const examplesOf = (command: CommandUnknownOpts): readonly Example[] => EXAMPLES.get(command) ?? [];
