/**
 * Promise 5 at the API: every 2xx survives `kill -9` at any moment, nothing is there in half, and no number is given
 * to two things. SEED=... runs the same moments again; KILLS=50 kills so often (by default fewer).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { openStore } from '../../src/store/store.ts';
import { ALICE, CHAIN, SWITCH, UPLINK } from '../unit/northbound/support.ts';

const { SEED, KILLS } = process.env;
const seed = Number(SEED ?? Date.now() % 1_000_000);
const kills = Number(KILLS ?? 5);
t.setTimeout(60_000 + kills * 10_000);
const server = fileURLToPath(new URL('store-server.ts', import.meta.url));

/** Writes that are sent a second, whether those before are answered or not, as long as there are workers. */
const RATE = 200;
const WORKERS = 32;
/** Within which it is killed: a server that has just started answers slowly, so that few kills need not wait for more. */
const WINDOW_MS = kills < 20 ? 900 : 4_000;
const NAMES = 6;

/** A number from 0 up to 1 from a seed (mulberry32). */
function randomizer(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 4_294_967_296;
  };
}

async function start(file: string, mode: string): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, ['--no-warnings', server, file, mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  while (!output.includes('\n')) {
    await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
  }
  return { child, url: output.trim() };
}

/** What is known of an object: the step that it was written in, undefined where it is not there. */
type State = { step: number; uid: number } | undefined;
type Send = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<Answer>;
type Answer = { status: number; body: { uid?: number; outcomes?: { uid: number }[] } };

class Model {
  readonly known = new Map<string, State>();
  /** The steps of writes that were sent and not answered, `undefined` for a deletion. */
  readonly open = new Map<string, number | undefined>();
  readonly uids = new Map<number, string>();
  /** Keys of POSTs that were not answered. */
  readonly keys = new Map<string, { key: string; body: unknown }>();
  readonly faults: string[] = [];
  writes = 0;
  /** Time within which they were answered. */
  seconds = 0;

  made(name: string, uid: number, how: string): void {
    const before = this.uids.get(uid);
    if (before !== undefined) this.faults.push(`uid ${uid} is ${name} (${how}) and was ${before}`);
    this.uids.set(uid, `${name} (${how})`);
  }
}

const hex = (n: number): string => n.toString(16).padStart(2, '0');
const subscriber = (name: string, worker: number, index: number, step: number) => ({
  ...ALICE,
  name,
  attachment: { switch: 's1', port: `p${worker}-${index}` },
  mac: `02:00:00:00:${hex(worker)}:${hex(index)}`,
  ipv4: [`10.1.${worker}.${index + 1}`],
  // Longer than a page, so that a torn write would show.
  labels: { ...Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`l${i}`, `step-${step}`])) },
});

async function work(
  model: Model,
  send: Send,
  worker: number,
  random: () => number,
  round: number,
): Promise<void> {
  const names = Array.from({ length: NAMES }, (_, index) => `w${worker}-${index}`);
  const begin = performance.now();
  for (let turn = 0; ; turn++) {
    const due = begin + ((turn + random()) * WORKERS * 1000) / RATE;
    await sleep(Math.max(0, due - performance.now()));
    const step = round * 1_000_000 + turn * 100 + worker;
    const index = Math.floor(random() * NAMES);
    const name = names[index] as string;
    const state = model.known.get(name);
    if (worker === 0) {
      // All of its names in one go.
      for (const each of names) model.open.set(each, step);
      const items = names.map((each, i) => ({
        kind: 'subscribers',
        spec: subscriber(each, worker, i, step),
      }));
      const { status, body } = await send('POST', '/v1/apply', { items });
      if (status !== 200) model.faults.push(`apply: ${status} ${JSON.stringify(body)}`);
      for (const [i, each] of names.entries()) {
        const uid = body.outcomes?.[i]?.uid ?? 0;
        if (model.known.get(each) === undefined) model.made(each, uid, `step ${step}`);
        model.known.set(each, { step, uid });
        model.open.delete(each);
      }
    } else if (worker === 1) {
      const hops = Array.from({ length: 1 + (turn % 3) }, () => CHAIN.hops[0]);
      const { status } = await send('PUT', '/v1/chains/c', { ...CHAIN, hops });
      if (status >= 300) model.faults.push(`chain: ${status}`);
    } else if (state === undefined) {
      const key = `key-${step}`;
      const spec = subscriber(name, worker, index, step);
      model.open.set(name, step);
      model.keys.set(name, { key, body: spec });
      const { status, body } = await send('POST', '/v1/subscribers', spec, { 'idempotency-key': key });
      if (status !== 201) model.faults.push(`POST ${name}: ${status} ${JSON.stringify(body)}`);
      model.made(name, body.uid ?? 0, `step ${step}`);
      model.known.set(name, { step, uid: body.uid ?? 0 });
      model.open.delete(name);
      model.keys.delete(name);
    } else if (random() < 0.3) {
      model.open.set(name, undefined);
      const { status } = await send('DELETE', `/v1/subscribers/${name}`);
      if (status !== 204) model.faults.push(`DELETE ${name}: ${status}`);
      model.known.delete(name);
      model.open.delete(name);
    } else {
      model.open.set(name, step);
      const spec = subscriber(name, worker, index, step);
      const { status } = await send('PUT', `/v1/subscribers/${name}`, spec);
      if (status !== 200) model.faults.push(`PUT ${name}: ${status}`);
      model.known.set(name, { step, uid: state.uid });
      model.open.delete(name);
    }
    model.writes++;
  }
}

/** Holds what is stored against what was answered, and takes over what is there of what was not answered. */
function check(model: Model, file: string, paths: Map<number, string>): void {
  const store = openStore(file);
  const { subscribers, chains } = store.declared();
  for (let worker = 0; worker < WORKERS; worker++) {
    const steps = new Set<number>();
    for (let index = 0; index < NAMES; index++) {
      const name = `w${worker}-${index}`;
      const object = subscribers.get(name as never);
      const labels = new Set(Object.values(object?.spec.labels ?? {}));
      if (labels.size > 1) model.faults.push(`half of ${name}`);
      const step = object && Number([...labels][0]?.slice('step-'.length));
      const known = model.known.get(name);
      const isKnown = step === known?.step && object?.uid === known?.uid;
      const isOpen = model.open.has(name) && step === model.open.get(name);
      if (!isKnown && !isOpen) {
        model.faults.push(`${name}: ${JSON.stringify(known)} was answered, and ${step} is stored`);
      }
      if (object !== undefined && known?.uid !== object.uid) model.made(name, object.uid, `step ${step}`);
      model.known.set(name, object && { step: step ?? 0, uid: object.uid });
      steps.add(step ?? 0);
    }
    if (worker === 0 && steps.size > 1) model.faults.push(`half of an apply: ${[...steps].join(', ')}`);
  }
  model.open.clear();
  const steering = store.steering();
  for (const path of steering.paths.values()) {
    const what = JSON.stringify([path.owner, path.hops.map(({ instance }) => instance)]);
    const before = paths.get(path.id);
    // Fail policies may be edited in place; who it belongs to and what stands on it may not.
    if (before !== undefined && before !== what)
      model.faults.push(`path ${path.id} is ${what} and was ${before}`);
    paths.set(path.id, what);
    if (path.id >= steering.nextPath) model.faults.push(`path ${path.id} is not below ${steering.nextPath}`);
    for (const { instance } of path.hops) {
      if (!steering.instances.has(instance)) model.faults.push(`path ${path.id} has no ${instance}`);
    }
  }
  for (const uid of steering.owners.keys()) {
    if (![...chains.values()].some((chain) => chain.uid === uid))
      model.faults.push(`owner of ${uid}, which is gone`);
  }
  store.close();
}

async function run(file: string, rounds: number, mode: string): Promise<Model> {
  const random = randomizer(seed);
  const model = new Model();
  const paths = new Map<number, string>();
  for (let round = 1; round <= rounds && model.faults.length === 0; round++) {
    const { child, url } = await start(file, mode);
    const send: Send = async (method, path, body, headers = {}) => {
      const response = await fetch(url + path, {
        method,
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, body: text === '' ? {} : JSON.parse(text) };
    };
    if (round === 1) {
      const lab = [
        ['switches', SWITCH],
        ['uplinks', UPLINK],
        ['subscribers', ALICE],
        ['chains', CHAIN],
      ] as const;
      for (const [kind, spec] of lab) await send('POST', `/v1/${kind}`, spec);
    }
    // What was not answered is sent again with its key: it is made once, whether it had been made or not.
    for (const [name, { key, body }] of model.keys) {
      const before = model.known.get(name);
      const { status, body: answer } = await send('POST', '/v1/subscribers', body, {
        'idempotency-key': key,
      });
      if (status !== 201) model.faults.push(`${key} again: ${status}`);
      if (before !== undefined && answer.uid !== before.uid) model.faults.push(`${key} made two`);
      if (before === undefined) {
        model.made(name, answer.uid ?? 0, key);
        model.known.set(name, { step: Number(key.slice('key-'.length)), uid: answer.uid ?? 0 });
      }
    }
    model.keys.clear();
    const workers = Array.from({ length: WORKERS }, (_, worker) =>
      work(model, send, worker, random, round).catch((error: unknown) => {
        // The connection ends with the server.
        if (!(error instanceof TypeError) && !(error instanceof SyntaxError)) throw error;
      }),
    );
    const since = performance.now();
    await sleep(100 + random() * WINDOW_MS);
    child.kill('SIGKILL');
    model.seconds += (performance.now() - since) / 1000;
    await once(child, 'close');
    await Promise.all(workers);
    check(model, file, paths);
  }
  return model;
}

t.test('every 2xx is there after a kill, nothing is half, and no number is given twice', async (t) => {
  t.setTimeout(30_000 + kills * 10_000);
  t.comment(`SEED=${seed}`);
  const { faults, writes, seconds } = await run(`${t.testdir()}/state.db`, kills, 'honest');
  t.comment(`${kills} kills, ${writes} writes answered, ${Math.round(writes / seconds)} a second`);
  t.same(faults, []);
  t.ok(writes > kills * 10, `${writes} writes were answered`);
});

t.test('the test sees a server that forgets', async (t) => {
  const { faults } = await run(`${t.testdir()}/state.db`, 2, 'forgetful');
  t.not(faults.length, 0, faults.slice(0, 1).join());
});
