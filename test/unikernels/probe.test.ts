/** What collectors that nobody here wrote make of what a booted guest tells them. */
import { join } from 'node:path';
import t, { type Test } from 'tap';

import { buildImages, DEVICES, ISOLATIONS, type Isolation, type Running, startMachine } from './machine.ts';
import { datagramsRead, Host, moveRight, until } from './routed.ts';

buildImages();

const HOST = '10.0.0.5';
const SERVER = '10.0.0.1';
const COLLECTOR = '192.0.2.50';
const ROUTER = '02:00:00:00:00:aa';
const EXPORT = { collector: COLLECTOR, source: '10.0.0.9', nextHop: ROUTER, domain: 77 };

type Networks = Running & { readonly inner: Host; readonly street: Host };

/** A host of the subscriber, and on the other side its router, which is the collector too. */
async function place(t: Test, isolation: Isolation, config: object): Promise<Networks> {
  const street = Host.create(t);
  const running = await startMachine(t, {
    ...{ isolation, function: 'probe', config, memoryMiB: 8 },
    files: { time: String(Math.floor(Date.now() / 1000)) },
  });
  const inner = new Host(t, running.namespace);
  moveRight(inner, street);
  inner.ip('address', 'add', `${HOST}/24`, 'dev', DEVICES.left);
  street.ip('link', 'set', DEVICES.right, 'address', ROUTER);
  street.ip('address', 'add', `${SERVER}/24`, 'dev', DEVICES.right);
  street.ip('address', 'add', `${COLLECTOR}/32`, 'dev', 'lo');
  return { ...running, inner, street };
}

/** A download, five large pings, and a question to a name server that is not there. */
async function makeTraffic({ inner, street }: Networks): Promise<void> {
  street.serve(['python3', '-m', 'http.server', '80', '--directory', import.meta.dirname]);
  await street.listening(80);
  await inner.run(['curl', '-sS', '-m', '10', '-o', '/dev/null', `http://${SERVER}/machine.ts`]);
  await inner.run(['ping', '-c', '5', '-i', '0.05', '-s', '1000', SERVER]);
  await inner.run(['timeout', '0.5', 'busybox', 'nslookup', '-type=a', 'www.example.org', SERVER], true);
}

type Shown = {
  flows: number;
  records: number;
  gathered: number;
  messages: number;
  names: { name: string; queries: number }[];
  largestFlows: {
    outsidePort: number;
    outsideRoundTripMicroseconds: number;
    downstream: { packets: number };
    firstSeen: number;
  }[];
  talkers: { inside: { address: string }[]; outside: { address: string }[] };
};

for (const isolation of ISOLATIONS) {
  t.test(`nfcapd, tshark and the counters agree, ${isolation}`, async (t) => {
    const networks = await place(t, isolation, { idleSeconds: 1, export: EXPORT });
    const { street, console, machine } = networks;
    const shown = async () => (await console.counters()).function as unknown as Shown;
    const directory = t.testdir({ flows: {} });
    const capture = join(directory, 'capture.pcap');
    const flows = join(directory, 'flows');
    const nfcapd = street.serve(['nfcapd', '-w', flows, '-p', '4739', '-t', '3600']);
    const tcpdump = street.serve([
      ...['tcpdump', '--immediate-mode', '-U', '-n', '-i', DEVICES.right, '-w', capture, 'udp port 4739'],
    ]);
    await street.listening(4739, 'udp');
    await until('tcpdump listens', () => /listening on/.test(tcpdump.said()));

    await makeTraffic(networks);
    const seen = await shown();
    t.strictSame(
      seen.names.map(({ name }) => name),
      ['www.example.org'],
    );
    t.match(seen.talkers, { inside: [{ address: HOST }], outside: [{ address: SERVER }] });
    const web = seen.largestFlows.find(({ outsidePort }) => outsidePort === 80);
    t.match(web, { protocol: 6, upstream: { retransmissions: Number } });
    t.ok((web?.outsideRoundTripMicroseconds ?? 0) > 0, 'the way to the server and back takes its time');
    t.ok(Math.abs((web?.firstSeen ?? 0) - Date.now() / 1000) < 60, 'by the clock of the host');

    await until('all is told', async () => {
      const { flows, gathered } = await shown();
      return flows === 0 && gathered === 0;
    });
    const told = await shown();
    const tshark = async (...argv: string[]) => {
      const said = await street.run(['tshark', '-n', '-r', capture, '-d', 'udp.port==4739,cflow', ...argv]);
      return said.replace(/^Running as user .*\n/m, '');
    };
    const fields = [
      'od_id',
      'srcaddr',
      'dstaddr',
      'protocol',
      'packets',
      'octets',
      'direction',
      'flow_end_reason',
    ];
    const table = async () => {
      const said = await tshark('-T', 'fields', ...fields.flatMap((field) => ['-e', `cflow.${field}`]));
      return said.split('\n').filter((line) => line !== '');
    };
    await until('all has arrived', async () => {
      return (await table()).length === told.messages && (await datagramsRead(street)) === told.messages;
    });
    await nfcapd.end();
    await tcpdump.end();

    t.equal(await tshark('-Y', '_ws.malformed || _ws.expert'), '', 'nothing to complain of');
    const messages = (await table()).map((line) => line.split('\t'));
    t.strictSame([...new Set(messages.map(([domain]) => domain))], ['77']);
    const records = messages.flatMap(([, ...columns]) => {
      const [first = [], ...others] = columns.map((column) => column.split(','));
      return first.map((source, i) => [source, ...others.map((column) => column[i])].join(' '));
    });
    t.equal(records.length, told.records);
    t.ok(records.includes(`${HOST} ${SERVER} 1 5 5140 0 1`), 'the pings, to the byte');
    t.ok(records.includes(`${SERVER} ${HOST} 1 5 5140 1 1`), 'and their replies');
    t.match(records.join('\n'), /^10\.0\.0\.1 10\.0\.0\.5 6 \d+ \d{5,} 1 3$/m, 'the download, until its end');

    const columns = 'fmt:%pr %sap %dap %pkt %byt %flg %dir';
    const dump = await street.run(['nfdump', '-q', '-N', '-R', flows, '-o', columns]);
    const lines = dump.split('\n').map((line) => line.trim().split(/\s+/).join(' '));
    t.equal(lines.filter((line) => line !== '').length, told.records, 'nfcapd has every record too');
    t.equal(machine.complaints, '');
  });
}
