/**
 * Command lines of guests that speak no contract: a template in which words are filled in.
 */
import type { BootSpec, JsonObject } from './declared.ts';

const PLACEHOLDER = /\$\{([^}]*)\}/g;
const MEMBER = /^config\.([A-Za-z][A-Za-z0-9_-]{0,63})$/;
/** What cannot begin another word, or be a kernel's quote. */
const WORD = /^[A-Za-z0-9._:/,@%+=-]{0,256}$/;

export const placeholdersOf = ({ commandLine = '' }: BootSpec): readonly string[] =>
  [...commandLine.matchAll(PLACEHOLDER)].map(([, name = '']) => name);

export const isPlaceholder = (name: string): boolean =>
  ['id', 'left', 'right'].includes(name) || MEMBER.test(name);

/** Members of the config that are filled in, each with why it cannot be, where it cannot. */
export function unusableMembers(
  boot: BootSpec,
  config: JsonObject,
): readonly { readonly member: string; readonly why: string }[] {
  return placeholdersOf(boot).flatMap((name) => {
    const member = MEMBER.exec(name)?.[1];
    if (member === undefined) return [];
    const value = Object.hasOwn(config, member) ? config[member] : undefined;
    if (value === undefined) return [{ member, why: 'is missing: the command line of the guest has it' }];
    if (typeof value === 'object' || !WORD.test(String(value))) {
      const why =
        'stands in the command line of the guest: letters, digits and ._:/,@%+=- alone, at most 256';
      return [{ member, why }];
    }
    return [];
  });
}

/** @param words for each placeholder that is no member of the config */
export const commandLineOf = (
  { commandLine = '' }: BootSpec,
  words: { readonly id: string; readonly left: string; readonly right: string },
  config: JsonObject,
): string =>
  commandLine.replaceAll(PLACEHOLDER, (_, name: string) => {
    const member = MEMBER.exec(name)?.[1];
    return String(member === undefined ? words[name as keyof typeof words] : config[member]);
  });
