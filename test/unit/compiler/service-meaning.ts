/**
 * What a service match means, said a second time and on plain values, for tests to hold the tables against; and
 * matches and frames that have a fair chance to meet.
 */
import fc from 'fast-check';
import type { ServiceMatch } from '../../../src/model/declared.ts';

export type Frame = {
  readonly vlan: number | undefined;
  readonly etherType: number;
  readonly protocol: number;
  readonly dscp: number;
  readonly local: bigint;
  readonly remote: bigint;
  readonly localPort: number;
  readonly remotePort: number;
  readonly fragment: 'none' | 'first' | 'later';
};

const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const NUMBERS = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132 } as const;
const WITH_PORTS = [6, 17, 132];

/** The addresses that frames have; each version's are 8 in a row. */
const V4 = 0x0a000000n;
const V6 = 0x20010db8n << 96n;

const prefixText = (version: 4 | 6, host: number, bits: number): string => {
  const at = host & ~((1 << (3 - bits)) - 1);
  if (version === 4) return `10.0.0.${at}/${29 + bits}`;
  return at === 0 ? `2001:db8::/${125 + bits}` : `2001:db8::${at}/${125 + bits}`;
};
const prefixArbitrary = (version: 4 | 6) =>
  fc.tuple(fc.nat(7), fc.nat(3)).map(([host, bits]) => prefixText(version, host, bits));
const portArbitrary = fc.integer({ min: 1, max: 20 });
const portsArbitrary = fc.oneof(
  portArbitrary,
  fc.tuple(portArbitrary, portArbitrary).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
);

const dscpArbitrary = fc.constantFrom(0, 46);
const vlanArbitrary = fc.constantFrom(5, 6);
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const clean = (match: object): ServiceMatch =>
  Object.fromEntries(Object.entries(match).filter(([, value]) => value !== undefined));

const ofIp = (version: 4 | 6) =>
  fc.record({
    vlan: maybe(vlanArbitrary),
    dscp: maybe(dscpArbitrary),
    remote: maybe(prefixArbitrary(version)),
    local: maybe(prefixArbitrary(version)),
    protocol: maybe(fc.constantFrom('tcp', 'udp', 'sctp', 6, version === 4 ? 'icmp' : 'icmpv6')),
  });
/** Matches that admission takes. */
export const matchArbitrary: fc.Arbitrary<ServiceMatch> = fc
  .oneof(
    ofIp(4),
    ofIp(6),
    fc.record({
      vlan: maybe(vlanArbitrary),
      protocol: fc.constantFrom('tcp', 'udp'),
      remotePort: maybe(portsArbitrary),
      localPort: maybe(portsArbitrary),
      remote: maybe(prefixArbitrary(4)),
    }),
    fc.record({
      protocol: fc.constantFrom('tcp', 'udp'),
      remotePort: portsArbitrary,
      dscp: maybe(dscpArbitrary),
    }),
    fc.record({ etherType: fc.constantFrom(0x0806, IPV4, IPV6, 0x88b5), vlan: maybe(vlanArbitrary) }),
  )
  .map(clean)
  .filter((match) => Object.keys(match).length > 0);

export const frameArbitrary: fc.Arbitrary<Frame> = fc
  .record({
    vlan: maybe(vlanArbitrary),
    etherType: fc.constantFrom(IPV4, IPV4, IPV6, 0x0806, 0x88b5),
    protocol: fc.constantFrom(6, 17, 132, 1, 58),
    dscp: dscpArbitrary,
    hosts: fc.tuple(fc.nat(7), fc.nat(7)),
    localPort: portArbitrary,
    remotePort: portArbitrary,
    fragment: fc.constantFrom('none' as const, 'none' as const, 'first' as const, 'later' as const),
  })
  .map(({ hosts: [a, b], ...frame }) => {
    const base = frame.etherType === IPV6 ? V6 : V4;
    return { ...frame, local: base + BigInt(a), remote: base + BigInt(b) };
  });

const isIp = (frame: Frame): boolean => frame.etherType === IPV4 || frame.etherType === IPV6;

function isIn(address: bigint, etherType: number, prefix: string): boolean {
  const [text = '', bits] = prefix.split('/');
  if (text.includes(':') !== (etherType === IPV6)) return false;
  const host = BigInt(text.split(text.includes(':') ? '::' : '.').at(-1) || 0);
  const shift = BigInt((text.includes(':') ? 128 : 32) - Number(bits));
  return address >> shift === ((text.includes(':') ? V6 : V4) + host) >> shift;
}

const isWithin = (port: number, ports: number | string): boolean => {
  const [first, last = first] = String(ports).split('-').map(Number);
  return port >= (first as number) && port <= (last as number);
};

/** Whether a frame is of this service; `perhaps` where the frame cannot say, because it lacks its ports. */
export function isMeant(match: ServiceMatch, frame: Frame): boolean | 'perhaps' {
  const { protocol } = match;
  const asked = [
    [match.vlan, () => frame.vlan === match.vlan],
    [match.etherType, () => frame.etherType === match.etherType],
    [
      protocol,
      () => isIp(frame) && frame.protocol === (typeof protocol === 'string' ? NUMBERS[protocol] : protocol),
    ],
    [protocol, () => (protocol === 'icmp' ? frame.etherType === IPV4 : true)],
    [protocol, () => (protocol === 'icmpv6' ? frame.etherType === IPV6 : true)],
    [match.dscp, () => isIp(frame) && frame.dscp === match.dscp],
    [match.remote, () => isIp(frame) && isIn(frame.remote, frame.etherType, match.remote ?? '')],
    [match.local, () => isIp(frame) && isIn(frame.local, frame.etherType, match.local ?? '')],
  ] as const;
  if (!asked.every(([member, holds]) => member === undefined || holds())) return false;
  const { remotePort, localPort } = match;
  if (remotePort === undefined && localPort === undefined) return true;
  if (frame.fragment !== 'none') return 'perhaps';
  return (
    (remotePort === undefined || isWithin(frame.remotePort, remotePort)) &&
    (localPort === undefined || isWithin(frame.localPort, localPort))
  );
}

/** The headers of a frame that the subscriber sends (upstream) or gets, as a switch reads them. */
export function headersOf(frame: Frame, direction: 'upstream' | 'downstream'): Record<string, bigint> {
  const headers: Record<string, bigint> = { eth_type: BigInt(frame.etherType) };
  if (frame.vlan !== undefined) headers['vlan_vid'] = BigInt(0x1000 | frame.vlan);
  if (!isIp(frame)) return headers;
  const ends = [
    [frame.local, frame.localPort],
    [frame.remote, frame.remotePort],
  ] as const;
  const [source, target] = direction === 'upstream' ? ends : [ends[1], ends[0]];
  const family = frame.etherType === IPV4 ? 'ip' : 'ipv6';
  const name = { 6: 'tcp', 17: 'udp', 132: 'sctp' }[frame.protocol];
  const isFragment = frame.fragment !== 'none';
  Object.assign(headers, {
    nw_proto: BigInt(frame.protocol),
    ip_dscp: BigInt(frame.dscp),
    ip_frag: { none: 0n, first: 1n, later: 3n }[frame.fragment],
    [`${family}_src`]: source[0],
    [`${family}_dst`]: target[0],
  });
  // Of a fragment, even the first, Open vSwitch reads ports of 0.
  if (name && WITH_PORTS.includes(frame.protocol)) {
    headers[`${name}_src`] = isFragment ? 0n : BigInt(source[1]);
    headers[`${name}_dst`] = isFragment ? 0n : BigInt(target[1]);
  }
  return headers;
}
