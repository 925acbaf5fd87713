import type { Action } from '../actions/index.ts';
import { type Ct, type Nat, offsetBits } from '../actions/nicira.ts';
import type { Instruction } from '../instructions.ts';
import { matchField } from '../match.ts';
import type { FieldName } from '../registry/fields.ts';
import { ports, vlanPresent } from '../registry/numbers.ts';
import { ipv4ToNumber, ipv6ToBigint } from './addresses.ts';
import { TextError } from './error.ts';
import {
  packetInReasons,
  parseBundle,
  parseController2,
  parseDecap,
  parseEncap,
  parseLearn,
  parseMultipath,
  parseSample,
} from './extensions.ts';
import { fieldByName } from './match.ts';
import { fieldByNxmName } from './names.ts';
import { parseSlice } from './slice.ts';
import { splitOutside } from './split.ts';
import { parseInteger, parsePort, parsePort16, parseValue } from './values.ts';

const small = (text: string) => Number(parseInteger(text));

function arrow(text: string): [string, string] {
  const at = text.indexOf('->');
  if (at < 0) throw new TextError(`no -> in: ${text}`);
  return [text.slice(0, at), text.slice(at + 2)];
}

function setField(text: string): Action {
  const [value, name] = arrow(text);
  const field = fieldByName(name) ?? fieldByNxmName(name);
  if (!field) throw new TextError(`no field called ${name}`);
  const parsed = parseValue(field, value);
  return { type: 'setField', field: matchField(field, parsed.value, parsed.mask) };
}

const set = (field: FieldName, value: number): Action => ({
  type: 'setField',
  field: matchField(field, value),
});

function load(text: string): Action {
  const [value, target] = arrow(text);
  const { ref, offset, bits } = parseSlice(target);
  return { type: 'regLoad', dst: ref, offsetBits: offsetBits(offset, bits), value: parseInteger(value) };
}

function move(text: string): Action {
  const [from, to] = arrow(text);
  const src = parseSlice(from);
  const dst = parseSlice(to);
  if (src.bits !== dst.bits) throw new TextError(`not as many bits: ${text}`);
  return {
    type: 'regMove',
    bits: src.bits,
    srcOffset: src.offset,
    dstOffset: dst.offset,
    src: src.ref,
    dst: dst.ref,
  };
}

function outputTo(text: string): Action {
  if (/^\d+$|^[A-Za-z_]+$/.test(text)) return { type: 'output', port: parsePort(text), maxLen: 0 };
  const { ref, offset, bits } = parseSlice(text);
  return { type: 'outputReg', offsetBits: offsetBits(offset, bits), src: ref, maxLen: 0xffff };
}

const outputPort = (port: number, maxLen = 0): Action => ({ type: 'output', port, maxLen });
const port16 = (text: string) => (text === '' ? 0xfff8 : parsePort16(text));

function resubmit(text: string): Action {
  const [port = '', table = '', ct] = text.split(',').map((part) => part.trim());
  const to = { inPort: port16(port), table: table === '' ? 255 : small(table) };
  return { type: ct === 'ct' ? 'resubmitTableCt' : 'resubmitTable', ...to };
}

function keyValues(text: string): [string, string | undefined][] {
  return splitOutside(text, ',').map((part) => {
    const at = part.indexOf('=');
    return at < 0 ? [part, undefined] : [part.slice(0, at), part.slice(at + 1)];
  });
}

const plainController = new Set(['max_len', 'id', 'reason']);

function controller(text: string): Action {
  const words = keyValues(text);
  if (words.some(([key]) => !plainController.has(key))) return parseController2(words);
  const found = { maxLen: 0xffff, controllerId: 0, reason: 1 };
  for (const [key, value = ''] of words) {
    if (key === 'max_len') found.maxLen = small(value);
    else if (key === 'id') found.controllerId = small(value);
    else if (packetInReasons.includes(value)) found.reason = packetInReasons.indexOf(value);
    else throw new TextError(`the reason ${value} is not known here`);
  }
  const { maxLen, controllerId, reason } = found;
  if (controllerId === 0 && reason === 1) return outputPort(ports.controller, maxLen);
  return { type: 'controller', maxLen, controllerId, reason };
}

function checkLarger(text: string): Action {
  const [, length = '', target = ''] = /^\((\d+)\)->(.*)$/.exec(text) ?? [];
  const { ref, offset } = parseSlice(target);
  return { type: 'checkPktLarger', length: small(length), offset, dst: ref };
}

function deleteField(text: string): Action {
  return { type: 'deleteField', field: parseSlice(text).ref };
}

/** `min-max:port-port`, in which an IPv6 address before a port stands in brackets. */
function natRange(text: string): Partial<Nat> {
  const isSix = text.includes('[') || (text.match(/:/g) ?? []).length > 1;
  const [, addresses = '', ports = ''] = isSix
    ? (/^(\[.*\]|[^[\]]*)(?::([\d-]+))?$/.exec(text) ?? [])
    : (/^([^:]*)(?::([\d-]+))?$/.exec(text) ?? []);
  const [min, max] = addresses.replaceAll(/[[\]]/g, '').split('-');
  const [portMin, portMax] = ports.split('-');
  const range = isSix
    ? { ...(min && { ipv6Min: ipv6ToBigint(min) }), ...(max && { ipv6Max: ipv6ToBigint(max) }) }
    : { ...(min && { ipv4Min: ipv4ToNumber(min) }), ...(max && { ipv4Max: ipv4ToNumber(max) }) };
  return {
    ...range,
    ...(portMin && { portMin: small(portMin) }),
    ...(portMax && { portMax: small(portMax) }),
  };
}

const natFlags: Readonly<Record<string, number>> = { src: 1, dst: 2, persistent: 4, hash: 8, random: 16 };

function nat(text: string): Action {
  let flags = 0;
  let range: Partial<Nat> = {};
  for (const [key, value] of keyValues(text)) {
    if (natFlags[key] === undefined) throw new TextError(`nat(${key}) is not known here`);
    flags |= natFlags[key];
    if (value !== undefined) range = natRange(value);
  }
  return { type: 'nat', flags, ...range };
}

const algorithms: Readonly<Record<string, number>> = { ftp: 21, tftp: 69 };

function zone(text: string): Pick<Ct, 'zone' | 'zoneField'> {
  if (/^\d|^0x/.test(text)) return { zone: small(text) };
  const { ref, offset, bits } = parseSlice(text);
  return { zone: offsetBits(offset, bits), zoneField: ref };
}

function ct(text: string): Action {
  let found: Ct = { flags: 0, zone: 0, table: 255, alg: 0, actions: [] };
  for (const [key, value = ''] of keyValues(text)) {
    if (key === 'commit') found = { ...found, flags: found.flags | 1 };
    else if (key === 'force') found = { ...found, flags: found.flags | 2 };
    else if (key === 'table') found = { ...found, table: small(value) };
    else if (key === 'zone') found = { ...found, ...zone(value) };
    else if (key === 'alg' && algorithms[value]) found = { ...found, alg: algorithms[value] };
    else found = { ...found, actions: [...found.actions, ...ctAction(key, value)] };
  }
  return { type: 'ct', ...found };
}

function ctAction(key: string, value: string): readonly Action[] {
  const whole = value ? `${key}=${value}` : key;
  if (whole === 'nat') return [nat('')];
  const [, name, inner = ''] = /^(nat|exec)\((.*)\)$/s.exec(whole) ?? [];
  if (name === 'nat') return [nat(inner)];
  if (name === 'exec') return parseActions(inner);
  throw new TextError(`ct(${key}) is not known here`);
}

function finTimeout(text: string): Action {
  const values = new Map(keyValues(text));
  const seconds = (key: string) => small(values.get(key) ?? '0');
  return { type: 'finTimeout', idleTimeout: seconds('idle_timeout'), hardTimeout: seconds('hard_timeout') };
}

function conjunction(text: string): Action {
  const [, id = '', clause = '', clauses = ''] = /^(\w+),\s*(\d+)\/(\d+)$/.exec(text) ?? [];
  return { type: 'conjunction', id: small(id), clause: small(clause) - 1, clauses: small(clauses) };
}

function outputTruncated(text: string): Action {
  const values = new Map(keyValues(text));
  return {
    type: 'outputTrunc',
    port: port16(values.get('port') ?? ''),
    maxLen: small(values.get('max_len') ?? ''),
  };
}

function note(text: string): Action {
  const given = text.split('.').map((byte) => Number.parseInt(byte, 16));
  // A note fills its action, whose length is a multiple of 8: 6 bytes, 14, 22, ...
  const length = given.length + ((6 - given.length) & 7);
  return { type: 'note', data: Uint8Array.from({ length }, (_, index) => given[index] ?? 0) };
}

function stack(type: 'stackPush' | 'stackPop', text: string): Action {
  const { ref, offset, bits } = parseSlice(text);
  return { type, field: ref, offset, bits };
}

type Parse = (argument: string) => readonly Action[];
const one =
  (parse: (argument: string) => Action): Parse =>
  (argument) => [parse(argument)];
const bare =
  (action: Action): Parse =>
  () => [action];

/** What each word of ovs-actions(7) means; the argument is what follows `:` or stands in parentheses. */
const parsers: Readonly<Record<string, Parse>> = {
  output: one((text) => (text.includes('=') ? outputTruncated(text) : outputTo(text))),
  in_port: bare(outputPort(ports.inPort)),
  table: bare(outputPort(ports.table)),
  normal: bare(outputPort(ports.normal)),
  flood: bare(outputPort(ports.flood)),
  all: bare(outputPort(ports.all)),
  local: bare(outputPort(ports.local)),
  controller: one((text) =>
    /^\d*$/.test(text) ? outputPort(ports.controller, Number(text || 0xffff)) : controller(text),
  ),
  group: one((text) => ({ type: 'group', group: small(text) })),
  set_field: one(setField),
  load: one(load),
  move: one(move),
  push_vlan: one((text) => ({ type: 'pushVlan', ethertype: small(text) })),
  pop_vlan: bare({ type: 'popVlan' }),
  strip_vlan: bare({ type: 'popVlan' }),
  push_mpls: one((text) => ({ type: 'pushMpls', ethertype: small(text) })),
  pop_mpls: one((text) => ({ type: 'popMpls', ethertype: small(text) })),
  set_mpls_ttl: one((text) => ({ type: 'setMplsTtl', ttl: small(text) })),
  dec_mpls_ttl: bare({ type: 'decMplsTtl' }),
  mod_nw_ttl: one((text) => ({ type: 'setNwTtl', ttl: small(text) })),
  dec_ttl: one((text) =>
    text === '' ? { type: 'decNwTtl' } : { type: 'decTtlIds', ids: text.split(',').map(small) },
  ),
  copy_ttl_in: bare({ type: 'copyTtlIn' }),
  copy_ttl_out: bare({ type: 'copyTtlOut' }),
  mod_dl_dst: one((text) => setField(`${text}->eth_dst`)),
  mod_dl_src: one((text) => setField(`${text}->eth_src`)),
  mod_nw_dst: one((text) => setField(`${text}->ip_dst`)),
  mod_nw_src: one((text) => setField(`${text}->ip_src`)),
  mod_vlan_vid: one((text) => set('vlan_vid', small(text) | vlanPresent)),
  mod_vlan_pcp: one((text) => set('vlan_pcp', small(text))),
  mod_nw_tos: one((text) => set('ip_dscp', small(text) >> 2)),
  set_mpls_label: one((text) => set('mpls_label', small(text))),
  set_mpls_tc: one((text) => set('mpls_tc', small(text))),
  set_tunnel: one((text) => setField(`${text}->tun_id`)),
  set_tunnel64: one((text) => setField(`${text}->tun_id`)),
  mod_nw_ecn: one((text) => set('nw_ecn', small(text))),
  set_queue: one((text) => ({ type: 'setQueue', queue: small(text) })),
  pop_queue: bare({ type: 'popQueue' }),
  enqueue: (text) => {
    const [port = '', queue = ''] = text.split(/[:,]/);
    return [{ type: 'setQueue', queue: small(queue) }, outputPort(parsePort(port)), { type: 'popQueue' }];
  },
  resubmit: one((text) =>
    text.includes(',') ? resubmit(text) : { type: 'resubmit', inPort: port16(text), table: 0 },
  ),
  ct: one(ct),
  ct_clear: bare({ type: 'ctClear' }),
  clone: one((text) => ({ type: 'clone', actions: parseActions(text) })),
  conjunction: one(conjunction),
  note: one(note),
  exit: bare({ type: 'exit' }),
  fin_timeout: one(finTimeout),
  push: one((text) => stack('stackPush', text)),
  pop: one((text) => stack('stackPop', text)),
  learn: one(parseLearn),
  multipath: one(parseMultipath),
  bundle: one((text) => parseBundle('bundle', text)),
  bundle_load: one((text) => parseBundle('bundleLoad', text)),
  encap: one(parseEncap),
  decap: one(parseDecap),
  sample: one(parseSample),
  delete_field: one(deleteField),
  check_pkt_larger: one(checkLarger),
  dec_nsh_ttl: bare({ type: 'decNshTtl' }),
  meter: one((text) => ({ type: 'meter', meter: small(text) })),
};

function split(word: string): [name: string, argument: string] {
  // The one action whose parentheses are not all of it.
  if (word.startsWith('check_pkt_larger('))
    return ['check_pkt_larger', word.slice('check_pkt_larger'.length)];
  const [, name = '', called, given] = /^(\w+)(?:\((.*)\)|:(.*))?$/s.exec(word) ?? [];
  return [name.toLowerCase(), called ?? given ?? ''];
}

/** A list of actions; `drop` alone is an empty one. Throws a TextError that names the word it does not know. */
export function parseActions(text: string): readonly Action[] {
  if (text === 'drop' || text === '') return [];
  return splitOutside(text, ', ').flatMap((word) => {
    if (/^\d+$/.test(word)) return [outputPort(parsePort(word))];
    const [name, argument] = split(word);
    const parse = parsers[name];
    if (!parse) throw new TextError(`the action ${word} is not known here`);
    return parse(argument);
  });
}

function parseInstruction(name: string, argument: string): Instruction | undefined {
  if (name === 'goto_table') return { type: 'gotoTable', table: small(argument) };
  if (name === 'clear_actions') return { type: 'clearActions' };
  if (name === 'write_actions') return { type: 'writeActions', actions: parseActions(argument) };
  if (name !== 'write_metadata') return undefined;
  const [value = '', mask] = argument.split('/');
  const ones = (1n << 64n) - 1n;
  return {
    type: 'writeMetadata',
    value: parseInteger(value),
    mask: mask === undefined ? ones : parseInteger(mask),
  };
}

/** What stands after `actions=`: actions to apply, and instructions among them. */
export function parseInstructions(text: string): readonly Instruction[] {
  const later: Instruction[] = [];
  const now = splitOutside(text, ', ').filter((word) => {
    const instruction = parseInstruction(...split(word));
    if (instruction) later.push(instruction);
    return !instruction;
  });
  const actions = parseActions(now.join(','));
  return actions.length === 0 ? later : [{ type: 'applyActions', actions }, ...later];
}
