/**
 * Instances on demand: so many subscribers are declared and no instance runs; each sends one packet, which is held, and
 * has its answer through the instance that it started. As root: `node bench/demand.ts [subscribers]`.
 */
import '../test/harness/ovs-netns.ts';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { loadSettings } from '../src/config/settings.ts';
import { start } from '../src/main.ts';
import { openLog } from '../src/telemetry/log.ts';
import { startOvs } from '../test/harness/ovs.ts';
import { buildImages } from '../test/unikernels/machine.ts';

const COUNT = Number(process.argv[2] ?? 100);
const IDLE_AFTER_S = 5;
const FORMS = ['process', 'vm', 'process-warm', 'vm-warm'] as const;
/** Instances that are booted before they are needed. */
const warm = (form: string): number => (form.endsWith('-warm') ? COUNT : 0);

buildImages();
const dir = mkdtempSync(join(tmpdir(), 'cs-demand-'));
const ovs = await startOvs();
const hex = (n: number): string => n.toString(16).padStart(4, '0').replace(/^../, '$&:');
const ends = Array.from({ length: COUNT }, (_, i) => `n${i}`);
await ovs.addBridge('s1', { dpid: '0000000000000001', failMode: 'secure' });
for (const device of [...ends, 'core']) {
  execFileSync('ip', ['link', 'add', device, 'type', 'veth', 'peer', 'name', `${device}p`]);
  for (const end of [device, `${device}p`])
    execFileSync('ip', ['link', 'set', end, 'addrgenmode', 'none', 'up']);
}
await ovs.vsctl(
  ...[...ends, 'core'].flatMap((device, i) => [...(i ? ['--'] : []), 'add-port', 's1', device]),
);

const argv = [`--state-dir=${dir}/state`, `--run-dir=${dir}/run`, '--api-port=0', '--openflow-port=0'];
const pool = FORMS.filter(warm)
  .map((form) => `counter-${form}:${warm(form)}`)
  .join();
const running = await start(
  loadSettings([...argv, '--audit-interval=1000', '--drain-time=200', `--warm-pool=${pool}`], {}),
  openLog('warn'),
);
const call = async (method: string, path: string, body?: unknown): Promise<Record<string, unknown>> => {
  const response = await fetch(`${running.api}${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  const answer = await response.text();
  if (!response.ok) throw new Error(answer);
  return answer === '' ? {} : JSON.parse(answer);
};

await call('POST', '/v1/switches', {
  name: 's1',
  dpid: '0000000000000001',
  unchained: 'drop',
  ovsdb: ovs.ovsdb,
});
await call('POST', '/v1/uplinks', { name: 'core', attachment: { switch: 's1', port: 'core' } });
for (const [i, name] of ends.entries())
  await call('POST', '/v1/subscribers', {
    name,
    attachment: { switch: 's1', port: name },
    mac: `02:00:01:00:${hex(i)}`,
  });
const counter = JSON.parse(
  readFileSync(new URL('../unikernels/functions/counter/function.json', import.meta.url), 'utf8'),
);
for (const form of FORMS)
  await call('POST', '/v1/functions', {
    ...counter,
    name: `counter-${form}`,
    isolation: form.replace('-warm', ''),
  });

const sender = spawn(
  'python3',
  [new URL('demand.py', import.meta.url).pathname, 'corep', ...ends.map((e) => `${e}p`)],
  {
    stdio: ['pipe', 'pipe', 'inherit'],
  },
);
const lines = createInterface(sender.stdout)[Symbol.asyncIterator]();
async function trips(how: 'one' | 'all'): Promise<readonly (number | null)[]> {
  sender.stdin.write(`${how}\n`);
  return JSON.parse((await lines.next()).value ?? '[]');
}

const guests = (): readonly number[] =>
  running.control.instances().flatMap(({ fact }) => (fact?.pid === undefined ? [] : [fact.pid]));
/** A process has a keeper beside it, which began it. */
const withKeeper = (pid: number): readonly number[] => {
  const parent = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]);
  return parent === process.pid || parent === 1 ? [pid] : [pid, parent];
};
const pssOf = (pid: number): number =>
  Number(/^Pss: +(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1]) / 1024;
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await setTimeout(50);
}
const at = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ??
  Number.NaN;
/** Everybody sleeps, and what is booted in advance is. */
const isQuiet = (form: string): boolean =>
  guests().length === warm(form) &&
  running.control
    .instances()
    .every(({ sleeps, fact }) => sleeps && (fact === undefined || fact.phase === 'ready'));
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

say(
  '| form | packets sent | answered | p50, ms | p99, ms | memory of all, MiB | back, s after the last packet |',
);
say('|---|---|---:|---:|---:|---:|---:|');
for (const form of FORMS) {
  const chain = {
    name: 'c',
    subscribers: ends,
    hops: [{ function: `counter-${form}`, onDemand: { idleAfter: IDLE_AFTER_S } }],
  };
  await call('POST', '/v1/chains?wait=active&timeout=60s', chain);
  for (const how of ['one', 'all'] as const) {
    await until(() => isQuiet(form));
    await setTimeout(1000);
    const waited = await trips(how);
    const last = performance.now();
    const answered = waited.filter((ms) => ms !== null);
    const memory = guests()
      .flatMap(withKeeper)
      .map(pssOf)
      .reduce((a, b) => a + b, 0);
    await until(() => isQuiet(form));
    const back = (performance.now() - last) / 1000;
    const words = how === 'one' ? 'one after the other' : 'all at once';
    say(
      `| ${form} | ${words} | ${answered.length} of ${COUNT} | ${at(answered, 0.5).toFixed(1)} | ${at(answered, 0.99).toFixed(1)} | ${memory.toFixed(0)} | ${back.toFixed(0)} |`,
    );
  }
  await call('DELETE', '/v1/chains/c?wait=gone&timeout=60s');
}
say(
  `\n${COUNT} subscribers; idleAfter ${IDLE_AFTER_S} s; ${availableParallelism()} processors, load ${loadavg()[0]?.toFixed(1)}`,
);

sender.stdin.end();
await running.stop();
await ovs.stop();
rmSync(dir, { recursive: true, force: true });
