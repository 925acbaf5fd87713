/**
 * The pipeline as people read it: `node src/compiler/document.ts > docs/pipeline.md` writes the page again.
 */
import { COOKIE_MARK } from '../model/desired.ts';
import {
  EXTERNAL_PRIORITY,
  PIPELINE,
  PRIORITY,
  SERVICE_PRIORITY,
  TABLE_NAMES,
  type TableSpec,
} from './pipeline.ts';

const code = (words: readonly string[]): string => words.map((word) => `\`${word}\``).join(', ') || '-';

const missText = (miss: TableSpec['miss']): string => {
  if (miss === 'drop') return 'drop';
  if (miss === 'declared') return 'what the switch declares: NORMAL or drop';
  return `on to \`${miss}\``;
};

/** The whole of docs/pipeline.md. */
export function pipelineMarkdown(): string {
  const rows = TABLE_NAMES.map((name) => {
    const table: TableSpec = PIPELINE[name];
    return `| ${table.id} | \`${name}\` | ${table.does} | ${code(table.matches)} | ${code(table.goesTo)} | ${missText(table.miss)} |`;
  });
  const priorities = Object.entries(PRIORITY).map(([name, value]) => `| ${name} | ${value} |`);
  return `# The pipeline

The flow tables of a switch, as \`src/compiler/pipeline.ts\` declares them.

| id | table | what it does | may match | may go to | a miss |
|---|---|---|---|---|---|
${rows.join('\n')}

## Priorities

| name | priority |
|---|---|
| external | ${EXTERNAL_PRIORITY}: packets for the external address of a function that rewrites |
| service | ${SERVICE_PRIORITY.lowest} to ${SERVICE_PRIORITY.highest}: twice a service chain's own priority above the lowest, and one more |
${priorities.join('\n')}

## Metadata

A frame carries 64 bits from table to table; bit 0 is the least significant.

| bits | what | written by |
|---|---|---|
| 0 to 7 | service index (RFC 8300): 255 at the entrance, one less for each hop that is done | \`ingress\`, \`classify\` |
| 8 to 31 | path id (RFC 8300), 1 to 2^24 - 1 | \`ingress\`, \`classify\` |
| 32 | direction: 0 upstream, 1 downstream | \`ingress\`, \`classify\` |
| 33 to 63 | next hop: with the top bit set an instance's number and side (0 left, 1 right), else a port | \`steer\` |

## Cookies

| bits | what |
|---|---|
| 48 to 63 | \`0x${(COOKIE_MARK >> 48n).toString(16)}\`: the flow is ours |
| 16 to 47 | the owner: 0 for the switch's own flows, else the number of a chain |
| 0 to 7 | the table |

Flows without the mark are foreign: they are neither changed nor removed.
`;
}

if (import.meta.main) process.stdout.write(pipelineMarkdown());
