/** Real stacks on both sides: connections, pings and a transfer through the firewall. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';

import t, { type Test } from 'tap';

import { endpoint } from './endpoints.ts';
import { buildImages, ISOLATIONS, type Isolation, startMachine, type Teardown } from './machine.ts';

buildImages();

function both(name: string, body: (t: Test, isolation: Isolation) => Promise<void>): void {
  for (const isolation of ISOLATIONS) t.test(`${name}, ${isolation}`, (t) => body(t, isolation));
}

/** What a command there says, whatever its exit status. */
function output(namespace: string, ...argv: string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile('ip', ['netns', 'exec', namespace, ...argv], (_, stdout, stderr) => resolve(stdout + stderr));
  });
}

/** The exit status of a command there. */
function status(namespace: string, ...argv: string[]): Promise<number> {
  return new Promise((resolve) => {
    execFile('ip', ['netns', 'exec', namespace, ...argv], (error) => resolve(error ? Number(error.code) : 0));
  });
}

const ping = async (namespace: string, address: string, ...more: string[]): Promise<boolean> =>
  (await status(namespace, 'ping', '-c', '1', '-W', '1', ...more, address)) === 0;

/** What curl makes of it: 0 is a whole answer, and the others that we expect are named below. */
const fetch = (namespace: string, url: string): Promise<number> =>
  status(namespace, ...['curl', '-s', '--max-time', '5', '--connect-timeout', '1', '-o', '/dev/null', url]);
const WHOLE = 0;
const REFUSED = 7;
const SILENCE = 28;

/** Serves 4 MiB to everyone, on IPv4 and IPv6. */
async function serve(t: Teardown, namespace: string, port: number): Promise<void> {
  const program = `
import http.server, socket
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(1 << 22))
        self.end_headers()
        self.wfile.write(bytes(1 << 22))
    def log_message(self, *words): pass
class Server(http.server.ThreadingHTTPServer): address_family = socket.AF_INET6
server = Server(("::", ${port}), Handler)
print("listening", flush=True)
server.serve_forever()`;
  const server: ChildProcess = spawn('ip', ['netns', 'exec', namespace, 'python3', '-c', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(async () => {
    server.kill();
    await new Promise((resolve) => server.once('exit', resolve));
  });
  await new Promise((resolve) => server.stdout?.once('data', resolve));
}

both('connections go the way that is allowed', async (t, isolation) => {
  const config = {
    default: 'deny',
    rules: [
      { deny: { protocol: 'tcp', port: 8080, to: '10.9.0.3' } },
      { allow: { protocol: 'tcp', port: '8080-8081', direction: 'upstream', to: '10.9.0.0/24' } },
      { allow: { protocol: 'tcp', port: 8080, direction: 'upstream', to: 'fd09::/64' } },
      { allow: { protocol: 'icmp', direction: 'upstream' } },
      { allow: { protocol: 'icmpv6', direction: 'upstream' } },
    ],
  };
  const { namespace, console, machine } = await startMachine(t, { isolation, config });
  const left = endpoint(t, namespace, 'left');
  const right = endpoint(t, namespace, 'right');
  await serve(t, right, 8080);
  await serve(t, right, 8082);
  await serve(t, left, 8080);

  t.ok(await ping(left, '10.9.0.2'), 'ping upstream');
  t.notOk(await ping(right, '10.9.0.1'), 'no ping downstream');
  t.ok(await ping(left, '10.9.0.2', '-s', '5000'), 'a ping in fragments');
  t.ok(await ping(left, 'fd09::2'), 'ping over IPv6, neighbour discovery included');
  t.ok(await ping(left, 'fd09::2', '-s', '5000'), 'in fragments');
  t.notOk(await ping(right, 'fd09::1'));

  t.equal(await fetch(left, 'http://10.9.0.2:8080/'), WHOLE, 'a transfer');
  t.equal(await fetch(left, 'http://[fd09::2]:8080/'), WHOLE, 'over IPv6');
  t.equal(await fetch(left, 'http://10.9.0.2:8082/'), SILENCE, 'another port');
  t.equal(await fetch(right, 'http://10.9.0.1:8080/'), SILENCE, 'the other way round');
  t.equal(await fetch(left, 'http://10.9.0.2:8081/'), REFUSED, 'nothing listens, and its reset comes back');

  t.equal(await console.configure(2, { default: 'deny' }), 'config ok revision=2');
  t.equal(await fetch(left, 'http://10.9.0.2:8080/'), SILENCE);
  t.equal(await console.configure(3, { default: 'allow' }), 'config ok revision=3');
  t.equal(await fetch(left, 'http://10.9.0.2:8080/'), WHOLE);
  t.equal(await fetch(right, 'http://10.9.0.1:8080/'), WHOLE);
  t.equal(machine.complaints, '');
});

both('scanners see what is allowed and no more, and are told of', async (t, isolation) => {
  const config = {
    default: 'deny',
    rules: [
      { allow: { protocol: 'tcp', port: '8080-8081', direction: 'downstream' } },
      { allow: { protocol: 'tcp', port: 5201, direction: 'upstream' } },
    ],
    newFlows: { perSecond: 1, burst: 20 },
    log: 'denied',
  };
  const { namespace, console, machine } = await startMachine(t, { isolation, config });
  const left = endpoint(t, namespace, 'left');
  const right = endpoint(t, namespace, 'right');
  await serve(t, left, 8080);
  await serve(t, left, 8082);
  const scan = async (...how: string[]): Promise<Record<string, string | undefined>> => {
    const options = ['-n', '-Pn', '-p', '8080-8082', '--max-retries', '0', '--max-rtt-timeout', '300ms'];
    const told = await output(right, 'nmap', ...options, ...how);
    return Object.fromEntries(
      Array.from(told.matchAll(/^(\d+)\/\w+ +(\S+)/gm), ([, port, state]) => [port, state]),
    );
  };
  const seen = { 8080: 'open', 8081: 'closed', 8082: 'filtered' };
  // To a scanner an answer that comes late is none, so a busy machine may need another look.
  const looks = async (...how: string[]): Promise<unknown> => {
    for (let times = 4; ; times--) {
      const found = await scan(...how);
      if (times === 1 || isDeepStrictEqual(found, seen)) return found;
    }
  };
  t.strictSame(await looks('-sS', '10.9.0.1'), seen, 'SYN');
  t.strictSame(await looks('-6', '-sT', 'fd09::1'), seen, 'connections over IPv6');
  const unseen = { 8080: 'open|filtered', 8081: 'open|filtered', 8082: 'open|filtered' };
  for (const how of ['-sX', '-sN', '-sF']) t.strictSame(await scan(how, '10.9.0.1'), unseen, how);
  // Fragments too small to hold the ports, as a scanner sends them to get round a firewall.
  t.notOk(Object.values(await scan('-sS', '-f', '10.9.0.1')).includes('open'), 'fragments');
  t.ok(Number((await console.counters()).function.malformed) > 0);

  t.equal((await console.counters()).function.flowsLimited, 0);
  const flood = ['hping3', '-q', '-n', '-S', '-p', '8080', '-i', 'u1000', '-c', '100', '10.9.0.1'];
  await status(right, ...flood);
  t.ok(Number((await console.counters()).function.flowsLimited) > 50, 'a flood of beginnings is held back');

  const server = spawn('ip', ['netns', 'exec', right, 'iperf3', '-s', '-1', '--forceflush'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => server.kill());
  await new Promise((resolve) => server.stdout.once('data', resolve));
  const told = await output(left, 'iperf3', '-c', '10.9.0.2', '-n', '2M', '-J');
  t.equal(JSON.parse(told).error, undefined, 'the subscriber begins flows all the same');

  await console.answer('health', 'health ok');
  t.match(
    console.unasked.concat(console.lines.unread).join('\n'),
    /denied downstream tcp from 10\.9\.0\.2 port \d+ to 10\.9\.0\.1 port 8082 by default/,
  );
  t.equal(machine.complaints, '');
});

both('a connection outlives the instance that saw it begin', async (t, isolation) => {
  const config = { default: 'deny', rules: [{ allow: { protocol: 'tcp', direction: 'upstream' } }] };
  const { namespace, console, machine } = await startMachine(t, { isolation, config });
  const left = endpoint(t, namespace, 'left');
  const right = endpoint(t, namespace, 'right');
  const program = (side: string): string[] => ['netns', 'exec', side, 'python3', '-c'];
  const echo = spawn('ip', [
    ...program(right),
    `import socket
s = socket.create_server(("10.9.0.2", 7))
print("listening", flush=True)
c, _ = s.accept()
while data := c.recv(100): c.send(data)`,
  ]);
  t.teardown(() => echo.kill());
  await new Promise((resolve) => echo.stdout.once('data', resolve));
  const client = spawn('ip', [
    ...program(left),
    `import socket, sys
s = socket.create_connection(("10.9.0.2", 7))
for line in sys.stdin.buffer:
    s.send(line)
    sys.stdout.buffer.write(s.recv(100))
    sys.stdout.buffer.flush()`,
  ]);
  t.teardown(() => client.kill());
  const say = async (word: string): Promise<string> => {
    const heard = new Promise((resolve) => client.stdout.once('data', resolve));
    client.stdin.write(`${word}\n`);
    return String(await heard);
  };
  t.equal(await say('before'), 'before\n');
  t.equal((await console.counters()).function.flows, 1);

  // The flows of an instance end with it. A change of the rules to something that forgets them all, and
  // back, is the same to the flow table as a new instance.
  t.equal(await console.configure(2, { default: 'deny' }), 'config ok revision=2');
  const heard = say('lost');
  await setTimeout(100);
  t.equal((await console.counters()).function.flows, 0);
  t.equal(await console.configure(3, config), 'config ok revision=3');
  t.equal(await heard, 'lost\n', 'TCP repeats what was lost, and the flow is known again');
  t.equal(machine.complaints, '');
});
