/**
 * Which traffic a service is: what operators write as a match, in the one form that flows and comparisons are made of.
 */
import type { PortRange, ServiceMatch } from './declared.ts';
import { type Prefix, parsePrefix, prefixesOverlap } from './prefix.ts';

/** Bounds, both included. */
export type Range = { readonly first: number; readonly last: number };

/**
 * One alternative of a match, of one IP version or of none. A member that is absent is any. `local` is the
 * subscriber's end and `remote` the other one.
 */
export type Traffic = {
  readonly vlan?: number;
  readonly etherType?: number;
  readonly protocol?: number;
  readonly dscp?: number;
  readonly remote?: Prefix;
  readonly local?: Prefix;
  readonly remotePorts?: Range;
  readonly localPorts?: Range;
};

export const ETHERTYPE = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd } as const;
/** IANA's protocol numbers. */
export const PROTOCOLS = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132 } as const;
export const PROTOCOLS_WITH_PORTS: readonly number[] = [PROTOCOLS.tcp, PROTOCOLS.udp, PROTOCOLS.sctp];

export const protocolNumber = (protocol: NonNullable<ServiceMatch['protocol']>): number =>
  typeof protocol === 'number' ? protocol : PROTOCOLS[protocol];

/** `80` or `8000-8099`; undefined where it is neither or the wrong way round. */
export function parsePorts(ports: PortRange): Range | undefined {
  if (typeof ports === 'number') return { first: ports, last: ports };
  const [, a, b] = /^(\d{1,5})-(\d{1,5})$/.exec(ports) ?? [];
  const range = { first: Number(a), last: Number(b) };
  return range.first >= 1 && range.first <= range.last && range.last <= 65535 ? range : undefined;
}

/** The IP versions that a match may be of, by their Ethernet types; none where its members contradict one another. */
export function versionsOf(match: ServiceMatch): readonly number[] {
  const { ipv4, ipv6 } = ETHERTYPE;
  const asked: (readonly number[])[] = [match.remote, match.local]
    .filter((prefix) => prefix !== undefined)
    .map((prefix) => [prefix.includes(':') ? ipv6 : ipv4]);
  if (match.etherType !== undefined) asked.push([match.etherType]);
  if (match.protocol === 'icmp') asked.push([ipv4]);
  if (match.protocol === 'icmpv6') asked.push([ipv6]);
  return [ipv4, ipv6].filter((version) => asked.every((versions) => versions.includes(version)));
}

/** Whether a match says something about IP, beyond the Ethernet type. */
export const isOfIp = ({ protocol, remote, local, remotePort, localPort, dscp }: ServiceMatch): boolean =>
  [protocol, remote, local, remotePort, localPort, dscp].some((member) => member !== undefined);

/** The alternatives of a match that has been admitted. */
export function trafficOf(match: ServiceMatch): readonly Traffic[] {
  const { vlan, etherType, dscp } = match;
  const link = vlan === undefined ? {} : { vlan };
  if (!isOfIp(match)) return [{ ...link, ...(etherType === undefined ? {} : { etherType }) }];
  const remote = match.remote === undefined ? undefined : parsePrefix(match.remote);
  const local = match.local === undefined ? undefined : parsePrefix(match.local);
  const remotePorts = match.remotePort === undefined ? undefined : parsePorts(match.remotePort);
  const localPorts = match.localPort === undefined ? undefined : parsePorts(match.localPort);
  return versionsOf(match).map((version) => ({
    ...link,
    etherType: version,
    ...(match.protocol === undefined ? {} : { protocol: protocolNumber(match.protocol) }),
    ...(dscp === undefined ? {} : { dscp }),
    ...(remote ? { remote } : {}),
    ...(local ? { local } : {}),
    ...(remotePorts ? { remotePorts } : {}),
    ...(localPorts ? { localPorts } : {}),
  }));
}

/** Whether there is a frame that both are about. */
export function overlaps(a: Traffic, b: Traffic): boolean {
  const mayEqual = (member: 'vlan' | 'etherType' | 'protocol' | 'dscp'): boolean =>
    a[member] === undefined || b[member] === undefined || a[member] === b[member];
  const mayMeet = (member: 'remotePorts' | 'localPorts'): boolean => {
    const [one, other] = [a[member], b[member]];
    return !one || !other || (one.first <= other.last && other.first <= one.last);
  };
  const mayNest = (member: 'remote' | 'local'): boolean => {
    const [one, other] = [a[member], b[member]];
    return !one || !other || prefixesOverlap(one, other);
  };
  return (
    (['vlan', 'etherType', 'protocol', 'dscp'] as const).every(mayEqual) &&
    (['remotePorts', 'localPorts'] as const).every(mayMeet) &&
    (['remote', 'local'] as const).every(mayNest)
  );
}

/** Ports that have the bits of `value` where `mask` has ones. */
export type PortBlock = { readonly value: number; readonly mask: number };
/** The mask of one port alone. */
export const EXACT_PORT = 0xffff;

/**
 * The fewest blocks with a common prefix that are together a range: a switch matches bits, not bounds. At most
 * 30 for 16 bits. No block of a range that begins at 1 or above has port 0, which is what a switch sees in a
 * fragment.
 */
export function portBlocks({ first, last }: Range): readonly PortBlock[] {
  const blocks: PortBlock[] = [];
  for (let at = first; at <= last; ) {
    let size = 1;
    while (at % (size * 2) === 0 && at + size * 2 - 1 <= last && size * 2 <= EXACT_PORT + 1) size *= 2;
    blocks.push({ value: at, mask: EXACT_PORT & ~(size - 1) });
    at += size;
  }
  return blocks;
}

/** How many matches of a switch stand for this, in one direction. */
export function matchCount({ remotePorts, localPorts }: Traffic): number {
  const blocks = (range: Range | undefined): number => (range ? portBlocks(range).length : 1);
  return blocks(remotePorts) * blocks(localPorts);
}
