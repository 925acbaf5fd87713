/** plan: what applying files would do, without doing it. */
import { Option } from '@commander-js/extra-typings';
import type { Plan, PlannedInstance, SwitchPlan } from '../../model/plan.ts';
import type { Outcome } from '../../model/store.ts';
import type { Around, Program } from '../around.ts';
import { whatIf } from '../batches.ts';
import { readDeclarations } from '../documents.ts';
import { withExamples } from '../examples.ts';
import { EXITS } from '../exits.ts';
import { printable } from '../output.ts';
import { paint, print } from '../terminal.ts';

type DryRun = {
  readonly outcomes: readonly Pick<Outcome, 'kind' | 'name' | 'action'>[];
  readonly plan: Plan;
};

export function registerPlan(program: Program, { client }: Around): void {
  const command = program
    .command('plan')
    .summary('tell what applying files would do')
    .description(
      'Tells what `apply` would do with these files, and does nothing: objects, instances, and the flows of each ' +
        'switch once everything has settled.',
    )
    .requiredOption('-f, --file <path...>', 'files, or directories of them; - is the standard input')
    .option('--exit-code', `end with ${EXITS.findings.status} where anything would change`)
    .addOption(
      new Option('-o, --output <format>', 'how to write it')
        .choices(['text', 'json'])
        .default('text' as const),
    )
    .action(async ({ file, exitCode, output }) => {
      const found = await whatIf<DryRun>(client(), readDeclarations(file));
      print(output === 'json' ? JSON.stringify(found, null, 2) : planText(found));
      if (exitCode === true && changes(found)) process.exitCode = EXITS.findings.status;
    });
  withExamples(command, [
    { line: 'chainstitch plan -f chains/alice-two-hops.yaml', does: 'What would change, down to the flows.' },
    {
      line: 'chainstitch plan -f chains/ --exit-code >/dev/null',
      does: 'In a script: is everything as the files say?',
    },
  ]);
}

const changes = ({ outcomes }: DryRun): boolean => outcomes.some(({ action }) => action !== 'unchanged');

const SIGNS = { created: '+', replaced: '~', deleted: '-', unchanged: ' ' } as const;
const COLOURS = { '+': 'green', '~': 'yellow', '-': 'red' } as const;

function sign(mark: '+' | '~' | '-' | ' ', text: string): string {
  const line = `${mark} ${printable(text)}`;
  return mark === ' ' ? line : paint(COLOURS[mark], line);
}

function planText({ outcomes, plan }: DryRun): string {
  const { start, stop, reconfigure } = plan.instances;
  const lines = [
    ...outcomes.map(({ kind, name, action }) => sign(SIGNS[action], `${kind}/${name}`)),
    ...start.map((one) => sign('+', instanceText(one))),
    ...reconfigure.map((one) => sign('~', instanceText(one))),
    ...stop.map((one) => sign('-', instanceText(one))),
    ...plan.switches.flatMap(switchText),
    ...plan.notes.map((note) => `${paint('bold', 'note:')} ${printable(note)}`),
  ];
  return lines.join('\n');
}

const instanceText = ({ id, function: name, for: whom }: PlannedInstance): string =>
  `instance ${id}: ${name} for ${whom}`;

function switchText({ switch: name, flows, total, differences }: SwitchPlan): readonly string[] {
  const { added, changed, removed } = flows;
  const shown = added.length + changed.length + removed.length;
  return [
    paint('bold', `switch ${name}: ${total.before} flows, then ${total.after}`),
    ...removed.map((flow) => `  ${sign('-', flow)}`),
    ...changed.flatMap(({ from, to }) => [`  ${sign('~', from)}`, `    becomes ${printable(to)}`]),
    ...added.map((flow) => `  ${sign('+', flow)}`),
    ...(shown < differences ? [`  and ${differences - shown} more`] : []),
  ];
}
