import { readFileSync } from 'node:fs';
import t from 'tap';
import { settingsHelp, settingsMarkdown } from '../../../src/config/document.ts';
import { loadSettings } from '../../../src/config/settings.ts';
import { SETTING_NAMES, type Surroundings } from '../../../src/config/table.ts';
import { closest } from '../../../src/model/closest.ts';
import { ChainstitchError } from '../../../src/model/errors.ts';

const user: Surroundings = {
  isRoot: false,
  packageDirectory: '/opt/chainstitch',
  workingDirectory: '/home/u',
  memoryMiB: 4000,
};
const root: Surroundings = { ...user, isRoot: true };

function refusal(argv: string[], env: Record<string, string> = {}): string {
  try {
    loadSettings(argv, env, user);
  } catch (error) {
    if (error instanceof ChainstitchError && error.code === 'bad-setting') return error.message;
    throw error;
  }
  return 'accepted';
}

t.test('defaults', async (t) => {
  t.same(loadSettings([], { PATH: '/bin' }, user), {
    apiHost: '127.0.0.1',
    apiPort: 8181,
    auth: 'none',
    apiRateLimit: 500,
    oidcIssuer: '',
    oidcAudience: '',
    oidcKeys: '',
    oidcAlgorithms: 'RS256,PS256,ES256,EdDSA',
    oidcScopeClaim: 'scope',
    oidcScopePrefix: 'chainstitch:',
    oidcTenantClaim: '',
    apiTlsCert: '',
    apiTlsKey: '',
    apiTlsClientCa: '',
    apiBehindProxy: 'no',
    switchTlsCert: '',
    switchTlsKey: '',
    switchTlsCa: '',
    openflowHost: '127.0.0.1',
    openflowPort: 6653,
    stateDir: '/home/u/state',
    runDir: '/home/u/run',
    imageDir: '/opt/chainstitch/unikernels/build',
    functionDir: '/opt/chainstitch/unikernels/functions',
    listDir: '/home/u/lists',
    interfacePrefix: 'cs',
    auditInterval: 10_000,
    drainTime: 1000,
    warmPool: '',
    instanceMemory: 3500,
    instancesPerCore: 256,
    instanceCgroup: '',
    webhookTargets: 'public',
    onStop: 'remove',
    logLevel: 'info',
  });
  t.match(loadSettings([], {}, root), { stateDir: '/var/lib/chainstitch', runDir: '/run/chainstitch' });
  t.ok(loadSettings([], {}).functionDir.endsWith('/unikernels/functions'), 'finds its own package');
});

t.test('an argument wins over the environment', async (t) => {
  const env = { CHAINSTITCH_API_PORT: '1', CHAINSTITCH_DRAIN_TIME: '2', CHAINSTITCH_URL: 'http://[::1]:1' };
  const settings = loadSettings(['--api-port=0', '--state-dir=x/../y', '--on-stop=keep'], env, user);
  t.match(settings, { apiPort: 0, drainTime: 2, stateDir: '/home/u/y', onStop: 'keep' });
});

t.test('what is not known is refused with a suggestion', async (t) => {
  t.match(refusal(['--api-prot=1']), '--api-prot: there is no such setting; did you mean --api-port?');
  t.match(refusal([], { CHAINSTITCH_LOGLEVEL: 'info' }), 'did you mean CHAINSTITCH_LOG_LEVEL?');
  t.match(refusal(['--verbose']), 'docs/settings.md has all of them');
  t.match(refusal(['api-port=1']), 'written --name=value');
  t.match(refusal(['--api-port']), 'the value is missing');
  t.match(refusal(['--api-port=1', '--api-port=2']), 'given twice');
  t.match(refusal(['--__proto__=1']), 'no such setting');
});

t.test('values are checked, and all that is wrong is said at once', async (t) => {
  const message = refusal([
    '--api-port=65536',
    '--audit-interval=5',
    '--on-stop=maybe',
    '--interface-prefix=abcde',
  ]);
  t.equal(message.split('\n').length, 4);
  t.match(message, '--api-port=65536: expected TCP port, 0 to 65535');
  t.match(message, '--on-stop=maybe: expected remove, keep');
  for (const bad of [
    '--api-port=1e3',
    '--api-port= 1',
    '--api-port=',
    '--state-dir=',
    '--openflow-host=a b',
    '--log-level=loud',
  ])
    t.match(refusal([bad]), 'expected', bad);
});

t.test('the API leaves loopback only with authentication and TLS', async (t) => {
  const tls = ['--api-tls-cert=c', '--api-tls-key=k'];
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'controller.example', '::ffff:127.0.0.1']) {
    const there = `--api-host=${host}`;
    t.match(refusal([there]), 'set --auth=token', host);
    t.match(refusal([there, ...tls]), 'set --auth=token', host);
    t.match(refusal([there, '--auth=token']), 'tokens would travel in the clear', host);
    t.equal(refusal([there, '--auth=token', ...tls]), 'accepted', host);
    t.equal(refusal([there, '--auth=token', '--api-behind-proxy=yes']), 'accepted', host);
  }
  for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost'])
    t.equal(refusal([`--api-host=${host}`]), 'accepted', host);
});

t.test('settings that go together', async (t) => {
  t.match(refusal(['--api-tls-cert=c']), '--api-tls-key is missing');
  t.match(refusal(['--switch-tls-cert=c', '--switch-tls-key=k']), '--switch-tls-ca is missing');
  t.match(refusal(['--switch-tls-ca=c']), '--switch-tls-cert and --switch-tls-key are missing');
  const issuer = '--oidc-issuer=https://login.example';
  t.match(refusal([issuer]), 'set --auth=token');
  t.match(refusal([issuer, '--auth=token']), 'set --oidc-audience');
  t.match(refusal(['--oidc-audience=x']), 'set --oidc-issuer');
  t.equal(refusal([issuer, '--auth=token', '--oidc-audience=x', '--oidc-keys=/k.json']), 'accepted');
  for (const wrong of [
    '--oidc-issuer=http://login.example',
    '--oidc-algorithms=RS256,HS256',
    '--oidc-algorithms=',
  ])
    t.match(refusal([wrong]), 'expected', wrong);
  t.match(refusal(['--api-tls-client-ca=c']), 'set --api-tls-cert');
  t.match(loadSettings(['--api-tls-cert=c', '--api-tls-key=/k'], {}, user), {
    apiTlsCert: '/home/u/c',
    apiTlsKey: '/k',
    apiTlsClientCa: '',
  });
});

t.test('docs/settings.md is what the table says', async (t) => {
  const page = readFileSync(new URL('../../../docs/settings.md', import.meta.url), 'utf8');
  t.equal(page, settingsMarkdown(), 'else: node src/config/document.ts > docs/settings.md');
  for (const name of SETTING_NAMES) t.match(settingsHelp(), `--${name}=`);
});

t.test('closest', async (t) => {
  t.equal(closest('hopz', ['hops', 'name']), 'hops');
  t.equal(closest('completely-else', ['hops', 'name']), undefined);
  t.equal(closest('', ['a', 'bcd']), 'a');
});
