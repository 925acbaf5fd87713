import { type Stats, stat } from '../stats.ts';

/** Names of bits, the least significant first; undefined where a bit has none. */
type Bits = readonly (string | undefined)[];

export const capabilityNames: Bits = [
  'FLOW_STATS',
  'TABLE_STATS',
  'PORT_STATS',
  'GROUP_STATS',
  undefined,
  'IP_REASM',
  'QUEUE_STATS',
  undefined,
  'PORT_BLOCKED',
  'BUNDLES',
  'FLOW_MONITORING',
];
export const portConfigs: Bits = [
  'PORT_DOWN',
  undefined,
  'NO_RECV',
  undefined,
  undefined,
  'NO_FWD',
  'NO_PACKET_IN',
];
export const portStates: Bits = ['LINK_DOWN', 'BLOCKED', 'LIVE'];
const speeds = ['10MB', '100MB', '1GB'].flatMap((speed) => [`${speed}-HD`, `${speed}-FD`]);
export const portFeatures: Bits = [
  ...speeds,
  '10GB-FD',
  '40GB-FD',
  '100GB-FD',
  '1TB-FD',
  'OTHER',
  'COPPER',
  'FIBER',
  'AUTO_NEG',
  'AUTO_PAUSE',
  'AUTO_PAUSE_ASYM',
];
export const meterFlags: Bits = ['kbps', 'pktps', 'burst', 'stats'];
export const bandTypes: Bits = [undefined, 'drop', 'dscp_remark'];
export const bundleFlags: Bits = ['atomic', 'ordered'];
export const evictionFlags: Bits = ['OTHER', 'IMPORTANCE', 'LIFETIME'];
export const monitorFlags: Bits = ['initial', 'add', 'delete', 'modify', 'actions', undefined, 'own'];
export const monitorFlags13: Bits = ['initial', 'add', 'delete', 'modify', 'actions', 'own'];

export const removedReasons = ['idle', 'hard', 'delete', 'group_delete', 'meter_delete', 'eviction'];
const portReasons = ['add', 'delete', 'modify'];
export const asyncKinds = [
  ['PACKET_IN', 'packetIn', ['no_match', 'action', 'invalid_ttl', 'action_set', 'group', 'packet_out']],
  ['PORT_STATUS', 'portStatus', portReasons],
  ['FLOW_REMOVED', 'flowRemoved', removedReasons],
  ['ROLE_STATUS', 'roleStatus', ['primary_request', 'configuration_changed', 'experimenter_data_changed']],
  ['TABLE_STATUS', 'tableStatus', [undefined, undefined, undefined, 'vacancy_down', 'vacancy_up']],
  ['REQUESTFORWARD', 'requestForward', ['group_mod_request', 'meter_mod_request']],
] as const;

export function bitNames(value: number, names: Bits, separator: string, none = '0'): string {
  const words = names.flatMap((name, bit) => (name && (value >>> bit) & 1 ? [name] : []));
  const rest = names.reduce((left, name, bit) => (name ? left & ~(1 << bit) : left), value) >>> 0;
  return [...words, ...(rest ? [`0x${rest.toString(16)}`] : [])].join(separator) || none;
}

export const lines = (texts: readonly string[]) => texts.map((text) => `\n${text}`).join('');
export const indexed = (names: readonly string[], number: number) => names[number] ?? String(number);

/** Seconds with as many digits behind the point as say something: three, or up to nine. */
export function duration(sec: number, nsec: number): string {
  if (nsec === 0) return `${sec}s`;
  const digits =
    nsec % 1_000_000 === 0 ? String(nsec / 1_000_000).padStart(3, '0') : String(nsec).padStart(9, '0');
  return `${sec}.${nsec % 1_000_000 === 0 ? digits : digits.replace(/0+$/, '')}s`;
}

export const unknown64 = (1n << 64n) - 1n;
export const counter = (value: bigint | undefined) =>
  value === undefined || value === unknown64 ? '?' : String(value);
export const time = (sec: number, nsec: number) => (sec === 0xffffffff ? '?' : duration(sec, nsec));

export function timeOf(
  stats: Stats,
  name: 'duration' | 'idleTime',
): { sec: number; nsec: number } | undefined {
  return stat(stats, name);
}

/** Sixteen bytes a line, in hexadecimal and as text. */
export function dump(bytes: Uint8Array): string {
  const rows: string[] = [];
  for (let at = 0; at < bytes.byteLength; at += 16) {
    const row = bytes.subarray(at, at + 16);
    const cells = Array.from({ length: 16 }, (_, index) => {
      const byte = row[index];
      const cell = byte === undefined ? '  ' : byte.toString(16).padStart(2, '0');
      return `${cell}${index === 7 && row.byteLength > 7 ? '-' : ' '}`;
    });
    const text = Array.from({ length: 16 }, (_, index) => {
      const byte = row[index];
      return byte === undefined ? ' ' : byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
    });
    rows.push(`${at.toString(16).padStart(8, '0')}  ${cells.join('')}|${text.join('')}|`);
  }
  return lines(rows);
}
