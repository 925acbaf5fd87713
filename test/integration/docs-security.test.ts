/** docs/security.md, pasted into a shell as it stands, with a real controller, openssl and an issuer that signs. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import t, { type Test } from 'tap';
import { COMMAND } from '../harness/command.ts';

const run = promisify(execFile);
const page = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');

/** Shows its keys, and gives a token of scope read to whoever asks for one. */
async function issuer(t: Test): Promise<string> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const keys = [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' }];
  const server = createServer(async (request, response) => {
    const sign = () =>
      new SignJWT({ iss: url, aud: 'chainstitch', sub: 'oss', scope: 'chainstitch:read' })
        .setProtectedHeader({ alg: 'ES256', kid: 'one' })
        .setExpirationTime('5m')
        .sign(privateKey);
    const answers: Record<string, () => object | Promise<object>> = {
      '/.well-known/openid-configuration': () => ({ issuer: url, jwks_uri: `${url}/keys` }),
      '/keys': () => ({ keys }),
      '/token': async () => ({ access_token: await sign(), token_type: 'Bearer', expires_in: 300 }),
    };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(await answers[request.url ?? '']?.()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return url;
}

/** A port that was free a moment ago: the page names one, so it cannot be left to the system. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '0.0.0.0');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

t.test('every command does what the page says', async (t) => {
  const dir = mkdtempSync(`${tmpdir()}/cs-security-`);
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const [url, port] = [await issuer(t), await freePort()];
  const places: [string, string][] = [
    ['/etc/chainstitch', `${dir}/etc`],
    ['/var/lib/chainstitch', `${dir}/state`],
    ['https://login.example', url],
    ['8181', String(port)],
  ];
  const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text]) => text ?? '');
  t.equal(blocks.length, 6);
  const adapt = (text: string): string => places.reduce((all, [from, to]) => all.replaceAll(from, to), text);
  // The status of each answer goes to standard error, between the blocks a mark; what is tried again has no say.
  const curl = `curl() { command curl -w '%{stderr}<%{http_code}>' "$@"; }\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n`;
  const script = curl + blocks.map((block) => `${adapt(block)}\necho '<|>' >&2\n`).join('');
  const { stderr } = await run('bash', ['--norc', '-eu', '-c', `mkdir ${dir}/etc\n${script}`], {
    cwd: dir,
    env: {
      PATH: `${dirname(COMMAND)}:${process.env['PATH']}`,
      HOME: dir,
      CHAINSTITCH_STATE_DIR: `${dir}/state`,
      CHAINSTITCH_RUN_DIR: `${dir}/run`,
      CHAINSTITCH_OPENFLOW_PORT: '0',
      CHAINSTITCH_API_PORT: String(port),
    },
    timeout: 55_000,
  });
  const statuses = [...stderr.matchAll(/<(\d{3}|\|)>/g)].map(([, status]) => status).join(' ');
  t.equal(
    statuses.replaceAll(/(000 )+200/g, '200'),
    '200 401 200 | 201 201 200 200 | | 200 200 | 200 200 000 | 200 200 200 200 |',
    stderr,
  );
});
