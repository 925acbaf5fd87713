/** The page at /docs in a real browser: it shows every operation, and nothing that its policy forbids is asked for. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { contract } from '../../src/northbound/contract.ts';
import { createNorthbound } from '../../src/northbound/index.ts';
import { openStore } from '../../src/store/store.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { StubControl } from '../unit/northbound/support.ts';

const CHROMIUM = '/usr/bin/chromium';
const run = promisify(execFile);

async function serve(t: Test): Promise<string> {
  const store = openStore(':memory:');
  const northbound = createNorthbound({
    store,
    introspection: new StubControl(store),
    builtIns: [],
    log: silentLog(),
    onChange: () => undefined,
  });
  t.teardown(() => northbound.close());
  return northbound.listen({ host: '127.0.0.1', port: 0 });
}

t.test('the page and its files come from here, with a policy that allows nothing else', async (t) => {
  const url = await serve(t);
  const page = await fetch(`${url}/docs`);
  const policy = page.headers.get('content-security-policy') ?? '';
  t.match(policy, /default-src 'none'/);
  t.notMatch(policy, /https?:|\*|unsafe-eval|script-src[^;]*unsafe/);
  const text = await page.text();
  t.notMatch(text, /<script>|https?:/, 'nothing inline, and nothing from elsewhere');
  const files = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? '');
  t.equal(files.length, 3);
  for (const file of files) t.equal((await fetch(url + file)).status, 200, file);
  for (const file of ['package.json', '__proto__', '..%2fpackage.json', 'toString']) {
    t.equal((await fetch(`${url}/docs/${file}`)).status, 404, file);
  }
});

t.test(
  'a browser shows every part of the contract',
  { skip: !existsSync(CHROMIUM) && 'chromium is not installed; lab/setup.sh does it' },
  async (t) => {
    const url = await serve(t);
    const words = ['--headless=new', '--no-sandbox', '--disable-gpu', '--virtual-time-budget=20000'];
    const { stdout, stderr } = await run(
      CHROMIUM,
      [...words, '--enable-logging=stderr', '--dump-dom', `${url}/docs`],
      { maxBuffer: 50_000_000, timeout: 50_000 },
    );
    const tags = (contract as unknown as { tags: { name: string }[] }).tags.map(({ name }) => name);
    const shown = [...stdout.matchAll(/id="operations-tag-([^"]+)"/g)].map(([, name]) => name);
    t.same(shown.sort(), tags.sort());
    t.notMatch(stdout, /class="errors|class="loading-container/);
    t.notMatch(stderr, /CONSOLE.*(Content Security Policy|Refused|Uncaught)/);
  },
);
