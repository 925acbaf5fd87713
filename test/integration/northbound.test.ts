/**
 * The API over real connections: what inject cannot show.
 */
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { API_LIMITS } from '../../src/model/limits.ts';
import { loadCatalogue } from '../../src/northbound/catalogue.ts';
import { createNorthbound, type Northbound } from '../../src/northbound/index.ts';
import { openStore } from '../../src/store/store.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { ALICE, CHAIN, StubControl, SWITCH, UPLINK } from '../unit/northbound/support.ts';

const builtIns = loadCatalogue(new URL('../../unikernels/functions', import.meta.url).pathname);

type Served = {
  northbound: Northbound;
  control: StubControl;
  url: string;
  port: number;
  file: string;
  stop: () => Promise<void>;
};

async function serve(t: Test, host = '127.0.0.1', file = `${t.testdir()}/state.db`): Promise<Served> {
  const store = openStore(file);
  const control = new StubControl(store);
  const northbound = createNorthbound({
    store,
    introspection: control,
    builtIns,
    log: silentLog(),
    onChange: () => undefined,
  });
  const stop = async (): Promise<void> => {
    await northbound.close();
    store.close();
  };
  t.teardown(stop);
  const url = await northbound.listen({ host, port: 0 });
  return { northbound, control, url, port: Number(new URL(url).port), file, stop };
}

const json = (method: string, body: unknown) => ({
  method,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

async function declareLab(url: string): Promise<void> {
  for (const [kind, spec] of [
    ['switches', SWITCH],
    ['uplinks', UPLINK],
    ['subscribers', ALICE],
  ] as const) {
    const response = await fetch(`${url}/v1/${kind}`, json('POST', spec));
    if (response.status !== 201) throw new Error(await response.text());
  }
}

/** Sends bytes and returns all that comes back until the other side closes. */
async function exchange(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    answer += chunk;
  });
  socket.write(text);
  await once(socket, 'close');
  return answer;
}

async function until(what: string, condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (condition()) return;
    await sleep(10);
  }
  throw new Error(`it did not come to pass that ${what}`);
}

t.test('a whole conversation', async (t) => {
  const { url, control } = await serve(t);
  await declareLab(url);
  const pending = fetch(`${url}/v1/chains?wait=active&timeout=20s`, json('POST', CHAIN));
  await sleep(50);
  control.report('c', 'active');
  const response = await pending;
  t.equal(response.status, 201);
  t.equal(response.headers.get('content-type'), 'application/json; charset=utf-8');
  t.equal(response.headers.get('cache-control'), 'no-store');
  t.match(await response.json(), { generation: 1, status: { phase: 'active' } });
  t.equal((await fetch(`${url}/v1/chains/c`, { method: 'DELETE' })).status, 204);
});

t.test('it listens on loopback only', async (t) => {
  const { northbound } = await serve(t, '::1');
  for (const host of ['0.0.0.0', '::', '192.0.2.1']) {
    await t.rejects(northbound.listen({ host, port: 0 }), { code: 'bad-setting' }, host);
  }
});

t.test('a client that goes away frees its place', async (t) => {
  const { url, northbound } = await serve(t);
  await declareLab(url);
  const abort = new AbortController();
  const gone = fetch(`${url}/v1/chains?wait=active&timeout=60s`, {
    ...json('POST', CHAIN),
    signal: abort.signal,
  });
  await until('one waits', () => northbound.waiting === 1);
  abort.abort();
  await t.rejects(gone);
  await until('none waits', () => northbound.waiting === 0);
  t.equal((await fetch(`${url}/v1/chains/c`)).status, 200, 'what it asked for is stored');
});

t.test('closing answers those who wait, lets nobody hang, and is quick', async (t) => {
  const { url, northbound, port } = await serve(t);
  await declareLab(url);
  const agent = new Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  const idle = connect(port, '127.0.0.1');
  const half = connect(port, '127.0.0.1');
  half.write(
    'POST /v1/chains HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{',
  );
  // What is not read holds back the end of the connection.
  for (const socket of [idle, half]) socket.on('error', () => undefined).resume();
  const waiting = fetch(`${url}/v1/chains?wait=active&timeout=60s`, json('POST', CHAIN));
  await until('one waits', () => northbound.waiting === 1);
  const start = Date.now();
  await northbound.close();
  t.ok(Date.now() - start < 4000, `${Date.now() - start} ms`);
  const answer = await waiting;
  t.equal(answer.status, 503);
  t.match(await answer.json(), { code: 'shutting-down', generation: 1 });
  await t.rejects(fetch(url), 'nobody listens any more');
  for (const socket of [idle, half] satisfies Socket[]) if (!socket.destroyed) await once(socket, 'close');
});

t.test('bytes that are no HTTP get a problem and the end of the connection', async (t) => {
  const { port } = await serve(t);
  const cases: [string, RegExp][] = [
    ['\x16\x03\x01\x02\x00\x01', /^HTTP\/1.1 400 .*malformed-request/s],
    ['GET / HTTP/9.9\r\n\r\n', /^HTTP\/1.1 400 .*malformed-request/s],
    ['GET /healthz HTTP/1.0\r\n\r\n', /^HTTP\/1.1 403 .*forbidden-origin/s],
    ['GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n', /^HTTP\/1.1 400 /],
    [
      'GET /healthz HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n',
      /^HTTP\/1.1 403 .*forbidden-origin/s,
    ],
    [
      'PROPFIND /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n',
      /^HTTP\/1.1 405 .*allow: GET, HEAD/s,
    ],
    [`GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`, /^HTTP\/1.1 4\d\d /],
  ];
  for (const [bytes, expected] of cases)
    t.match(await exchange(port, bytes), expected, JSON.stringify(bytes.slice(0, 40)));
});

t.test('a body without end is cut off', async (t) => {
  const { port } = await serve(t);
  const call = request({
    port,
    host: '127.0.0.1',
    method: 'POST',
    path: '/v1/chains',
    headers: { 'content-type': 'application/json' },
  });
  call.on('error', () => undefined);
  const answered = once(call, 'response');
  const chunk = `"${'x'.repeat(16_384)}",`;
  let sent = 0;
  while (sent < API_LIMITS.bodyBytes * 2 && !call.destroyed) {
    call.write(chunk);
    sent += chunk.length;
    await sleep(1);
  }
  const [response] = (await answered) as [{ statusCode: number }];
  t.equal(response.statusCode, 413);
  call.destroy();
});

t.test('clients that send a byte now and then are cut off, and keep out nobody', async (t) => {
  const { port, url } = await serve(t);
  const head = 'POST /v1/chains HTTP/1.1\r\nhost: localhost\r\n';
  const body = 'content-type: application/json\r\ncontent-length: 1000\r\n\r\n{';
  const sockets = Array.from({ length: 60 }, (_, i) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(i % 2 === 0 ? head : head + body);
    return {
      socket,
      drip: i % 2 === 0 ? 'x: y\r\n' : ' ',
      closed: new Promise((resolve) => socket.once('close', resolve)),
    };
  });
  const dripping = setInterval(() => {
    for (const { socket, drip } of sockets) if (socket.writable) socket.write(drip);
  }, 100);
  t.teardown(() => clearInterval(dripping));
  for (let i = 0; i < 20; i++) t.equal((await fetch(`${url}/healthz`)).status, 200);
  await Promise.all(sockets.map(({ closed }) => closed));
  t.pass('all of them are closed');
});

t.test('what was answered with 2xx is there for the next run', async (t) => {
  const first = await serve(t);
  await declareLab(first.url);
  t.equal((await fetch(`${first.url}/v1/chains/c`, json('PUT', CHAIN))).status, 201);
  const before = await (await fetch(`${first.url}/v1/chains`)).json();
  await first.stop();
  const second = await serve(t, '127.0.0.1', first.file);
  t.same(await (await fetch(`${second.url}/v1/chains`)).json(), before);
});
