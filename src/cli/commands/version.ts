/** version: of the command, and what it runs on. */
import { readFileSync } from 'node:fs';
import type { Around, Program } from '../around.ts';
import { withExamples } from '../examples.ts';
import { print } from '../terminal.ts';

export function registerVersion(program: Program, _around: Around): void {
  const command = program
    .command('version')
    .summary('show the version')
    .description('Shows the version of chainstitch and of the Node that it runs on.')
    .action(() => print(`chainstitch ${versionOf()} (Node ${process.versions.node})`));
  withExamples(command, [{ line: 'chainstitch version', does: 'For a report of a defect.' }]);
}

export function versionOf(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
