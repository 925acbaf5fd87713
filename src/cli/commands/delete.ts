/** delete: declared objects, by name or as files declare them. */

import type { Around, Program } from '../around.ts';
import { type Client, Refusal } from '../client.ts';
import { readDeclarations } from '../documents.ts';
import { withExamples } from '../examples.ts';
import { Failure } from '../failure.ts';
import { parseDeclaredKind, pathOf } from '../kinds.ts';
import { print } from '../terminal.ts';

type Target = { readonly kind: ReturnType<typeof parseDeclaredKind>; readonly name: string };

export function registerDelete(program: Program, { client }: Around): void {
  const command = program
    .command('delete')
    .summary('delete objects')
    .description(
      'Deletes objects by their names, or those that files declare. What others need stays, and says who needs it.',
    )
    .argument('[kind]', 'the kind, in the plural or the singular')
    .argument('[name...]', 'names')
    .option('-f, --file <path...>', 'delete what these files or directories declare; - is the standard input')
    .option('--ignore-missing', 'do not mind what is not there')
    .action(async (word, names, { file, ignoreMissing }) => {
      const tolerance = ignoreMissing === true ? 'ignore missing' : 'all must be there';
      await deleteAll(client(), targetsOf(word, names, file), tolerance);
    });
  withExamples(command, [
    { line: 'chainstitch delete chain alice-protected', does: 'Its flows and instances go, too.' },
    {
      line: 'chainstitch delete -f chains/lab.yaml',
      does: 'What the file declares, what needs others first.',
    },
  ]);
}

function targetsOf(
  word: string | undefined,
  names: readonly string[],
  files: readonly string[] | undefined,
): readonly Target[] {
  if (files !== undefined) {
    if (word !== undefined) throw new Failure('usage', 'name objects or files, not both');
    return [...readDeclarations(files)].reverse();
  }
  if (word === undefined || names.length === 0) {
    throw new Failure('usage', 'say what to delete: a kind and names, or -f and a file');
  }
  const kind = parseDeclaredKind(word);
  return names.map((name) => ({ kind, name }));
}

async function deleteAll(
  client: Client,
  targets: readonly Target[],
  tolerance: 'ignore missing' | 'all must be there',
): Promise<void> {
  for (const { kind, name } of targets) {
    try {
      await client.call('DELETE', pathOf(kind, name));
      print(`${kind}/${name} deleted`);
    } catch (error) {
      const isMissing = error instanceof Refusal && error.exit === 'not-found';
      if (!isMissing || tolerance === 'all must be there') throw error;
      print(`${kind}/${name} was not there`);
    }
  }
}
