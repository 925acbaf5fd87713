/**
 * Services of chains: whether a match can match, and whether two chains can both want one frame.
 */
import type { ChainSpec, ServiceMatch } from '../../model/declared.ts';
import { API_LIMITS } from '../../model/limits.ts';
import {
  ETHERTYPE,
  isOfIp,
  matchCount,
  overlaps,
  PROTOCOLS_WITH_PORTS,
  parsePorts,
  protocolNumber,
  trafficOf,
  versionsOf,
} from '../../model/service.ts';
import type { Objections } from './world.ts';

export function checkService(spec: ChainSpec, objections: Objections): void {
  if (spec.priority !== undefined && spec.service === undefined) {
    const detail = 'goes with `service` only: the chain for everything else is asked last in any case';
    objections.add('invalid-body', '/priority', detail);
  }
  for (const [index, match] of (spec.service ?? []).entries()) {
    for (const [member, detail] of matchFaults(match)) {
      objections.add('invalid-body', `/service/${index}${member}`, detail);
    }
  }
  const matches = (spec.service ?? []).flatMap(trafficOf).reduce((sum, one) => sum + matchCount(one), 0);
  if (matches > API_LIMITS.serviceMatches) {
    const detail = `takes ${matches} matches of a switch for each subscriber and may take ${API_LIMITS.serviceMatches}; port ranges take fewest where they begin and end at multiples of powers of two`;
    objections.add('invalid-body', '/service', detail);
  }
}

/** Ethernet types of tags, which a match sees past. */
const TAGS: readonly number[] = [0x8100, 0x88a8];

function* matchFaults(match: ServiceMatch): Generator<readonly [member: string, detail: string]> {
  const { protocol, etherType } = match;
  for (const member of ['remotePort', 'localPort'] as const) {
    const ports = match[member];
    if (ports === undefined) continue;
    if (parsePorts(ports) === undefined)
      yield [`/${member}`, 'has to be a range from a lower to a higher port of 1 to 65535'];
    if (protocol === undefined || !PROTOCOLS_WITH_PORTS.includes(protocolNumber(protocol)))
      yield [`/${member}`, 'needs `protocol` to be tcp, udp or sctp: no other has ports'];
  }
  if (etherType !== undefined && TAGS.includes(etherType))
    yield ['/etherType', 'is that of a VLAN tag; ask for the tag by `vlan`'];
  if (!isOfIp(match)) return;
  if (etherType !== undefined && etherType !== ETHERTYPE.ipv4 && etherType !== ETHERTYPE.ipv6)
    yield ['/etherType', 'is not that of IP (0x0800 or 0x86dd), and the match asks for more of IP'];
  else if (versionsOf(match).length === 0)
    yield ['', 'asks for IPv4 and for IPv6 at once, and no frame is both'];
}

/** Why no subscriber can be in both chains; undefined where one can. */
export function contentionOf(a: ChainSpec, b: ChainSpec): string | undefined {
  if (a.service === undefined && b.service === undefined) return 'and may be in one without a `service` only';
  if (a.service === undefined || b.service === undefined) return undefined;
  const priority = a.priority ?? 0;
  if (priority !== (b.priority ?? 0)) return undefined;
  const theirs = b.service.flatMap(trafficOf);
  for (const [index, match] of a.service.entries()) {
    if (!trafficOf(match).some((one) => theirs.some((other) => overlaps(one, other)))) continue;
    return `which has priority ${priority} as well and can match the same frames as service ${index} here; let one have another \`priority\``;
  }
  return undefined;
}
