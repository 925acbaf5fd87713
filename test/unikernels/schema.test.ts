/** What the catalogue's schema says and what the guest says about a configuration must be the same. */
import t from 'tap';

import { buildImages } from './machine.ts';
import { agree } from './schemas.ts';

buildImages();

const rules = (...list: unknown[]) => ({ default: 'deny', rules: list });
const allow = (match: unknown) => rules({ allow: match });

const both = [
  { default: 'deny' },
  { default: 'allow', rules: [] },
  allow({}),
  rules({ deny: { protocol: 'tcp', port: 80 } }, { allow: { protocol: 255 } }),
  allow({ protocol: 'udp', port: '80-90', from: '10.0.0.0/8', to: '192.0.2.1', direction: 'downstream' }),
  allow({ protocol: 6, port: 1 }),
  allow({ from: '2001:db8::/32', to: '::ffff:192.0.2.1' }),
  allow({ protocol: 0 }),
  { default: 'deny', log: 'denied', newFlows: { perSecond: 1_000_000, burst: 1 } },
  { default: 'deny', log: 'nothing', newFlows: { perSecond: 1 }, rules: Array(4096).fill({ deny: {} }) },
];

const neither = [
  {},
  [],
  null,
  { default: 'reject' },
  { default: 'deny', other: 1 },
  { default: 'deny', rules: {} },
  rules({}),
  rules({ allow: {}, deny: {} }),
  rules({ allow: [] }),
  rules(1),
  allow({ port: 80 }),
  allow({ protocol: 'icmp', port: 80 }),
  allow({ protocol: 1, port: 80 }),
  allow({ protocol: 'tcp', port: 0 }),
  allow({ protocol: 'tcp', port: 65536 }),
  allow({ protocol: 'tcp', port: '80' }),
  allow({ protocol: 'tcp', port: '080-90' }),
  allow({ protocol: 'tcp', port: 1.5 }),
  allow({ protocol: 256 }),
  allow({ protocol: 'TCP' }),
  allow({ from: 'example.org' }),
  allow({ from: '10.0.0.0/100' }),
  allow({ from: '10.0.0.1/8' }),
  allow({ from: '256.0.0.0/8' }),
  allow({ to: '10.0.0.256' }),
  allow({ to: '1::2::3' }),
  allow({ to: '2001:db8::1/32' }),
  allow({ to: 'fe80::1%eth0' }),
  allow({ direction: 'both' }),
  allow({ source: '10.0.0.0/8' }),
  rules(...Array(4097).fill({ deny: {} })),
  { default: 'deny', log: true },
  { default: 'deny', log: 'all' },
  { default: 'deny', newFlows: 10 },
  { default: 'deny', newFlows: {} },
  { default: 'deny', newFlows: { burst: 10 } },
  { default: 'deny', newFlows: { perSecond: 0 } },
  { default: 'deny', newFlows: { perSecond: 1_000_001 } },
  { default: 'deny', newFlows: { perSecond: 10, burst: 0 } },
  { default: 'deny', newFlows: { perSecond: 10, per: 'minute' } },
];

/** What compares two values, which JSON Schema cannot: here only the guest refuses. */
const guestOnly = [
  allow({ protocol: 'tcp', port: '90-80' }),
  allow({ protocol: 'tcp', port: '1-65536' }),
  allow({ from: '10.0.0.0/8', to: '2001:db8::/32' }),
];

t.test('firewall: schema and guest agree', (t) => agree(t, 'firewall', { both, neither, guestOnly }));

const limit = { bitsPerSecond: 1_000_000 };
const classes = (...list: unknown[]) => ({ classes: list });

t.test('ratelimit: schema and guest agree', (t) =>
  agree(t, 'ratelimit', {
    both: [
      { upstream: limit },
      { downstream: { ...limit, burstBytes: 2036 }, ecn: 'mark' },
      {
        upstream: { bitsPerSecond: 100_000_000_000, burstBytes: 67_108_864 },
        downstream: { bitsPerSecond: 1 },
      },
      classes({ dscp: [0, 63], upstream: limit }, { dscp: [46], downstream: limit }),
      classes(),
    ],
    neither: [
      {},
      [],
      { ecn: 'mark' },
      { upstream: 1 },
      { upstream: {} },
      { upstream: { bitsPerSecond: 0 } },
      { upstream: { bitsPerSecond: 1.5 } },
      { upstream: { bitsPerSecond: 100_000_000_001 } },
      { upstream: { ...limit, burstBytes: 2035 } },
      { upstream: { ...limit, burstBytes: 67_108_865 } },
      { upstream: { ...limit, burst: 3000 } },
      { upstream: limit, ecn: 'drop' },
      { upstream: limit, other: 1 },
      classes({ dscp: [1] }),
      classes({ upstream: limit }),
      classes({ dscp: [], upstream: limit }),
      classes({ dscp: [64], upstream: limit }),
      classes({ dscp: [1, 1], upstream: limit }),
      classes(...Array.from({ length: 17 }, (_, i) => ({ dscp: [i], upstream: limit }))),
    ],
    guestOnly: [classes({ dscp: [1], upstream: limit }, { dscp: [1], downstream: limit })],
  }),
);

const names = ['example.org'];
const landing = { ipv4: '192.0.2.80' };

t.test('filter: schema and guest agree', (t) =>
  agree(t, 'filter', {
    both: [
      { names },
      { names: [], lists: [] },
      { names: ['a', 'A-b-c.example.org.', '_a_.-b-.org', `${'a.'.repeat(126)}a`] },
      { names, landing: { ...landing, ipv6: '2001:db8::80' }, ttlSeconds: 0 },
      { names, landing, ttlSeconds: 86_400 },
      { names: Array.from({ length: 256 }, (_, i) => `n${i}.example.org`) },
    ],
    neither: [
      {},
      { landing },
      { names: 'example.org' },
      { names: [''] },
      { names: ['.'] },
      { names: ['a..b'] },
      { names: ['a b'] },
      { names: ['*.example.org'] },
      { names: ['a'.repeat(64)] },
      { names: [`${'a.'.repeat(126)}ab`] },
      { names: Array.from({ length: 257 }, (_, i) => `n${i}.example.org`) },
      { lists: ['../passwd'] },
      { lists: ['-a'] },
      { lists: ['A'] },
      { lists: ['a'.repeat(64)] },
      { lists: Array(17).fill('a') },
      { names, landing: {} },
      { names, landing: { ipv4: '2001:db8::1' } },
      { names, landing: { ipv6: '192.0.2.1' } },
      { names, landing: { ipv6: '2001:db8::1/128' } },
      { names, landing: { address: '192.0.2.1' } },
      { names, landing, ttlSeconds: 86_401 },
      { names, ttlSeconds: 60 },
      { names, other: 1 },
    ],
    // Here no lists came with the start, as the controller would have it.
    guestOnly: [{ lists: ['adult'] }],
  }),
);

const subnet = { subnet: '10.0.0.0/24', server: '10.0.0.2' };
const pool = { first: '10.0.0.10', last: '10.0.0.57' };
const reserved = { mac: '02:00:00:00:00:05', address: '10.0.0.5' };

t.test('dhcp: schema and guest agree', (t) =>
  agree(t, 'dhcp', {
    both: [
      { ...subnet, pool },
      { ...subnet, reservations: [] },
      { ...subnet, pool, reservations: [reserved, { mac: '02:00:00:00:00:aa', address: '10.0.0.11' }] },
      { ...subnet, pool, routers: ['10.0.0.1'], dns: ['192.0.2.1', '192.0.2.2'], ntp: ['192.0.2.3'] },
      { ...subnet, pool, domain: 'a.example-2.org', leaseSeconds: 60, mtu: 65_535 },
      { subnet: '10.0.0.0/8', server: '10.1.2.3', pool },
      { subnet: '10.0.0.0/30', server: '10.0.0.1', pool: { first: '10.0.0.2', last: '10.0.0.2' } },
    ],
    neither: [
      {},
      subnet,
      { subnet: '10.0.0.0/24', pool },
      { server: '10.0.0.2', pool },
      { ...subnet, pool, other: 1 },
      { ...subnet, pool: { first: '10.0.0.10' } },
      { ...subnet, pool: { ...pool, size: 3 } },
      { ...subnet, pool, server: '0.0.0.0' },
      { ...subnet, pool, server: '2001:db8::1' },
      { ...subnet, subnet: '10.0.0.1/24', pool },
      { ...subnet, subnet: '10.0.0.0/31', pool },
      { ...subnet, subnet: '10.0.0.0/7', pool },
      { ...subnet, subnet: '10.0.0.0', pool },
      { ...subnet, subnet: '2001:db8::/32', pool },
      { ...subnet, reservations: [{ mac: '02:00:00:00:00:05' }] },
      { ...subnet, reservations: [{ ...reserved, mac: '02-00-00-00-00-05' }] },
      {
        ...subnet,
        reservations: Array.from({ length: 33 }, (_, i) => ({ ...reserved, address: `10.0.0.${i + 100}` })),
      },
      { ...subnet, pool, dns: [] },
      { ...subnet, pool, dns: Array(5).fill('192.0.2.1') },
      { ...subnet, pool, dns: ['ns.example.org'] },
      { ...subnet, pool, domain: '' },
      { ...subnet, pool, domain: 'a..b' },
      { ...subnet, pool, domain: '-a' },
      { ...subnet, pool, domain: 'a-' },
      { ...subnet, pool, domain: 'a'.repeat(64) },
      { ...subnet, pool, leaseSeconds: 59 },
      { ...subnet, pool, leaseSeconds: 31_536_001 },
      { ...subnet, pool, mtu: 575 },
      { ...subnet, pool, mtu: 65_536 },
    ],
    guestOnly: [
      { ...subnet, pool: { first: '10.0.0.20', last: '10.0.0.10' } },
      { ...subnet, pool: { first: '10.0.0.10', last: '10.0.0.58' } },
      { ...subnet, pool: { first: '10.0.0.1', last: '10.0.0.9' } },
      { ...subnet, pool: { first: '10.0.1.1', last: '10.0.1.9' } },
      { ...subnet, server: '10.0.1.2', pool },
      { ...subnet, pool, routers: ['10.0.1.1'] },
      { ...subnet, reservations: [reserved, reserved] },
      { ...subnet, reservations: [{ ...reserved, address: '10.0.0.2' }] },
    ],
  }),
);

const inside = { subnet: '10.0.0.0/24', address: '10.0.0.1' };
const outside = { subnet: '192.0.2.0/24', address: '192.0.2.10', gateway: '192.0.2.1' };
const ends = { inside, outside };
const forward = { protocol: 'tcp', port: 80, to: '10.0.0.5' };

t.test('nat: schema and guest agree', (t) =>
  agree(t, 'nat', {
    both: [
      ends,
      { ...ends, ports: {}, forwards: [], filtering: 'none' },
      { ...ends, ports: { first: 1024, last: 65_535, perHost: 2 }, filtering: 'endpoint' },
      { ...ends, forwards: [forward, { ...forward, protocol: 'udp', toPort: 1 }] },
      { inside: { subnet: '10.0.0.0/8', address: '10.1.2.3' }, outside },
    ],
    neither: [
      {},
      { inside },
      { outside },
      { ...ends, other: 1 },
      { inside: { subnet: '10.0.0.0/24' }, outside },
      { inside: { ...inside, gateway: '10.0.0.2' }, outside },
      { inside: { ...inside, subnet: '10.0.0.0/31' }, outside },
      { inside: { ...inside, subnet: '2001:db8::/32' }, outside },
      { inside, outside: { ...outside, address: '0.0.0.0' } },
      { inside, outside: { subnet: '192.0.2.0/24', address: '192.0.2.10' } },
      { ...ends, ports: { first: 1023 } },
      { ...ends, ports: { last: 65_536 } },
      { ...ends, ports: { perHost: 1 } },
      { ...ends, ports: { perhost: 4 } },
      { ...ends, forwards: [{ protocol: 'tcp', port: 80 }] },
      { ...ends, forwards: [{ ...forward, port: 0 }] },
      { ...ends, forwards: [{ ...forward, toPort: 65_536 }] },
      { ...ends, forwards: [{ ...forward, protocol: 'icmp' }] },
      {
        ...ends,
        forwards: Array.from({ length: 65 }, (_, i) => ({ ...forward, port: i + 1, toPort: i + 1 })),
      },
      { ...ends, filtering: 'address' },
    ],
    guestOnly: [
      { inside: { ...inside, address: '10.0.1.1' }, outside },
      { inside: { ...inside, address: '10.0.0.255' }, outside },
      { inside: { subnet: '127.0.0.0/8', address: '127.0.0.1' }, outside },
      { inside: { subnet: '192.0.0.0/16', address: '192.0.0.1' }, outside },
      { inside, outside: { ...outside, gateway: '192.0.2.10' } },
      { inside, outside: { ...outside, address: '192.0.3.10' } },
      { ...ends, ports: { first: 3000, last: 2000 } },
      { ...ends, ports: { perHost: 254 } },
      { ...ends, forwards: [forward, { ...forward, to: '10.0.0.6' }] },
      { ...ends, forwards: [{ ...forward, to: '10.0.0.1' }] },
    ],
  }),
);

const told = { collector: '192.0.2.50', source: '192.0.2.9', nextHop: '02:00:00:00:00:01' };

t.test('probe: schema and guest agree', (t) =>
  agree(t, 'probe', {
    both: [
      {},
      { idleSeconds: 1, activeSeconds: 3600 },
      { export: told },
      { export: { ...told, port: 65_535, domain: 4_294_967_295, enterprise: 1 } },
    ],
    neither: [
      [],
      { idleSeconds: 0 },
      { idleSeconds: 601 },
      { activeSeconds: 0 },
      { activeSeconds: 3601 },
      { activeSeconds: 1.5 },
      { exports: told },
      { export: {} },
      { export: { ...told, collector: '224.0.0.1' } },
      { export: { ...told, collector: '2001:db8::1' } },
      { export: { ...told, source: '127.0.0.1' } },
      { export: { ...told, source: '0.0.0.0' } },
      { export: { ...told, nextHop: '01:00:5e:00:00:01' } },
      { export: { ...told, nextHop: '0200.0000.0001' } },
      { export: { ...told, port: 0 } },
      { export: { ...told, domain: 4_294_967_296 } },
      { export: { ...told, enterprise: 0 } },
      { export: { ...told, gateway: '192.0.2.1' } },
    ],
    guestOnly: [],
  }),
);
