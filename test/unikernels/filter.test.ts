/** dig asks a dnsmasq through the filter, over UDP and TCP, IPv4 and IPv6. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';

import t, { type Test } from 'tap';

import { keyOf, makeTable } from '../../src/nf/names.ts';
import { endpoint } from './endpoints.ts';
import { buildImages, ISOLATIONS, startMachine, type Teardown } from './machine.ts';

buildImages();

const run = promisify(execFile);

/** Knows every name. */
async function serve(t: Teardown, namespace: string): Promise<void> {
  const argv = [
    '--keep-in-foreground',
    '--conf-file=/dev/null',
    '--no-resolv',
    '--no-hosts',
    '--pid-file',
    '--user=root',
  ];
  const answers = ['--address=/#/10.9.9.9', '--address=/#/fd09::9', '--log-facility=-'];
  const server = spawn('ip', ['netns', 'exec', namespace, 'dnsmasq', ...argv, ...answers], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  t.teardown(async () => {
    server.kill();
    if (server.exitCode === null) await once(server, 'exit');
  });
  for (let said = ''; !/started/.test(said); ) said += (await once(server.stderr, 'data'))[0];
}

type Answer = { readonly status: string | undefined; readonly data: readonly string[] };

async function dig(namespace: string, server: string, name: string, ...more: string[]): Promise<Answer> {
  const argv = [`@${server}`, name, '+time=5', '+tries=1', ...more];
  const { stdout } = await run('ip', ['netns', 'exec', namespace, 'dig', ...argv]).catch((error) => error);
  if (/WARNING|malformed|unexpected/i.test(stdout.replace(/;; WARNING: recursion.*/, '')))
    throw new Error(stdout);
  const section = /;; ANSWER SECTION:\n((?:.+\n)+)/.exec(stdout)?.[1] ?? '';
  return {
    status: /status: (\w+)/.exec(stdout)?.[1],
    data: section
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split(/\s+/)[4] ?? ''),
  };
}

/** A hundred thousand names, and the one that is asked for in the midst of them. */
const HUGE = makeTable(
  [
    ...Array.from({ length: 100_000 }, (_, i) => `host${i}.zone${i % 997}.example.net`),
    'listed.example.com',
  ].map((name) => keyOf(name) ?? ''),
);

const ask = async (t: Test, left: string): Promise<void> => {
  const passed = { status: 'NOERROR', data: ['10.9.9.9'] };
  const blocked = { status: 'NXDOMAIN', data: [] };
  for (const server of ['10.9.0.2', 'fd09::2'])
    for (const how of ['+notcp', '+tcp']) {
      t.strictSame(await dig(left, server, 'example.com', how), passed, `${server} ${how}`);
      t.strictSame(
        await dig(left, server, 'www.listed.EXAMPLE.com', how),
        blocked,
        `below a listed one, ${server} ${how}`,
      );
    }
  t.strictSame(await dig(left, '10.9.0.2', 'host77777.zone7.example.net'), passed, 'a name like listed ones');
  t.strictSame(await dig(left, '10.9.0.2', `host77777.zone${77_777 % 997}.example.net`), blocked);
  t.strictSame(await dig(left, '10.9.0.2', 'blocked.example.org', '+noedns'), blocked, 'without EDNS');
  t.strictSame(await dig(left, '10.9.0.2', 'blocked.example.org', 'TXT'), blocked);
  t.strictSame(await dig(left, '10.9.0.2', 'notblocked.example.org'), passed);
  // One connection for two questions: the first one is answered by the server.
  const { stdout } = await run('ip', [
    'netns',
    'exec',
    left,
    'dig',
    '+tcp',
    '+keepopen',
    '+short',
    '@10.9.0.2',
    'example.com',
    'example.com',
  ]);
  t.equal(stdout, '10.9.9.9\n10.9.9.9\n');
};

for (const isolation of ISOLATIONS)
  t.test(`listed names get no further, ${isolation}`, async (t) => {
    const config = { lists: ['huge'], names: ['blocked.example.org'] };
    const { namespace, console, machine } = await startMachine(t, {
      isolation,
      function: 'filter',
      config,
      data: HUGE,
      memoryMiB: 12,
    });
    const left = endpoint(t, namespace, 'left');
    const right = endpoint(t, namespace, 'right');
    await serve(t, right);
    await ask(t, left);
    const { function: counted } = await console.counters();
    t.match(counted, { listed: 100_002, unjudged: 0, malformed: 0 });

    const landing = { ipv4: '192.0.2.80', ipv6: '2001:db8::80' };
    t.match(await console.configure(2, { ...config, landing }), /^config ok/);
    for (const how of ['+notcp', '+tcp']) {
      t.strictSame(await dig(left, '10.9.0.2', 'listed.example.com', how), {
        status: 'NOERROR',
        data: ['192.0.2.80'],
      });
      t.strictSame(await dig(left, 'fd09::2', 'listed.example.com', how, 'AAAA'), {
        status: 'NOERROR',
        data: ['2001:db8::80'],
      });
    }
    t.strictSame(await dig(left, '10.9.0.2', 'listed.example.com', 'MX'), { status: 'NOERROR', data: [] });

    // The server has nothing left of the connections that were taken over.
    for (let open = 'some'; open !== ''; await setTimeout(50))
      open = (
        await run('ip', ['netns', 'exec', right, 'ss', '-Htn', 'state', 'established', 'sport', '=', ':53'])
      ).stdout;
    t.equal(machine.complaints, '');
  });
