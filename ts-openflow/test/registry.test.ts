import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { propertyTables, renderRegistry } from '../scripts/render-registry.ts';
import {
  actionTable,
  decode,
  encode,
  errorName,
  errorTypes,
  type FieldName,
  fields,
  instructionTable,
  type MessageOf,
  matchField,
} from '../src/index.ts';
import { messageTable } from '../src/messages/table.ts';
import { niciraErrors, onfErrors } from '../src/registry/errors.ts';
import { statTable } from '../src/stats.ts';

const page = readFileSync(new URL('../docs/registry.md', import.meta.url), 'utf8');

const sectionOf = (title: string) => page.split(`## ${title}\n`)[1]?.split('\n## ')[0] ?? '';

/** The names in the first column of a section's table. */
function namesIn(section: string): string[] {
  return [...sectionOf(section).matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name ?? '');
}

t.test('the page has what the tables have, no more and no less', async (t) => {
  t.same(new Set(namesIn('Messages')), new Set(Object.keys(messageTable)));
  t.same(new Set(namesIn('Match fields')), new Set(Object.keys(fields)));
  t.same(new Set(namesIn('Actions')), new Set(Object.keys(actionTable)));
  t.same(new Set(namesIn('Instructions')), new Set(Object.keys(instructionTable)));
  t.same(new Set(namesIn('Statistics')), new Set(Object.keys(statTable)));
  for (const [title, rows] of Object.entries(propertyTables))
    t.same(new Set(namesIn(title)), new Set(Object.keys(rows)), title);
  const errors = [
    ...errorTypes.flatMap(({ name, codes }, type) =>
      codes.map(([code, meaning], number) => `${type}, ${number} | ${name} | ${code} | ${meaning}`),
    ),
    ...Object.entries(niciraErrors).map(
      ([n, [code, meaning]]) => `0x2320:${n} | NICIRA | ${code} | ${meaning}`,
    ),
    ...Object.entries(onfErrors).map(
      ([n, [type, code]]) => `0x4f4e4600:${n} | ${type} | ${code} | the same in 1.3 with an extension`,
    ),
  ];
  const told = [...sectionOf('Errors').matchAll(/^\| (\d.*) \|$/gm)].map(([, line]) => line);
  t.same(told, errors);
  t.equal(page, renderRegistry(), 'made anew with node scripts/docs.ts');
});

t.test('no table of properties is left out', async (t) => {
  const folder = new URL('../src/messages/', import.meta.url);
  const found = new Set<unknown>();
  for (const file of readdirSync(folder))
    for (const [name, value] of Object.entries(await import(new URL(file, folder).href)))
      if (name.endsWith('Table') && value !== messageTable) found.add(value);
  t.same(found.size, Object.keys(propertyTables).length);
  for (const rows of Object.values(propertyTables)) t.ok(found.has(rows));
});

t.test('no two fields share a header', async (t) => {
  const headers = Object.values(fields).flatMap((spec) => spec.headers.split(' '));
  t.equal(new Set(headers).size, headers.length);
});

t.test('no two rows of a table share a number', async (t) => {
  for (const table of [actionTable, instructionTable, ...Object.values(propertyTables)]) {
    const numbers = Object.values(table).map((row) => {
      const { code, experimenter } = row as { code: number; experimenter?: { id: number; subtype: number } };
      return experimenter ? `${experimenter.id}:${experimenter.subtype}` : String(code);
    });
    t.equal(new Set(numbers).size, numbers.length);
  }
});

t.test('errors are numbered by their place', async (t) => {
  t.match(errorName({ errorType: 17, code: 15 }), { type: 'BUNDLE_FAILED', code: 'BUNDLE_IN_PROGRESS' });
  t.match(errorName({ errorType: 12, code: 11 }), { code: 'OUT_OF_BANDS' });
  t.match(errorName({ errorType: 6, code: 14 }), { type: 'GROUP_MOD_FAILED', code: 'EPERM' });
  t.match(errorName({ errorType: 2, code: 16 }), { type: 'BAD_ACTION', code: 'BAD_SET_MASK' });
});

t.test('every field survives, smallest and largest, in both versions', async (t) => {
  for (const version of [4, 6] as const) {
    for (const name of Object.keys(fields) as FieldName[]) {
      const full = (1n << BigInt(fields[name].bits)) - 1n;
      for (const entry of [matchField(name, 0), matchField(name, full), matchField(name, full, full)]) {
        const message: MessageOf<'packetIn'> = {
          type: 'packetIn',
          version,
          xid: 1,
          bufferId: 0,
          totalLength: 0,
          reason: 0,
          table: 0,
          cookie: 0n,
          match: [entry],
          data: new Uint8Array(0),
        };
        const again = decode(encode(message)) as typeof message;
        if (JSON.stringify(again.match, replace) !== JSON.stringify(message.match, replace))
          t.same(again.match, message.match);
      }
    }
  }
});

const replace = (_key: string, value: unknown) =>
  typeof value === 'bigint' ? `0x${value.toString(16)}` : value;
