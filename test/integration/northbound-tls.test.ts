/** The whole controller with tokens and TLS, as curl meets it. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { eventually } from '../harness/ovs-eventually.ts';
import { Authority, type Credential, renew } from '../harness/pki.ts';

const run = promisify(execFile);
const main = new URL('../../src/main.ts', import.meta.url).pathname;

type Line = { readonly level: string; readonly msg: string; readonly api?: string; readonly reason?: string };
type Controller = { readonly api: string; readonly log: readonly Line[]; readonly child: ChildProcess };

/** Runs the controller as a process of its own, and waits until it is up or has ended. */
async function serve(t: Test, ...settings: readonly string[]): Promise<Controller> {
  // Names of sockets are short, and those of fixtures are long.
  const runDir = mkdtempSync(`${tmpdir()}/cs-run-`);
  t.teardown(() => rmSync(runDir, { recursive: true }));
  const places = [
    `--state-dir=${t.testdirName}/state`,
    `--run-dir=${runDir}`,
    '--openflow-port=0',
    '--api-port=0',
  ];
  const child = spawn(process.execPath, ['--no-warnings', main, ...places, ...settings], { stdio: 'pipe' });
  t.teardown(async () => {
    if (child.exitCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  });
  const log: Line[] = [];
  let rest = '';
  let said = '';
  const up = Promise.withResolvers<string>();
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines.filter((text) => text.startsWith('{'))) {
      const entry = JSON.parse(line) as Line;
      log.push(entry);
      if (entry.api !== undefined) up.resolve(entry.api);
    }
  });
  child.once('exit', (code) => up.reject(new Error(`the controller ended with ${code}: ${said}`)));
  return { api: await up.promise, log, child };
}

/** What curl says: the status and the body, or its error. */
async function curl(...args: readonly string[]): Promise<{ status: number; body: string; error: string }> {
  try {
    const { stdout } = await run('curl', ['-sS', '--max-time', '10', '-w', '\n%{http_code}', ...args]);
    const end = stdout.lastIndexOf('\n');
    return { status: Number(stdout.slice(end)), body: stdout.slice(0, end), error: '' };
  } catch (error) {
    return { status: 0, body: '', error: (error as { stderr: string }).stderr };
  }
}

const bearer = (token: string): string[] => ['-H', `authorization: Bearer ${token}`];

t.test('the first token, and what it opens', async (t) => {
  t.testdir();
  const { api, log } = await serve(t, '--auth=token');
  const file = `${t.testdirName}/state/first-token`;
  t.equal(statSync(file).mode & 0o777, 0o600);
  const admin = readFileSync(file, 'utf8').trim();
  t.equal((await curl(`${api}/v1/chains`)).status, 401);
  t.equal((await curl(`${api}/healthz`)).status, 200);
  const made = await curl(
    ...bearer(admin),
    ...['--json', '{"description":"reader","scope":"read"}', `${api}/v1/tokens`],
  );
  t.equal(made.status, 201);
  const { token, id } = JSON.parse(made.body) as { token: string; id: string };
  t.equal((await curl(...bearer(token), `${api}/v1/chains`)).status, 200);
  t.equal((await curl(...bearer(token), '-X', 'DELETE', `${api}/v1/chains/x`)).status, 403);
  t.equal((await curl(...bearer(admin), '-X', 'DELETE', `${api}/v1/tokens/${id}`)).status, 204);
  t.equal((await curl(...bearer(token), `${api}/v1/chains`)).status, 401);
  t.notMatch(JSON.stringify(log), admin.slice(-43), 'the log has no secret');
});

const tlsSettings = ({ cert, key }: Credential): string[] => [
  `--api-tls-cert=${cert}`,
  `--api-tls-key=${key}`,
];

t.test('TLS, anywhere, with certificates that are renewed while it runs', async (t) => {
  const dir = t.testdir();
  const authority = new Authority(dir, 'authority');
  const server = authority.issue('server');
  const { api, log } = await serve(t, '--auth=token', '--api-host=0.0.0.0', ...tlsSettings(server));
  const url = api.replace('0.0.0.0', '127.0.0.1');
  t.match(url, /^https:/);
  const believe = ['--cacert', authority.ca];
  const token = bearer(readFileSync(`${dir}/state/first-token`, 'utf8').trim());
  t.equal((await curl(...believe, ...token, `${url}/v1/chains`)).status, 200);
  t.match((await curl(...token, `${url}/v1/chains`)).error, /SSL certificate problem/, 'it is our authority');
  const old = ['--tls-max', '1.1', '--ciphers', 'DEFAULT@SECLEVEL=0'];
  t.match((await curl(...believe, ...old, `${url}/healthz`)).error, /curl: \(35\)/, 'TLS 1.1 is refused');
  const foreign = ['-H', 'origin: https://evil.example'];
  t.equal((await curl(...believe, ...token, ...foreign, `${url}/v1/chains`)).status, 403);
  const own = ['-H', `origin: ${url}`];
  t.equal((await curl(...believe, ...token, ...own, `${url}/v1/chains`)).status, 200);

  const lasting = connect({
    port: Number(new URL(url).port),
    host: '127.0.0.1',
    ca: readFileSync(authority.ca),
  });
  t.teardown(() => lasting.destroy());
  await once(lasting, 'secureConnect');
  writeFileSync(server.cert, 'half a certificate');
  await eventually(t, 'it is said that the new file is none', () =>
    log.some(({ msg, reason }) => /ones from before stay/.test(msg) && /no certificate/.test(reason ?? '')),
  );
  t.equal((await curl(...believe, `${url}/healthz`)).status, 200, 'the old one stays');
  const next = new Authority(dir, 'next');
  renew(server, next.issue('renewed'));
  await eventually(
    t,
    'the new one is shown',
    async () => (await curl('--cacert', next.ca, `${url}/healthz`)).status === 200,
  );
  lasting.write('GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n');
  const [answer] = (await once(lasting, 'data')) as [Buffer];
  t.match(answer.toString(), 'HTTP/1.1 200', 'a connection from before goes on');
});

t.test('callers have to show a certificate', async (t) => {
  const dir = t.testdir();
  const authority = new Authority(dir, 'authority');
  const clients = new Authority(dir, 'clients');
  const strangers = new Authority(dir, 'strangers');
  const { api } = await serve(
    t,
    '--auth=token',
    `--api-tls-client-ca=${clients.ca}`,
    ...tlsSettings(authority.issue('server')),
  );
  const believe = ['--cacert', authority.ca];
  const shown = ({ cert, key }: Credential): string[] => ['--cert', cert, '--key', key];
  const token = bearer(readFileSync(`${dir}/state/first-token`, 'utf8').trim());
  const [mine, theirs] = [shown(clients.issue('client')), shown(strangers.issue('stranger'))];
  t.equal((await curl(...believe, ...mine, ...token, `${api}/v1/chains`)).status, 200);
  t.equal((await curl(...believe, ...mine, `${api}/v1/chains`)).status, 401, 'and a token');
  t.match((await curl(...believe, ...theirs, ...token, `${api}/v1/chains`)).error, /curl: \((35|52|56)\)/);
  t.match(
    (await curl(...believe, ...token, `${api}/healthz`)).error,
    /curl: \((35|52|56)\)/,
    'also for health',
  );
});

t.test('behind a proxy, each caller is known by what the proxy says', async (t) => {
  t.testdir();
  const { api } = await serve(t, '--auth=token', '--api-behind-proxy=yes');
  const get = async (from: string): Promise<number> =>
    (await curl('-H', `x-forwarded-for: ${from}`, ...bearer('wrong'), `${api}/v1/chains`)).status;
  const statuses: number[] = [];
  while (!statuses.includes(429) && statuses.length < 60) statuses.push(await get('1.2.3.4, 192.0.2.1'));
  t.ok(statuses.includes(429), 'wrong tokens are limited');
  t.equal(await get('1.2.3.4, 192.0.2.2'), 401, 'and another caller is another one');
});

t.test('settings that would let tokens or keys out end the start', async (t) => {
  const dir = t.testdir();
  const authority = new Authority(dir, 'authority');
  const server = authority.issue('server');
  const other = authority.issue('other');
  const refusal = async (...settings: readonly string[]): Promise<string> => {
    const all = [`--state-dir=${dir}/state`, `--run-dir=${dir}/run`, ...settings];
    const child = await run(process.execPath, ['--no-warnings', main, ...all]).catch((error) => error);
    return (child as { stderr: string }).stderr;
  };
  t.match(await refusal('--api-host=0.0.0.0'), /nobody has to say who they are.*\n.*tokens would travel/);
  chmodSync(server.key, 0o640);
  t.match(await refusal(...tlsSettings(server)), /open to others \(mode 0640\): chmod 0600/);
  chmodSync(server.key, 0o600);
  copyFileSync(other.cert, `${dir}/mixed.pem`);
  t.match(await refusal(...tlsSettings({ ...server, cert: `${dir}/mixed.pem` })), /is not the key of/);
  t.match(await refusal(...tlsSettings({ ...server, cert: `${dir}/none.pem` })), /missing.*none\.pem/);
});
