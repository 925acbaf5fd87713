import { actionTable } from '../src/actions/index.ts';
import type { TlvRow } from '../src/bytes/tlv.ts';
import { instructionTable } from '../src/instructions.ts';
import { bundlePropertyTable } from '../src/messages/bundle.ts';
import { bundleFeaturePropertyTable, controllerPropertyTable } from '../src/messages/controller.ts';
import { bucketPropertyTable, groupPropertyTable } from '../src/messages/group.ts';
import { helloElementTable } from '../src/messages/hello.ts';
import { bandTable } from '../src/messages/meter.ts';
import { ctFlushPropertyTable, packetInPropertyTable } from '../src/messages/nicira.ts';
import { portModPropertyTable, portPropertyTable } from '../src/messages/port.ts';
import { queuePropertyTable } from '../src/messages/queue.ts';
import { asyncPropertyTable } from '../src/messages/session.ts';
import { portStatsPropertyTable } from '../src/messages/stats.ts';
import { messageTable, type Place } from '../src/messages/table.ts';
import { tableFeaturePropertyTable, tablePropertyTable } from '../src/messages/tables.ts';
import { errorTypes, niciraErrors, onfErrors } from '../src/registry/errors.ts';
import { type FieldSpec, fields } from '../src/registry/fields.ts';
import { statTable } from '../src/stats.ts';

/** What structures end in lists of, by what they belong to. */
export const propertyTables = {
  'Hello elements': helloElementTable,
  'Port properties': portPropertyTable,
  'Properties of port changes': portModPropertyTable,
  'Properties of port statistics': portStatsPropertyTable,
  'Queue properties': queuePropertyTable,
  'Table properties': tablePropertyTable,
  'Properties of table features': tableFeaturePropertyTable,
  'Group properties': groupPropertyTable,
  'Bucket properties': bucketPropertyTable,
  'Meter bands': bandTable,
  'Properties of asynchronous configuration': asyncPropertyTable,
  'Bundle properties': bundlePropertyTable,
  'Properties of bundle features': bundleFeaturePropertyTable,
  'Properties of a controller': controllerPropertyTable,
  "Properties of Open vSwitch's packet-in2": packetInPropertyTable,
  "Properties of Open vSwitch's ct-flush": ctFlushPropertyTable,
} as const;

type Row = readonly (string | number)[];

function table(head: Row, rows: readonly Row[]): string {
  const line = (cells: Row) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function fieldRows(): Row[] {
  return (Object.entries(fields) as [string, FieldSpec][]).map(([name, spec]) => [
    `\`${name}\``,
    spec.alias ? `\`${spec.alias}\`` : '',
    spec.bits,
    spec.kind,
    spec.format,
    spec.maskable ? 'yes' : 'no',
    spec.needs ?? '',
    spec.readOnly ? 'no' : 'yes',
    spec.headers,
  ]);
}

const versions = { before15: '1.3', from15: '1.5' } as const;

function tlvRows(rows: Readonly<Record<string, TlvRow<never> | TlvRow<unknown>>>): Row[] {
  return Object.entries(rows).map(([name, { code, experimenter, before15, only }]) => [
    `\`${name}\``,
    experimenter ? `0x${experimenter.id.toString(16)}:${experimenter.subtype}` : code,
    before15
      ? `1.5; 1.3 as 0x${before15.id.toString(16)}:${before15.subtype}`
      : only
        ? versions[only]
        : '1.3, 1.5',
  ]);
}

function placeText(place: Place | undefined): string {
  if (!place) return '';
  const [id = 0, type] = place.experimenter ?? [];
  const whose = type === undefined ? undefined : `0x${id.toString(16)}:${type}`;
  if (place.multipart === undefined) return whose ?? String(place.code);
  return `${place.code}, multipart ${whose ?? place.multipart}`;
}

function errorRows(): Row[] {
  const standard = errorTypes.flatMap(({ name, codes }, type) =>
    codes.map(([code, meaning], number): Row => [`${type}, ${number}`, name, code, meaning]),
  );
  const nicira = Object.entries(niciraErrors).map(
    ([number, [code, meaning]]): Row => [`0x2320:${number}`, 'NICIRA', code, meaning],
  );
  const onf = Object.entries(onfErrors).map(
    ([number, [type, code]]): Row => [
      `0x4f4e4600:${number}`,
      type,
      code,
      'the same in 1.3 with an extension',
    ],
  );
  return [...standard, ...nicira, ...onf];
}

/** All tables of the library as Markdown: what docs/registry.md has to be. */
export function renderRegistry(): string {
  const messages = Object.entries(messageTable).map(
    ([name, { v13, v15 }]): Row => [`\`${name}\``, placeText(v13), placeText(v15)],
  );
  return `# What the library knows

Made from the tables of the source by \`node scripts/docs.ts\`. Experimenter numbers are written \`id:type\`.

## Messages

${table(['type', '1.3', '1.5'], messages)}

Besides these: \`bundleAdd\`, \`requestForward\`, and for what is not in the table \`experimenter\`, \`unknown\`,
\`unknownMultipartRequest\` and \`unknownMultipartReply\`.

## Match fields

The classes of headers are nxm0 (0x0000), nxm1 (0x0001), eric (0x1000), oxm (0x8000), reg (0x8001), and of
experimenters onf (0x4f4e4600), et (0x00002320) and nsh (0x005ad650).

${table(['field', 'also', 'bits', 'value', 'text', 'mask', 'needs', 'can be set', 'headers'], fieldRows())}

## Actions

${table(['type', 'number', 'versions'], tlvRows(actionTable))}

## Instructions

${table(['type', 'number', 'versions'], tlvRows(instructionTable))}

## Statistics

${table(
  ['stat', 'number', 'holds'],
  Object.entries(statTable).map(([name, { number, kind }]) => [`\`${name}\``, number, kind]),
)}

${Object.entries(propertyTables)
  .map(
    ([title, rows]) =>
      `## ${title}\n\n${table(
        ['type', 'number'],
        tlvRows(rows).map(([name, number]) => [name, number] as Row),
      )}`,
  )
  .join('\n\n')}

## Errors

${table(['number', 'type', 'code', 'meaning'], errorRows())}
`;
}
