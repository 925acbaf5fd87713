/**
 * OVSDB's notation of values (RFC 7047, section 5.1), read without trust: what is not as it should be is
 * taken as absent.
 */

/** A row's columns as they came; read them with the functions below. */
export type Row = ReadonlyMap<string, unknown>;

const tagged = (value: unknown, tag: string): unknown =>
  Array.isArray(value) && value.length === 2 && value[0] === tag ? value[1] : undefined;

/** The elements of a set; a value that stands alone is a set of one. */
export function setOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  const elements = tagged(value, 'set');
  return Array.isArray(elements) ? elements : [value];
}

/** The text in a column of at most one string. */
export function textOf(value: unknown): string | undefined {
  const [only] = setOf(value);
  return typeof only === 'string' ? only : undefined;
}

/** The number in a column of at most one integer. */
export function numberOf(value: unknown): number | undefined {
  const [only] = setOf(value);
  return typeof only === 'number' ? only : undefined;
}

export function booleanOf(value: unknown): boolean | undefined {
  const [only] = setOf(value);
  return typeof only === 'boolean' ? only : undefined;
}

/** The references to rows in a column, as UUIDs. */
export function referencesOf(value: unknown): readonly string[] {
  return setOf(value)
    .map((element) => tagged(element, 'uuid'))
    .filter((uuid) => typeof uuid === 'string');
}

/** A column that maps text to text. */
export function mapOf(value: unknown): ReadonlyMap<string, string> {
  const pairs = tagged(value, 'map');
  const map = new Map<string, string>();
  for (const pair of Array.isArray(pairs) ? pairs : [])
    if (Array.isArray(pair) && typeof pair[0] === 'string' && typeof pair[1] === 'string')
      map.set(pair[0], pair[1]);
  return map;
}

export const uuid = (id: string): readonly ['uuid', string] => ['uuid', id];
/** A row that the same transaction inserts. */
export const namedUuid = (name: string): readonly ['named-uuid', string] => ['named-uuid', name];
export const set = (elements: readonly unknown[]): readonly ['set', readonly unknown[]] => ['set', elements];
export const map = (entries: Readonly<Record<string, string>>) => ['map', Object.entries(entries)] as const;

/** One operation of a transaction (RFC 7047, section 5.2). */
export type Operation = { readonly op: string; readonly [member: string]: unknown };

/** Selects one row by its UUID. */
export const whereRow = (id: string): readonly unknown[] => [['_uuid', '==', uuid(id)]];
