import type { Action, KnownAction } from '../actions/index.ts';
import type { Ct, Nat } from '../actions/nicira.ts';
import type { Instruction } from '../instructions.ts';
import type { FieldRef, KnownMatchField, MatchField, UnknownMatchField } from '../match.ts';
import { ports } from '../registry/numbers.ts';
import { bigintToIpv6, numberToIpv4 } from './addresses.ts';
import { printBytes } from './bytes.ts';
import {
  packetInReasons,
  printBundle,
  printController2,
  printDecap,
  printEncap,
  printLearn,
  printMultipath,
  printSample,
} from './extensions.ts';
import { printPacked, printSlice } from './slice.ts';
import { hex, printPort, printPort16, printValue } from './values.ts';

const ethertype = (value: number) => `0x${value.toString(16).padStart(4, '0')}`;

function setField(entry: MatchField): string {
  if (entry.field === 'unknown') return `set_field:oxm(${entry.class},${entry.number})`;
  const known: KnownMatchField = entry;
  const mask = known.mask === undefined ? {} : { mask: BigInt(known.mask) };
  const value = printValue(known.field, { value: BigInt(known.value), ...mask });
  // What is set is not asked for: no sign before a flag.
  const bare = known.field === 'tun_flags' && known.mask === undefined ? value.replace(/^\+/, '') : value;
  return `set_field:${bare}->${known.field}`;
}

function output(port: number, maxLen: number): string {
  if (port === ports.controller) return `CONTROLLER:${maxLen}`;
  return port <= ports.max ? `output:${port}` : printPort(port);
}

function resubmit(inPort: number, table: number, ct: boolean): string {
  const port = inPort === 0xfff8 ? '' : printPort16(inPort);
  if (table === 255 && !ct) return `resubmit:${port}`;
  return `resubmit(${port},${table === 255 ? '' : table}${ct ? ',ct' : ''})`;
}

function nat(v: Nat): string {
  // Each address in brackets of its own, where a port follows.
  const six = (address: bigint) =>
    v.portMin === undefined ? bigintToIpv6(address) : `[${bigintToIpv6(address)}]`;
  const range = [
    v.ipv4Min === undefined ? '' : numberToIpv4(v.ipv4Min),
    v.ipv4Max === undefined ? '' : `-${numberToIpv4(v.ipv4Max)}`,
    v.ipv6Min === undefined ? '' : six(v.ipv6Min),
    v.ipv6Max === undefined ? '' : `-${six(v.ipv6Max)}`,
    v.portMin === undefined ? '' : `:${v.portMin}`,
    v.portMax === undefined ? '' : `-${v.portMax}`,
  ].join('');
  const side = v.flags & 1 ? 'src' : v.flags & 2 ? 'dst' : '';
  const words = [
    side && (range ? `${side}=${range}` : side),
    v.flags & 4 ? 'persistent' : '',
    v.flags & 8 ? 'hash' : '',
    v.flags & 16 ? 'random' : '',
  ].filter((word) => word !== '');
  return words.length === 0 ? 'nat' : `nat(${words.join(',')})`;
}

const algorithms: Readonly<Record<number, string>> = { 21: 'ftp', 69: 'tftp' };

function ct(v: Ct): string {
  const inner = v.actions.filter((entry) => entry.type !== 'nat').map(printAction);
  const words = [
    v.flags & 1 ? 'commit' : '',
    v.flags & 2 ? 'force' : '',
    v.table === 255 ? '' : `table=${v.table}`,
    v.zoneField ? `zone=${printPacked(v.zoneField, v.zone)}` : v.zone === 0 ? '' : `zone=${v.zone}`,
    ...v.actions.filter((entry) => entry.type === 'nat').map(printAction),
    inner.length === 0 ? '' : `exec(${inner.join(',')})`,
    v.alg === 0 ? '' : `alg=${algorithms[v.alg] ?? v.alg}`,
  ];
  return `ct(${words.filter((word) => word !== '').join(',')})`;
}

function controller(v: { maxLen: number; controllerId: number; reason: number }): string {
  const words = [
    v.reason === 1 ? '' : `reason=${packetInReasons[v.reason] ?? v.reason}`,
    v.maxLen === 0xffff ? '' : `max_len=${v.maxLen}`,
    v.controllerId === 0 ? '' : `id=${v.controllerId}`,
  ].filter((word) => word !== '');
  return words.length === 0 ? 'CONTROLLER:65535' : `controller(${words.join(',')})`;
}

const move = (
  v: { bits: number; srcOffset: number; dstOffset: number } & Record<
    'src' | 'dst',
    FieldRef | UnknownMatchField
  >,
) => `move:${printSlice(v.src, v.srcOffset, v.bits)}->${printSlice(v.dst, v.dstOffset, v.bits)}`;

type Printers = { readonly [K in KnownAction['type']]?: (v: Extract<KnownAction, { type: K }>) => string };

const printers: Printers = {
  output: (v) => output(v.port, v.maxLen),
  copyTtlOut: () => 'copy_ttl_out',
  copyTtlIn: () => 'copy_ttl_in',
  setMplsTtl: (v) => `set_mpls_ttl(${v.ttl})`,
  decMplsTtl: () => 'dec_mpls_ttl',
  pushVlan: (v) => `push_vlan:${ethertype(v.ethertype)}`,
  popVlan: () => 'pop_vlan',
  pushMpls: (v) => `push_mpls:${ethertype(v.ethertype)}`,
  popMpls: (v) => `pop_mpls:${ethertype(v.ethertype)}`,
  setQueue: (v) => `set_queue:${v.queue}`,
  group: (v) => `group:${v.group}`,
  setNwTtl: (v) => `mod_nw_ttl:${v.ttl}`,
  decNwTtl: () => 'dec_ttl',
  setField: (v) => setField(v.field),
  regLoad2: (v) => setField(v.field),
  copyField: move,
  meter: (v) => `meter:${v.meter}`,
  resubmit: (v) => resubmit(v.inPort, 255, false),
  resubmitTable: (v) => resubmit(v.inPort, v.table, false),
  resubmitTableCt: (v) => resubmit(v.inPort, v.table, true),
  setTunnel: (v) => `set_tunnel:${hex(BigInt(v.id))}`,
  setTunnel64: (v) => `set_tunnel64:${hex(v.id)}`,
  popQueue: () => 'pop_queue',
  regMove: move,
  regLoad: (v) => `load:${hex(v.value)}->${printPacked(v.dst, v.offsetBits)}`,
  note: (v) => `note:${printBytes(v.data)}`,
  outputReg: (v) => `output:${printPacked(v.src, v.offsetBits)}`,
  outputReg2: (v) => `output:${printPacked(v.src, v.offsetBits)}`,
  exit: () => 'exit',
  decTtl: () => 'dec_ttl',
  decTtlIds: (v) => `dec_ttl(${v.ids.join(',')})`,
  finTimeout: (v) => `fin_timeout(idle_timeout=${v.idleTimeout},hard_timeout=${v.hardTimeout})`,
  controller: (v) => controller(v),
  controller2: printController2,
  learn: printLearn,
  learn2: printLearn,
  multipath: printMultipath,
  bundle: printBundle,
  bundleLoad: printBundle,
  encap: printEncap,
  decap: printDecap,
  stackPush: (v) => `push:${printSlice(v.field, v.offset, v.bits)}`,
  stackPop: (v) => `pop:${printSlice(v.field, v.offset, v.bits)}`,
  conjunction: (v) => `conjunction(${v.id},${v.clause + 1}/${v.clauses})`,
  ct,
  nat,
  ctClear: () => 'ct_clear',
  outputTrunc: (v) => `output(port=${printPort16(v.port)},max_len=${v.maxLen})`,
  clone: (v) => `clone(${v.actions.map(printAction).join(',')})`,
  decNshTtl: () => 'dec_nsh_ttl',
  deleteField: (v) => `delete_field:${v.field.field}`,
  sample: printSample,
  sample2: printSample,
  sample3: printSample,
  checkPktLarger: (v) => `check_pkt_larger(${v.length})->${printSlice(v.dst, v.offset, 1)}`,
};

/** One action as ovs-ofctl writes it; those that have no such form here as `name(field=value,...)`. */
export function printAction(action: Action): string {
  const print = printers[action.type as KnownAction['type']] as ((v: Action) => string) | undefined;
  return print ? print(action) : printPlainly(action);
}

/** Everything that is in it: the way of writing what ovs-ofctl has no syntax for, or one not known here. */
function printPlainly({ type, ...fields }: Action): string {
  const words = Object.entries(fields).map(([name, value]) => {
    const text =
      value instanceof Uint8Array ? printBytes(value) : typeof value === 'object' ? '...' : String(value);
    return `${name}=${text}`;
  });
  return `${type}(${words.join(',')})`;
}

export function printActions(actions: readonly Action[]): string {
  return actions.length === 0 ? 'drop' : actions.map(printAction).join(',');
}

function printInstruction(instruction: Instruction): string[] {
  switch (instruction.type) {
    case 'gotoTable':
      return [`goto_table:${instruction.table}`];
    case 'writeMetadata': {
      const mask = instruction.mask === (1n << 64n) - 1n ? '' : `/${hex(instruction.mask)}`;
      return [`write_metadata:${hex(instruction.value)}${mask}`];
    }
    case 'writeActions':
      return [`write_actions(${printActions(instruction.actions)})`];
    case 'applyActions':
      return instruction.actions.map(printAction);
    case 'clearActions':
      return ['clear_actions'];
    case 'meter':
      return [`meter:${instruction.meter}`];
    default:
      return [`instruction(${instruction.type})`];
  }
}

/** What instructions do, in the order in which a switch does it. */
const executionOrder = [
  'meter',
  'applyActions',
  'clearActions',
  'writeActions',
  'writeMetadata',
  'gotoTable',
];

/** Instructions as ovs-ofctl writes them after `actions=`. */
export function printInstructions(instructions: readonly Instruction[]): string {
  const rank = ({ type }: Instruction) => executionOrder.indexOf(type);
  const words = [...instructions].sort((a, b) => rank(a) - rank(b)).flatMap(printInstruction);
  return words.length === 0 ? 'drop' : words.join(',');
}
