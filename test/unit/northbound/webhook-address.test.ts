import fc from 'fast-check';
import t from 'tap';
import { isInternal, targetOf } from '../../../src/northbound/webhooks/address.ts';
import { setUp } from './support.ts';

const INTERNAL = [
  '127.0.0.1',
  '127.9.9.9',
  '0.0.0.0',
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '::1',
  '::',
  'fe80::1',
  'fc00::1',
  'fd12:3456::1',
  'ff02::1',
  '::ffff:127.0.0.1',
  '::ffff:8.8.8.8',
  '::127.0.0.1',
  '64:ff9b::7f00:1',
  '2002:7f00:1::',
  '2001:db8::1',
];
const PUBLIC = ['8.8.8.8', '1.1.1.1', '172.32.0.1', '100.128.0.1', '2606:4700:4700::1111', '2a00:1450::1'];
const url = (host: string): URL => new URL(`http://${host.includes(':') ? `[${host}]` : host}/hook`);
const never = async (): Promise<never> => {
  throw new Error('it asked for a name');
};

t.test('addresses that are not reached from everywhere are internal', async (t) => {
  for (const address of INTERNAL) t.ok(isInternal(address), address);
  for (const address of PUBLIC) t.notOk(isInternal(address), address);
});

t.test('a webhook goes to public addresses only', async (t) => {
  for (const address of INTERNAL) {
    await t.rejects(targetOf(url(address), false, never), { code: 'webhook-refused' }, address);
    t.match(await targetOf(url(address), true, never), { address: String }, 'unless it is allowed');
  }
  for (const address of PUBLIC) t.match(await targetOf(url(address), false, never), { address });
  // The many ways to write 127.0.0.1 in a URL.
  for (const host of ['2130706433', '0x7f.1', '0177.0.0.1', '127.1', '[::ffff:7f00:1]']) {
    await t.rejects(targetOf(new URL(`http://${host}/`), false, never), { code: 'webhook-refused' }, host);
  }
});

t.test('a name goes to an address that was looked at, and one that is internal spoils all', async (t) => {
  const asked: string[] = [];
  const resolve =
    (...addresses: string[]) =>
    async (host: string) => {
      asked.push(host);
      return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    };
  t.same(await targetOf(new URL('https://oss.example/x'), false, resolve('8.8.8.8', '1.1.1.1')), {
    address: '8.8.8.8',
    family: 4,
  });
  for (const bad of [['127.0.0.1'], ['8.8.8.8', '10.0.0.1'], ['8.8.8.8', '::1'], []]) {
    const target = targetOf(new URL('https://oss.example/x'), false, resolve(...bad));
    await t.rejects(target, { code: 'webhook-refused' }, bad.join());
  }
  t.same(new Set(asked), new Set(['oss.example']));
});

t.test('no IPv6 address that holds an internal IPv4 one passes', async (t) => {
  fc.assert(
    fc.property(
      fc.constantFrom('::ffff:', '::', '64:ff9b::', '2002:'),
      fc.integer({ min: 0, max: 0xffff }),
      (head, low) => {
        const words = `7f00:${low.toString(16)}`;
        return isInternal(head === '2002:' ? `2002:${words}::` : `${head}${words}`);
      },
    ),
  );
  t.pass();
});

t.test('webhooks as objects', async (t) => {
  const { call, store } = setUp(t);
  const hook = { name: 'w', url: 'https://oss.example/hook', secret: 'a-secret-of-16-chars' };
  const made = await call('POST', '/v1/webhooks', hook);
  t.match(made, { status: 201, body: { spec: { name: 'w', url: hook.url }, status: { deadLetters: 0 } } });
  await call(
    'PATCH',
    '/v1/webhooks/w',
    { events: { kinds: ['chains'] } },
    { 'content-type': 'application/merge-patch+json' },
  );
  const answers = await Promise.all(
    ['', '/w', '/w/history', '/w/dead-letters'].map((path) => call('GET', `/v1/webhooks${path}`)),
  );
  answers.push(await call('GET', '/v1/events'), await call('GET', '/v1/audit-log'), made);
  for (const { text, status } of answers) {
    t.ok(status < 300);
    t.notMatch(text, hook.secret, 'the secret is never shown');
  }
  t.equal(store.declared().webhooks.get('w' as never)?.spec.secret, hook.secret);
  for (const url of [
    'ftp://x/',
    'file:///etc/passwd',
    'http://user:pw@x/',
    'http://',
    '//x',
    'http://x y/',
  ]) {
    t.match(await call('PUT', '/v1/webhooks/w', { ...hook, url }), { status: 422 }, url);
  }
  t.match(await call('PUT', '/v1/webhooks/w', { ...hook, secret: 'short' }), { status: 422 });
  t.match(await call('DELETE', '/v1/webhooks/w'), { status: 204 });
  t.match(await call('GET', '/v1/webhooks/w/dead-letters'), { status: 404 });
});
