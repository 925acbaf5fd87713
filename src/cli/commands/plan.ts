/** plan: what applying files would do, without doing it. */
import { Option } from '@commander-js/extra-typings';
import type { Capacity, Plan, Planned, PlannedInstance, SwitchPlan } from '../../model/plan.ts';
import type { Outcome } from '../../model/store.ts';
import type { Around, Program } from '../around.ts';
import { whatIf } from '../batches.ts';
import { withoutController } from '../client.ts';
import { readDeclarations } from '../documents.ts';
import { withExamples } from '../examples.ts';
import { EXITS } from '../exits.ts';
import { printable } from '../output.ts';
import { paint, print } from '../terminal.ts';

type DryRun = {
  readonly outcomes: readonly Pick<Outcome, 'kind' | 'name' | 'action'>[];
  readonly plan: Plan;
};

export function registerPlan(program: Program, { client, host }: Around): void {
  const command = program
    .command('plan')
    .summary('tell what applying files would do')
    .description(
      'Tells what `apply` would do with these files, and does nothing: objects, instances, and the flows of each ' +
        'switch once everything has settled. With --offline no controller is needed: the files are all that there is, ' +
        'and they are held to the same rules.',
    )
    .requiredOption('-f, --file <path...>', 'files, or directories of them; - is the standard input')
    .option('--offline', 'ask no controller: look at these files alone')
    .option('--exit-code', `end with ${EXITS.findings.status} where anything would change`)
    .addOption(
      new Option('-o, --output <format>', 'how to write it')
        .choices(['text', 'json'])
        .default('text' as const),
    )
    .action(async ({ file, offline, exitCode, output }) => {
      const declarations = readDeclarations(file);
      const found =
        offline === true
          ? await withoutController(await host.offline({ store: 'none' }), (api) =>
              whatIf<DryRun>(api, declarations),
            )
          : await whatIf<DryRun>(client(), declarations);
      print(output === 'json' ? JSON.stringify(found, null, 2) : planText(found));
      if (exitCode === true && changes(found)) process.exitCode = EXITS.findings.status;
    });
  withExamples(command, [
    { line: 'chainstitch plan -f chains/alice-two-hops.yaml', does: 'What would change, down to the flows.' },
    {
      line: 'chainstitch plan -f chains/ --exit-code >/dev/null',
      does: 'In a script: is everything as the files say?',
    },
    {
      line: 'chainstitch plan --offline -f chains/lab.yaml -f chains/gold-plan.yaml',
      does: 'Before there is a controller, or to check files that are about to be committed.',
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
    ...(plan.capacity === undefined ? [] : [capacityText(plan.capacity)]),
    ...plan.notes.map((note) => `${paint('bold', 'note:')} ${printable(note)}`),
  ];
  return lines.join('\n');
}

const instanceText = ({ id, function: name, for: whom }: PlannedInstance): string =>
  `instance ${id}: ${name} for ${whom}`;

const differenceText = ({ added, changed, removed }: Planned): readonly string[] => [
  ...removed.map((one) => `  ${sign('-', one)}`),
  ...changed.flatMap(({ from, to }) => [`  ${sign('~', from)}`, `    becomes ${printable(to)}`]),
  ...added.map((one) => `  ${sign('+', one)}`),
];

const capacityText = ({ instances, memoryMiB, paths }: Capacity): string =>
  `in all: ${instances.after} instances (now ${instances.before}), ${memoryMiB.after} MiB of memory (now ${memoryMiB.before}), ` +
  `${paths.after} of ${paths.most} paths (now ${paths.before})`;

const portText = ({ name, ofport }: SwitchPlan['assumedPorts'][number]): string =>
  `${ofport}=${printable(name)}`;

function switchText(plan: SwitchPlan): readonly string[] {
  const { switch: name, flows, groups, total, differences, assumedPorts } = plan;
  const lines = [...differenceText(groups), ...differenceText(flows)];
  const shown = [flows, groups].reduce(
    (sum, { added, changed, removed }) => sum + added.length + changed.length + removed.length,
    0,
  );
  return [
    paint('bold', `switch ${name}: ${total.before} flows, then ${total.after}`),
    ...(assumedPorts.length === 0 ? [] : [`  assumed ports: ${assumedPorts.map(portText).join(' ')}`]),
    ...lines,
    ...(shown < differences ? [`  and ${differences - shown} more`] : []),
  ];
}
