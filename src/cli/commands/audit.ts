/** audit: whether every packet meets its hops, as the switches really are. */
import { Option } from '@commander-js/extra-typings';
import type { AuditReport, Finding } from '../../model/audit-report.ts';
import type { Around, Program } from '../around.ts';
import { withExamples } from '../examples.ts';
import { EXITS } from '../exits.ts';
import { printable } from '../output.ts';
import { paint, print } from '../terminal.ts';

/** Beyond the time for an answer: all flows of all switches are read and followed. */
const GRACE_MS = 60_000;

export function registerAudit(program: Program, { client }: Around): void {
  const command = program
    .command('audit')
    .summary('prove that no packet gets around a hop')
    .description(
      'Reads what every switch holds, follows every class of packets from every port, and tells those that get past a ' +
        `hop. It changes nothing, and ends with ${EXITS.findings.status} unless everything is proven.`,
    )
    .option('--last', 'show the last report instead, if there is one')
    .addOption(
      new Option('-o, --output <format>', 'how to write it')
        .choices(['text', 'json'])
        .default('text' as const),
    )
    .action(async ({ last, output }) => {
      const answer = await client().call(last === true ? 'GET' : 'POST', '/v1/audit', { grace: GRACE_MS });
      const report = answer.body as AuditReport;
      print(output === 'json' ? JSON.stringify(report, null, 2) : reportText(report));
      if (report.result !== 'proven') process.exitCode = EXITS.findings.status;
    });
  withExamples(command, [
    { line: 'chainstitch audit', does: 'Is anything wrong now?' },
    {
      line: 'chainstitch audit -o json > report.json || mail -s audit noc@example.net < report.json',
      does: 'From cron.',
    },
  ]);
}

const COLOURS = { proven: 'green', violated: 'red', unproven: 'yellow' } as const;

function reportText({
  at,
  result,
  findings,
  more,
  passedOver,
  unproven,
  subscribers,
  classes,
}: AuditReport): string {
  return [
    `${paint(COLOURS[result], result)} at ${at}: ${subscribers} subscribers in chains, ${classes} classes of packets`,
    ...findings.flatMap(findingText),
    ...(more > 0 ? [`and ${more} more`] : []),
    ...passedOver.map(
      ({ subscriber, chain, hop }) =>
        `passed over, as declared: ${hop} of ${chain}${subscriber === undefined ? '' : ` for ${subscriber}`}`,
    ),
    ...unproven.map(({ switch: name, reason }) => `not looked at: switch ${name}: ${printable(reason)}`),
  ].join('\n');
}

function findingText({
  kind,
  switch: name,
  subscriber,
  direction,
  detail,
  packets,
  flows,
}: Finding): readonly string[] {
  const whose = [subscriber, direction].filter((word) => word !== undefined).join(' ');
  return [
    `${paint('red', kind)} at ${name}${whose === '' ? '' : ` (${whose})`}: ${printable(detail)}`,
    ...(packets === undefined ? [] : [`  packets: ${printable(packets)}`]),
    ...flows.map((flow) => `  ${printable(flow)}`),
  ];
}
