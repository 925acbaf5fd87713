/** Clients and servers that nobody here wrote, in networks on both sides of a booted guest. */
import t, { type Test } from 'tap';

import { buildImages, DEVICES, ISOLATIONS, type Isolation, type Running, startMachine } from './machine.ts';
import { cable, Host, moveRight } from './routed.ts';

buildImages();

const OWN = '192.0.2.10';
const FAR = '198.51.100.5';
const CONFIG = {
  inside: { subnet: '10.0.0.0/24', address: '10.0.0.1' },
  outside: { subnet: '192.0.2.0/24', address: OWN, gateway: '192.0.2.1' },
  forwards: [{ protocol: 'tcp', port: 8080, to: '10.0.0.6', toPort: 80 }],
};

/** Serves files over HTTP, to as many at once as come, and says who has asked for them. */
const SERVER = [
  'import http.server as web, socketserver, sys',
  'socketserver.TCPServer.request_queue_size = 500',
  'web.test(web.SimpleHTTPRequestHandler, web.ThreadingHTTPServer, port=int(sys.argv[1]), bind=sys.argv[2])',
].join('\n');
const web = (port: number, address: string) => [
  ...['env', '-C', import.meta.dirname, 'python3', '-u', '-c', SERVER, String(port), address],
];
const get = (url: string, ...options: string[]) => [
  'curl',
  '-sS',
  '-m',
  '10',
  '-o',
  '/dev/null',
  ...options,
  url,
];

type Networks = Running & { readonly inner: Host; readonly far: Host };

/** Two hosts of the subscriber, at 10.0.0.5 and .6; a gateway at 192.0.2.1, and behind it 198.51.100.5. */
async function place(t: Test, isolation: Isolation, files: Record<string, string> = {}): Promise<Networks> {
  const street = Host.create(t);
  const far = Host.create(t);
  const running = await startMachine(t, {
    ...{ isolation, function: 'nat', config: CONFIG, memoryMiB: 8 },
    files: { time: String(Math.floor(Date.now() / 1000)), ...files },
  });
  const inner = new Host(t, running.namespace);
  moveRight(inner, street);
  inner.ip('link', 'set', 'lo', 'up');
  for (const host of ['10.0.0.5/24', '10.0.0.6/24']) inner.ip('address', 'add', host, 'dev', DEVICES.left);
  inner.ip('route', 'add', 'default', 'via', '10.0.0.1', 'src', '10.0.0.5');
  street.ip('address', 'add', '192.0.2.1/24', 'dev', DEVICES.right);
  cable(street, 'far', far, 'street');
  street.ip('address', 'add', '198.51.100.1/24', 'dev', 'far');
  far.ip('address', 'add', `${FAR}/24`, 'dev', 'street');
  far.ip('route', 'add', '192.0.2.0/24', 'via', '198.51.100.1');
  await street.run(['sysctl', '-q', '-w', 'net.ipv4.ip_forward=1', 'net.ipv4.icmp_ratelimit=0']);
  await far.run(['sysctl', '-q', '-w', 'net.ipv4.icmp_ratelimit=0']);
  return { ...running, inner, far };
}

for (const isolation of ISOLATIONS) {
  t.test(`curl, iperf3 and ping go out, ${isolation}`, async (t) => {
    const { inner, far, console, machine } = await place(t, isolation);
    const server = far.serve(web(80, FAR));
    far.serve(['iperf3', '--server']);
    await Promise.all([far.listening(80), far.listening(5201)]);

    // Two in three fragments each, and one that just fits.
    t.match(await inner.run(['ping', '-c', '2', '-i', '0.2', '-s', '4000', FAR]), / 0% packet loss/);
    t.match(await inner.run(['ping', '-c', '1', '-M', 'do', '-s', '1472', FAR]), / 0% packet loss/);
    t.match(await inner.run(['ping', '-c', '1', '10.0.0.1']), / 0% packet loss/);
    t.match(await far.run(['ping', '-c', '1', OWN]), / 0% packet loss/);

    // Three hundred connections, fifty at a time.
    await inner.run(
      get(`http://${FAR}/nat.test.ts?[1-300]`, '--parallel', '--parallel-max', '50', '--no-keepalive'),
    );
    const callers = server.said().match(/^\S+(?= - - )/gm) ?? [];
    t.equal(callers.length, 300);
    t.strictSame([...new Set(callers)], [OWN], 'all came from the one address');

    const measured = inner.run(['iperf3', '-c', FAR, '-t', '1', '-P', '8', '-J']);
    const changed = { ...CONFIG, filtering: 'endpoint', forwards: [] };
    const json = JSON.stringify(changed);
    t.equal(await console.answer(`config 2 ${json.length}\n${json}`, 'config'), 'config ok revision=2');
    const { end } = JSON.parse(await measured);
    t.ok(end.sum_received.bytes > 0, 'connections live on while the configuration changes');
    const udp = JSON.parse(
      await inner.run(['iperf3', '-c', FAR, '-u', '-b', '2M', '-n', '50K', '-R', '-J']),
    ).end;
    t.ok(udp.sum.packets > udp.sum.lost_packets, 'datagrams come back to who has asked for them');
    t.match((await console.counters()).function, { spoofed: 0, malformed: 0, exhausted: 0 });
    t.equal(machine.complaints, '');
  });

  t.test(`forwards and hairpins, ${isolation}`, async (t) => {
    const { inner, far, console } = await place(t, isolation);
    const server = inner.serve(web(80, '10.0.0.6'));
    await inner.listening(80);
    await far.run(get(`http://${OWN}:8080/nat.test.ts`));
    t.match(server.said(), new RegExp(`^${FAR} - - `, 'm'));
    await inner.run(get(`http://${OWN}:8080/nat.test.ts`, '--interface', '10.0.0.5'));
    t.match(
      server.said(),
      new RegExp(`^${OWN} - - `, 'm'),
      'an inside host sees the outside address of another',
    );
    // nmap, from outside: only what is forwarded, and nothing tells that there is more.
    const seen = await far.run(['nmap', '-n', '-Pn', '-sS', '--max-retries', '1', '-p', '79-81,8080', OWN]);
    t.match(seen, /^8080\/tcp open/m);
    t.strictSame(seen.match(/^\d+\/tcp +filtered/gm)?.length, 3);
    t.match((await console.counters()).function, { hairpinned: /./ });
  });

  t.test(`traceroute, hping3 and nmap, ${isolation}`, async (t) => {
    const { inner, far, console } = await place(t, isolation);
    far.serve(web(80, FAR));
    await far.listening(80);
    const hops = /^ 1 {2}10\.0\.0\.1 .*\n 2 {2}192\.0\.2\.1 .*\n 3 {2}198\.51\.100\.5 /m;
    for (const method of [[], ['-I'], ['-T', '-p', '80']])
      t.match(
        await inner.run(['traceroute', '-n', '-q', '1', '-w', '5', ...method, FAR]),
        hops,
        method.join(' '),
      );
    // hping3: TCP in fragments of 32 bytes, of which only the first has the ports; and a UDP port that is closed.
    const pieces = await inner.run([
      'hping3',
      '-n',
      '-S',
      '-p',
      '80',
      '-m',
      '32',
      '-d',
      '100',
      '-c',
      '2',
      '-i',
      'u100000',
      FAR,
    ]);
    t.match(pieces, /flags=SA/);
    t.match(
      await inner.run(['hping3', '-n', '--udp', '-p', '9', '-c', '1', FAR], true),
      /ICMP Port Unreachable from ip=198.51.100.5/,
    );
    const seen = await inner.run(['nmap', '-n', '-Pn', '-sS', '-p', '79-81', FAR]);
    t.match(seen, /^79\/tcp closed[\s\S]*^80\/tcp open[\s\S]*^81\/tcp closed/m);
    t.match((await console.counters()).function, { expired: 3, spoofed: 0 });
  });

  t.test(`mappings outlive the guest, ${isolation}`, async (t) => {
    const first = await place(t, isolation);
    // Two and the forward. The second one to have a port gets another: only who remembers gives it the same again.
    const ask = (host: string) => [
      'hping3',
      '-n',
      '--udp',
      '-a',
      host,
      '-s',
      '7000',
      '-k',
      '-p',
      '9',
      '-c',
      '1',
      FAR,
    ];
    for (const host of ['10.0.0.5', '10.0.0.6']) await first.inner.run(ask(host), true);
    await first.console.answer('shutdown', 'shutdown ok');
    const state =
      first.console.unasked.find((line) => line.startsWith('state '))?.replace('state ', '') ?? '';
    t.match(JSON.parse(state), { sessions: { length: 2 } });
    const second = await place(t, isolation, { state });
    t.match((await second.console.counters()).function, { mappings: 3, sessions: 2 });
  });
}
