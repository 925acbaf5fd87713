/** Groups in the form in which equal meaning is equal content, as Open vSwitch stores and tells them. Pure. */
import {
  type Action,
  type Bucket,
  type BucketProperty,
  canonicalFlow,
  type GroupDesc,
  groups,
  groupTypes,
  ports,
  printActions,
  toJson,
  type Version,
  version15,
} from 'ts-openflow';

/** All that a group is besides its number, as text to compare. */
export function groupBody({ groupType, buckets, properties }: GroupDesc, version: Version): string {
  return JSON.stringify([
    groupType,
    buckets.map((bucket, place) =>
      bucketBody(bucket, groupType, version === version15 ? bucket.bucketId : place),
    ),
    properties.map((property) => JSON.stringify(toJson(property))).sort(),
  ]);
}

function bucketBody({ properties, actions }: Bucket, groupType: number, id: number): unknown {
  const weight = properties.find((property) => property.type === 'weight')?.weight ?? 1;
  return [
    id,
    // Weights mean something in select groups alone; 1 is what a bucket has that says nothing.
    groupType === groupTypes.select ? weight : 0,
    properties
      .filter(saysSomething)
      .map((property) => JSON.stringify(toJson(property)))
      .sort(),
    printActions(canonicalActions(actions)),
  ];
}

const saysSomething = (property: BucketProperty): boolean => {
  if (property.type === 'weight') return false;
  if (property.type === 'watchPort') return property.port !== ports.any;
  return property.type !== 'watchGroup' || property.group !== groups.any;
};

function canonicalActions(actions: readonly Action[]): readonly Action[] {
  const instructions = [{ type: 'applyActions', actions }] as const;
  const blank = {
    table: 0,
    priority: 0,
    cookie: 0n,
    idleTimeout: 0,
    hardTimeout: 0,
    flags: 0,
    importance: 0,
  };
  const [first] = canonicalFlow({ ...blank, match: [], instructions }).instructions;
  return first?.type === 'applyActions' ? first.actions : [];
}

const TYPE_NAMES = ['all', 'select', 'indirect', 'ff'] as const;

/** A group as ovs-ofctl writes one. */
export function describeGroup({ group, groupType, buckets }: GroupDesc): string {
  const parts = buckets.map(({ actions }) => `bucket=actions=${printActions(actions) || 'drop'}`);
  return [`group_id=${group}`, `type=${TYPE_NAMES[groupType] ?? groupType}`, ...parts].join(',');
}
