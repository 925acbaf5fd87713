/** delete: declared objects, by name or as files declare them. */

import type { Around, Program } from '../around.ts';
import { type Client, Refusal } from '../client.ts';
import { readDeclarations } from '../documents.ts';
import { withExamples } from '../examples.ts';
import { Failure } from '../failure.ts';
import { parseDeclaredKind, pathOf } from '../kinds.ts';
import { parseDuration } from '../session.ts';
import { print, remark } from '../terminal.ts';

const DEFAULT_WAIT = '30s';
/** The controller lets nobody wait longer at once. */
const LONGEST_WAIT_MS = 60_000;

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
    .option('--wait [time]', `wait until nothing is left of chains, ${DEFAULT_WAIT} unless it says otherwise`)
    .action(async (word, names, { file, ignoreMissing, wait }) => {
      const tolerance = ignoreMissing === true ? 'ignore missing' : 'all must be there';
      const waitFor =
        wait === undefined
          ? undefined
          : parseDuration(wait === true ? DEFAULT_WAIT : wait, 'the time to wait');
      await deleteAll(client(), targetsOf(word, names, file), tolerance, waitFor);
    });
  withExamples(command, [
    { line: 'chainstitch delete chain alice-protected', does: 'Its flows and instances go, too.' },
    {
      line: 'chainstitch delete chain alice-protected --wait',
      does: 'Ends when no flow and no instance of it is left.',
    },
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
  waitFor: number | undefined,
): Promise<void> {
  const end = performance.now() + (waitFor ?? 0);
  for (const { kind, name } of targets) {
    const waits = kind === 'chains' && waitFor !== undefined;
    const rest = waits ? Math.max(1, Math.min(Math.ceil(end - performance.now()), LONGEST_WAIT_MS)) : 0;
    try {
      const path = `${pathOf(kind, name)}${waits ? `?wait=gone&timeout=${rest}ms` : ''}`;
      const { status, body } = await client.call('DELETE', path, { grace: rest });
      print(`${kind}/${name} deleted${waits ? ', and nothing of it is left' : ''}`);
      if (status === 202) remark(`  ${remainsText(body as Remains)}`);
    } catch (error) {
      const isMissing = error instanceof Refusal && error.exit === 'not-found';
      if (!isMissing || tolerance === 'all must be there') throw error;
      print(`${kind}/${name} was not there`);
    }
  }
}

/** What is left of a chain that is being deleted. */
type Remains = {
  readonly waitsFor: readonly { readonly path: number; readonly switch: string; readonly phase: string }[];
};

const remainsText = ({ waitsFor }: Remains): string =>
  `still there: ${waitsFor.map(({ path, switch: at, phase }) => `path ${path} on ${at} (${phase})`).join(', ')}`;
