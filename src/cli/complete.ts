/**
 * What may stand at the end of a command line. The scripts of the shells ask for it with a hidden command.
 */
import type { CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { KIND_WORDS } from './kinds.ts';

/** Where names come from that only the controller knows. */
export type Names = (kindWord: string) => Promise<readonly string[]>;

/**
 * The words that may stand last.
 *
 * @param words what follows the name of the program; the last is what is being written, empty where nothing is yet
 */
export async function candidates(
  program: CommandUnknownOpts,
  words: readonly string[],
  names: Names,
): Promise<readonly string[]> {
  const before = words.slice(0, -1);
  const current = words.at(-1) ?? '';
  const { command, operands, pending } = follow(program, before);
  const found =
    pending !== undefined ? choicesOf(pending) : await offered(program, command, operands, current, names);
  return found.filter((word) => word.startsWith(current)).sort();
}

type Position = {
  readonly command: CommandUnknownOpts;
  readonly operands: readonly string[];
  /** An option that has no value yet. */
  readonly pending: Option | undefined;
};

function follow(program: CommandUnknownOpts, words: readonly string[]): Position {
  let command = program;
  let operands: string[] = [];
  let pending: Option | undefined;
  for (const word of words) {
    if (pending !== undefined) {
      pending = undefined;
      continue;
    }
    if (word.startsWith('-')) {
      const option = optionsOf(program, command).find(({ long, short }) => long === word || short === word);
      pending = option?.required === true ? option : undefined;
      continue;
    }
    const next = operands.length === 0 ? command.commands.find((one) => one.name() === word) : undefined;
    if (next === undefined) operands.push(word);
    else {
      command = next;
      operands = [];
    }
  }
  return { command, operands, pending };
}

async function offered(
  program: CommandUnknownOpts,
  command: CommandUnknownOpts,
  operands: readonly string[],
  current: string,
  names: Names,
): Promise<readonly string[]> {
  if (current.startsWith('-')) {
    return [...optionsOf(program, command).flatMap(({ long }) => long ?? []), '--help'];
  }
  if (command.commands.length > 0)
    return command.commands.filter((one) => !isHidden(one)).map((one) => one.name());
  const [first] = command.registeredArguments;
  if (operands.length === 0) {
    return first?.name() === 'kind' ? KIND_WORDS : (first?.argChoices ?? []);
  }
  const isNamed = first?.name() === 'kind' && command.registeredArguments[1]?.name() === 'name';
  return isNamed ? names(operands[0] ?? '') : [];
}

const choicesOf = (option: Option): readonly string[] => option.argChoices ?? [];
const optionsOf = (program: CommandUnknownOpts, command: CommandUnknownOpts): readonly Option[] =>
  command === program ? program.options : [...command.options, ...program.options];

/** The hidden command begins with two underscores. */
export const isHidden = (command: CommandUnknownOpts): boolean => command.name().startsWith('__');
