/** completion: scripts for shells, and the hidden command that they ask. */
import { Argument } from '@commander-js/extra-typings';
import type { Around, Program } from '../around.ts';
import { candidates } from '../complete.ts';
import { withExamples } from '../examples.ts';
import { nameOf, parseKind } from '../kinds.ts';
import { print } from '../terminal.ts';
import { listOf } from './get.ts';

const SHELLS = {
  bash: `_chainstitch() {
  local IFS=$'\\n'
  COMPREPLY=($(chainstitch __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _chainstitch chainstitch`,
  zsh: `#compdef chainstitch
_chainstitch() {
  local -a found
  found=(\${(f)"$(chainstitch __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  if (( \${#found} )); then compadd -a found; else _files; fi
}
compdef _chainstitch chainstitch`,
  fish: `function __chainstitch_complete
  set -l words (commandline -opc) (commandline -ct)
  chainstitch __complete -- $words[2..-1] 2>/dev/null
end
complete -c chainstitch -a '(__chainstitch_complete)'`,
} as const;
type Shell = keyof typeof SHELLS;

export function registerCompletion(program: Program, { client }: Around): void {
  const command = program
    .command('completion')
    .summary('print a script that completes command lines in a shell')
    .description(
      'Prints a script for a shell. It completes commands, options, kinds and the names of objects.',
    )
    .addArgument(new Argument('<shell>', 'which shell').choices(Object.keys(SHELLS) as Shell[]))
    .action((shell) => print(SHELLS[shell]));
  withExamples(command, [
    { line: 'source <(chainstitch completion bash)', does: 'In ~/.bashrc.' },
    { line: 'source <(chainstitch completion zsh)', does: 'In ~/.zshrc, after compinit.' },
    { line: 'chainstitch completion fish | source', does: 'In ~/.config/fish/config.fish.' },
  ]);
  program
    .command('__complete', { hidden: true })
    .argument('[word...]')
    .action(async (words) => {
      // A shell that asks wants an answer, not an error.
      const names = async (word: string): Promise<readonly string[]> => {
        try {
          const kind = parseKind(word);
          return (await listOf(client(), kind)).map((object) => nameOf(kind, object));
        } catch {
          return [];
        }
      };
      const found = await candidates(program, words, names);
      if (found.length > 0) print(found.join('\n'));
    });
}
