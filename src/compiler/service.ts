/** The traffic of a service as matches of flow tables. */
import { type Match, type MatchField, vlanPresent } from 'ts-openflow';
import type { ServiceMatch } from '../model/declared.ts';
import { type Prefix, prefixWidth } from '../model/prefix.ts';
import {
  EXACT_PORT,
  type PortBlock,
  PROTOCOLS,
  portBlocks,
  type Range,
  type Traffic,
  trafficOf,
} from '../model/service.ts';
import type { Direction } from './metadata.ts';

/**
 * A match of the service's, or one that takes the fragments of its packets where it asks for ports: all but
 * the first have none (RFC 791, section 3.2), and Open vSwitch by default shows none of the first either. So
 * nobody can tell whether they are the service's.
 */
export type ServiceFlow = { readonly match: Match; readonly fragments: boolean };
export type ServiceFlows = Readonly<Record<Direction, readonly ServiceFlow[]>>;

const FRAGMENT: MatchField = { field: 'ip_frag', value: 1, mask: 1 };

export function serviceFlows(service: readonly ServiceMatch[]): ServiceFlows {
  const traffic = service.flatMap(trafficOf);
  const way = (direction: Direction): readonly ServiceFlow[] =>
    withoutTwins(traffic.flatMap((one) => flowsOf(one, direction)));
  return { upstream: way('upstream'), downstream: way('downstream') };
}

/** Ranges that overlap have blocks in common. */
function withoutTwins(flows: readonly ServiceFlow[]): readonly ServiceFlow[] {
  return [...new Map(flows.map((flow) => [matchKey(flow.match), flow])).values()];
}

export const matchKey = (match: Match): string =>
  JSON.stringify(match, (_, part) => (typeof part === 'bigint' ? `${part}` : part));

function flowsOf(traffic: Traffic, direction: Direction): readonly ServiceFlow[] {
  const base = withoutPorts(traffic, direction);
  const { remotePorts, localPorts, protocol } = traffic;
  if (!remotePorts && !localPorts) return [{ match: base, fragments: false }];
  const [source, target] = direction === 'upstream' ? [localPorts, remotePorts] : [remotePorts, localPorts];
  const blocks = (range: Range | undefined, end: 'src' | 'dst'): readonly Match[] =>
    range ? portBlocks(range).map((block) => [portField(protocol, end, block)]) : [[]];
  const exact = blocks(source, 'src').flatMap((from) =>
    blocks(target, 'dst').map((to) => ({ match: [...base, ...from, ...to], fragments: false })),
  );
  return [...exact, { match: [...base, FRAGMENT], fragments: true }];
}

function withoutPorts(
  { vlan, etherType, protocol, dscp, remote, local }: Traffic,
  direction: Direction,
): Match {
  const [source, target] = direction === 'upstream' ? [local, remote] : [remote, local];
  return [
    vlan === undefined ? [] : [{ field: 'vlan_vid', value: vlanPresent | vlan } as const],
    etherType === undefined ? [] : [{ field: 'eth_type', value: etherType } as const],
    protocol === undefined ? [] : [{ field: 'nw_proto', value: protocol } as const],
    dscp === undefined ? [] : [{ field: 'ip_dscp', value: dscp } as const],
    source ? [prefixField(source, 'src')] : [],
    target ? [prefixField(target, 'dst')] : [],
  ]
    .flat()
    .filter((field) => !isAny(field));
}

/** A prefix of length 0 says which version of IP it is, and the Ethernet type has said that. */
const isAny = (field: MatchField): boolean =>
  field.field !== 'unknown' && field.mask !== undefined && BigInt(field.mask) === 0n;

function prefixField(prefix: Prefix, end: 'src' | 'dst'): MatchField {
  const width = prefixWidth(prefix);
  const mask = ((1n << BigInt(prefix.bits)) - 1n) << BigInt(width - prefix.bits);
  const isHost = prefix.bits === width;
  if (prefix.version === 6)
    return { field: `ipv6_${end}`, value: prefix.address, ...(isHost ? {} : { mask }) };
  return { field: `ip_${end}`, value: Number(prefix.address), ...(isHost ? {} : { mask: Number(mask) }) };
}

function portField(protocol: number | undefined, end: 'src' | 'dst', { value, mask }: PortBlock): MatchField {
  const name = protocol === PROTOCOLS.tcp ? 'tcp' : protocol === PROTOCOLS.udp ? 'udp' : 'sctp';
  return { field: `${name}_${end}`, value, ...(mask === EXACT_PORT ? {} : { mask }) };
}

/** What both matches ask for; undefined where no frame can be both. Neither masks a field that the other has. */
export function bothOf(a: Match, b: Match): Match | undefined {
  const merged = [...a];
  for (const field of b) {
    const same = a.find((other) => other.field === field.field);
    if (same === undefined) merged.push(field);
    else if (matchKey([same]) !== matchKey([field])) return undefined;
  }
  return merged;
}
