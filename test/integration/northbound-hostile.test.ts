/**
 * Bodies that are made to hurt, over real connections and on every route that takes one: each is refused with an answer
 * of the contract, none changes anything, and none leaves anything in memory.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { API_LIMITS } from '../../src/model/limits.ts';
import { contract } from '../../src/northbound/contract.ts';
import { createNorthbound } from '../../src/northbound/index.ts';
import { openStore } from '../../src/store/store.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { contractBreaches, StubControl } from '../unit/northbound/support.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const fill = (unit: string, bytes: number): Buffer =>
  Buffer.from(unit.repeat(Math.floor(bytes / Buffer.byteLength(unit))));
const text = (value: string): Buffer => Buffer.from(value);

/** For every route. */
const SMALL: Readonly<Record<string, Buffer>> = {
  'bytes that are no UTF-8': Buffer.concat([
    text('{"name":"'),
    Buffer.from([0xc3, 0x28, 0xff, 0xfe]),
    text('"}'),
  ]),
  'an overlong slash': Buffer.concat([text('{"name":"'), Buffer.from([0xc0, 0xaf]), text('"}')]),
  'half a character': text('{"name":"\\ud800"}'),
  'nothing but NUL': Buffer.alloc(1000),
  'lists in lists': fill('[', 10_000),
  'objects in objects': fill('{"a":', 10_000),
  'a prototype': text('{"__proto__":{"polluted":true},"name":"x"}'),
  'a constructor': text('{"constructor":{"prototype":{"polluted":true}},"name":"x"}'),
  'a name given twice': text('{"name":"x","name":"y"}'),
  'a number without end': text(`{"name":1${'0'.repeat(10_000)}}`),
  'one long text': text(`{"name":"${'x'.repeat(API_LIMITS.bodyBytes - 100)}"}`),
  'more than there may be': text(`{"name":"${'x'.repeat(API_LIMITS.applyBytes + 10)}"}`),
};
/** For the route that takes most, each as large as it may be. */
const LARGE: readonly (readonly ['json' | 'yaml', Buffer])[] = [
  ['json', fill('[', API_LIMITS.applyBytes)],
  ['json', fill('{"a":', API_LIMITS.applyBytes)],
  ['json', text(`{${Array.from({ length: 80_000 }, (_, i) => `"n${i}":0`).join()}}`)],
  ['json', text(`{"items":[${'0,'.repeat(500_000)}0]}`)],
  ['json', text(`{"items":"${'x'.repeat(1_000_000)}"}`)],
  ...['- ', '? ', '&a ', '{', '"', 'a: |\n', '---\n'].map(
    (unit) => ['yaml', fill(unit, API_LIMITS.yamlBytes)] as const,
  ),
  ['yaml', fill('# \n', API_LIMITS.yamlBytes + 10)],
];

/** Every route that takes a body, with names that nothing has, and the type of body that it takes first. */
const ROUTES = Object.entries(contract.paths).flatMap(([path, item]) =>
  ['post', 'put', 'patch'].flatMap((method) => {
    const operation = item[method] as { requestBody?: object } | undefined;
    if (operation?.requestBody === undefined) return [];
    const type = method === 'patch' ? 'application/merge-patch+json' : 'application/json';
    return [{ method: method.toUpperCase(), path: path.replace(/\{\w+\}/g, 'x'), type }];
  }),
);

t.test('on every route', async (t) => {
  const store = openStore(':memory:');
  const northbound = createNorthbound({
    store,
    introspection: new StubControl(store),
    builtIns: [],
    log: silentLog(),
    onChange: () => undefined,
  });
  t.teardown(() => northbound.close());
  const url = await northbound.listen({ host: '127.0.0.1', port: 0 });
  const send = async (method: string, path: string, type: string, body: Buffer): Promise<string[]> => {
    const response = await fetch(url + path, { method, headers: { 'content-type': type }, body });
    const value = (await response.json()) as never;
    const { status } = response;
    const breaches = contractBreaches(method, path, status, 'application/problem+json', value);
    return status >= 400 && status < 500 ? breaches : [`status ${status}`, ...breaches];
  };
  const round = async (routes: typeof ROUTES): Promise<string[]> => {
    const faults: string[] = [];
    for (const { method, path, type } of routes) {
      for (const [name, body] of Object.entries(SMALL)) {
        const found = await send(method, path, type, body);
        faults.push(...found.map((fault) => `${method} ${path}, ${name}: ${fault}`));
      }
    }
    for (const [type, body] of LARGE) {
      const found = await send('POST', '/v1/apply', `application/${type}`, body);
      faults.push(...found.map((fault) => `${type} ${body.subarray(0, 20)}: ${fault}`));
    }
    return faults;
  };
  t.ok(ROUTES.length > 15, `${ROUTES.length} routes`);
  t.same(await round(ROUTES), [], 'each is refused');
  collect();
  const before = process.memoryUsage().heapUsed;
  t.same(await round(ROUTES.slice(0, 4)), []);
  collect();
  const grown = (process.memoryUsage().heapUsed - before) / 1e6;
  t.ok(grown < 16, `${grown.toFixed(1)} MB are left of a round that sent some 10 MB`);
  t.equal(({} as { polluted?: boolean }).polluted, undefined);
  t.equal(store.declared().revision, 0, 'nothing was changed');
});
