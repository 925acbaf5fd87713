/** What is to be done to put devices on a bridge or take them off, decided from a copy of the tables alone. */
import type { InstanceId } from '../../model/ids.ts';
import type { BridgeRow } from './bridges.ts';
import { ISOLATED } from './isolation.ts';
import type { Tables } from './tables.ts';
import {
  booleanOf,
  map,
  mapOf,
  namedUuid,
  numberOf,
  type Operation,
  type Row,
  referencesOf,
  set,
  textOf,
  uuid,
  whereRow,
} from './values.ts';

const MARK = 'chainstitch-instance';

type Port = { readonly id: string; readonly row: Row; readonly name: string };

function portsOf(tables: Tables, bridge: BridgeRow): readonly Port[] {
  return referencesOf(bridge.row.get('ports')).flatMap((id) => {
    const row = tables.row('Port', id);
    const name = textOf(row?.get('name'));
    return row === undefined || name === undefined ? [] : [{ id, row, name }];
  });
}

const isOurs = ({ row }: Port): boolean => mapOf(row.get('external_ids')).has(MARK);

function interfaceOf(tables: Tables, port: Port): Row | undefined {
  const [id] = referencesOf(port.row.get('interfaces'));
  return id === undefined ? undefined : tables.row('Interface', id);
}

export type Presence =
  | { readonly state: 'absent' | 'waiting' | 'present' }
  | { readonly state: 'failed'; readonly reason: string };

/** Whether a device is on the bridge and has a port number. */
export function presenceOf(tables: Tables, bridge: BridgeRow, device: string): Presence {
  const port = portsOf(tables, bridge).find(({ name }) => name === device);
  if (port === undefined) return { state: 'absent' };
  const row = interfaceOf(tables, port);
  const ofport = numberOf(row?.get('ofport'));
  if (ofport !== undefined && ofport > 0) return { state: 'present' };
  const reason = textOf(row?.get('error'));
  if (ofport === -1 || reason !== undefined)
    return { state: 'failed', reason: reason ?? 'the switch could not open the device' };
  return { state: 'waiting' };
}

/**
 * The devices of an instance watch one another: each sends a frame now and then that has to come in at the other one,
 * through the guest. `cfm_fault` says whether it does.
 */
const probing = (place: number) => ({
  cfm_mpid: place + 1,
  // Extended checks have a group address of Open vSwitch's own: what bridges and functions do with 802.1Q's is their affair.
  other_config: map({ cfm_interval: `${PROBE_EVERY_MS}`, cfm_extended: 'true' }),
});

/** Open vSwitch gives up after three and a half of these. */
const PROBE_EVERY_MS = 1_000;

/** Whether frames get from each of these devices to the others; undefined where that is not known yet. */
export function passesThrough(
  tables: Tables,
  bridge: BridgeRow,
  devices: readonly string[],
): boolean | undefined {
  const ports = portsOf(tables, bridge).filter(({ name }) => devices.includes(name));
  const faults = ports.map((port) => booleanOf(interfaceOf(tables, port)?.get('cfm_fault')));
  if (faults.includes(true)) return false;
  return faults.length === devices.length && faults.every((fault) => fault === false) ? true : undefined;
}

/** Adds these devices; those on the bridge that failed before are made anew, so that they are tried again. */
export function additions(
  tables: Tables,
  bridge: BridgeRow,
  devices: readonly string[],
  owner: InstanceId,
): readonly Operation[] {
  const missing = devices.filter((device) => {
    const { state } = presenceOf(tables, bridge, device);
    return state === 'absent' || state === 'failed';
  });
  if (missing.length === 0) return [];
  const rows = missing.flatMap((name, i): Operation[] => [
    {
      op: 'insert',
      table: 'Interface',
      'uuid-name': `interface${i}`,
      row: { name, ...probing(devices.indexOf(name)) },
    },
    {
      op: 'insert',
      table: 'Port',
      'uuid-name': `port${i}`,
      row: {
        ...ISOLATED,
        name,
        interfaces: namedUuid(`interface${i}`),
        external_ids: map({ [MARK]: owner }),
      },
    },
  ]);
  return [
    ...removals(tables, bridge, missing),
    ...rows,
    {
      op: 'mutate',
      table: 'Bridge',
      where: whereRow(bridge.id),
      mutations: [['ports', 'insert', set(missing.map((_, i) => namedUuid(`port${i}`)))]],
    },
  ];
}

/** Takes those of these devices off that `additions` put there; others of the name are not touched. */
export function removals(
  tables: Tables,
  bridge: BridgeRow,
  devices: readonly string[],
): readonly Operation[] {
  const ours = portsOf(tables, bridge).filter((port) => devices.includes(port.name) && isOurs(port));
  if (ours.length === 0) return [];
  // Rows that nothing refers to any more are removed by the server.
  const mutations = [['ports', 'delete', set(ours.map(({ id }) => uuid(id)))]];
  return [{ op: 'mutate', table: 'Bridge', where: whereRow(bridge.id), mutations }];
}

/** The names of the ports on this bridge that `additions` made. */
export function ourPorts(tables: Tables, bridge: BridgeRow): readonly string[] {
  return portsOf(tables, bridge)
    .filter(isOurs)
    .map(({ name }) => name);
}
