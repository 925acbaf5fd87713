import { type Match, type MatchField, matchField } from '../match.ts';
import type { Bucket, BucketProperty, GroupDesc, GroupProperty } from '../messages/group.ts';
import { type FieldName, fields as registry } from '../registry/fields.ts';
import { buckets as bucketIds, groups, groupTypes, type Version } from '../registry/numbers.ts';
import { TextError } from './error.ts';
import { fieldByName } from './match.ts';
import { parseActions } from './parse-actions.ts';
import { printActions } from './print-actions.ts';
import { splitOutside } from './split.ts';
import { parseInteger, parsePort, parseValue, printPort, printValue } from './values.ts';

/** By number. */
const typeNames = ['all', 'select', 'indirect', 'ff'] as const;
const reservedBuckets: Readonly<Record<string, number>> = {
  first: bucketIds.first,
  last: bucketIds.last,
  all: bucketIds.all,
};

/** What a bucket's weight is where none is said. */
const defaultWeight = (groupType: number) => (groupType === groupTypes.select ? 1 : 0);
const fullMask = (field: FieldName) => (1n << BigInt(registry[field].bits)) - 1n;

export function printBucketId(id: number): string {
  return Object.entries(reservedBuckets).find(([, number]) => number === id)?.[0] ?? String(id);
}

function bucketWords({ properties, bucketId }: Bucket, groupType: number, version: Version): string[] {
  const find = <T extends BucketProperty['type']>(type: T) =>
    properties.find((entry): entry is Extract<BucketProperty, { type: T }> => entry.type === type);
  const weight = find('weight')?.weight ?? 0;
  const port = find('watchPort');
  const group = find('watchGroup');
  return [
    ...(version < 5 ? [] : [`bucket_id:${printBucketId(bucketId)}`]),
    ...(weight === defaultWeight(groupType) ? [] : [`weight:${weight}`]),
    ...(port ? [`watch_port:${printPort(port.port)}`] : []),
    ...(group ? [`watch_group:${group.group}`] : []),
  ];
}

/** In the list of fields to hash, a value is the mask of what counts. */
function printHashed(entry: MatchField): string {
  if (entry.field === 'unknown') return `oxm(${entry.class},${entry.number})`;
  const value = BigInt(entry.value);
  return value === fullMask(entry.field)
    ? entry.field
    : `${entry.field}=${printValue(entry.field, { value })}`;
}

function selectionWords(properties: readonly GroupProperty[]): string[] {
  const found = properties.find(
    (entry) => entry.type === 'selectionMethod' || entry.type === 'oldSelectionMethod',
  );
  if (!found || !('method' in found)) return [];
  const hashed = found.fields.map(printHashed);
  return [
    ...(found.method ? [`selection_method=${found.method}`] : []),
    ...(found.param ? [`selection_method_param=${found.param}`] : []),
    ...(hashed.length > 1 ? [`fields(${hashed.join(',')})`] : hashed.map((field) => `fields=${field}`)),
  ];
}

/** A group as `ovs-ofctl dump-groups` prints it over that version; buckets have names from 1.5 on. */
export function printGroup(group: GroupDesc, version: Version): string {
  return [
    `group_id=${group.group}`,
    `type=${typeNames[group.groupType] ?? 'unknown'}`,
    ...selectionWords(group.properties),
    ...group.buckets.map((bucket) => {
      const words = bucketWords(bucket, group.groupType, version);
      return `bucket=${[...words, `actions=${printActions(bucket.actions)}`].join(',')}`;
    }),
  ].join(',');
}

function small(text: string, largest: number, what: string): number {
  const value = parseInteger(text);
  if (value > BigInt(largest)) throw new TextError(`${what} ${text} is more than ${largest}`);
  return Number(value);
}

const bucketSettings: Readonly<Record<string, (text: string) => BucketProperty | number>> = {
  bucket_id: (text) => small(text, bucketIds.max, 'bucket_id'),
  weight: (text) => ({ type: 'weight', weight: small(text, 0xffff, 'weight') }),
  watch_port: (text) => ({ type: 'watchPort', port: parsePort(text) }),
  watch_group: (text) => ({ type: 'watchGroup', group: small(text, groups.max, 'watch_group') }),
};
const propertyOrder = ['weight', 'watchPort', 'watchGroup'];

function parseBucket(text: string, groupType: number, place: number): Bucket {
  let bucketId = place;
  const properties: BucketProperty[] = [];
  const rest = splitOutside(text, ', ').filter((word) => {
    const [, key = '', value = ''] = /^(\w+)[:=](\w+)$/.exec(word) ?? [];
    const setting = bucketSettings[key]?.(value);
    if (typeof setting === 'number') bucketId = setting;
    else if (setting) properties.push(setting);
    return setting === undefined;
  });
  if (!properties.some(({ type }) => type === 'weight'))
    properties.push({ type: 'weight', weight: defaultWeight(groupType) });
  const said = properties.filter((entry) => entry.type !== 'weight' || entry.weight > 0);
  said.sort((a, b) => propertyOrder.indexOf(a.type) - propertyOrder.indexOf(b.type));
  return { bucketId, properties: said, actions: parseActions(rest.join(',').replace(/^actions=/, '')) };
}

function parseHashed(text: string): Match {
  return splitOutside(text, ', ').map((word) => {
    const [name = '', value] = word.split('=');
    const field = fieldByName(name);
    if (!field) throw new TextError(`no field called ${name}`);
    return matchField(field, value === undefined ? fullMask(field) : parseValue(field, value).value);
  });
}

function parseType(text: string): number {
  const found = typeNames.findIndex((name) => name === (text === 'fast_failover' ? 'ff' : text));
  if (found < 0) throw new TextError(`no type of group called ${text}`);
  return found;
}

/**
 * A group from the syntax of ovs-ofctl (ovs-ofctl(8), Group Syntax): what add-group takes and dump-groups prints.
 * Buckets without a name are numbered by their place. Throws a TextError that names what it does not know.
 */
export function parseGroup(text: string): GroupDesc {
  const [head = '', ...bucketTexts] = text.trim().split(/(?:^|[, ]+)bucket=/);
  const settings = new Map<string, string>();
  for (const word of splitOutside(head, ', ')) {
    const [, key = '', called, given] = /^(\w+)(?:\((.*)\)|=(.*))$/.exec(word) ?? [];
    if (!/^(group_id|type|selection_method|selection_method_param|fields)$/.test(key))
      throw new TextError(`${word} is nothing of a group`);
    settings.set(key, called ?? given ?? '');
  }
  const need = (key: string) => {
    const value = settings.get(key);
    if (value === undefined) throw new TextError(`no ${key}= in: ${text}`);
    return value;
  };
  const groupType = parseType(need('type'));
  const [method, param, hashed] = ['selection_method', 'selection_method_param', 'fields'].map((key) =>
    settings.get(key),
  );
  if (method === undefined && (param ?? hashed) !== undefined)
    throw new TextError('selection_method_param and fields are about a selection_method');
  const fields = parseHashed(hashed ?? '');
  return {
    groupType,
    group: small(need('group_id'), groups.max, 'group_id'),
    buckets: bucketTexts.map((bucket, place) => parseBucket(bucket, groupType, place)),
    properties:
      method === undefined
        ? []
        : [{ type: 'selectionMethod', method, param: parseInteger(param ?? '0'), fields }],
  };
}
