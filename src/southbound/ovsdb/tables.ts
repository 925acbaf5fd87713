import { numberOf, type Row } from './values.ts';

/** The columns that are followed. Interface statistics would arrive every few seconds: leave them out. */
export const FOLLOWED = {
  Open_vSwitch: ['cur_cfg'],
  Bridge: ['name', 'datapath_id', 'fail_mode', 'controller', 'protocols', 'ports'],
  Port: ['name', 'interfaces', 'external_ids', 'tag', 'trunks', 'vlan_mode'],
  Interface: ['name', 'ofport', 'error', 'cfm_fault', 'mtu'],
  Controller: ['target', 'connection_mode', 'max_backoff', 'inactivity_probe', 'external_ids'],
} as const satisfies Record<string, readonly string[]>;

export type TableName = keyof typeof FOLLOWED;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A copy of the followed tables, kept by the updates that the server sends (RFC 7047, section 4.1.6). */
export class Tables {
  readonly #tables: { readonly [T in TableName]: Map<string, Row> } = {
    Open_vSwitch: new Map(),
    Bridge: new Map(),
    Port: new Map(),
    Interface: new Map(),
    Controller: new Map(),
  };

  /** Grows whenever ports come, go or change, but for their health. */
  wiring = 0;

  rows(table: TableName): ReadonlyMap<string, Row> {
    return this.#tables[table];
  }

  row(table: TableName, id: string): Row | undefined {
    return this.#tables[table].get(id);
  }

  /** The configuration that ovs-vswitchd has followed, counted by Open_vSwitch.next_cfg. */
  get configured(): number {
    const [row] = this.#tables.Open_vSwitch.values();
    return numberOf(row?.get('cur_cfg')) ?? 0;
  }

  /** Takes the answer to `monitor` or the content of an `update`. */
  apply(updates: unknown): void {
    if (!isObject(updates)) return;
    for (const [name, rows] of Object.entries(updates)) {
      const table = Object.hasOwn(this.#tables, name) ? this.#tables[name as TableName] : undefined;
      if (table === undefined || !isObject(rows)) continue;
      for (const [id, change] of Object.entries(rows)) {
        const now = isObject(change) ? (change as { new?: unknown }).new : undefined;
        const row = isObject(now) ? new Map(Object.entries(now)) : undefined;
        if (isWired(name as TableName, table.get(id), row)) this.wiring++;
        if (row) table.set(id, row);
        else table.delete(id);
      }
    }
  }
}

function isWired(table: TableName, before: Row | undefined, now: Row | undefined): boolean {
  if (table === 'Port' || table === 'Bridge') return true;
  if (table !== 'Interface') return false;
  return ['ofport', 'mtu'].some((column) => numberOf(before?.get(column)) !== numberOf(now?.get(column)));
}
