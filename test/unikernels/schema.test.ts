/** What the catalogue's schema says and what the guest says about a configuration must be the same. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { Ajv2020 } from 'ajv/dist/2020.js';
import t from 'tap';

import { FORMATS } from '../../src/northbound/formats.ts';
import { buildImages, startMachine } from './machine.ts';

buildImages();

const rules = (...list: unknown[]) => ({ default: 'deny', rules: list });
const allow = (match: unknown) => rules({ allow: match });

const both: unknown[] = [
  { default: 'deny' },
  { default: 'allow', rules: [] },
  allow({}),
  rules({ deny: { protocol: 'tcp', port: 80 } }, { allow: { protocol: 255 } }),
  allow({ protocol: 'udp', port: '80-90', from: '10.0.0.0/8', to: '192.0.2.1', direction: 'downstream' }),
  allow({ protocol: 6, port: 1 }),
  allow({ from: '2001:db8::/32', to: '::ffff:192.0.2.1' }),
  allow({ protocol: 0 }),
];

const neither: unknown[] = [
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
];

/** What compares two values, which JSON Schema cannot: here only the guest refuses. */
const guestOnly: unknown[] = [
  allow({ protocol: 'tcp', port: '90-80' }),
  allow({ protocol: 'tcp', port: '1-65536' }),
  allow({ from: '10.0.0.0/8', to: '2001:db8::/32' }),
];

t.test('schema and guest agree', async (t) => {
  const path = join(resolve(import.meta.dirname, '../../unikernels'), 'functions/firewall/function.json');
  const { configSchema } = JSON.parse(readFileSync(path, 'utf8'));
  const validate = new Ajv2020({
    strict: true,
    strictTypes: false,
    strictRequired: false,
    formats: FORMATS,
  }).compile(configSchema);
  const { console } = await startMachine(t);
  const guest = async (config: unknown): Promise<boolean> =>
    (await console.configure(1, config)).startsWith('config ok');
  for (const config of both)
    t.strictSame([validate(config), await guest(config)], [true, true], JSON.stringify(config));
  for (const config of neither)
    t.strictSame([validate(config), await guest(config)], [false, false], JSON.stringify(config));
  for (const config of guestOnly)
    t.strictSame([validate(config), await guest(config)], [true, false], JSON.stringify(config));
});
