/** Clients that nobody here wrote get their addresses from a booted guest. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import t, { type Test } from 'tap';

import { buildImages, DEVICES, ISOLATIONS, type Isolation, type Running, startMachine } from './machine.ts';

buildImages();

const CONFIG = {
  subnet: '10.7.0.0/24',
  server: '10.7.0.2',
  pool: { first: '10.7.0.10', last: '10.7.0.20' },
  routers: ['10.7.0.1'],
  dns: ['192.0.2.53'],
  domain: 'example.org',
  leaseSeconds: 600,
};

const run = promisify(execFile);

const start = (t: Test, isolation: Isolation, files: Record<string, string> = {}): Promise<Running> =>
  startMachine(t, {
    isolation,
    function: 'dhcp',
    config: CONFIG,
    files: { time: String(Math.floor(Date.now() / 1000)), ...files },
  });

/** What a client hands to its script when this has happened, by the names that its own scripts use. */
async function told(
  directory: string,
  namespace: string,
  client: readonly string[],
  when: string,
): Promise<string> {
  const path = join(directory, 'script');
  const output = `${path}.out`;
  const script = [
    '#!/bin/sh',
    // With its address a client can speak to its server again, without a broadcast.
    `case "$reason$1" in BOUND | bound) ip address add "\${ip:-$new_ip_address}/24" dev ${DEVICES.left} ;; esac`,
    `case "$reason$1" in ${when}) env >${output} ;; esac`,
  ];
  writeFileSync(path, `${script.join('\n')}\n`, { mode: 0o755 });
  await run('ip', ['netns', 'exec', namespace, ...client, path], { timeout: 20_000 }).catch((error) => {
    throw new Error(`${client[0]}: ${error.stderr}`);
  });
  return (await run('cat', [output])).stdout;
}

const udhcpc = ['udhcpc', '-f', '-n', '-q', '-i', DEVICES.left, '-s'];

for (const isolation of ISOLATIONS) {
  t.test(`udhcpc, ${isolation}`, async (t) => {
    const { namespace, console } = await start(t, isolation);
    const environment = await told(t.testdir(), namespace, udhcpc, 'bound');
    for (const line of [
      'ip=10.7.0.10',
      'subnet=255.255.255.0',
      'router=10.7.0.1',
      'dns=192.0.2.53',
      'domain=example.org',
      'serverid=10.7.0.2',
      'lease=600',
    ])
      t.ok(environment.split('\n').includes(line), line);
    t.match((await console.counters()).function, { offered: 1, acknowledged: 1, leases: 1 });
  });

  t.test(`isc-dhcp-client gets an address and gives it back, ${isolation}`, async (t) => {
    const { namespace, console } = await start(t, isolation);
    const directory = t.testdir();
    const leases = join(directory, 'leases');
    const client = ['dhclient', '-1', '-lf', leases, '-pf', `${leases}.pid`, DEVICES.left, '-sf'];
    t.match(await told(directory, namespace, client, 'BOUND'), /^new_ip_address=10\.7\.0\.10$/m);
    t.match((await console.counters()).function, { leases: 1, released: 0 });
    await told(directory, namespace, client.with(1, '-r'), 'RELEASE');
    t.match((await console.counters()).function, { leases: 0, released: 1 });
  });

  t.test(`leases outlive the guest, ${isolation}`, async (t) => {
    const first = await start(t, isolation);
    await told(t.testdir(), first.namespace, udhcpc, 'bound');
    await first.console.answer('shutdown', 'shutdown ok');
    const state = first.console.unasked.find((line) => line.startsWith('state '));
    t.match(state, /10\.7\.0\.10/);
    const second = await start(t, isolation, { state: (state ?? '').replace('state ', '') });
    t.match((await second.console.counters()).function, { leases: 1 });
    const environment = await told(t.testdir(), second.namespace, udhcpc, 'bound');
    t.match(environment, /^ip=10\.7\.0\.11$/m, 'another client: TAPs have random addresses');
  });
}
