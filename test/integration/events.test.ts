/**
 * Streams of events over real connections: nothing is lost or told twice, whatever the client and the server do.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { Store } from '../../src/model/interfaces.ts';
import { API_LIMITS } from '../../src/model/limits.ts';
import { createNorthbound, type Northbound } from '../../src/northbound/index.ts';
import { openStore } from '../../src/store/store.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { ALICE, StubControl, SWITCH } from '../unit/northbound/support.ts';

type Served = { northbound: Northbound; store: Store; url: string; port: number; stop: () => Promise<void> };

async function serve(t: Test, file = ':memory:', options?: { journalEntries: number }): Promise<Served> {
  const store = openStore(file, options);
  const northbound = createNorthbound({
    store,
    introspection: new StubControl(store),
    builtIns: [],
    log: silentLog(),
    onChange: () => undefined,
  });
  const stop = async (): Promise<void> => {
    await northbound.close();
    store.close();
  };
  t.teardown(stop);
  const url = await northbound.listen({ host: '127.0.0.1', port: 0 });
  return { northbound, store, url, port: Number(new URL(url).port), stop };
}

type Event = { id?: string; event?: string; data?: { name: string; seq: number; type: string } };

/** Reads a stream until so many events have come, or it ends. */
async function listen(
  url: string,
  count: number,
  headers: Record<string, string> = {},
  onOpen: () => void = () => undefined,
): Promise<{ status: number; events: Event[] }> {
  const abort = new AbortController();
  const response = await fetch(url, {
    headers: { accept: 'text/event-stream', ...headers },
    signal: abort.signal,
  });
  if (response.status !== 200) return { status: response.status, events: [] };
  onOpen();
  const events: Event[] = [];
  let text = '';
  const decoder = new TextDecoder();
  for await (const bytes of response.body ?? []) {
    text += decoder.decode(bytes as Uint8Array, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = Object.fromEntries(
        block
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      if (fields['event'] !== undefined) events.push({ ...fields, data: JSON.parse(fields['data'] ?? '{}') });
    }
    if (events.length >= count) break;
  }
  abort.abort();
  return { status: response.status, events };
}

function write(store: Store, from: number, count: number): void {
  for (let i = from; i < from + count; i++) {
    store.create('subscribers', { ...ALICE, name: `s${String(i).padStart(6, '0')}` } as never);
  }
}
const numbers = (events: Event[]): number[] => events.map(({ data }) => data?.seq ?? 0);
const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

t.test('a stream tells what happens, as it happens', async (t) => {
  const { url, store } = await serve(t);
  store.create('switches', SWITCH as never);
  const { events } = await listen(`${url}/v1/events`, 3, {}, () => write(store, 0, 3));
  t.match(events, [
    { id: '2', event: 'subscribers.created', data: { name: 's000000', data: { spec: { mac: ALICE.mac } } } },
    { id: '3' },
    { id: '4' },
  ]);
  const filtered = await listen(`${url}/v1/events?after=0&kind=switches&types=created,deleted`, 1);
  t.match(filtered.events, [{ id: '1', event: 'switches.created' }]);
  for (const query of ['kind=x', 'types=x', 'after=-1', 'after=x', 'limit=5']) {
    t.equal((await listen(`${url}/v1/events?${query}`, 1)).status, 400, query);
  }
  t.equal((await listen(`${url}/v1/events`, 1, { 'last-event-id': '1e3' })).status, 400);
});

t.test('it goes on where it was, over restarts of both sides', async (t) => {
  const file = `${t.testdir()}/state.db`;
  const seen: number[] = [];
  for (let run = 0; run < 4; run++) {
    const { url, store, stop } = await serve(t, file);
    const last = seen.at(-1) ?? 0;
    const { events } = await listen(`${url}/v1/events?after=0`, 15, { 'last-event-id': String(last) }, () =>
      write(store, run * 30, 30),
    );
    seen.push(...numbers(events).slice(0, 15));
    await stop();
  }
  t.same(seen, range(1, 60));
});

t.test('who comes too late is told', async (t) => {
  const { url, store } = await serve(t, ':memory:', { journalEntries: 50 });
  write(store, 0, 400);
  const { horizon, newest } = store.journal;
  t.ok(horizon >= 200 && newest - horizon >= 50, `${newest - horizon} are kept`);
  const late = await fetch(`${url}/v1/events?after=1`, { headers: { accept: 'text/event-stream' } });
  t.equal(late.status, 410);
  t.match(await late.json(), { code: 'events-gone' });
  t.equal((await fetch(`${url}/v1/events?after=${horizon - 1}`)).status, 410);
  const page = (await (await fetch(`${url}/v1/events?limit=3`)).json()) as {
    items: { seq: number }[];
    next: number;
  };
  t.same(
    page.items.map(({ seq }) => seq),
    range(horizon + 1, 3),
  );
  t.same(await (await fetch(`${url}/v1/events?after=${newest}`)).json(), { items: [], next: newest });
});

/** A client that opens a stream and reads only when it is told to. */
async function slow(port: number): Promise<{ socket: Socket; chunks: string[] }> {
  const socket = connect(port, '127.0.0.1');
  const chunks: string[] = [];
  socket.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk));
  socket.write(
    'GET /v1/events HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\naccept: text/event-stream\r\n\r\n',
  );
  while (!chunks.join('').includes('retry')) await once(socket, 'data');
  socket.pause();
  return { socket, chunks };
}

t.test('a slow client costs no memory, and loses nothing that the journal has', async (t) => {
  const { port, store } = await serve(t);
  const { socket, chunks } = await slow(port);
  const labels = Object.fromEntries(range(0, 30).map((i) => [`l${i}`, 'x'.repeat(60)]));
  const changes = (from: number) =>
    range(from, 1000).map((i) => ({
      op: 'put' as const,
      kind: 'subscribers' as const,
      spec: { ...ALICE, name: `s${String(i).padStart(6, '0')}`, labels } as never,
    }));
  const rounds = 8;
  for (let round = 0; round < rounds; round++) {
    await store.commit({ changes: changes(round * 1000) });
    await sleep(5);
  }
  t.ok(socket.bytesRead < 8_000_000, `${socket.bytesRead} bytes of some 20 million were taken by the kernel`);
  socket.resume();
  const last = `id: ${store.journal.newest}\n`;
  while (!chunks.slice(-2).join('').includes(last)) await once(socket, 'data');
  const ids = [...chunks.join('').matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
  t.same(ids, range(1, rounds * 1000));
  socket.destroy();
});

t.test('a client that falls behind the journal is told on the stream', async (t) => {
  const { port, store } = await serve(t, ':memory:', { journalEntries: 50 });
  const { socket, chunks } = await slow(port);
  const big = Object.fromEntries(range(0, 30).map((i) => [`l${i}`, 'x'.repeat(60)]));
  for (let round = 0; round < 100; round++) {
    const changes = range(0, 100).map((i) => ({
      op: 'put' as const,
      kind: 'subscribers' as const,
      spec: { ...ALICE, name: `s${round}-${i}`, labels: big } as never,
    }));
    await store.commit({ changes });
    if (round % 10 === 0) await sleep(1);
  }
  socket.resume();
  await once(socket, 'close');
  t.match(chunks.join('').slice(-500), /event: gone\ndata: \{"after":\d+,"horizon":\d+\}/);
});

t.test('there is room for so many streams, and the end of the server ends them', async (t) => {
  const { url, northbound } = await serve(t);
  const open = await Promise.all(
    range(0, API_LIMITS.streams.places).map(() =>
      fetch(`${url}/v1/events`, { headers: { accept: 'text/event-stream' } }),
    ),
  );
  const more = await fetch(`${url}/v1/events`, { headers: { accept: 'text/event-stream' } });
  t.match([more.status, await more.json()], [429, { code: 'too-many-waiters' }]);
  await open[0]?.body?.cancel();
  for (let tries = 0; tries < 100; tries++) {
    const again = await fetch(`${url}/v1/events`, { headers: { accept: 'text/event-stream' } });
    if (again.status === 200) break;
    await again.text();
    await sleep(10);
    if (tries === 99) t.fail('the place is not free again');
  }
  const before = Date.now();
  await northbound.close();
  t.ok(Date.now() - before < 4000);
});
