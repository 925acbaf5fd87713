/**
 * How objects are written: for people as a table, for programs as JSON, YAML or names.
 */
import { stringify } from 'yaml';
import { nameOf, rowsOf, type Shown, type ShownKind } from './kinds.ts';
import { paint } from './terminal.ts';

export const FORMATS = ['table', 'json', 'yaml', 'name'] as const;
export type Format = (typeof FORMATS)[number];

/**
 * Objects in a format.
 *
 * @param one whether one was asked for by its name: JSON then has the object itself and no list
 */
export function formatObjects<K extends ShownKind>(
  kind: K,
  objects: readonly Shown[K][],
  { format, one }: { readonly format: Format; readonly one: boolean },
): string {
  switch (format) {
    case 'json':
      return JSON.stringify(one ? objects[0] : { items: objects }, null, 2);
    case 'yaml':
      // Each with its kind, as `apply` takes it.
      return objects.map((object) => yamlText({ kind, ...object })).join('---\n');
    case 'name':
      return objects.map((object) => `${kind}/${nameOf(kind, object)}`).join('\n');
    case 'table': {
      const { titles, rows } = rowsOf(kind, objects);
      return table(titles, rows, new Set(['PHASE', 'CONNECTION', 'CONFIRMED', 'STATE']));
    }
  }
}

export const yamlText = (value: unknown): string => stringify(value, { lineWidth: 0 });

/** Words that say how well something is. */
const COLOURS: Readonly<Record<string, 'green' | 'yellow' | 'red'>> = {
  active: 'green',
  ready: 'green',
  connected: 'green',
  pending: 'yellow',
  updating: 'yellow',
  waiting: 'red',
  starting: 'yellow',
  stopping: 'yellow',
  unknown: 'yellow',
  no: 'yellow',
  up: 'green',
  stale: 'yellow',
  oneWay: 'red',
  degraded: 'red',
  rejected: 'red',
  backoff: 'red',
  disconnected: 'red',
};

/** Columns beneath their titles, two spaces apart. @param states titles of the columns that have colours */
export function table(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  states: ReadonlySet<string> = new Set(),
): string {
  const cleaned = rows.map((row) => row.map(printable));
  const widths = titles.map((title, i) =>
    Math.max(title.length, ...cleaned.map((row) => row[i]?.length ?? 0)),
  );
  const isLast = (i: number): boolean => i === titles.length - 1;
  const pad = (text: string, i: number): string => (isLast(i) ? text : text.padEnd(widths[i] ?? 0));
  const lines = cleaned.map((row) =>
    row
      .map((cell, i) => {
        const colour = states.has(titles[i] ?? '') ? COLOURS[cell] : undefined;
        return colour === undefined ? pad(cell, i) : paint(colour, pad(cell, i));
      })
      .join('  '),
  );
  return [paint('bold', titles.map(pad).join('  ').trimEnd()), ...lines.map((line) => line.trimEnd())].join(
    '\n',
  );
}

/** Without what could steer a terminal: names of ports and reasons come from elsewhere. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}
