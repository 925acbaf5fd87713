/**
 * Keeping NORMAL off a port. OFPPC_NO_FLOOD would be the obvious means, but Open vSwitch has it in OpenFlow
 * 1.0 only: over 1.3 and 1.5 a PORT_MOD with that bit changes nothing, without an error. So the port becomes
 * a trunk of VLAN 4095 alone, which no frame may carry (IEEE 802.1Q, table 9-2). NORMAL then neither floods
 * to it, nor takes a frame from it, nor learns an address on it; flows that name the port are not affected.
 * A tag would be worse: frames from an access port are flooded, tagged, out of every port that is a trunk,
 * and by default every port is one.
 */

import type { Isolation } from '../../model/desired.ts';
import { ChainstitchError } from '../../model/errors.ts';
import type { OfPort } from '../../model/ids.ts';
import type { BridgeRow } from './bridges.ts';
import type { Tables } from './tables.ts';
import {
  map,
  mapOf,
  numberOf,
  type Operation,
  type Row,
  referencesOf,
  set,
  setOf,
  textOf,
  whereRow,
} from './values.ts';

/**
 * The columns of a port that NORMAL is kept off. As a trunk of VLAN 0 alone it carries frames without a tag and
 * no others.
 */
const COLUMNS = {
  all: { vlan_mode: 'trunk', trunks: 4095, tag: set([]) },
  tagged: { vlan_mode: 'trunk', trunks: 0, tag: set([]) },
} as const satisfies Record<Exclude<Isolation, 'none'>, unknown>;

/** The columns of a port that nothing but our flows can reach. */
export const ISOLATED = COLUMNS.all;

/** Where the columns of an operator's port are kept until it is let go. */
const SAVED = 'chainstitch-vlan';

function isolationOf(row: Row): Isolation {
  const trunks = setOf(row.get('trunks'));
  if (textOf(row.get('vlan_mode')) !== 'trunk' || trunks.length !== 1) return 'none';
  if (trunks[0] === COLUMNS.all.trunks) return 'all';
  return trunks[0] === COLUMNS.tagged.trunks && setOf(row.get('tag')).length === 0 ? 'tagged' : 'none';
}

/** Bytes that each port carries as Ethernet payload, where its server says so. */
export function mtusOf(tables: Tables, bridge: BridgeRow): ReadonlyMap<OfPort, number> {
  const mtus = new Map<OfPort, number>();
  for (const id of referencesOf(bridge.row.get('ports')))
    for (const ofInterface of referencesOf(tables.row('Port', id)?.get('interfaces'))) {
      const row = tables.row('Interface', ofInterface);
      const [ofport, mtu] = [numberOf(row?.get('ofport')), numberOf(row?.get('mtu'))];
      if (ofport !== undefined && ofport > 0 && mtu !== undefined && mtu > 0) mtus.set(ofport as OfPort, mtu);
    }
  return mtus;
}

type PortRow = { readonly id: string; readonly row: Row };

function portsByNumber(tables: Tables, bridge: BridgeRow): ReadonlyMap<number, PortRow> {
  const ports = new Map<number, PortRow>();
  for (const id of referencesOf(bridge.row.get('ports'))) {
    const row = tables.row('Port', id);
    if (row === undefined) continue;
    for (const ofInterface of referencesOf(row.get('interfaces'))) {
      const ofport = numberOf(tables.row('Interface', ofInterface)?.get('ofport'));
      if (ofport !== undefined && ofport > 0) ports.set(ofport, { id, row });
    }
  }
  return ports;
}

/** The numbers of the ports that are isolated in this way. */
export function isolatedPorts(
  tables: Tables,
  bridge: BridgeRow,
  how: Exclude<Isolation, 'none'>,
): ReadonlySet<OfPort> {
  const ports = [...portsByNumber(tables, bridge)].filter(([, { row }]) => isolationOf(row) === how);
  return new Set(ports.map(([ofport]) => ofport as OfPort));
}

/** What makes the ports as wanted; nothing if they are. */
export function isolationRepairs(
  tables: Tables,
  bridge: BridgeRow,
  wanted: ReadonlyMap<OfPort, Isolation>,
): readonly Operation[] {
  const ports = portsByNumber(tables, bridge);
  return [...wanted].flatMap(([ofport, isolated]) => {
    const port = ports.get(ofport);
    // A port that is gone needs no care, and a new one is not known to OpenFlow before it is known here.
    if (port === undefined || isolationOf(port.row) === isolated) return [];
    return isolated === 'none' ? release(port) : isolate(port, isolated);
  });
}

function isolate({ id, row }: PortRow, isolation: keyof typeof COLUMNS): readonly Operation[] {
  const before = {
    tag: setOf(row.get('tag')),
    trunks: setOf(row.get('trunks')),
    vlan_mode: setOf(row.get('vlan_mode')),
  };
  const where = whereRow(id);
  return [
    { op: 'update', table: 'Port', where, row: COLUMNS[isolation] },
    // `insert` keeps what is there: the first saved state is the operator's.
    {
      op: 'mutate',
      table: 'Port',
      where,
      mutations: [['external_ids', 'insert', map({ [SAVED]: JSON.stringify(before) })]],
    },
  ];
}

function release({ id, row }: PortRow): readonly Operation[] {
  const saved = mapOf(row.get('external_ids')).get(SAVED);
  // Isolated, but not by us: an instance's port, or an operator's wish.
  if (saved === undefined) return [];
  const where = whereRow(id);
  return [
    { op: 'update', table: 'Port', where, row: readSaved(saved) },
    { op: 'mutate', table: 'Port', where, mutations: [['external_ids', 'delete', set([SAVED])]] },
  ];
}

function readSaved(text: string): Record<string, unknown> {
  try {
    const saved = JSON.parse(text) as Record<string, unknown>;
    const column = (name: string) => set(Array.isArray(saved[name]) ? saved[name] : []);
    return { tag: column('tag'), trunks: column('trunks'), vlan_mode: column('vlan_mode') };
  } catch (cause) {
    throw new ChainstitchError(
      'ovsdb-failed',
      `external_ids:${SAVED} of a port was edited and cannot be read`,
      { cause },
    );
  }
}
