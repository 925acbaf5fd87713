/**
 * The formats that schemas may ask for, of the contract and of functions alike.
 */
import { isIPv4, isIPv6 } from 'node:net';
import type { Format } from 'ajv';
import { fullFormats } from 'ajv-formats/dist/formats.js';
import { canonicalCidr } from './addresses.ts';

/**
 * A prefix has to have zeros after its length: `10.0.0.1/24` may be meant as `10.0.0.0/24` or as
 * `10.0.0.1/32`, and a firewall is no place to guess.
 */
const isCidr = (text: string): boolean => canonicalCidr(text) === text;

/** RFC 1035, section 2.3.4, with the underscores that names of services have (RFC 8552). */
const DNS_NAME = /^([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?$/;
const isDnsName = (text: string): boolean =>
  text.length <= (text.endsWith('.') ? 254 : 253) && DNS_NAME.test(text);

export const FORMATS: Record<string, Format> = {
  ipv4: isIPv4,
  // A zone is a name on the host, and means nothing to a switch.
  ipv6: (text: string) => isIPv6(text) && !text.includes('%'),
  'ipv4-cidr': (text: string) => isCidr(text) && !text.includes(':'),
  'ipv6-cidr': (text: string) => isCidr(text) && text.includes(':'),
  cidr: isCidr,
  mac: /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/,
  'date-time': fullFormats['date-time'] as Format,
  hostname: fullFormats.hostname as Format,
  'dns-name': isDnsName,
  uuid: fullFormats.uuid as Format,
};

/** What would be right, where a value of this format is wrong. */
export function formatMeans(format: string, value: unknown): string {
  const example = FORMAT_EXAMPLES[format];
  if (format.endsWith('cidr') && typeof value === 'string') {
    const right = canonicalCidr(value);
    if (right !== undefined)
      return `has bits set after the prefix, or is not written in its short form: is ${right} meant?`;
  }
  return example === undefined ? `has to be of the format ${format}` : `has to be ${example}`;
}

const FORMAT_EXAMPLES: Record<string, string> = {
  ipv4: 'an IPv4 address, such as 192.0.2.1',
  ipv6: 'an IPv6 address, such as 2001:db8::1',
  'ipv4-cidr': 'an IPv4 prefix, such as 192.0.2.0/24',
  'ipv6-cidr': 'an IPv6 prefix, such as 2001:db8::/32',
  cidr: 'a prefix, such as 192.0.2.0/24 or 2001:db8::/32',
  mac: 'a MAC address in lower case, such as 00:00:5e:00:53:01',
  'dns-name': 'a name in the DNS, such as _sip._tcp.example.org',
  'date-time': 'a time, such as 2026-01-31T12:00:00Z',
};
