/** What tokens open over real connections: streams that end with them, and strangers who open nothing. */
import { once } from 'node:events';
import { connect } from 'node:net';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import type { Name } from '../../src/model/ids.ts';
import type { Store } from '../../src/model/interfaces.ts';
import type { Scope } from '../../src/model/tokens.ts';
import { createToken } from '../../src/northbound/auth/tokens.ts';
import { createNorthbound } from '../../src/northbound/index.ts';
import { openStore } from '../../src/store/store.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { ALICE, StubControl } from '../unit/northbound/support.ts';

async function serve(t: Test): Promise<{ store: Store; url: string; port: number }> {
  const store = openStore(':memory:');
  const northbound = createNorthbound({
    store,
    introspection: new StubControl(store),
    builtIns: [],
    log: silentLog(),
    onChange: () => undefined,
    authentication: { by: 'token' },
  });
  t.teardown(async () => {
    await northbound.close();
    store.close();
  });
  const url = await northbound.listen({ host: '127.0.0.1', port: 0 });
  return { store, url, port: Number(new URL(url).port) };
}

function tokenOf(store: Store, scope: Scope, tenant?: string) {
  const whose = tenant === undefined ? {} : { tenant: tenant as Name };
  return createToken(store.tokens, { description: 'x', scope, ...whose }, 'test', new Date());
}

const create = (store: Store, name: string) => store.create('subscribers', { ...ALICE, name } as never);

t.test('a stream tells a tenant of its own, and ends with the token', async (t) => {
  const { store, url } = await serve(t);
  const { record, token } = tokenOf(store, 'read', 'acme');
  const headers = { accept: 'text/event-stream', authorization: `Bearer ${token}` };
  const response = await fetch(`${url}/v1/events`, { headers });
  t.equal(response.status, 200);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  let told = '';
  const until = async (what: string): Promise<void> => {
    while (!told.includes(what)) {
      const { done, value } = await reader.read();
      if (done) throw new Error(`it ended before ${what}: ${told}`);
      told += Buffer.from(value).toString();
    }
  };
  create(store, 'beta.bob');
  create(store, 'carol');
  create(store, 'acme.alice');
  await until('acme.alice');
  store.tokens.remove(record.id);
  create(store, 'acme.late');
  for (let end = await reader.read(); !end.done; end = await reader.read())
    told += Buffer.from(end.value).toString();
  t.notMatch(told, /beta|bob|carol|late/);
});

t.test('whatever a stranger says, nothing opens and nothing breaks', async (t) => {
  const { store, url } = await serve(t);
  const { token } = tokenOf(store, 'admin');
  create(store, 'acme.alice');
  const before = store.declared();
  const visible = fc.string({
    unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
    maxLength: 300,
  });
  const nearly = fc
    .tuple(fc.integer({ min: 0, max: token.length - 1 }), fc.constantFrom('0', 'a', 'Z', '_', '-', ''))
    .map(([at, other]) => token.slice(0, at) + other + token.slice(at + 1))
    .filter((text) => text !== token);
  const credentials = fc.oneof(
    visible.map((text) => `Bearer ${text}`),
    nearly.map((text) => `Bearer ${text}`),
    visible,
    fc.constantFrom(
      '',
      'Bearer',
      'Bearer  ',
      'bearer x y',
      `Basic ${Buffer.from(`a:${token}`).toString('base64')}`,
    ),
  );
  const path = fc.constantFrom(
    '/v1/chains',
    '/v1/subscribers/acme.alice',
    '/v1/tokens',
    '/v1/apply',
    '/v1/audit-log',
    '/v1/x',
    '/metrics',
  );
  const method = fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND');
  await fc.assert(
    fc.asyncProperty(credentials, path, method, async (authorization, where, how) => {
      const response = await fetch(`${url}${where}`, { method: how, headers: { authorization } });
      const text = await response.text();
      return [401, 429].includes(response.status) && !text.includes('acme');
    }),
    { numRuns: 300 },
  );
  t.equal(store.declared(), before);
  const { status } = await fetch(`${url}/v1/chains`, { headers: { authorization: `Bearer ${token}` } });
  t.equal(status, 200, 'and who has the token gets in, after all that');
});

t.test('a body is not read before its sender is known', async (t) => {
  const { port } = await serve(t);
  const socket = connect(port, '127.0.0.1');
  socket.write(
    'POST /v1/apply HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n',
  );
  const [answer] = (await once(socket, 'data')) as [Buffer];
  t.match(answer.toString(), 'HTTP/1.1 401', 'not one byte of it was sent');
  socket.destroy();
});
