import { type Action, actions } from '../actions/index.ts';
import {
  after,
  byVersion,
  type Codec,
  lengthFirst,
  list,
  padded,
  struct,
  u8,
  u16,
  u32,
  u64,
} from '../bytes/codec.ts';
import type { Reader } from '../bytes/reader.ts';
import { type ExperimenterTlv, row, type TlvUnion, type UnknownTlv } from '../bytes/tlv.ts';
import type { Writer } from '../bytes/writer.ts';
import { type MatchField, oxm } from '../match.ts';
import { buckets as bucketIds, groups, ports } from '../registry/numbers.ts';
import { properties as listOf } from './properties.ts';
import { text } from './text.ts';

/** ofp_group_bucket_prop_type (OpenFlow 1.5.1, 7.3.4.4.1). In 1.3 they are fixed fields. */
export const bucketPropertyTable = {
  /** Share of the traffic, in select groups. */
  weight: row(0, struct({ weight: padded(u16, 2) })),
  /** Port that must be live, in fast failover groups. */
  watchPort: row(1, struct({ port: u32 })),
  watchGroup: row(2, struct({ group: u32 })),
} as const;

export type BucketProperty = TlvUnion<typeof bucketPropertyTable> | UnknownTlv | ExperimenterTlv;
const bucketProperties = listOf(bucketPropertyTable);

/** One way that a packet may go. */
export interface Bucket {
  /** 1.5. Its name in the group, 0 to buckets.max. 1.3 has none: it reads as its place in the list. */
  readonly bucketId: number;
  readonly properties: readonly BucketProperty[];
  readonly actions: readonly Action[];
}

const bucket15: Codec<Bucket> = lengthFirst({
  read(r) {
    const actionBytes = r.u16();
    const bucketId = r.u32();
    const list = r.within(actionBytes, 'action', () => actions.read(r));
    return { bucketId, properties: bucketProperties.read(r), actions: list };
  },
  write(w, v) {
    const start = w.length;
    w.u16(0);
    w.u32(v.bucketId);
    actions.write(w, v.actions);
    w.patch16(start, w.length - start - 6);
    bucketProperties.write(w, v.properties);
  },
});

const bucket13Fields = lengthFirst(
  struct({ weight: u16, watchPort: u32, watchGroup: padded(u32, 4), actions }),
);

/** The fixed fields of 1.3 as properties; those that say nothing are left out. */
function readBucket13(r: Reader, bucketId: number): Bucket {
  const { weight, watchPort, watchGroup, actions } = bucket13Fields.read(r);
  const properties: BucketProperty[] = [];
  if (weight !== 0) properties.push({ type: 'weight', weight });
  if (watchPort !== ports.any) properties.push({ type: 'watchPort', port: watchPort });
  if (watchGroup !== groups.any) properties.push({ type: 'watchGroup', group: watchGroup });
  return { bucketId, properties, actions };
}

function writeBucket13(w: Writer, v: Bucket): void {
  let weight = 0;
  let watchPort: number = ports.any;
  let watchGroup: number = groups.any;
  for (const property of v.properties) {
    if (property.type === 'weight') weight = property.weight;
    else if (property.type === 'watchPort') watchPort = property.port;
    else if (property.type === 'watchGroup') watchGroup = property.group;
    else w.fail(`OpenFlow 1.3 has no bucket property ${property.type}`);
  }
  bucket13Fields.write(w, { weight, watchPort, watchGroup, actions: v.actions });
}

/** A list, so that the buckets of 1.3 can be numbered. */
const buckets: Codec<readonly Bucket[]> = byVersion<readonly Bucket[]>(
  {
    read(r) {
      const found: Bucket[] = [];
      while (r.remaining > 0) found.push(readBucket13(r, found.length));
      return found;
    },
    write(w, v) {
      for (const bucket of v) writeBucket13(w, bucket);
    },
  },
  list(bucket15),
);

/** Netronome's group property, which Open vSwitch knows as selection_method. */
const selectionMethod = after(
  4,
  struct({
    /** `hash` or `dp_hash`. */
    method: text(16),
    param: u64,
    /** The fields that are hashed; a value is the mask of what counts of it. */
    fields: list(oxm) as Codec<readonly MatchField[]>,
  }),
);

/** Group properties (1.5). `selectionMethod` is an extension of Netronome that Open vSwitch honours. */
export const groupPropertyTable = {
  selectionMethod: { ...row(0xffff, selectionMethod), experimenter: { id: 0x0000154d, subtype: 1 } },
  /** The same under the number that Open vSwitch 2.4 had for it. */
  oldSelectionMethod: { ...row(0xffff, selectionMethod), experimenter: { id: 0x00001540, subtype: 1 } },
} as const;

export type GroupProperty = TlvUnion<typeof groupPropertyTable> | UnknownTlv | ExperimenterTlv;
const groupProperties = listOf(groupPropertyTable);

/** A request to change a group. */
export interface GroupMod {
  /** One of groupCommands. */
  readonly command: number;
  /** One of groupTypes. */
  readonly groupType: number;
  /** 0 to groups.max; groups.all when deleting all. */
  readonly group: number;
  /** 1.5: which bucket insertBucket and removeBucket mean; buckets.all otherwise. 1.3 reads as buckets.all. */
  readonly commandBucketId: number;
  readonly buckets: readonly Bucket[];
  /** 1.5. */
  readonly properties: readonly GroupProperty[];
}

const groupMod13 = struct({ command: u16, groupType: padded(u8, 1), group: u32, buckets });

/** ofp_group_mod (OpenFlow 1.5.1, 7.3.4.4). */
export const groupMod: Codec<GroupMod> = byVersion<GroupMod>(
  {
    read: (r) => ({ ...groupMod13.read(r), commandBucketId: bucketIds.all, properties: [] }),
    write(w, v) {
      if (v.properties.length > 0) w.fail('OpenFlow 1.3 has no group properties');
      groupMod13.write(w, v);
    },
  },
  {
    read(r) {
      const { command, groupType, group, bucketBytes, commandBucketId } = groupModHead15.read(r);
      const found = r.within(bucketBytes, 'request', () => buckets.read(r));
      return {
        command,
        groupType,
        group,
        commandBucketId,
        buckets: found,
        properties: groupProperties.read(r),
      };
    },
    write(w, v) {
      const start = w.length;
      groupModHead15.write(w, { ...v, bucketBytes: 0 });
      writeBuckets(w, v.buckets, start + 8);
      groupProperties.write(w, v.properties);
    },
  },
);

const groupModHead15 = struct({
  command: u16,
  groupType: padded(u8, 1),
  group: u32,
  bucketBytes: padded(u16, 2),
  commandBucketId: u32,
});

function writeBuckets(w: Writer, value: readonly Bucket[], lengthAt: number): void {
  const start = w.length;
  buckets.write(w, value);
  w.patch16(lengthAt, w.length - start);
}

/** A group as the switch describes it. */
export interface GroupDesc {
  /** One of groupTypes. */
  readonly groupType: number;
  readonly group: number;
  readonly buckets: readonly Bucket[];
  /** 1.5. */
  readonly properties: readonly GroupProperty[];
}

const groupDesc13 = lengthFirst(struct({ groupType: padded(u8, 1), group: u32, buckets }));
const groupDescHead15 = struct({ groupType: padded(u8, 1), group: u32, bucketBytes: padded(u16, 6) });

/** ofp_group_desc (OpenFlow 1.5.1, 7.3.5.10). */
export const groupDesc: Codec<GroupDesc> = byVersion<GroupDesc>(
  {
    read: (r) => ({ ...groupDesc13.read(r), properties: [] }),
    write: (w, v) => groupDesc13.write(w, v),
  },
  lengthFirst({
    read(r) {
      const { groupType, group, bucketBytes } = groupDescHead15.read(r);
      const found = r.within(bucketBytes, 'request', () => buckets.read(r));
      return { groupType, group, buckets: found, properties: groupProperties.read(r) };
    },
    write(w, v) {
      const start = w.length;
      groupDescHead15.write(w, { ...v, bucketBytes: 0 });
      writeBuckets(w, v.buckets, start + 6);
      groupProperties.write(w, v.properties);
    },
  }),
);

/** ofp_group_stats (OpenFlow 1.5.1, 7.3.5.9). */
export const groupStats = lengthFirst(
  after(
    2,
    struct({
      group: u32,
      /** Flows and groups that forward to it. */
      refCount: padded(u32, 4),
      packetCount: u64,
      byteCount: u64,
      /** Seconds, and nanoseconds beyond them. */
      sec: u32,
      nsec: u32,
      buckets: list(struct({ packetCount: u64, byteCount: u64 })),
    }),
  ),
);

/** ofp_group_features (OpenFlow 1.5.1, 7.3.5.11). Four numbers are for all, select, indirect, fast failover. */
export const groupFeatures = struct({
  /** Bits of 1 << groupTypes. */
  types: u32,
  capabilities: u32,
  maxGroupsAll: u32,
  maxGroupsSelect: u32,
  maxGroupsIndirect: u32,
  maxGroupsFastFailover: u32,
  /** Bits of 1 << the action's number. */
  actionsAll: u32,
  actionsSelect: u32,
  actionsIndirect: u32,
  actionsFastFailover: u32,
});
