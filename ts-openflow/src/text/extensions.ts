/** The actions of Open vSwitch whose arguments are a small language each: text and back. */
import type { Action, KnownAction } from '../actions/index.ts';
import type { LearnField, LearnSpec } from '../actions/learn.ts';
import { offsetBits } from '../actions/nicira.ts';
import { type FieldName, fields } from '../registry/fields.ts';
import { parseBytes, printBytes } from './bytes.ts';
import { TextError } from './error.ts';
import { parseSlice, printPacked, printSlice } from './slice.ts';
import { splitOutside } from './split.ts';
import { parseInteger, parseValue, printValue } from './values.ts';

type ActionOf<T extends KnownAction['type']> = Extract<KnownAction, { type: T }>;

const small = (text: string) => Number(parseInteger(text));
const hex = (value: bigint) => (value === 0n ? '0' : `0x${value.toString(16)}`);

/** What multipath and bundle hash, by number. */
const hashFields = [
  'eth_src',
  'symmetric_l4',
  'symmetric_l3l4',
  'symmetric_l3l4+udp',
  'nw_src',
  'nw_dst',
  'symmetric_l3',
];
const linkAlgorithms = ['modulo_n', 'hash_threshold', 'hrw', 'iter_hash'];
const memberAlgorithms = ['active_backup', 'hrw'];
const packetInReasons = ['no_match', 'action', 'invalid_ttl'];

function number(names: readonly string[], name = ''): number {
  const found = names.indexOf(name.trim());
  if (found < 0) throw new TextError(`${name} is none of ${names.join(', ')}`);
  return found;
}

export function printMultipath(v: ActionOf<'multipath'>): string {
  const words = [hashFields[v.fields], v.basis, linkAlgorithms[v.algorithm], v.maxLink + 1, v.arg];
  return `multipath(${words.join(',')},${printPacked(v.dst, v.offsetBits)})`;
}

export function parseMultipath(text: string): Action {
  const [hashed, basis = '', algorithm, links = '', arg = '', target = ''] = text
    .split(',')
    .map((part) => part.trim());
  const { ref, offset, bits } = parseSlice(target);
  return {
    type: 'multipath',
    fields: number(hashFields, hashed),
    basis: small(basis),
    algorithm: number(linkAlgorithms, algorithm),
    maxLink: small(links) - 1,
    arg: small(arg),
    offsetBits: offsetBits(offset, bits),
    dst: ref,
  };
}

export function printBundle(v: ActionOf<'bundle' | 'bundleLoad'>): string {
  const words = [hashFields[v.fields], v.basis, memberAlgorithms[v.algorithm], 'ofport'];
  const target = v.dst ? `${printPacked(v.dst, v.offsetBits)},` : '';
  const name = v.type === 'bundle' ? 'bundle' : 'bundle_load';
  return `${name}(${words.join(',')},${target}members:${v.members.join(',')})`;
}

/** The members are ports: NXM_OF_IN_PORT, 2 bytes. */
const portMembers = 0x00000002;

export function parseBundle(type: 'bundle' | 'bundleLoad', text: string): Action {
  const [settings = '', members = ''] = text.split(/members?:|slaves:/);
  const [hashed, basis = '', algorithm, kind, target] = settings.split(',').map((part) => part.trim());
  if (kind !== 'ofport') throw new TextError(`members are ofport, not ${kind}`);
  const slice = type === 'bundleLoad' ? parseSlice(target ?? '') : undefined;
  return {
    type,
    fields: number(hashFields, hashed),
    basis: small(basis),
    algorithm: number(memberAlgorithms, algorithm),
    memberType: portMembers,
    offsetBits: slice ? offsetBits(slice.offset, slice.bits) : 0,
    ...(slice ? { dst: slice.ref } : {}),
    members: members
      .split(',')
      .filter((member) => member !== '')
      .map(small),
  };
}

const nshPacket = 0x1894f;
const nextPacket = 0xfffe;
const nshMetadataType = [0x00, 0x04, 0x01, 0x05];

export function printEncap(v: ActionOf<'encap'>): string {
  if (v.packetType === 0 && v.properties.byteLength === 0) return 'encap(ethernet)';
  if (v.packetType !== nshPacket) return `encap(0x${v.packetType.toString(16)})`;
  const isType = nshMetadataType.every((byte, index) => v.properties[index] === byte);
  return `encap(nsh${isType ? `(md_type=${v.properties[4]})` : ''})`;
}

export function parseEncap(text: string): Action {
  const none = new Uint8Array(0);
  if (text === 'ethernet') return { type: 'encap', headerSize: 0, packetType: 0, properties: none };
  const [, type] = /^nsh(?:\(md_type=([12])\))?$/.exec(text) ?? [];
  if (!text.startsWith('nsh') || (text !== 'nsh' && !type))
    throw new TextError(`encap(${text}) is not known here`);
  const properties = type ? Uint8Array.from([...nshMetadataType, Number(type), 0, 0, 0]) : none;
  return { type: 'encap', headerSize: 0, packetType: nshPacket, properties };
}

export function printDecap(v: ActionOf<'decap'>): string {
  if (v.packetType === nextPacket) return 'decap()';
  return `decap(packet_type(ns=${v.packetType >>> 16},id=0x${(v.packetType & 0xffff).toString(16)}))`;
}

export function parseDecap(text: string): Action {
  if (text === '') return { type: 'decap', packetType: nextPacket };
  const [, space = '', id = ''] = /^packet_type\(ns=(\w+),id=(\w+)\)$/.exec(text) ?? [];
  return { type: 'decap', packetType: small(space) * 0x10000 + small(id) };
}

type ControllerProperty = ActionOf<'controller2'>['properties'][number];

function controllerWord(property: ControllerProperty): string {
  switch (property.type) {
    case 'maxLen':
      return `max_len=${property.value}`;
    case 'controllerId':
      return `id=${property.value}`;
    case 'reason':
      return `reason=${packetInReasons[property.value] ?? property.value}`;
    case 'userdata':
      return `userdata=${printBytes(property.value)}`;
    case 'meter':
      return `meter_id=${property.value}`;
    default:
      return property.type;
  }
}

/** In the order of ovs-ofctl. */
const controllerOrder = ['reason', 'maxLen', 'controllerId', 'userdata', 'pause', 'meter'];

export function printController2(v: ActionOf<'controller2'>): string {
  const rank = ({ type }: ControllerProperty) => controllerOrder.indexOf(type);
  return `controller(${[...v.properties]
    .sort((a, b) => rank(a) - rank(b))
    .map(controllerWord)
    .join(',')})`;
}

/** The properties of a controller action with more than a length, an id and a reason. */
export function parseController2(words: readonly (readonly [string, string | undefined])[]): Action {
  const found = words.map(([key, value = '']): ControllerProperty => {
    if (key === 'max_len') return { type: 'maxLen', value: small(value) };
    if (key === 'id') return { type: 'controllerId', value: small(value) };
    if (key === 'reason') return { type: 'reason', value: number(packetInReasons, value) };
    if (key === 'userdata') return { type: 'userdata', value: parseBytes(value) };
    if (key === 'pause') return { type: 'pause' };
    if (key === 'meter_id') return { type: 'meter', value: small(value) };
    throw new TextError(`controller(${key}) is not known here`);
  });
  // By number, as Open vSwitch has them.
  const order = ['maxLen', 'controllerId', 'reason', 'userdata', 'pause', 'meter'];
  return {
    type: 'controller2',
    properties: found.sort((a, b) => order.indexOf(a.type) - order.indexOf(b.type)),
  };
}

const sampleKeys = [
  ['probability', 'probability'],
  ['collector_set_id', 'collectorSet'],
  ['obs_domain_id', 'obsDomain'],
  ['obs_point_id', 'obsPoint'],
] as const;

export function printSample(v: ActionOf<'sample'>): string {
  return `sample(${sampleKeys.map(([key, name]) => `${key}=${v[name]}`).join(',')})`;
}

export function parseSample(text: string): Action {
  const sample = { type: 'sample' as const, probability: 0, collectorSet: 0, obsDomain: 0, obsPoint: 0 };
  for (const part of text.split(',')) {
    const [key = '', value = ''] = part.split('=');
    const known = sampleKeys.find(([name]) => name === key);
    if (!known) throw new TextError(`sample(${key}) is not known here`);
    sample[known[1]] = small(value);
  }
  return sample;
}

const learnFlags = [
  ['send_flow_rem', 1],
  ['delete_learned', 2],
] as const;
const learnedPriority = 32768;
const learnedTable = 1;

const sliceOf = ({ field, offset }: LearnField, bits: number) => printSlice(field, offset, bits);

function learnWord({ bits, from, to }: LearnSpec): string {
  if (to.as === 'output') return `output:${'value' in from ? hex(from.value) : sliceOf(from, bits)}`;
  const target = sliceOf(to, bits);
  if (to.as === 'load') return `load:${'value' in from ? hex(from.value) : sliceOf(from, bits)}->${target}`;
  if (!('value' in from)) return sliceOf(from, bits) === target ? target : `${target}=${sliceOf(from, bits)}`;
  const { field } = to.field;
  const isWhole = field !== 'unknown' && to.offset === 0 && bits === fields[field].bits;
  return isWhole ? `${field}=${printValue(field, { value: from.value })}` : `${target}=${hex(from.value)}`;
}

export function printLearn(v: ActionOf<'learn'>): string {
  const words = [
    `table=${v.table}`,
    v.idleTimeout === 0 ? '' : `idle_timeout=${v.idleTimeout}`,
    v.hardTimeout === 0 ? '' : `hard_timeout=${v.hardTimeout}`,
    v.finIdleTimeout === 0 ? '' : `fin_idle_timeout=${v.finIdleTimeout}`,
    v.finHardTimeout === 0 ? '' : `fin_hard_timeout=${v.finHardTimeout}`,
    v.priority === learnedPriority ? '' : `priority=${v.priority}`,
    ...learnFlags.map(([word, bit]) => (v.flags & bit ? word : '')),
    v.cookie === 0n ? '' : `cookie=0x${v.cookie.toString(16)}`,
    ...v.specs.map(learnWord),
  ];
  return `learn(${words.filter((word) => word !== '').join(',')})`;
}

const learnField = (text: string): LearnField & { bits: number } => {
  const { ref, offset, bits } = parseSlice(text);
  return { field: ref, offset, bits };
};

function learnSpec(word: string): LearnSpec {
  if (word.startsWith('output:')) {
    const { bits, ...from } = learnField(word.slice('output:'.length));
    return { bits, from, to: { as: 'output' } };
  }
  const [, loaded, loadTarget] = /^load:(.*)->(.*)$/.exec(word) ?? [];
  const [target = '', source = target] = loadTarget === undefined ? word.split('=') : [loadTarget, loaded];
  const { bits, ...to } = learnField(target);
  const as = loadTarget === undefined ? 'match' : 'load';
  return { bits, from: learnSource(source, to, bits), to: { as, ...to } };
}

/** Bits of the packet if it is the name of a field, a number otherwise. */
function learnSource(text: string, to: LearnField, bits: number): LearnSpec['from'] {
  if (/^[A-Za-z_]/.test(text) && !text.includes(':')) {
    const { bits: given, ...from } = learnField(text);
    if (given !== bits) throw new TextError(`not as many bits: ${text}`);
    return from;
  }
  const name = to.field.field as FieldName;
  const { value } = /^(0x)?[0-9a-f]+$/i.test(text) ? { value: parseInteger(text) } : parseValue(name, text);
  return { value };
}

const learnSettings = {
  table: 'table',
  idle_timeout: 'idleTimeout',
  hard_timeout: 'hardTimeout',
  fin_idle_timeout: 'finIdleTimeout',
  fin_hard_timeout: 'finHardTimeout',
  priority: 'priority',
} as const;

export function parseLearn(text: string): Action {
  const numbers = { idleTimeout: 0, hardTimeout: 0, finIdleTimeout: 0, finHardTimeout: 0 };
  const learn = { ...numbers, priority: learnedPriority, table: learnedTable, cookie: 0n, flags: 0 };
  const specs: LearnSpec[] = [];
  for (const word of splitOutside(text, ', ')) {
    const [key = '', value = ''] = word.split('=');
    const flag = learnFlags.find(([name]) => name === key);
    const setting = learnSettings[key as keyof typeof learnSettings];
    if (flag) learn.flags |= flag[1];
    else if (setting) learn[setting] = small(value);
    else if (key === 'cookie') learn.cookie = parseInteger(value);
    else specs.push(learnSpec(word));
  }
  return { type: 'learn', ...learn, specs };
}
