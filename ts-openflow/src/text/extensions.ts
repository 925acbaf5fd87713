/** The actions of Open vSwitch whose arguments are a small language each: text and back. */
import type { Action, KnownAction } from '../actions/index.ts';
import { type LearnField, type LearnSpec, learnWritesResult } from '../actions/learn.ts';
import { offsetBits } from '../actions/nicira.ts';
import { bytesToHex } from '../bytes/hex.ts';
import { type FieldName, fields } from '../registry/fields.ts';
import { parseBytes, printBytes } from './bytes.ts';
import { TextError } from './error.ts';
import { parseSlice, printPacked, printSlice } from './slice.ts';
import { splitOutside } from './split.ts';
import { hex, parseInteger, parsePort16, parseValue, printPort16, printValue } from './values.ts';

type ActionOf<T extends KnownAction['type']> = Extract<KnownAction, { type: T }>;

const small = (text: string) => Number(parseInteger(text));

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
export const packetInReasons = ['no_match', 'action', 'invalid_ttl'];

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

const nextPacket = 0xfffe;

/** What encap puts around a packet, by packet type; NSH has properties besides. */
const encapsulations: Readonly<Record<number, string>> = {
  0: 'ethernet',
  100423: 'mpls',
  100424: 'mpls_mc',
  100687: 'nsh',
};
const nshPacket = 0x1894f;
const nshClass = 0x0004;
const nshProperties = { metadataType: 1, tlv: 2 } as const;

/** A property of an encapsulation: class, type, length with header and padding, in multiples of 8. */
function edProperty(type: number, ...body: readonly number[]): number[] {
  const length = 4 + body.length;
  const padded = [...body, ...Array<number>(-length & 7).fill(0)];
  // The metadata type alone counts no padding.
  const counted = type === nshProperties.metadataType ? length : 4 + padded.length;
  return [nshClass >> 8, nshClass & 255, type, counted, ...padded];
}

const wordAt = (bytes: Uint8Array, at: number) => (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);

/** The properties of an NSH encapsulation in words; undefined if there are others. */
function nshWords(bytes: Uint8Array): string[] | undefined {
  const words: string[] = [];
  for (let at = 0; at < bytes.byteLength; ) {
    const [type, length = 0] = bytes.subarray(at + 2, at + 4);
    if (wordAt(bytes, at) !== nshClass || length < 5) return undefined;
    if (type === nshProperties.metadataType) words.push(`md_type=${bytes[at + 4]}`);
    else if (type === nshProperties.tlv) {
      const data = bytes.subarray(at + 8, at + 8 + (bytes[at + 7] ?? 0));
      words.push(`tlv(0x${wordAt(bytes, at + 4).toString(16)},${bytes[at + 6]},0x${bytesToHex(data)})`);
    } else return undefined;
    at += (length + 7) & ~7;
  }
  return words;
}

export function printEncap(v: ActionOf<'encap'>): string {
  const name = encapsulations[v.packetType];
  const words = v.packetType === nshPacket ? nshWords(v.properties) : v.properties.byteLength === 0 && [];
  if (!name || !words) {
    const properties = v.properties.byteLength === 0 ? '' : `,${printBytes(v.properties)}`;
    return `encap(0x${v.packetType.toString(16)}${properties})`;
  }
  return `encap(${name}${words.length === 0 ? '' : `(${words.join(',')})`})`;
}

function nshProperty(word: string): number[] {
  const [, metadata] = /^md_type=([12])$/.exec(word) ?? [];
  if (metadata) return edProperty(nshProperties.metadataType, Number(metadata));
  const [, space, type, digits = ''] = /^tlv\((\w+),(\w+),0x([0-9a-f]+)\)$/i.exec(word) ?? [];
  if (!space || !type) throw new TextError(`encap(nsh(${word})) is not known here`);
  const data = parseBytes(digits.padStart(digits.length + (digits.length % 2), '0'));
  const number = small(space);
  return edProperty(nshProperties.tlv, number >> 8, number & 255, small(type), data.byteLength, ...data);
}

export function parseEncap(text: string): Action {
  const [, name = '', inner = ''] = /^(\w+)(?:\((.*)\))?$/.exec(text) ?? [];
  const found = Object.entries(encapsulations).find(([, known]) => known === name);
  if (!found || (inner !== '' && name !== 'nsh')) throw new TextError(`encap(${text}) is not known here`);
  const properties = Uint8Array.from(splitOutside(inner, ',').flatMap(nshProperty));
  return { type: 'encap', headerSize: 0, packetType: Number(found[0]), properties };
}

export function printDecap(v: ActionOf<'decap'>): string {
  if (v.packetType === nextPacket) return 'decap()';
  return `decap(packet_type(ns=${v.packetType >>> 16},type=${hex(BigInt(v.packetType & 0xffff))}))`;
}

export function parseDecap(text: string): Action {
  if (text === '') return { type: 'decap', packetType: nextPacket };
  const [, space = '', id = ''] = /^packet_type\(ns=(\w+),type=(\w+)\)$/.exec(text) ?? [];
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

const directions = ['', 'ingress', 'egress'];

export function printSample(v: ActionOf<'sample' | 'sample2' | 'sample3'>): string {
  const words = sampleKeys.map(([key, name]) => `${key}=${v[name]}`);
  if ('samplingPort' in v) words.push(`sampling_port=${printPort16(v.samplingPort)}`);
  if ('direction' in v && v.direction !== 0)
    words.push(directions[v.direction] ?? `direction=${v.direction}`);
  return `sample(${words.join(',')})`;
}

export function parseSample(text: string): Action {
  const sample = { probability: 0, collectorSet: 0, obsDomain: 0, obsPoint: 0 };
  let samplingPort: number | undefined;
  let direction = 0;
  for (const part of text.split(',')) {
    const [key = '', value = ''] = part.split('=');
    const known = sampleKeys.find(([name]) => name === key);
    if (known) sample[known[1]] = small(value);
    else if (key === 'sampling_port') samplingPort = parsePort16(value);
    else direction = number(directions, key);
  }
  const anyPort = 0xffff;
  if (direction !== 0)
    return { type: 'sample3', ...sample, samplingPort: samplingPort ?? anyPort, direction };
  return samplingPort === undefined
    ? { type: 'sample', ...sample }
    : { type: 'sample2', ...sample, samplingPort };
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

export function printLearn(v: ActionOf<'learn' | 'learn2'>): string {
  const words = [
    `table=${v.table}`,
    v.idleTimeout === 0 ? '' : `idle_timeout=${v.idleTimeout}`,
    v.hardTimeout === 0 ? '' : `hard_timeout=${v.hardTimeout}`,
    v.finIdleTimeout === 0 ? '' : `fin_idle_timeout=${v.finIdleTimeout}`,
    v.finHardTimeout === 0 ? '' : `fin_hard_timeout=${v.finHardTimeout}`,
    v.priority === learnedPriority ? '' : `priority=${v.priority}`,
    ...learnFlags.map(([word, bit]) => (v.flags & bit ? word : '')),
    v.cookie === 0n ? '' : `cookie=0x${v.cookie.toString(16)}`,
    'limit' in v && v.limit !== 0 ? `limit=${v.limit}` : '',
    'result' in v && v.result ? `result_dst=${sliceOf(v.result, 1)}` : '',
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
  let limit: number | undefined;
  let result: ReturnType<typeof learnField> | undefined;
  for (const word of splitOutside(text, ', ')) {
    const [key = '', value = ''] = word.split('=');
    const flag = learnFlags.find(([name]) => name === key);
    const setting = learnSettings[key as keyof typeof learnSettings];
    if (flag) learn.flags |= flag[1];
    else if (setting) learn[setting] = small(value);
    else if (key === 'cookie') learn.cookie = parseInteger(value);
    else if (key === 'limit') limit = small(value);
    else if (key === 'result_dst') result = learnField(value);
    else specs.push(learnSpec(word));
  }
  if (limit === undefined && !result) return { type: 'learn', ...learn, specs };
  if (!result) return { type: 'learn2', ...learn, limit: limit ?? 0, specs };
  const { field, offset, bits } = result;
  if (bits !== 1) throw new TextError(`result_dst is one bit, not ${bits}`);
  const flags = learn.flags | learnWritesResult;
  return { type: 'learn2', ...learn, flags, limit: limit ?? 0, result: { field, offset }, specs };
}
