/**
 * The command as people read it: `node src/cli/document.ts > docs/cli.md` writes the page again.
 */
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { isHidden } from './complete.ts';
import { examplesOf } from './examples.ts';
import { EXITS } from './exits.ts';
import { createProgram } from './program.ts';
import { ENVIRONMENT } from './session.ts';

/** The whole of docs/cli.md. */
export async function cliMarkdown(): Promise<string> {
  // The settings of the controller have a page of their own.
  const program = await createProgram({
    serve: async () => undefined,
    restore: async () => ({ revision: 0, objects: 0, notes: [] }),
    offline: async () => Promise.reject(new Error('there is none')),
    machine: async () => Promise.reject(new Error('there is none')),
    settings: async () => [],
  });
  const commands = program.commands.filter((command) => !isHidden(command));
  return `# The command

\`npm link\` puts \`chainstitch\` on the PATH; \`npx chainstitch\` runs it from a checkout. It needs Node 24 or later, and
takes the one that \`npm ci\` installs with it where there is one.

Options may stand before or after the command. Answers go to the standard output, everything else to the standard
error. Colours are for terminals only, and \`NO_COLOR\` turns them off.

## Options of every command

${optionTable(program)}

## Environment

| variable | what it says |
|---|---|
${Object.entries(ENVIRONMENT)
  .map(([name, help]) => `| \`${name}\` | ${help} |`)
  .join('\n')}

## Configuration file

\`~/.config/chainstitch/config.yaml\`, or below \`$XDG_CONFIG_HOME\`, or what \`CHAINSTITCH_CONFIG\` names. An option wins over
the environment, the environment over the context.

\`\`\`yaml
context: lab                # the one that is used where none is named
contexts:
  lab: { server: "http://127.0.0.1:8181", timeout: 5s, tokenFile: /root/lab.token }
  far: { server: "https://far.example:8181", tokenFile: far.token, caFile: far-ca.pem, cert: me.pem, key: me.key }
\`\`\`

## Exit status

| status | what it means |
|---|---|
${Object.values(EXITS)
  .map(({ status, means }) => `| ${status} | ${means} |`)
  .join('\n')}

${commands.map(commandSection).join('\n')}`;
}

function commandSection(command: CommandUnknownOpts): string {
  const name = command.parent?.parent ? `${command.parent.name()} ${command.name()}` : command.name();
  const terms = command.registeredArguments.map(
    (argument) => `| \`${argument.name()}\` | ${argument.description} |`,
  );
  const examples = examplesOf(command).map(({ line, does }) => `# ${does}\n${line}`);
  return [
    `${command.parent?.parent ? '###' : '##'} chainstitch ${name}\n`,
    `\`chainstitch ${name} ${command.usage()}\`\n`,
    `${command.description()}\n`,
    ...(terms.length === 0 ? [] : [`| argument | what it is |\n|---|---|\n${terms.join('\n')}\n`]),
    ...(command.options.length === 0 ? [] : [`${optionTable(command)}\n`]),
    ...(command.name() === 'serve' ? ['Its options are in [settings.md](settings.md).\n'] : []),
    ...(examples.length === 0 ? [] : [`\`\`\`sh\n${examples.join('\n\n')}\n\`\`\`\n`]),
    ...command.commands.map(commandSection),
  ].join('\n');
}

function optionTable(command: CommandUnknownOpts): string {
  const rows = command.options.map(({ flags, description, argChoices, defaultValue }) => {
    const choices = argChoices === undefined ? '' : `: ${argChoices.join(', ')}`;
    const fallback = defaultValue === undefined ? '' : ` (default ${String(defaultValue)})`;
    return `| \`${flags}\` | ${description}${choices}${fallback} |`;
  });
  return `| option | what it does |\n|---|---|\n${rows.join('\n')}`;
}

if (import.meta.main) process.stdout.write(await cliMarkdown());
