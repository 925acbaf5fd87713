/** Webhooks with real receivers: signed, in order, tried again, put aside, and never led astray. */
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { Store } from '../../src/model/interfaces.ts';
import { createNorthbound, type Northbound, type NorthboundOptions } from '../../src/northbound/index.ts';
import { openStore } from '../../src/store/store.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { ALICE, StubControl } from '../unit/northbound/support.ts';

const SECRET = 'a-secret-of-16-chars';

type Got = { headers: IncomingMessage['headers']; body: string; seq: number };
type Receiver = { url: string; port: number; got: Got[] };

/** A receiver that answers as the test says, with 204 by default. */
async function receive(
  t: Test,
  answer: (got: Got, response: ServerResponse, request: IncomingMessage) => void = (_got, response) =>
    response.writeHead(204).end(),
): Promise<Receiver> {
  const got: Got[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => {
      const one = {
        headers: request.headers,
        body,
        seq: (JSON.parse(body || '{}') as { seq?: number }).seq ?? 0,
      };
      got.push(one);
      answer(one, response, request);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/hook`, port, got };
}

type Served = { store: Store; northbound: Northbound; stop: () => Promise<void> };

function serve(
  t: Test,
  file = ':memory:',
  webhooks: Exclude<NorthboundOptions['webhooks'], 'none'> = {},
): Served {
  const store = openStore(file);
  const northbound = createNorthbound({
    store,
    introspection: new StubControl(store),
    builtIns: [],
    log: silentLog(),
    onChange: () => undefined,
    webhooks: { allowsInternal: true, retries: [5, 5, 5], ...webhooks },
  });
  const stop = async (): Promise<void> => {
    await northbound.close();
    store.close();
  };
  t.teardown(stop);
  return { store, northbound, stop };
}

async function until(what: string, condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (condition()) return;
    await sleep(10);
  }
  throw new Error(`it did not come to pass that ${what}`);
}
const declare = (store: Store, url: string, more: object = {}) =>
  store.create('webhooks', { name: 'w', url, secret: SECRET, ...more } as never);
const write = (store: Store, name: string) => store.create('subscribers', { ...ALICE, name } as never);
const names = ({ got }: Receiver): string[] => got.map(({ body }) => JSON.parse(body).name);
const letters = (store: Store) =>
  store.deliveries.deadLetters(store.declared().webhooks.get('w' as never)?.uid ?? 0);

t.test('what happens is told, signed and in order', async (t) => {
  const receiver = await receive(t);
  const { store } = serve(t);
  write(store, 'before');
  declare(store, receiver.url, { events: { kinds: ['subscribers'], types: ['created'] } });
  for (const name of ['a', 'b', 'c']) write(store, name);
  store.remove('subscribers', 'b' as never);
  write(store, 'd');
  await until('four are told', () => receiver.got.length === 4);
  t.same(names(receiver), ['a', 'b', 'c', 'd']);
  for (const { headers, body, seq } of receiver.got) {
    const [, time, digest] =
      /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['chainstitch-signature'])) ?? [];
    t.ok(Math.abs(Number(time) - Date.now() / 1000) < 60, 'the time is now');
    t.equal(digest, createHmac('sha256', SECRET).update(`${time}.${body}`).digest('hex'));
    t.match(headers, { 'chainstitch-event': 'subscribers.created', 'chainstitch-event-id': String(seq) });
  }
});

t.test('what is not taken is tried again, then put aside, and what follows goes on', async (t) => {
  let refusals = 2;
  const receiver = await receive(t, ({ body }, response) => {
    const { name } = JSON.parse(body) as { name: string };
    const fails = name === 'never' || (name === 'later' && refusals-- > 0);
    response.writeHead(fails ? 500 : 200).end();
  });
  const { store } = serve(t);
  declare(store, receiver.url);
  for (const name of ['first', 'later', 'never', 'last']) write(store, name);
  await until('the last is told', () => names(receiver).includes('last'));
  t.same(names(receiver), ['first', 'later', 'later', 'later', 'never', 'never', 'never', 'never', 'last']);
  t.match(letters(store), [{ attempts: 4, error: 'answered 500' }]);
  t.equal(letters(store).length, 1);
  store.remove('webhooks', 'w' as never);
  declare(store, receiver.url);
  t.same(letters(store), [], 'another webhook of the name begins anew');
});

t.test('dead letters are tried once more when they are asked for', async (t) => {
  const answers = new Map([
    ['a', 500],
    ['b', 500],
  ]);
  const receiver = await receive(t, ({ body }, response) => {
    response.writeHead(answers.get((JSON.parse(body) as { name: string }).name) ?? 204).end();
  });
  const { store, northbound } = serve(t);
  const path = '/v1/webhooks/w';
  const ask = async (method: 'POST' | 'DELETE', what: string, body?: object) => {
    const answer = await northbound.inject({
      method,
      url: `${path}/${what}`,
      ...(body && { payload: body }),
    });
    return { status: answer.statusCode, body: answer.body === '' ? undefined : JSON.parse(answer.body) };
  };
  t.match(await ask('POST', 'redeliver'), { status: 404 });
  declare(store, receiver.url, { events: { kinds: ['subscribers'] } });
  for (const name of ['a', 'b', 'c']) write(store, name);
  await until('the last is told', () => names(receiver).includes('c'));
  const [a, b] = letters(store).map(({ seq }) => seq);
  answers.clear();
  answers.set('b', 503);
  t.match(await ask('POST', 'redeliver', { events: [a, 999] }), { status: 202, body: { queued: [a] } });
  await until('the first is taken', () => letters(store).length === 1);
  const before = receiver.got.length;
  t.match(await ask('POST', 'redeliver'), { status: 202, body: { queued: [b] } });
  await until('the other was tried', () => letters(store)[0]?.queued === false);
  t.equal(receiver.got.length, before + 1, 'once');
  t.match(letters(store), [{ seq: b, attempts: 5, error: 'answered 503', queued: false }]);
  t.equal(
    store.deliveries.position(store.declared().webhooks.get('w' as never)?.uid ?? 0),
    4,
    'it goes not back',
  );
  t.match(await ask('DELETE', 'dead-letters'), { status: 204 });
  t.same(letters(store), []);
  t.match(await ask('POST', 'redeliver', { events: ['x'] }), { status: 422 });
});

t.test('a dead letter that the journal has no more is told as such', async (t) => {
  const receiver = await receive(t);
  const store = openStore(':memory:', { journalEntries: 1 });
  declare(store, receiver.url);
  const { uid } = store.declared().webhooks.get('w' as never) as { uid: number };
  store.deliveries.bury(uid, { seq: 1, attempts: 8, error: 'answered 500' });
  for (let i = 0; i < 150; i++) write(store, `s${i}`);
  store.deliveries.requeue(uid);
  const northbound = createNorthbound({
    store,
    introspection: new StubControl(store),
    builtIns: [],
    log: silentLog(),
    onChange: () => undefined,
  });
  t.teardown(() => northbound.close());
  await until('it was looked for', () => letters(store)[0]?.queued === false);
  t.match(letters(store)[0], { seq: 1, attempts: 8, error: /dropped from the journal/ });
});

t.test('it goes on where it was after a restart', async (t) => {
  const file = `${t.testdir()}/state.db`;
  const receiver = await receive(t);
  const first = serve(t, file);
  declare(first.store, receiver.url);
  for (let i = 0; i < 20; i++) write(first.store, `s${i}`);
  await until('some are told', () => receiver.got.length > 5);
  await first.stop();
  const second = serve(t, file);
  write(second.store, 'last');
  await until('the last is told', () => names(receiver).at(-1) === 'last');
  const told = [...new Set(names(receiver))];
  t.same(told, [...Array.from({ length: 20 }, (_, i) => `s${i}`), 'last']);
});

t.test('redirects are not followed, and internal addresses not called', async (t) => {
  const secret = await receive(t);
  const astray = await receive(t, (_got, response) =>
    response.writeHead(307, { location: secret.url }).end(),
  );
  const { store } = serve(t);
  declare(store, astray.url);
  write(store, 'a');
  await until('it is put aside', () => letters(store).length === 1);
  t.match(letters(store), [{ error: /redirects are not followed/ }]);
  t.equal(secret.got.length, 0);

  const strict = serve(t, ':memory:', { allowsInternal: false });
  declare(strict.store, secret.url);
  write(strict.store, 'a');
  await until('it is put aside', () => letters(strict.store).length === 1);
  t.match(letters(strict.store), [{ attempts: 1, error: /127\.0\.0\.1, which is not a public address/ }]);
  t.equal(secret.got.length, 0);
});

t.test('a name is asked once, and the address that was looked at is the one that is called', async (t) => {
  const receiver = await receive(t);
  let asked = 0;
  const resolve = async () => [{ address: ++asked === 1 ? '127.0.0.1' : '0.0.0.0', family: 4 }];
  const { store } = serve(t, ':memory:', { resolve });
  // No resolver of the system knows this name, so a second question would not find the receiver.
  declare(store, `http://no-such-name.invalid:${receiver.port}/`);
  write(store, 'a');
  await until('it is told', () => receiver.got.length === 1);
  t.equal(receiver.got[0]?.headers.host, `no-such-name.invalid:${receiver.port}`);
  t.equal(asked, 1);
});

t.test('a receiver that hangs, floods or breaks off holds up nothing else', async (t) => {
  const hanging = await receive(t, () => undefined);
  const flooding = await receive(t, (_got, response) => {
    response.writeHead(200);
    const flood = (): void => {
      while (response.write('x'.repeat(65_536)));
      response.once('drain', flood);
    };
    flood();
  });
  const breaking = await receive(t, (_got, _response, request) => request.socket.destroy());
  const good = await receive(t);
  const { store, stop } = serve(t);
  for (const [name, { url }] of Object.entries({ hanging, flooding, breaking, good })) {
    store.create('webhooks', { name, url, secret: SECRET, events: { kinds: ['subscribers'] } } as never);
  }
  for (let i = 0; i < 10; i++) write(store, `s${i}`);
  await until('the good one has all', () => good.got.length === 10);
  await until('the flooding one too', () => flooding.got.length === 10);
  t.equal(hanging.got.length, 1);
  const begin = Date.now();
  await stop();
  t.ok(Date.now() - begin < 4000, 'and the end waits for none of them');
});
