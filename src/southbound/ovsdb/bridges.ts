/** What is to be done about a bridge, decided from a copy of the tables alone. */
import type { Dpid } from '../../model/ids.ts';
import type { Tables } from './tables.ts';
import { namedUuid, type Operation, type Row, referencesOf, set, setOf, textOf, whereRow } from './values.ts';

export type BridgeRow = { readonly id: string; readonly row: Row };

/** The bridges that carry this datapath id; there ought to be one. */
export function findBridges(tables: Tables, dpid: Dpid): readonly BridgeRow[] {
  return [...tables.rows('Bridge')]
    .filter(([, row]) => textOf(row.get('datapath_id')) === dpid)
    .map(([id, row]) => ({ id, row }));
}

/** The one bridge of this datapath id, or what is wrong in words for the operator. */
export function oneBridge(tables: Tables, dpid: Dpid): BridgeRow | { readonly problem: string } {
  const [first, second] = findBridges(tables, dpid);
  if (first === undefined) return { problem: `no bridge has the datapath id ${dpid}` };
  if (second === undefined) return first;
  const names = [first, second].map(({ row }) => textOf(row.get('name')) ?? '?').join(' and ');
  return { problem: `the bridges ${names} have the same datapath id ${dpid}` };
}

/**
 * In-band control would put hidden flows above all of ours: ARP, DHCP and TCP to the controller's address
 * would pass outside the chains. Changing it neither ends the connection nor flushes flows.
 */
const OUT_OF_BAND = { connection_mode: 'out-of-band' } as const;

/**
 * Makes a bridge ours: `fail_mode=secure`, because otherwise a bridge that has lost its controller becomes
 * a learning switch, which is a way around every chain; and our target among its controllers, out of band.
 * Controllers of others stay.
 */
export function bridgeRepairs(tables: Tables, { id, row }: BridgeRow, target: string): readonly Operation[] {
  const operations: Operation[] = [];
  if (textOf(row.get('fail_mode')) !== 'secure')
    operations.push({ op: 'update', table: 'Bridge', where: whereRow(id), row: { fail_mode: 'secure' } });
  const ours = referencesOf(row.get('controller'))
    .map((controller) => ({ controller, columns: tables.row('Controller', controller) }))
    .find(({ columns }) => textOf(columns?.get('target')) === target);
  if (ours === undefined) return [...operations, ...newController(id, target)];
  if (textOf(ours.columns?.get('connection_mode')) !== OUT_OF_BAND.connection_mode)
    operations.push({
      op: 'update',
      table: 'Controller',
      where: whereRow(ours.controller),
      row: OUT_OF_BAND,
    });
  return operations;
}

function newController(bridge: string, target: string): readonly Operation[] {
  const row = { ...OUT_OF_BAND, target };
  const mutations = [['controller', 'insert', set([namedUuid('ours')])]];
  return [
    { op: 'insert', table: 'Controller', 'uuid-name': 'ours', row },
    { op: 'mutate', table: 'Bridge', where: whereRow(bridge), mutations },
  ];
}

/** Why OpenFlow cannot work with this bridge, if its `protocols` say so. They are the operator's to change. */
export function protocolsProblem(row: Row): string | undefined {
  const protocols = setOf(row.get('protocols'));
  if (protocols.length === 0) return undefined;
  if (protocols.includes('OpenFlow13') || protocols.includes('OpenFlow15')) return undefined;
  const name = textOf(row.get('name')) ?? '?';
  return `the bridge speaks neither OpenFlow13 nor OpenFlow15: ovs-vsctl set bridge ${name} protocols=OpenFlow13,OpenFlow15`;
}
