/** What is to be done about a bridge, decided from a copy of the tables alone. */
import type { Dpid } from '../../model/ids.ts';
import type { Tables } from './tables.ts';
import {
  map,
  mapOf,
  namedUuid,
  type Operation,
  type Row,
  referencesOf,
  set,
  setOf,
  textOf,
  uuid,
  whereRow,
} from './values.ts';

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

/** Columns of our row in the table Controller, which are set anew when a stranger changes them. */
const OURS = {
  /**
   * In-band control would put hidden flows above all of ours: ARP, DHCP and TCP to the controller's address
   * would pass outside the chains. Changing it neither ends the connection nor flushes flows.
   */
  connection_mode: 'out-of-band',
  /** Milliseconds between two attempts to connect, the least that Open vSwitch takes; its default is 8000. */
  max_backoff: 1000,
  /** Milliseconds of silence after which the switch asks for a sign of life, and half as much again gives up. */
  inactivity_probe: 5000,
} as const;

/** The key in external_ids of a Controller row that says which controller has made it. */
export const MADE_BY = 'chainstitch-controller';

export type Claim = {
  /** What the bridge is to connect to. */
  readonly target: string;
  /** Tells the rows of this controller, at whatever address it was, from those of another. */
  readonly identity: string;
};

/**
 * Makes a bridge ours: `fail_mode=secure`, because otherwise a bridge that has lost its controller becomes
 * a learning switch, which is a way around every chain; and our target among its controllers, out of band.
 * A target that this controller had before, at another address, goes. Controllers of others stay.
 */
export function bridgeRepairs(tables: Tables, { id, row }: BridgeRow, claim: Claim): readonly Operation[] {
  const operations: Operation[] = [];
  if (textOf(row.get('fail_mode')) !== 'secure')
    operations.push({ op: 'update', table: 'Bridge', where: whereRow(id), row: { fail_mode: 'secure' } });
  const controllers = referencesOf(row.get('controller')).map((controller) => ({
    controller,
    columns: tables.row('Controller', controller),
  }));
  const madeBy = (columns: Row | undefined) => mapOf(columns?.get('external_ids')).get(MADE_BY);
  const ours = controllers.find(({ columns }) => textOf(columns?.get('target')) === claim.target);
  const former = controllers.filter((one) => one !== ours && madeBy(one.columns) === claim.identity);
  if (former.length > 0) {
    const rows = set(former.map(({ controller }) => uuid(controller)));
    operations.push(changeControllers(id, 'delete', rows));
  }
  if (ours === undefined) return [...operations, ...newController(id, claim)];
  const where = whereRow(ours.controller);
  if (Object.entries(OURS).some(([column, value]) => setOf(ours.columns?.get(column))[0] !== value))
    operations.push({ op: 'update', table: 'Controller', where, row: OURS });
  if (madeBy(ours.columns) !== claim.identity) {
    // `insert` alone would keep a value that is there.
    const mutations = [
      ['external_ids', 'delete', set([MADE_BY])],
      ['external_ids', 'insert', map({ [MADE_BY]: claim.identity })],
    ];
    operations.push({ op: 'mutate', table: 'Controller', where, mutations });
  }
  return operations;
}

const changeControllers = (bridge: string, mutator: 'insert' | 'delete', rows: unknown): Operation => ({
  op: 'mutate',
  table: 'Bridge',
  where: whereRow(bridge),
  mutations: [['controller', mutator, rows]],
});

function newController(bridge: string, { target, identity }: Claim): readonly Operation[] {
  const row = { ...OURS, target, external_ids: map({ [MADE_BY]: identity }) };
  return [
    { op: 'insert', table: 'Controller', 'uuid-name': 'ours', row },
    changeControllers(bridge, 'insert', set([namedUuid('ours')])),
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
