/**
 * Where a webhook may point to. A URL that anybody may choose must not make the controller call what only it can reach:
 * itself, the hosts beside it, the metadata service of a cloud.
 */
import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { ChainstitchError } from '../../model/errors.ts';

/** Not reached from everywhere (RFC 6890 and the registries that it began), or no single host. */
const INTERNAL: readonly [string, number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
];
/** All of IPv6 but global unicast is internal; of that, what embeds an IPv4 address or is for documentation. */
const GLOBAL_IPV6: readonly [string, number] = ['2000::', 3];
const INTERNAL_IPV6: readonly [string, number][] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

const internal = new BlockList();
for (const [net, prefix] of INTERNAL) internal.addSubnet(net, prefix, 'ipv4');
for (const [net, prefix] of INTERNAL_IPV6) internal.addSubnet(net, prefix, 'ipv6');
const global = new BlockList();
global.addSubnet(...GLOBAL_IPV6, 'ipv6');

export function isInternal(address: string): boolean {
  if (isIP(address) === 4) return internal.check(address, 'ipv4');
  return !global.check(address, 'ipv6') || internal.check(address, 'ipv6');
}

export type Target = { readonly address: string; readonly family: 4 | 6 };
export type Resolve = (
  host: string,
) => Promise<readonly { readonly address: string; readonly family: number }[]>;

export const resolveByDns: Resolve = (host) => lookup(host, { all: true });

/**
 * The address that a delivery goes to. It is the very one that was looked at: who connects must not ask the name again,
 * since the answer may be another one by then.
 *
 * @throws ChainstitchError `webhook-refused` where any address of the host is internal, or there is none
 */
export async function targetOf(url: URL, allowsInternal: boolean, resolve: Resolve): Promise<Target> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const found = isIP(host) === 0 ? await resolve(host) : [{ address: host, family: isIP(host) }];
  const [first] = found;
  if (first === undefined) throw new ChainstitchError('webhook-refused', `${host} has no address`);
  const inside = allowsInternal ? undefined : found.find(({ address }) => isInternal(address));
  if (inside !== undefined) {
    throw new ChainstitchError(
      'webhook-refused',
      `${host} is ${inside.address}, which is not a public address`,
    );
  }
  return { address: first.address, family: first.family === 6 ? 6 : 4 };
}
