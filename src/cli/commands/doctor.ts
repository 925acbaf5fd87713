/** doctor: what this machine lacks to run the controller. */
import { Option } from '@commander-js/extra-typings';
import type { Around, Program } from '../around.ts';
import { CHECKS, examine, type Finding } from '../doctor.ts';
import { withExamples } from '../examples.ts';
import { EXITS } from '../exits.ts';
import { printable } from '../output.ts';
import { paint, print } from '../terminal.ts';

const WORDS = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' } as const;
const COLOURS = { ok: 'green', warn: 'yellow', fail: 'red' } as const;

export async function registerDoctor(program: Program, { host }: Around): Promise<void> {
  const command = program
    .command('doctor')
    .summary('tell what this machine lacks')
    .description(
      'Looks at what the controller needs of this machine and says what to do about what is missing. It takes the ' +
        `options of serve, too. It ends with ${EXITS.findings.status} where something is needed that is not there.`,
    )
    .addOption(
      new Option('-o, --output <format>', 'how to write it')
        .choices(['text', 'json'])
        .default('text' as const),
    );
  for (const { flags, help } of await host.settings()) command.addOption(new Option(flags, help).hideHelp());
  command.action(async (options) => {
    const { output, ...settings } = options as { output: 'text' | 'json' } & Record<string, string>;
    const found = await examine(await host.machine(settingsOf(settings)));
    print(output === 'json' ? JSON.stringify(Object.fromEntries(found), null, 2) : report(found));
    if ([...found.values()].some(({ state }) => state === 'fail')) process.exitCode = EXITS.findings.status;
  });
  withExamples(command, [
    { line: 'chainstitch doctor', does: 'Before the first start, or when something is wrong.' },
    { line: 'chainstitch doctor --state-dir=/srv/chainstitch --api-port=9000', does: 'For other settings.' },
  ]);
}

/** `apiPort` as `--api-port=...`. */
const settingsOf = (given: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(given).map(
    ([name, value]) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}=${value}`,
  );

function report(found: ReadonlyMap<string, Finding>): string {
  return [...found]
    .flatMap(([id, { state, found: what, remedy }]) => [
      `${paint(COLOURS[state], WORDS[state])}  ${CHECKS[id]?.title ?? id}: ${printable(what)}`,
      ...(remedy === undefined ? [] : [`      ${remedy}`]),
    ])
    .join('\n');
}
