/**
 * Measures what unikernels/README.md tells: node test/unikernels/measure.ts (as root, some 30 seconds).
 * The numbers are this machine's; nothing else should run on it.
 */
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

import { buildImages, startMachine } from './machine.ts';
import { ipv4, udp, Wire } from './wire.ts';

const undo: (() => unknown)[] = [];
const scope = { teardown: (fn: () => unknown) => void undo.unshift(fn) };

/** Runs something and then takes down what it set up, last first. */
async function alone<T>(body: () => Promise<T>): Promise<T> {
  const result = await body();
  for (const fn of undo.splice(0)) await fn();
  return result;
}

const say = (what: string, value: string): void => void process.stdout.write(`${what.padEnd(58)}${value}\n`);
const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;

async function timed(times: number, body: () => Promise<unknown>): Promise<number> {
  const took: number[] = [];
  for (let i = 0; i < times; i++) {
    const started = performance.now();
    await body();
    took.push(performance.now() - started);
  }
  return median(took);
}

const ruleset = (count: number) => ({
  default: 'allow',
  rules: Array.from({ length: count }, (_, i) => ({ deny: { protocol: 'tcp', port: i + 1 } })),
});

async function starting(): Promise<void> {
  for (const rules of [0, 250, 4000]) {
    const took: number[] = [];
    for (let i = 0; i < 15; i++)
      took.push(
        await alone(async () => (await startMachine(scope, { config: ruleset(rules) })).readyAfterMs),
      );
    say(`QEMU started to ready, ${rules} rules`, `${median(took).toFixed(0)} ms`);
  }
}

async function talking(): Promise<void> {
  const { console, machine } = await startMachine(scope);
  say('console, health', `${(await timed(300, () => console.ask('health'))).toFixed(2)} ms`);
  say('console, counters', `${(await timed(300, () => console.ask('counters'))).toFixed(2)} ms`);
  for (const rules of [10, 250, 4000]) {
    const config = ruleset(rules);
    const size = JSON.stringify(config).length;
    const took = await timed(10, () => console.configure(2, config));
    say(`console, a configuration of ${rules} rules (${size} bytes)`, `${took.toFixed(1)} ms`);
  }
  const before = machine.cpuTicks();
  await setTimeout(5000);
  say('CPU of an idle instance in 5 s', `${(machine.cpuTicks() - before) * 10} ms`);
  const rollup = readFileSync(`/proc/${machine.pid}/smaps_rollup`, 'latin1');
  for (const name of ['Pss', 'Private_Dirty'])
    say(
      `memory, ${name}`,
      `${(Number(new RegExp(`^${name}: +(\\d+)`, 'm').exec(rollup)?.[1]) / 1024).toFixed(1)} MiB`,
    );
}

const SECONDS = 2;

/** The share of frames that go in and do not come out, at some rates. */
async function passing(what: string, frame: Buffer, config: unknown, name = 'firewall'): Promise<void> {
  const { console, namespace } = await startMachine(scope, { config, function: name });
  const wire = await Wire.open(scope, namespace);
  const losses: string[] = [];
  for (const rate of [50_000, 100_000, 150_000, 200_000, 250_000]) {
    const before = (await console.counters()).right.txPackets;
    const count = rate * SECONDS;
    const started = performance.now();
    await wire.flood('left', frame, count, rate);
    const reached = (count / (performance.now() - started)) | 0;
    await setTimeout(100);
    const lost = count - ((await console.counters()).right.txPackets - before);
    losses.push(`${reached} k/s: ${((lost / count) * 100).toFixed(2)} %`);
  }
  say(`lost of frames offered, ${what}`, losses.join(', '));
}

async function latency(): Promise<void> {
  const { namespace } = await startMachine(scope, { config: { default: 'allow' } });
  const wire = await Wire.open(scope, namespace);
  const frame = ipv4(17, '10.0.0.1', '10.0.0.2', udp(1, 2));
  await wire.latency(frame, 100);
  say('in at one TAP and out of the other', `${(await wire.latency(frame, 1000)).toFixed(0)} us`);
}

buildImages();
const small = ipv4(17, '10.0.0.1', '10.0.0.2', udp(1, 2));
await alone(starting);
await alone(talking);
await alone(latency);
await alone(() => passing('60 bytes, counter', small, {}, 'counter'));
await alone(() => passing('60 bytes, firewall, one flow', small, ruleset(4000)));
await alone(() =>
  passing('60 bytes, firewall, no flow and 4000 rules', ipv4(89, '10.0.0.1', '10.0.0.2', udp(1, 2)), {
    ...ruleset(4000),
  }),
);
