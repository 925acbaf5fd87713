/**
 * Lists, page by page. A cursor holds the name that a page ended with, so objects that come and go between two pages
 * move no others: whatever is there all the time is listed once.
 */
import { createHash } from 'node:crypto';
import { ChainstitchError } from '../model/errors.ts';
import { API_LIMITS } from '../model/limits.ts';

/** A filter by the text of its query parameter. @throws ChainstitchError `invalid-parameter` */
export type Filter<T> = (text: string) => (item: T) => boolean;
export type Filters<T> = { readonly [parameter: string]: Filter<T> };

export type Listing<T> = {
  /** What comes after a name in the order of names; all of it without one. */
  after(name: string | undefined): Iterable<readonly [name: string, item: T]>;
  readonly filters: Filters<T>;
  readonly show: (item: T) => unknown;
  /** About how many bytes one takes, where they may be large. */
  readonly bytes?: (item: T) => number;
};

/** A list that only its pages are wanted of. */
export type Pages = {
  /** Query parameters by which it is filtered. */
  readonly parameters: readonly string[];
  page(query: Query): Page;
};

export type Page = { readonly items: readonly unknown[]; readonly next?: string };

export const LIST_QUERY = ['limit', 'cursor', 'fields'] as const;

export type Query = Readonly<Record<string, string | undefined>>;

/** @param what tells the cursors of this list from those of others */
export function pagesOf<T>(what: string, listing: Listing<T>): Pages {
  return {
    parameters: Object.keys(listing.filters),
    page: (query) => pageOf(what, listing, query),
  };
}

function pageOf<T>(what: string, listing: Listing<T>, query: Query): Page {
  const limit = parseLimit(query['limit']);
  const given = Object.keys(listing.filters).flatMap((name) => {
    const text = query[name];
    return text === undefined ? [] : [{ name, text, passes: (listing.filters[name] as Filter<T>)(text) }];
  });
  const list = createHash('sha256')
    .update(JSON.stringify([what, ...given.map(({ name, text }) => [name, text])]))
    .digest('base64url')
    .slice(0, 8);
  const items: unknown[] = [];
  let looked = 0;
  let bytes = 0;
  let last: string | undefined;
  for (const [name, item] of listing.after(parseCursor(query['cursor'], list))) {
    if (items.length === limit || looked === API_LIMITS.pageScan || bytes > API_LIMITS.pageBytes) {
      return { items, next: formatCursor(list, last ?? '') };
    }
    looked++;
    last = name;
    if (!given.every(({ passes }) => passes(item))) continue;
    items.push(listing.show(item));
    bytes += listing.bytes?.(item) ?? 0;
  }
  return { items };
}

export function parseLimit(text: string | undefined): number {
  if (text === undefined) return API_LIMITS.pageDefault;
  const limit = /^[1-9][0-9]{0,3}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= API_LIMITS.pageMax) return limit;
  throw invalid(`the query parameter \`limit\` has to be a number from 1 to ${API_LIMITS.pageMax}`);
}

/** A place in a list, as text that only this list takes back. */
export function formatCursor(list: string, after: string): string {
  return Buffer.from(JSON.stringify([list, after])).toString('base64url');
}

/** @throws ChainstitchError `invalid-parameter` where the text is no cursor, or one of another list */
export function parseCursor(text: string | undefined, list: string): string | undefined {
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    value = undefined;
  }
  const [of, after] = Array.isArray(value) ? (value as unknown[]) : [];
  if (of === list && typeof after === 'string' && formatCursor(list, after) === text) return after;
  throw invalid(
    'the query parameter `cursor` has to be the `next` of a page of this list, with the same filters',
  );
}

/** `a=b,c` is passed by what has the label `a` with the value `b` and the label `c` with any value. */
export function labelFilter<T>(labelsOf: (item: T) => Readonly<Record<string, string>>): Filter<T> {
  return (text) => {
    const wanted = text.split(',').map((part): [string, string | undefined] => {
      const [, key, value] = /^([A-Za-z0-9._/-]{1,63})(?:=([ -+\--~]{0,63}))?$/.exec(part) ?? [];
      if (key === undefined) {
        throw invalid('the query parameter `labels` has to be labels such as `plan=gold,site`');
      }
      return [key, value];
    });
    return (item) => {
      const labels = labelsOf(item);
      return wanted.every(
        ([key, value]) => Object.hasOwn(labels, key) && (value === undefined || labels[key] === value),
      );
    };
  };
}

/** Passed by what has this very text. */
export function textFilter<T>(textOf: (item: T) => string | undefined): Filter<T> {
  return (text) => (item) => textOf(item) === text;
}

/** Passed by what has one of a few words; other words are refused. */
export function wordFilter<T>(
  parameter: string,
  words: readonly string[],
  wordOf: (item: T) => string | undefined,
): Filter<T> {
  return (text) => {
    if (words.includes(text)) return (item) => wordOf(item) === text;
    throw invalid(`the query parameter \`${parameter}\` has to be one of ${words.join(', ')}`);
  };
}

export function invalid(detail: string): ChainstitchError {
  return new ChainstitchError('invalid-parameter', detail);
}
