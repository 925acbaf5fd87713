/** apply: makes the controller's objects what files declare. */
import type { Outcome } from '../../model/store.ts';
import type { Around, Program } from '../around.ts';
import { declare } from '../batches.ts';
import type { Client } from '../client.ts';
import { type Declaration, readDeclarations } from '../documents.ts';
import { withExamples } from '../examples.ts';
import { pathOf } from '../kinds.ts';
import { parseDuration } from '../session.ts';
import { print } from '../terminal.ts';

const DEFAULT_WAIT = '30s';

const FILE_HELP = `A file, in YAML or JSON, has any number of declarations, with --- between them:

  kind: switches
  spec: { name: s1, dpid: "0000000000000001", unchained: normal, ovsdb: "unix:/var/run/openvswitch/db.sock" }
  ---
  kind: uplinks
  spec: { name: core, attachment: { switch: s1, port: s1-eth3 } }
  ---
  kind: subscribers
  spec: { name: alice, attachment: { switch: s1, port: s1-eth1 }, mac: "00:00:00:00:00:01", ipv4: [10.0.0.1] }
  ---
  kind: chains
  spec:
    name: alice-protected
    subscribers: [alice]
    hops:
      - function: firewall
        config: { default: deny, rules: [{ allow: { protocol: tcp, port: 80 } }] }

\`chainstitch get functions -o yaml\` shows what each function may be told, \`chainstitch plan\` what is wrong in a file.`;

export function registerApply(program: Program, { client }: Around): void {
  const command = program
    .command('apply')
    .summary('declare objects from files')
    .description(
      'Declares the objects in files: makes those that are not there and changes those that differ, all of them or, ' +
        'if one is refused, none. The order in the files does not matter.',
    )
    .requiredOption('-f, --file <path...>', 'files, or directories of them; - is the standard input')
    .option('--wait [time]', `wait until the chains are in force, ${DEFAULT_WAIT} unless it says otherwise`)
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
  command.addHelpText('after', `\n${FILE_HELP}`);
}

/** What the API calls what it did, as an operator reads it. */
const WORDS: Readonly<Record<Outcome['action'], string>> = {
  created: 'created',
  replaced: 'changed',
  unchanged: 'unchanged',
  deleted: 'deleted',
};

async function apply(
  client: Client,
  declarations: readonly Declaration[],
  waitFor: number | undefined,
): Promise<void> {
  await declare(client, declarations, (outcomes) => {
    for (const { kind, name, action } of outcomes) print(`${kind}/${name} ${WORDS[action]}`);
  });
  if (waitFor === undefined) return;
  const end = performance.now() + waitFor;
  for (const { kind, name } of declarations) {
    if (kind !== 'chains') continue;
    const rest = Math.max(1, Math.ceil(end - performance.now()));
    // The controller lets nobody wait longer than a minute at once.
    const query = `?wait=active&timeout=${Math.min(rest, 60_000)}ms`;
    await client.call('GET', `${pathOf(kind, name)}${query}`, { grace: rest });
    print(`${kind}/${name} in force`);
  }
}
