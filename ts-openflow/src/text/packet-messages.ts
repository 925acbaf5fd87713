import { bytesToHex } from '../bytes/hex.ts';
import { canonicalMatch } from '../flow/canonical-match.ts';
import type { Match } from '../match.ts';
import type { MessageOf } from '../message.ts';
import { noBuffer } from '../registry/numbers.ts';
import { printBytes } from './bytes.ts';
import { packetInReasons } from './extensions.ts';
import { printMatch } from './match.ts';
import { indexed } from './wording.ts';

/** A packet-in of any kind. */
export function packetText(v: {
  cookie: bigint;
  table: number;
  totalLength: number;
  reason: number;
  bufferId: number;
  match: Match;
  data: Uint8Array;
}): string {
  const buffer =
    v.bufferId === noBuffer ? '(unbuffered)' : `buffer=0x${v.bufferId.toString(16).padStart(8, '0')}`;
  const size = v.data.byteLength;
  return [
    v.table === 0 ? '' : ` table_id=${v.table}`,
    ` cookie=0x${v.cookie.toString(16)} total_len=${v.totalLength} ${printMatch(canonicalMatch(v.match))}`,
    ` (via ${indexed(packetInReasons, v.reason)}) data_len=${size} ${buffer}`,
    size > v.totalLength ? ` (***data_len > total_len***)` : '',
    size === 0 ? '' : `\npacket=${bytesToHex(v.data)}`,
  ].join('');
}

/** NXT_PACKET_IN2 and NXT_RESUME, whose fields are properties. */
export function packetIn2Text({ properties }: Pick<MessageOf<'packetIn2'>, 'properties'>): string {
  const find = <T extends (typeof properties)[number]['type']>(type: T) =>
    properties.find(
      (entry): entry is Extract<(typeof properties)[number], { type: T }> => entry.type === type,
    );
  const data = find('packet')?.data ?? new Uint8Array(0);
  const userdata = find('userdata')?.data;
  const [head = '', ...packet] = packetText({
    data,
    cookie: find('cookie')?.value ?? 0n,
    table: find('tableId')?.value ?? 0,
    totalLength: find('fullLength')?.value ?? data.byteLength,
    reason: find('reason')?.value ?? 0,
    bufferId: find('bufferId')?.value ?? noBuffer,
    match: find('metadata')?.match ?? [],
  }).split('\n');
  const said = userdata ? [` userdata=${printBytes(userdata)}`] : [];
  const later = find('continuation')?.data;
  const rest = later ? [` continuation=${bytesToHex(later)}`] : [];
  return [head, ...said, ...rest, ...packet].join('\n');
}
