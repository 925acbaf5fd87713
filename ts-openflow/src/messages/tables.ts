import {
  byVersion,
  type Codec,
  lengthFirst,
  list,
  padded,
  rest,
  type StructOf,
  struct,
  u8,
  u32,
  u64,
} from '../bytes/codec.ts';
import { row } from '../bytes/tlv.ts';
import { oxm, oxmHeader } from '../match.ts';
import { properties } from './properties.ts';
import { text } from './text.ts';

/** ofp_table_mod_prop_type (OpenFlow 1.5.1, 7.3.4.1) */
export const tablePropertyTable = {
  /** What is evicted first when the table is full: 1 other, 2 by importance, 4 by lifetime. */
  eviction: row(2, struct({ flags: u32 })),
  /** In per cent: when to warn that few entries are left, when that many are again; `vacancy` is how it is. */
  vacancy: row(3, struct({ down: u8, up: u8, vacancy: padded(u8, 1) })),
} as const;

const tableProperties = properties(tablePropertyTable);

const tableModFields = {
  /** 255 for all. */
  table: padded(u8, 3),
  /** Bits: 4 eviction, 8 vacancy events. */
  config: u32,
};
export type TableMod = StructOf<typeof tableModFields & { properties: typeof tableProperties }>;
const tableMod13 = struct(tableModFields);

/** ofp_table_mod. 1.3 has no properties. */
export const tableMod: Codec<TableMod> = byVersion<TableMod>(
  {
    read: (r) => ({ ...tableMod13.read(r), properties: [] }),
    write(w, v) {
      if (v.properties.length > 0) w.fail('OpenFlow 1.3 has no table properties');
      tableMod13.write(w, v);
    },
  },
  struct({ ...tableModFields, properties: tableProperties }),
);

/** ofp_table_desc (OpenFlow 1.5.1, 7.3.5.16). */
export const tableDesc = lengthFirst(
  struct({ ...tableModFields, table: padded(u8, 1), properties: tableProperties }),
);

/** ofp_table_status (OpenFlow 1.5.1, 7.4.5). */
export const tableStatus = struct({
  /** 3 vacancy fell below, 4 rose above. */
  reason: padded(u8, 7),
  table: tableDesc,
});

/** What a table supports, by number; an experimenter's has its id and more as data. */
const id: Codec<{ readonly code: number; readonly data: Uint8Array }> = {
  read(r) {
    const code = r.u16();
    const length = r.u16();
    if (length < 4) r.fail('length', `length ${length} is shorter than its own header`);
    return { code, data: r.within(length - 4, 'property', () => rest.read(r)) };
  },
  write(w, v) {
    w.u16(v.code);
    w.u16(4 + v.data.byteLength);
    w.raw(v.data);
  },
};

const ids = struct({ ids: list(id) });
const tables = struct({ tables: list(u8) });
const fields = struct({ fields: list(oxmHeader) });

/** ofp_table_feature_prop_type (OpenFlow 1.5.1, 7.3.5.18.2); `Miss` is for the table-miss flow. */
export const tableFeaturePropertyTable = {
  instructions: row(0, ids),
  instructionsMiss: row(1, ids),
  nextTables: row(2, tables),
  nextTablesMiss: row(3, tables),
  writeActions: row(4, ids),
  writeActionsMiss: row(5, ids),
  applyActions: row(6, ids),
  applyActionsMiss: row(7, ids),
  match: row(8, fields),
  wildcards: row(10, fields),
  writeSetField: row(12, fields),
  writeSetFieldMiss: row(13, fields),
  applySetField: row(14, fields),
  applySetFieldMiss: row(15, fields),
  tableSyncFrom: row(16, tables),
  writeCopyField: row(18, fields),
  writeCopyFieldMiss: row(19, fields),
  applyCopyField: row(20, fields),
  applyCopyFieldMiss: row(21, fields),
  /** The packet types that the table takes, each as a field with its value. */
  packetTypes: row(22, struct({ packetTypes: list(oxm) })),
  /** An experimenter's property for flows; that for the table-miss flow is of type `experimenter`. */
  experimenterFlows: row(0xfffe, struct({ experimenter: u32, data: rest })),
} as const;

const featuresTail = {
  name: text(32),
  /** Bits of metadata that can be matched. */
  metadataMatch: u64,
  /** Bits of metadata that can be written. */
  metadataWrite: u64,
  /** Bits: 4 eviction, 8 vacancy events (1.5). */
  capabilities: u32,
  maxEntries: u32,
  properties: properties(tableFeaturePropertyTable),
};

const tableFeatures15 = struct({
  table: u8,
  /** 1.5: 0 replace, 1 modify, 2 enable, 3 disable. */
  command: u8,
  /** 1.5, bits: 1 ingress table, 2 egress table, 16 first egress table. */
  features: u32,
  ...featuresTail,
});
type TableFeatures = typeof tableFeatures15 extends Codec<infer T> ? T : never;
const tableFeatures13 = struct({ table: padded(u8, 5), ...featuresTail });

/** ofp_table_features. In 1.3 `command` and `features` are padding: 0. */
export const tableFeatures: Codec<TableFeatures> = lengthFirst(
  byVersion<TableFeatures>(
    {
      read(r) {
        const { table, ...others } = tableFeatures13.read(r);
        return { table, command: 0, features: 0, ...others };
      },
      write: (w, v) => tableFeatures13.write(w, v),
    },
    tableFeatures15,
  ),
);

/** ofp_table_stats (OpenFlow 1.5.1, 7.3.5.15). */
export const tableStats = struct({
  table: padded(u8, 3),
  activeCount: u32,
  lookupCount: u64,
  matchedCount: u64,
});
