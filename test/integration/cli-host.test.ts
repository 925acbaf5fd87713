/** What the command does on the host of a controller without it, and how it reaches one over TLS. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import t from 'tap';
import { EXITS } from '../../src/cli/exits.ts';
import { principalOfToken } from '../../src/northbound/auth/tokens.ts';
import { openStore } from '../../src/store/store.ts';
import { type Ran, run, serve } from '../harness/command.ts';
import { Authority } from '../harness/pki.ts';

const status = (ran: Ran): string | undefined =>
  Object.entries(EXITS).find(([, exit]) => exit.status === ran.status)?.[0];

t.test('the way back in', async (t) => {
  const { child, dir } = await serve(t, '--auth=token');
  const create = ['token', 'create', 'the way back in', '--scope', 'admin', '--offline'];
  const at = ['--state-dir', `${dir}/state`];
  const refused = await run([...create, ...at]);
  t.equal(status(refused), 'input');
  t.match(refused.err, /another process has it open; is a controller running already\?/);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const made = await run([...create, ...at]);
  t.match(made, { status: 0, err: /^token [0-9a-f]{20}, scope admin:\n$/ });
  const listed = await run(['token', 'list', '--offline', ...at]);
  const [lost = ''] = /^[0-9a-f]{20}(?=.*made at the first start$)/m.exec(listed.out) ?? [];
  t.equal((await run(['token', 'revoke', lost, '--offline', ...at])).status, 0);
  const store = openStore(`${dir}/state/chainstitch.db`);
  t.match(principalOfToken(store.tokens, made.out.trim(), new Date()), { scope: 'admin' });
  t.equal(store.tokens.all().size, 1, 'the one that was lost is good for nothing');
  t.match(store.audit.read(99, 9, () => true).records, [
    { actor: 'local', action: 'deleted', kind: 'tokens', name: lost },
    { actor: 'local', action: 'created', kind: 'tokens' },
    {},
  ]);
  store.close();
  t.equal(status(await run([...create, '--state-dir', `${dir}/none`])), 'input', 'no store is made');
});

t.test('over TLS, with a certificate of the caller', async (t) => {
  const dir = t.testdir();
  const authority = new Authority(dir, 'authority');
  const server = authority.issue('server');
  const me = authority.issue('me');
  const { url } = await serve(
    t,
    `--api-tls-cert=${server.cert}`,
    `--api-tls-key=${server.key}`,
    `--api-tls-client-ca=${authority.ca}`,
  );
  const get = (argv: readonly string[], env: Record<string, string> = {}) =>
    run(['get', 'chains', '--server', url, ...argv], { env });
  const shown = ['--ca-file', authority.ca, '--cert', me.cert, '--key', me.key];
  t.equal((await get(shown)).status, 0);
  const config = `${dir}/config.yaml`;
  writeFileSync(
    config,
    `contexts:\n  far: { server: "${url}", caFile: authority.pem, cert: me.pem, key: me.key }\n`,
  );
  const named = { CHAINSTITCH_CONFIG: config, CHAINSTITCH_CONTEXT: 'far' };
  t.equal((await run(['get', 'chains'], { env: named })).status, 0, 'files as seen from the configuration');
  const cases: [string, string[], string, RegExp][] = [
    ['an authority that is not known', [], 'unreachable', /what to do: .*--ca-file/],
    ['no certificate', ['--ca-file', authority.ca], 'unreachable', /what to do: .*--cert and --key/],
  ];
  for (const [name, argv, expected, says] of cases) {
    const ran = await get(argv);
    t.equal(status(ran), expected, name);
    t.match(ran.err, says, name);
  }
});

const chains = new URL('../../chains/', import.meta.url).pathname;

t.test('a plan without a controller', async (t) => {
  const dir = t.testdir({
    'wrong.yaml':
      'kind: chains\nspec:\n  name: c\n  subscribers: [alice]\n  hops:\n    - { function: firewall, config: { default: denied } }\n',
  });
  const offline = (...files: string[]) =>
    run(['plan', '--offline', '--exit-code', '-f', `${chains}lab.yaml`, ...files], { cwd: dir });
  const planned = await offline(`${chains}alice-protected.yaml`);
  t.equal(status(planned), 'findings', planned.err);
  t.match(
    planned.out,
    /\n\+ chains\/alice-protected\n\+ instance i1: firewall for .*alice\nswitch s1: 0 flows, then \d+\n {2}assumed ports: 1=s1-eth3 2=s1-eth1 3=s1-eth2 4=/,
  );
  t.match(planned.out, /\n {2}\+ .*in_port=2/);
  t.match(planned.out, /\nnote: No controller was asked/);
  const refused = await offline('wrong.yaml');
  t.equal(status(refused), 'refused');
  t.match(refused.err, /wrong\.yaml:6:\d+ chains\/c\/hops\/0\/config\/default: .*deny/);
});
