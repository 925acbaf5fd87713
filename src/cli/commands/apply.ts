/** apply: makes the controller's objects what files declare. */
import type { Kind } from '../../model/declared.ts';
import type { Around, Program } from '../around.ts';
import { type Client, Refusal } from '../client.ts';
import { type Declaration, readDeclarations } from '../documents.ts';
import { withExamples } from '../examples.ts';
import { Failure } from '../failure.ts';
import { pathOf } from '../kinds.ts';
import { parseDuration } from '../session.ts';
import { print } from '../terminal.ts';
import { listOf } from './get.ts';

const DEFAULT_WAIT = '30s';

export function registerApply(program: Program, { client }: Around): void {
  const command = program
    .command('apply')
    .summary('declare objects from files')
    .description(
      'Declares the objects in files: makes those that are not there and changes those that differ. What others ' +
        'need is declared first, whatever the order in the files.',
    )
    .requiredOption('-f, --file <path...>', 'files, or directories of them; - is the standard input')
    .option(
      '--wait [time]',
      `wait until the chains are in force, ${DEFAULT_WAIT} each unless it says otherwise`,
    )
    .action(async ({ file, wait }) => {
      const waitFor =
        wait === undefined
          ? undefined
          : parseDuration(wait === true ? DEFAULT_WAIT : wait, 'the time to wait');
      await apply(client(), readDeclarations(file), waitFor);
    });
  withExamples(command, [
    { line: 'chainstitch apply -f chains/lab.yaml', does: 'Declares every object of the file.' },
    {
      line: 'chainstitch apply -f chains/ --wait 10s',
      does: 'Those of all files in a directory; ends well only when every chain is in force.',
    },
    { line: 'cat chain.yaml | chainstitch apply -f -', does: 'From a pipe.' },
  ]);
}

async function apply(
  client: Client,
  declarations: readonly Declaration[],
  waitFor: number | undefined,
): Promise<void> {
  const before = await generations(client, new Set(declarations.map(({ kind }) => kind)));
  const wait = waitFor === undefined ? '' : `?wait=active&timeout=${waitFor}ms`;
  for (const declaration of declarations) {
    const { kind, name, body } = declaration;
    const key = `${kind}/${name}`;
    const isWaited = kind === 'chains' && wait !== '';
    const answer = await client
      .call('PUT', `${pathOf(kind, name)}${isWaited ? wait : ''}`, {
        body,
        grace: isWaited ? (waitFor ?? 0) : 0,
      })
      .catch((error: unknown) => {
        throw located(error, declaration);
      });
    const { generation } = answer.body as { generation: number };
    const did = answer.status === 201 ? 'created' : generation === before.get(key) ? 'unchanged' : 'changed';
    print(`${key} ${did}${isWaited ? ', in force' : ''}`);
  }
}

async function generations(client: Client, kinds: ReadonlySet<Kind>): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  for (const kind of kinds) {
    for (const one of await listOf(client, kind)) {
      const { generation, spec } = one as { generation?: number; spec?: { name: string } };
      if (generation !== undefined && spec !== undefined) found.set(`${kind}/${spec.name}`, generation);
    }
  }
  return found;
}

/** A refusal that says in which line of which file. */
export function located(error: unknown, { kind, name, locate }: Declaration): unknown {
  if (!(error instanceof Refusal)) return error;
  const { exit, message, code, remedy, request, faults } = error;
  const places =
    faults.length === 0
      ? [{ where: locate(''), detail: `${kind}/${name}` }]
      : faults.map(({ pointer, detail }) => ({
          where: `${locate(pointer)}${pointer === '' ? '' : ` ${pointer}`}`,
          detail,
        }));
  return new Failure(exit, message, { code, remedy, places, request });
}
