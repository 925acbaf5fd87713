/**
 * How many requests a second the API answers with 100,000 subscribers stored, beside a bare fastify route that answers
 * the same bytes: `node bench/api.ts`. The two take turns; a ratio is the median of the rounds' ratios. Seconds for
 * each turn may be given as an argument.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Change } from '../src/model/store.ts';
import { openStore } from '../src/store/store.ts';
import { SWITCH, subscriber } from './api-objects.ts';

const STORED = 100_000;
const CONNECTIONS = 10;
const ROUNDS = 5;
const seconds = Number(process.argv[2] ?? 1);

type Server = { url: string; milliseconds: number; megabytes: number; child: ChildProcess };
type Ask = { method: 'GET' | 'POST'; path: string; body?: () => object };
type Result = { rate: number; p99: number };

async function start(...words: string[]): Promise<Server> {
  const path = fileURLToPath(new URL('api-server.ts', import.meta.url));
  const child = spawn(process.execPath, ['--no-warnings', path, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { ...(JSON.parse(line.toString()) as Omit<Server, 'child'>), child };
}

async function fill(file: string, count: number): Promise<void> {
  const store = openStore(file);
  const put = (kind: string, spec: object): Change => ({ op: 'put', kind, spec }) as never;
  if (!store.declared().switches.has('s1' as never))
    await store.commit({ changes: [put('switches', SWITCH)] });
  for (let from = 0; from < count; from += 1000) {
    const changes = Array.from({ length: 1000 }, (_, i) => put('subscribers', subscriber(from + i)));
    await store.commit({ changes });
  }
  store.close();
}

function ask(url: string, agent: Agent, { method, path, body }: Ask): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const call = request(url + path, { method, agent, headers }, (response) => {
      response
        .resume()
        .once('end', () =>
          (response.statusCode ?? 500) < 300
            ? resolve()
            : reject(new Error(`${method} ${path}: ${response.statusCode}`)),
        );
    });
    call.once('error', reject);
    call.end(body === undefined ? undefined : JSON.stringify(body()));
  });
}

/** Asks on a few connections at once, each as soon as it has its answer. */
async function measure(server: Server, what: Ask): Promise<Result> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const times: number[] = [];
  const begin = performance.now();
  const end = begin + seconds * 1000;
  const connection = async (): Promise<void> => {
    for (let now = performance.now(); now < end; ) {
      await ask(server.url, agent, what);
      const then = performance.now();
      times.push(then - now);
      now = then;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  const elapsed = (performance.now() - begin) / 1000;
  agent.destroy();
  times.sort((a, b) => a - b);
  return { rate: times.length / elapsed, p99: times[Math.floor(times.length * 0.99)] ?? 0 };
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
const figure = (value: number): string => Number(value.toPrecision(3)).toLocaleString('en-US');

const directory = mkdtempSync(join(tmpdir(), 'chainstitch-bench-'));
const file = join(directory, 'full.db');
const small = join(directory, 'small.db');
await fill(file, STORED);
await fill(small, 1000);
const [bare, full, few] = [await start('bare'), await start('api', file), await start('api', small)];

let next = STORED;
const make = (): object => subscriber(next++);
const rows: { name: string; ours: Ask; theirs: Ask; server: Server }[] = [
  {
    name: 'GET one of 100,000',
    server: full,
    ours: { method: 'GET', path: '/v1/subscribers/subscriber-50000' },
    theirs: { method: 'GET', path: '/one' },
  },
  {
    name: 'list a page of 100 of 100,000',
    server: full,
    ours: { method: 'GET', path: '/v1/subscribers?limit=100' },
    theirs: { method: 'GET', path: '/page' },
  },
  {
    name: 'POST subscriber to 100,000',
    server: full,
    ours: { method: 'POST', path: '/v1/subscribers', body: make },
    theirs: { method: 'POST', path: '/one', body: make },
  },
  {
    name: 'POST subscriber to 1,000',
    server: few,
    ours: { method: 'POST', path: '/v1/subscribers', body: make },
    theirs: { method: 'POST', path: '/one', body: make },
  },
];

const lines: string[] = [];
for (const { name, server, ours, theirs } of rows) {
  const results: { api: Result; plain: Result }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    results.push({ plain: await measure(bare, theirs), api: await measure(server, ours) });
  }
  const of = (pick: (result: (typeof results)[number]) => number): number => median(results.map(pick));
  lines.push(
    `| ${name} | ${figure(of(({ api }) => api.rate))} | ${figure(of(({ api }) => api.p99))} ms | ` +
      `${figure(of(({ plain }) => plain.rate))} | ${figure(of(({ plain }) => plain.p99))} ms | ` +
      `${figure(of(({ api, plain }) => plain.rate / api.rate))} x |`,
  );
}
process.stdout.write(`| ${STORED.toLocaleString('en-US')} stored | API, requests/s | API, p99 | bare, requests/s | bare, p99 | bare to API |
|---|---:|---:|---:|---:|---:|
${lines.join('\n')}

Start with ${STORED.toLocaleString('en-US')} subscribers: ${full.milliseconds} ms, ${full.megabytes} MB; with 1,000: ${few.milliseconds} ms, ${few.megabytes} MB.
`);
for (const { child } of [bare, full, few]) child.kill();
rmSync(directory, { recursive: true });
