import type { Action } from '../actions/index.ts';
import { DecodeError } from '../bytes/errors.ts';
import { bytesToHex } from '../bytes/hex.ts';
import type { Flow } from '../flow/flow.ts';
import type { Instruction } from '../instructions.ts';
import type { Match, MatchField } from '../match.ts';
import { decode, type Message, type MessageOf } from '../message.ts';
import { messageTable, type Place } from '../messages/table.ts';
import { errorName } from '../registry/errors.ts';
import { experimenters } from '../registry/numbers.ts';
import type { Stats } from '../stats.ts';
import { bigintToMac } from './addresses.ts';
import { bodies, bundleText } from './bodies.ts';
import { printFlow } from './flow.ts';
import { printMatch } from './match.ts';
import { printActions, printInstructions } from './print-actions.ts';
import { printPort } from './values.ts';

/** By wire version; 1.0 goes without saying. */
const versionNames = [undefined, '', 'OF1.1', 'OF1.2', 'OF1.3', 'OF1.4', 'OF1.5'] as const;

function versionText(version: number): string {
  const name = versionNames[version] ?? `OF 0x${version.toString(16).padStart(2, '0')}`;
  return name && ` (${name})`;
}

function printStats(stats: Stats): string {
  const words = stats.map((entry) => {
    if ('sec' in entry) return `${entry.stat}=${entry.sec}.${String(entry.nsec).padStart(9, '0')}s`;
    return 'value' in entry ? `${entry.stat}=${entry.value}` : `unknown(${entry.number})`;
  });
  return words.join(',');
}

/** Values whose name says how they read best; all others are printed as what they are. */
const byName: Readonly<Record<string, (value: never) => string>> = {
  match: (value: Match) => `(${printMatch(value)})`,
  actions: (value: readonly Action[]) => `(${printActions(value)})`,
  instructions: (value: readonly Instruction[]) => `(${printInstructions(value)})`,
  stats: (value: Stats) => `(${printStats(value)})`,
  hwAddr: bigintToMac,
  port: (value: number | object) => (typeof value === 'number' ? printPort(value) : printAny(value, '', '')),
  outPort: printPort,
  message: (value: Message) => `{ ${printMessage(value)} }`,
  request: (value: Message) => `{ ${printMessage(value)} }`,
  field: (value: MatchField | string) => (typeof value === 'string' ? value : printMatch([value])),
};

const maxBytes = 64;

function printAny(value: unknown, name: string, indent: string): string {
  if (typeof value === 'bigint')
    return byName[name] ? byName[name](value as never) : `0x${value.toString(16)}`;
  if (value instanceof Uint8Array) {
    const shown = bytesToHex(value.subarray(0, maxBytes));
    return value.byteLength > maxBytes ? `${shown}... (${value.byteLength} bytes)` : shown || '-';
  }
  if (byName[name]) return byName[name](value as never);
  if (Array.isArray(value)) return printList(value, indent);
  if (typeof value === 'object' && value !== null) return `{ ${printFields(value, indent)} }`;
  return String(value);
}

function isFlow(value: unknown): value is Flow {
  return typeof value === 'object' && value !== null && 'instructions' in value && 'importance' in value;
}

function printList(values: readonly unknown[], indent: string): string {
  if (values.length === 0) return '[]';
  if (values.every((entry) => typeof entry !== 'object')) return `[${values.join(',')}]`;
  const deeper = `${indent}  `;
  return values
    .map((entry) => {
      if (!isFlow(entry)) return `\n${deeper}${printAny(entry, '', deeper)}`;
      const { stats } = entry as Flow & { stats?: Stats };
      return `\n${deeper}${stats ? `${printStats(stats)}, ` : ''}${printFlow(entry)}`;
    })
    .join('');
}

function printFields(value: object, indent: string): string {
  return Object.entries(value)
    .map(([name, entry]) => `${name}=${printAny(entry, name, indent)}`)
    .join(' ');
}

/** What ovs-ofctl calls a message where that is not its type in capitals; requests and replies of a kind together. */
const names: Readonly<Record<string, string>> = {
  flowDesc: 'FLOW',
  tableStats: 'TABLE',
  portStats: 'PORT',
  queueStats: 'QUEUE',
  groupStats: 'GROUP',
  meterStats: 'METER',
  meterDesc: 'METER_CONFIG',
  nxPacketIn: 'PACKET_IN',
  cancelFlowMonitor: 'FLOW_MONITOR_CANCEL',
  bundleAdd: 'BUNDLE_ADD_MESSAGE',
  requestForward: 'REQUESTFORWARD',
};
const prefixes = new Map<number | undefined, string>([
  [undefined, 'OFP'],
  [experimenters.nicira, 'NX'],
  [experimenters.onf, 'ONF'],
]);

const capitals = (name: string) => names[name] ?? name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase();

/** Such as `OFPST_FLOW reply`; a message that is in no table is called by its type. */
function label({ type, version }: Message): string {
  const rows: Readonly<Record<string, { v13?: Place | undefined; v15?: Place | undefined }>> = messageTable;
  const place = version < 5 ? rows[type]?.v13 : rows[type]?.v15;
  // These two carry messages, and the table is of what they carry.
  if (type === 'bundleAdd' || type === 'requestForward')
    return `${version < 5 ? 'ONF' : 'OFP'}T_${capitals(type)}`;
  if (!place) return type;
  const prefix = prefixes.get(place.experimenter?.[0]);
  const [, kind = type, end = ''] =
    place.multipart === undefined ? [] : (/^(.*)(Request|Reply)$/.exec(type) ?? []);
  return `${prefix}${end ? 'ST' : 'T'}_${capitals(kind)}${end && ` ${end.toLowerCase()}`}`;
}

/** What Open vSwitch still calls by the words of OpenFlow 1.0. */
const requestCodes: Readonly<Record<string, string>> = {
  BAD_MULTIPART: 'BAD_STAT',
  BAD_EXPERIMENTER: 'BAD_VENDOR',
  BAD_EXP_TYPE: 'BAD_SUBTYPE',
};

/** The name that Open vSwitch gives an error: OFP, the first letters of its type's words, C and its code. */
function errorText(message: MessageOf<'error'>): string {
  const name = errorName(message);
  if (!name) return ` type ${message.errorType}, code ${message.code}`;
  const letters = name.type === 'FLOW_MONITOR_FAILED' ? 'MOF' : name.type.replace(/([A-Z])[A-Z]*_?/g, '$1');
  const code = name.type === 'BAD_REQUEST' ? (requestCodes[name.code] ?? name.code) : name.code;
  return ` ${name.type === 'NICIRA' ? 'NX' : `OFP${letters}C`}_${code}`;
}

/** What an error is about, as far as it was sent along: text for HELLO_FAILED, else the beginning of a message. */
function aboutText({ errorType, data }: MessageOf<'error'>): string {
  if (data.byteLength === 0) return '';
  if (errorType === 0) return `\n${new TextDecoder().decode(data)}`;
  try {
    const about = decode(data);
    // Errors are about messages, not about errors.
    if (about.type !== 'error') return `\n${printMessage(about)}`;
  } catch (error) {
    // Only the beginning of a long message comes along.
    if (!(error instanceof DecodeError)) throw error;
  }
  return `\n${printAny(data, '', '')}`;
}

function bodyText(message: Message): string {
  if (message.type === 'bundleAdd') return `${bundleText(message, '')}\n${printMessage(message.message)}`;
  if (message.type === 'error') return `${errorText(message)}${aboutText(message)}`;
  const print = bodies[message.type as keyof typeof bodies] as
    | ((message: Message) => string | undefined)
    | undefined;
  const { type: _, version, xid, ...rest } = message;
  const { flags, ...body } = rest as { flags?: number };
  const isPart = 'flags' in rest && isMultipart(message.type);
  const more = isPart && flags ? ` flags=${flags === 1 ? '[more]' : flags}` : '';
  const printed = print?.(message);
  if (printed !== undefined) return `${more}${printed}`;
  const fields = printFields(isPart ? body : rest, '');
  return `${more}${fields && ` ${fields}`}`;
}

const isMultipart = (type: string) =>
  (messageTable as Readonly<Record<string, { v15?: Place; v13?: Place }>>)[type]?.v15?.multipart !==
  undefined;

/**
 * A message for people to read. What ovs-ofctl(8) knows how to print is printed as its ofp-print does, but for the
 * frames of packets, which are in hexadecimal; the rest is in a form of our own, which may change.
 */
export function printMessage(message: Message): string {
  const { version, xid } = message;
  const head = `${label(message)}${versionText(version)} (xid=0x${xid.toString(16)}):`;
  return `${head}${bodyText(message)}`;
}
