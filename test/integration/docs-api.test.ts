/** The story of docs/api.md, pasted into a shell as it stands. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import t from 'tap';
import { loadCatalogue } from '../../src/northbound/catalogue.ts';
import { createNorthbound } from '../../src/northbound/index.ts';
import { openStore } from '../../src/store/store.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { StubControl } from '../unit/northbound/support.ts';

const run = promisify(execFile);
const page = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8');

t.test('every command does what the page says', async (t) => {
  const store = openStore(':memory:');
  const northbound = createNorthbound({
    store,
    introspection: new StubControl(store),
    builtIns: loadCatalogue(new URL('../../unikernels/functions', import.meta.url).pathname),
    log: silentLog(),
    onChange: () => undefined,
  });
  t.teardown(() => northbound.close());
  const url = await northbound.listen({ host: '127.0.0.1', port: 0 });
  const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text]) => text ?? '');
  t.equal(blocks.length, 10);
  // The status of each answer goes to standard error, between the blocks a mark.
  const curl = `curl() { command curl -w '%{stderr}%{http_code} ' "$@"; }\n`;
  const script = curl + blocks.map((block) => `${block}\necho '|' >&2\n`).join('');
  const { stderr, stdout } = await run('bash', [
    '--norc',
    '-eu',
    '-c',
    script.replace('http://127.0.0.1:8181', url),
  ]);
  const statuses = stderr
    .replace(/curl: [^\n]*\n/g, '')
    .split('|')
    .map((text) => text.trim().split(/\s+/).filter(Boolean));
  t.same(statuses, [
    [],
    ['200'],
    ['200'],
    ['201', '201'],
    ['200', '412'],
    ['200', '200', '200', '200'],
    ['200'],
    ['200', '200'],
    ['204', '204'],
    ['422'],
    [],
  ]);
  t.equal(store.declared().chains.size, 0);
  t.match(stdout, /"site":"north"/);
  t.match(stdout, /event: subscribers.replaced/);
  t.match(stdout, /did you mean `name`/);
});
