/**
 * One job, a firewall between two devices, in three forms side by side: as a unikernel in a virtual machine, as a
 * sandboxed process, and as a container would do it, a namespace with a bridge and nftables. As root:
 * `node bench/functions.ts [rounds]`. The forms take turns; a ratio is the median of the rounds' ratios.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import {
  buildImages,
  createNamespace,
  DEVICES,
  ip,
  Machine,
  placeTaps,
  type Teardown,
} from '../test/unikernels/machine.ts';
import { ipv4, udp, Wire } from '../test/unikernels/wire.ts';

const ROUNDS = Number(process.argv[2] ?? 5);
const LATENCY_SAMPLES = 300;
const FLOOD_FRAMES = 60_000;
const AT_ONCE = 10;
const IDLE_SECONDS = 10;

const CONFIG = { default: 'allow', rules: [{ deny: { protocol: 'tcp', port: 1 } }] };
const RULES = `table bridge firewall {
  chain forward {
    type filter hook forward priority 0
    tcp dport 1 drop
  }
}
`;
/** 60 bytes, which with its checksum is Ethernet's shortest. */
const FRAME = withChecksum(ipv4(17, '10.0.0.1', '10.0.0.2', udp(1, 2)));

/** A bridge with netfilter drops IPv4 whose header does not add up. */
function withChecksum(frame: Buffer): Buffer {
  let sum = 0;
  for (let at = 14; at < 34; at += 2) sum += frame.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  frame.writeUInt16BE(~sum & 0xffff, 24);
  return frame;
}

type Form = 'vm' | 'process' | 'container';
const FORMS: readonly Form[] = ['vm', 'process', 'container'];

type Running = {
  /** Ends it. */
  end(): Promise<void>;
  /** What it runs in, if it runs. */
  pids(): readonly number[];
};

/** What is there before the clock runs: the devices of both ends. */
type Place = { readonly namespace: string; start(): Running };

function place(t: Teardown, form: Form): Place {
  if (form === 'container') return placeContainer(t);
  const namespace = placeTaps(t);
  return {
    namespace,
    start: () => {
      const machine = new Machine(namespace, { isolation: form, config: CONFIG, memoryMiB: 8 });
      return { end: () => machine.kill(), pids: () => machine.pids() };
    },
  };
}

function placeContainer(t: Teardown): Place {
  const namespace = createNamespace();
  t.teardown(() => ip('netns', 'delete', namespace));
  const inner = `${namespace}c`;
  // The far ends of the pairs are made with them, so they wait outside under other names.
  for (const device of Object.values(DEVICES)) {
    ip('-n', namespace, 'link', 'add', device, 'type', 'veth', 'peer', 'name', `${device}c`);
    ip('-n', namespace, 'link', 'set', device, 'up');
  }
  const ends = Object.values(DEVICES).map((device) => `${device}c`);
  const script = [
    'set -e',
    `ip netns add ${inner}`,
    ...ends.map((end) => `ip -n ${namespace} link set ${end} netns ${inner}`),
    'printf "%s\\n" \\',
    ...[
      'link add br0 type bridge',
      ...ends.flatMap((end) => [`link set ${end} master br0`, `link set ${end} up`]),
    ].map((line) => `  "${line}" \\`),
    `  "link set br0 up" | ip -n ${inner} -batch -`,
    `ip netns exec ${inner} nft -f - <<'RULES'\n${RULES}RULES`,
  ].join('\n');
  return {
    namespace,
    start: () => {
      const child = spawn('sh', ['-c', script], { stdio: 'inherit' });
      const made = once(child, 'exit');
      const end = async (): Promise<void> => {
        await made;
        execFileSync('ip', ['netns', 'delete', inner]);
      };
      return { end, pids: () => [] };
    },
  };
}

type Numbers = { readonly first: number; readonly latency: number; readonly rate: number };

async function one(form: Form): Promise<Numbers> {
  return scoped(async (t) => {
    const { namespace, start } = place(t, form);
    const wire = await Wire.open(t, namespace);
    await setTimeout(100);
    const begun = performance.now();
    const running = start();
    t.teardown(() => running.end());
    const first = (await wire.first(FRAME)) - begun;
    await wire.latency(FRAME, LATENCY_SAMPLES / 10);
    const latency = await wire.latency(FRAME, LATENCY_SAMPLES);
    const before = arrived(namespace);
    const flooding = performance.now();
    await wire.flood('left', FRAME, FLOOD_FRAMES);
    const seconds = (performance.now() - flooding) / 1000;
    await setTimeout(200);
    return { first, latency, rate: (arrived(namespace) - before) / seconds };
  });
}

const FEW_RULES = 10;
const MANY_RULES = 4000;

/** Rules of every kind in turn, none of which denies what is sent. */
function manyRules(count: number): unknown {
  const rule = (i: number): unknown => {
    const octets = `${(i >> 8) & 255}.${i & 255}`;
    if (i % 4 === 0) return { to: `10.${octets}.0/24` };
    if (i % 4 === 1) return { from: `11.${octets}.7` };
    if (i % 4 === 2) return { protocol: 'tcp', port: `${i + 1}-${i + 9}` };
    return { protocol: 'udp', port: i + 1, to: `10.${i & 255}.0.0/16` };
  };
  return { default: 'allow', rules: Array.from({ length: count }, (_, i) => ({ deny: rule(i) })) };
}

/** ICMP of a type that no flow is kept of, so that the rules are asked about every frame; between many addresses. */
function judgedFrames(): Buffer[] {
  return Array.from({ length: 500 }, (_, i) => {
    const message = Buffer.alloc(26);
    message.writeUInt8(40);
    const address = (n: number): string => `${12 + (n % 100)}.${n & 255}.${(n * 7) & 255}.${(n * 13) & 255}`;
    return ipv4(1, address(i), address(i * 31 + 7), message);
  });
}

/** Frames passed on in a second of its processor time: what others do on this machine is not in it. */
async function ruledRate(form: 'vm' | 'process', count: number): Promise<number> {
  return scoped(async (t) => {
    const namespace = placeTaps(t);
    const wire = await Wire.open(t, namespace);
    const machine = new Machine(namespace, { isolation: form, config: manyRules(count) });
    t.teardown(() => machine.kill());
    await machine.introduction(await machine.connect());
    await wire.flood('left', judgedFrames(), FLOOD_FRAMES / 10);
    const before = arrived(namespace);
    const spent = processorSeconds(machine.pids());
    await wire.flood('left', judgedFrames(), FLOOD_FRAMES);
    await setTimeout(200);
    return (arrived(namespace) - before) / (processorSeconds(machine.pids()) - spent);
  });
}

function processorSeconds(pids: readonly number[]): number {
  const threads = pids.flatMap((pid) =>
    readdirSync(`/proc/${pid}/task`).map((task) => `/proc/${pid}/task/${task}`),
  );
  return (
    threads.reduce((sum, path) => sum + Number.parseInt(readFileSync(`${path}/schedstat`, 'latin1'), 10), 0) /
    1e9
  );
}

/** Frames that have come out of the right side. */
function arrived(namespace: string): number {
  const text = execFileSync('ip', ['-n', namespace, '-s', '-json', 'link', 'show', DEVICES.right], {
    encoding: 'utf8',
  });
  return JSON.parse(text)[0].stats64.rx.packets;
}

/** Proportional memory of each of so many, in MiB, and the clock ticks that all of them use while nothing happens. */
async function crowd(form: 'vm' | 'process', count: number): Promise<{ pss: number; ticks: number }> {
  return scoped(async (t) => {
    const machines = Array.from({ length: count }, () => {
      const machine = new Machine(placeTaps(t), { isolation: form, config: CONFIG, memoryMiB: 8 });
      t.teardown(() => machine.kill());
      return machine;
    });
    for (const machine of machines) await machine.introduction(await machine.connect());
    const kib = machines.flatMap((machine) => machine.pids()).map(pssOf);
    const before = machines.map((machine) => machine.cpuTicks());
    await setTimeout(IDLE_SECONDS * 1000);
    const ticks = machines.reduce((sum, machine, i) => sum + machine.cpuTicks() - (before[i] ?? 0), 0);
    return { pss: kib.reduce((a, b) => a + b) / 1024 / count, ticks };
  });
}

function pssOf(pid: number): number {
  return Number(/^Pss: +(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1]);
}

/** Runs the body and then takes down what it has put up, the last first. */
async function scoped<T>(body: (t: Teardown) => Promise<T>): Promise<T> {
  const undo: (() => unknown)[] = [];
  try {
    return await body({ teardown: (fn) => undo.push(fn) });
  } finally {
    for (const step of undo.reverse()) await step();
  }
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

buildImages();
const rounds: Record<Form, Numbers>[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const numbers: Partial<Record<Form, Numbers>> = {};
  for (const form of FORMS) numbers[form] = await one(form);
  rounds.push(numbers as Record<Form, Numbers>);
}

const ROWS = [
  ['start to first frame passed on, ms', 'first'],
  ['latency from end to end, us', 'latency'],
  ['60-byte frames passed on a second, sent as fast as one sender can', 'rate'],
] as const;
say('| | vm | process | container | process to container | vm to container |');
say('|---|---:|---:|---:|---:|---:|');
for (const [name, key] of ROWS) {
  const of = (form: Form): string => median(rounds.map((round) => round[form][key])).toPrecision(3);
  const ratio = (form: Form): string =>
    `${median(rounds.map((round) => round[form][key] / round.container[key])).toPrecision(2)} x`;
  say(
    `| ${name} | ${Number(of('vm'))} | ${Number(of('process'))} | ${Number(of('container'))} | ${ratio('process')} | ${ratio('vm')} |`,
  );
}
for (const count of [1, AT_ONCE]) {
  const vm = await crowd('vm', count);
  const sandboxed = await crowd('process', count);
  say(
    `| memory of each of ${count} (PSS), MiB | ${vm.pss.toFixed(1)} | ${sandboxed.pss.toFixed(2)} | - | - | - |`,
  );
  say(`| CPU ticks of ${count} in ${IDLE_SECONDS} idle s | ${vm.ticks} | ${sandboxed.ticks} | - | - | - |`);
}

say(
  `\n| frames passed on in a second of its processor time | ${FEW_RULES} rules | ${MANY_RULES} rules | ratio |`,
);
say('|---|---:|---:|---:|');
for (const form of ['vm', 'process'] as const) {
  const pairs: { few: number; many: number }[] = [];
  for (let round = 0; round < ROUNDS; round++)
    pairs.push({ few: await ruledRate(form, FEW_RULES), many: await ruledRate(form, MANY_RULES) });
  const of = (key: 'few' | 'many'): number => Number(median(pairs.map((pair) => pair[key])).toPrecision(3));
  const ratio = median(pairs.map((pair) => pair.many / pair.few)).toFixed(2);
  say(`| ${form} | ${of('few')} | ${of('many')} | ${ratio} |`);
}
say(`\n${ROUNDS} rounds; ${availableParallelism()} processors, load ${loadavg()[0]?.toFixed(1)}`);
