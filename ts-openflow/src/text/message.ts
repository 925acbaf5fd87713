import type { Action } from '../actions/index.ts';
import { bytesToHex } from '../bytes/hex.ts';
import type { Flow } from '../flow/flow.ts';
import type { Instruction } from '../instructions.ts';
import type { Match, MatchField } from '../match.ts';
import type { Message } from '../message.ts';
import type { GroupDesc } from '../messages/group.ts';
import { errorName } from '../registry/errors.ts';
import { flowCommands } from '../registry/numbers.ts';
import type { Stats } from '../stats.ts';
import { bigintToMac } from './addresses.ts';
import { printFlow } from './flow.ts';
import { printGroup } from './group.ts';
import { printMatch } from './match.ts';
import { printActions, printInstructions } from './print-actions.ts';
import { printPort } from './values.ts';

const versionNames: Readonly<Record<number, string>> = { 4: 'OF1.3', 6: 'OF1.5' };

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

function printFlowMod(message: Extract<Message, { type: 'flowMod' }>): string {
  const command = Object.entries(flowCommands).find(([, number]) => number === message.command)?.[0];
  return `${command ?? message.command} ${printFlow(message)}`;
}

/**
 * A message for people to read: one line, and one more for each entry of a list. Flows, matches and actions are
 * in the syntax of ovs-ofctl; the form of the rest may change and is not for programs.
 */
export function printMessage(message: Message): string {
  const { type, version, xid, ...body } = message;
  const head = `${type} (${versionNames[version] ?? `version ${version}`}) (xid=0x${xid.toString(16)})`;
  if (message.type === 'flowMod') return `${head}: ${printFlowMod(message)}`;
  const name = message.type === 'error' ? errorName(message) : undefined;
  const meaning = name ? ` ${name.type}/${name.code} (${name.meaning})` : '';
  const fields = printFields(body, '');
  return `${head}${meaning || fields ? ':' : ''}${meaning}${fields ? ` ${fields}` : ''}`;
}
