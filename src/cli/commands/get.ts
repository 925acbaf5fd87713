/** get: objects, one or all of a kind. */
import { Argument, Option } from '@commander-js/extra-typings';
import type { Around, Program } from '../around.ts';
import type { Client } from '../client.ts';
import { withExamples } from '../examples.ts';
import { Failure } from '../failure.ts';
import { nameOf, parseKind, pathOf, SHOWN_KINDS, type Shown, type ShownKind } from '../kinds.ts';
import { FORMATS, type Format, formatObjects } from '../output.ts';
import { parseSelector } from '../selector.ts';
import { print, remark } from '../terminal.ts';

export function registerGet(program: Program, { client }: Around): void {
  const command = program
    .command('get')
    .summary('show objects, one or all of a kind')
    .description('Shows objects: one by its name, several by their names, or all of a kind.')
    .addArgument(kindArgument())
    .argument('[name...]', 'names; all objects where none is given')
    .addOption(
      new Option('-o, --output <format>', 'how to write them').choices(FORMATS).default('table' as const),
    )
    .option('-l, --selector <labels>', 'only subscribers with these labels, as in plan=gold,!guest')
    .action(async (word, names, { output, selector }) => {
      await get(client(), parseKind(word), names, { output, selector });
    });
  withExamples(command, [
    { line: 'chainstitch get chains', does: 'All chains, with their phases and what they miss.' },
    { line: 'chainstitch get chain alice-protected -o yaml > alice.yaml', does: 'One, as `apply` takes it.' },
    { line: 'chainstitch get subscribers -l plan=gold -o name', does: 'The names of those with a label.' },
  ]);
}

export const kindArgument = () =>
  new Argument('<kind>', `one of ${SHOWN_KINDS.join(', ')}; also in the singular`);

async function get<K extends ShownKind>(
  client: Client,
  kind: K,
  names: readonly string[],
  { output, selector }: { readonly output: Format; readonly selector: string | undefined },
): Promise<void> {
  const chosen = selector === undefined ? () => true : parseSelector(kind, selector);
  const found =
    names.length === 0
      ? (await listOf(client, kind)).filter(chosen)
      : await Promise.all(names.map((name) => find(client, kind, name)));
  if (found.length === 0 && output === 'table') {
    remark(`There are no ${kind}${selector === undefined ? '' : ` with ${selector}`}.`);
    return;
  }
  const text = formatObjects(kind, found, { format: output, one: names.length === 1 });
  if (text !== '') print(text);
}

async function find<K extends ShownKind>(client: Client, kind: K, name: string): Promise<Shown[K]> {
  if (kind !== 'links') return client.get<Shown[K]>(pathOf(kind, name));
  const found = (await listOf(client, kind)).find((one) => nameOf(kind, one) === name);
  if (found === undefined) throw new Failure('not-found', `there is no link ${name}`);
  return found;
}

/** All objects of a kind, by name. */
export async function listOf<K extends ShownKind>(client: Client, kind: K): Promise<readonly Shown[K][]> {
  const items = await client.list<Shown[K]>(pathOf(kind));
  return [...items].sort((a, b) => nameOf(kind, a).localeCompare(nameOf(kind, b), 'en', { numeric: true }));
}
