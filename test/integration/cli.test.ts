/**
 * The command as an operator runs it: the real program against the real API and store, with control played by
 * the test. cli-story.test.ts has the whole controller.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import t from 'tap';
import { EXITS } from '../../src/cli/exits.ts';
import type { SwitchFact } from '../../src/model/facts.ts';
import type { Dpid, InstanceId, Mac, Name, OfPort, OwnerId, PathId } from '../../src/model/ids.ts';
import type { ChainStatus } from '../../src/model/status.ts';
import { LAB, open, status } from '../harness/cli-site.ts';
import { COMMAND, run, serve } from '../harness/command.ts';

const SWITCH: SwitchFact = {
  dpid: '0000000000000001' as Dpid,
  connection: 'disconnected',
  protocol: 'OpenFlow 1.5',
  ports: new Map([
    ['s1-eth1', { name: 's1-eth1', ofport: 1 as OfPort, mac: '00:00:00:00:01:00' as Mac, linkUp: true }],
  ]),
  rejections: [
    { owner: 1 as OwnerId, digest: 'd', reason: 'OFPBAC_BAD_OUT_PORT', flow: 'table=0,actions=output:9' },
  ],
  problem: 'its server is not there\x1b[31m',
};
const STATUS: ChainStatus = {
  uid: 5,
  phase: 'pending',
  observedGeneration: 1,
  conditions: [
    { type: 'SubscribersReady', status: true, reason: 'Attached', message: '1 subscriber attached.' },
    { type: 'PathsRouted', status: true, reason: 'Routed', message: '1 path over 1 switch.' },
    {
      type: 'InstancesReady',
      status: false,
      reason: 'InstanceStarting',
      message: 'Instance i1 is starting.',
    },
  ],
  paths: [
    {
      subscriber: 'alice' as Name,
      subscribers: 1,
      path: 1 as PathId,
      hops: [
        {
          hop: 'firewall-1',
          function: 'firewall' as Name,
          onFailure: 'closed',
          instance: 'i1' as InstanceId,
          phase: 'starting',
          restarts: 0,
        },
      ],
    },
  ],
};
const DESCRIBED = `
Status
  pending, of generation 1

Conditions
  TYPE              HOLDS  REASON            MESSAGE
  SubscribersReady  yes    Attached          1 subscriber attached.
  PathsRouted       yes    Routed            1 path over 1 switch.
  InstancesReady    no     InstanceStarting  Instance i1 is starting.

Paths
  SUBSCRIBER  PATH  HOP         FUNCTION  INSTANCE  PHASE     RESTARTS  ON-FAILURE
  alice       1     firewall-1  firewall  i1        starting  0         closed
`;
t.test('from declaration to deletion', async (t) => {
  const { cli, dir, control } = await open(t);
  const made = await cli(['apply', '-f', 'lab.yaml', 'chain.yaml']);
  t.equal(
    made.out,
    'switches/s1 created\nuplinks/core created\nsubscribers/alice created\nsubscribers/bob created\n' +
      'chains/alice-protected created\n',
    'what others need is declared first',
  );
  t.match(made, { status: 0, err: '' });

  const again = await cli(['apply', '-f', '.']);
  t.equal(again.out.match(/ unchanged$/gm)?.length, 5, again.out + again.err);

  const subscribers = await cli(['get', 'subscribers']);
  t.equal(
    subscribers.out,
    `NAME   SWITCH  PORT     MAC                ADDRESSES  LABELS
alice  s1      s1-eth1  00:00:00:00:00:01  10.0.0.1   plan=gold
bob    s1      s1-eth2  00:00:00:00:00:02  -          -
`,
  );
  control.switches.set(SWITCH.dpid, SWITCH);
  t.equal(
    (await cli(['get', 'sw', 's1'])).out,
    `NAME  DPID              CONNECTION    PROTOCOL      CONFIRMED  PORTS  PROBLEM
s1    0000000000000001  disconnected  OpenFlow 1.5  no         1      its server is not there?[31m
`,
    'what a switch says does not steer a terminal',
  );
  control.statuses.set('alice-protected', STATUS);
  t.equal(
    (await cli(['get', 'chains'])).out,
    `NAME             PHASE    GENERATION  FOR    HOPS      MISSING
alice-protected  pending  1           alice  firewall  Instance i1 is starting.
`,
  );
  t.equal((await cli(['get', 'sub', '-l', 'plan=gold', '-o', 'name'])).out, 'subscribers/alice\n');
  t.equal((await cli(['get', 'sub', '-l', '!plan', '-o', 'name'])).out, 'subscribers/bob\n');
  t.match(JSON.parse((await cli(['get', 'chain', 'alice-protected', '-o', 'json'])).out), {
    generation: 1,
    spec: { name: 'alice-protected' },
  });
  t.match(JSON.parse((await cli(['get', 'chains', '-o', 'json'])).out), { items: [{ generation: 1 }] });
  const described = await cli(['describe', 'chain', 'alice-protected']);
  t.equal(described.out.slice(described.out.indexOf('\nStatus')), DESCRIBED);
  t.match(
    (await cli(['describe', 'sub', 'alice'])).out,
    /Chain\n {2}alice-protected, pending\n\nUpstream\n {2}firewall-1 \(i1, starting\)/,
  );
  t.match(
    (await cli(['describe', 'switch', 's1'])).out,
    /Ports\n.*\n {2}1 {5}s1-eth1 {2}00:00:00:00:01:00 {2}up\n\nRefused flows\n.*\n {2}OFPBAC_BAD_OUT_PORT {2}table=0/,
  );
  t.match((await cli(['describe', 'fn', 'firewall'])).out, /It comes with the product/);

  const yaml = (await cli(['get', 'chain', 'alice-protected', '-o', 'yaml'])).out;
  writeFileSync(`${dir}/chain.yaml`, yaml.replace('default: deny', 'default: allow'));
  t.match(await cli(['apply', '-f', 'chain.yaml']), { status: 0, out: 'chains/alice-protected changed\n' });
  t.match(await cli(['apply', '-f', '-'], { input: yaml }), { out: 'chains/alice-protected changed\n' });

  const audited = await cli(['audit']);
  t.equal(status(audited), 'findings');
  t.match(
    audited.out,
    /^violated at \S+: 2 subscribers in chains, 31 classes of packets\nbypass at s1 \(alice upstream\): .*\n {2}packets: in_port=1\n {2}cookie=0xbad/,
  );
  t.match(JSON.parse((await cli(['audit', '--last', '-o', 'json'])).out), { result: 'violated' });

  t.equal(status(await cli(['delete', 'switch', 's1'])), 'conflict', 'others need it');
  control.remaining = [{ path: 7, switch: 's1', phase: 'draining', instances: [] }] as never;
  const waited = await cli(['delete', 'chain', 'alice-protected', '--wait', '200ms']);
  t.equal(status(waited), 'not-in-force', 'it is deleted, and not gone');
  await cli(['apply', '-f', '-'], { input: yaml });
  t.match(await cli(['delete', 'chain', 'alice-protected']), {
    status: 0,
    out: 'chains/alice-protected deleted\n',
    err: '  still there: path 7 on s1 (draining)\n',
  });
  control.remaining = [];
  await cli(['apply', '-f', '-'], { input: yaml });
  t.match(await cli(['delete', 'chain', 'alice-protected', '--wait']), {
    status: 0,
    out: 'chains/alice-protected deleted, and nothing of it is left\n',
  });
  await cli(['apply', '-f', '-'], { input: yaml });
  const gone = await cli(['delete', '-f', 'lab.yaml', '-f', 'chain.yaml']);
  t.match(gone, {
    status: 0,
    out: 'chains/alice-protected deleted\nsubscribers/bob deleted\nsubscribers/alice deleted\nuplinks/core deleted\nswitches/s1 deleted\n',
  });
  t.equal(status(await cli(['delete', 'switch', 's1'])), 'not-found');
  t.match(await cli(['delete', 'switch', 's1', '--ignore-missing']), { status: 0 });
  t.match(await cli(['get', 'chains']), { status: 0, out: '', err: 'There are no chains.\n' });
});

t.test('which controller is meant', async (t) => {
  const { url, dir } = await open(t);
  const get = (env: Record<string, string>, ...argv: string[]) => run(['get', 'fn', ...argv], { env });
  t.match(await get({}, '--server', 'http://127.0.0.1:1'), { status: EXITS.unreachable.status });
  t.equal(
    (await get({ CHAINSTITCH_URL: 'http://127.0.0.1:1' }, '--server', url)).status,
    0,
    'an option wins',
  );
  const config = `${dir}/config.yaml`;
  const env = { CHAINSTITCH_CONFIG: config };
  t.equal(status(await get(env)), 'usage', 'a file that is named has to be there');
  writeFileSync(
    config,
    `context: far\ncontexts:\n  far: { server: "http://127.0.0.1:1" }\n  near: { server: "${url}" }\n`,
  );
  t.equal(status(await get(env)), 'unreachable');
  t.equal((await get(env, '--context', 'near')).status, 0);
  t.equal((await get({ ...env, CHAINSTITCH_CONTEXT: 'near' })).status, 0);
  t.match((await get(env, '--context', 'here')).err, /no context here; there are: far, near/);
  writeFileSync(config, 'contexts:\n  far: { sever: x }\ncontext: far\n');
  t.match((await get(env)).err, /unknown field `sever`; did you mean `server`\?/);
  const home = `${dir}/home`;
  mkdirSync(`${home}/.config/chainstitch`, { recursive: true });
  writeFileSync(
    `${home}/.config/chainstitch/config.yaml`,
    `context: near\ncontexts:\n  near: { server: "${url}" }\n`,
  );
  t.equal((await get({ HOME: home })).status, 0);
});

t.test('a controller that does not answer, and one that is none', async (t) => {
  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  const other = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end('HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nhi');
  }).listen(0, '127.0.0.1');
  await Promise.all([once(silent, 'listening'), once(other, 'listening')]);
  t.teardown(() => [silent, other].map((server) => server.close()));
  const at = (server: typeof silent): string =>
    `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  const late = await run(['get', 'chains', '--server', at(silent), '--timeout', '200ms']);
  t.equal(status(late), 'unreachable');
  t.match(late.err, /did not answer within 0.2 s/);
  t.match((await run(['get', 'chains', '--server', at(other)])).err, /is not a chainstitch controller/);
});

t.test('pipes and colours', async (t) => {
  const { cli, url, control } = await open(t);
  await cli(['apply', '-f', 'lab.yaml']);
  control.switches.set(SWITCH.dpid, SWITCH);
  // A reader that goes away before anything is written to it.
  const child = spawn('sh', ['-c', `"${COMMAND}" get functions -o json | true; echo "\${PIPESTATUS:-}"`], {
    env: { ...process.env, CHAINSTITCH_URL: url },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  await new Promise((resolve) => child.once('close', resolve));
  t.equal(err, '', 'it says nothing of it');
  const sequence = '\x1b[';
  t.notOk((await cli(['get', 'switches'])).out.includes(sequence), 'no colours into a pipe');
  const forced = await cli(['get', 'switches'], { env: { FORCE_COLOR: '1' } });
  t.ok(forced.out.includes(`${sequence}31mdisconnected`), 'where they are asked for');
  const without = await cli(['get', 'switches'], { env: { NO_COLOR: '1' } });
  t.notOk(without.out.includes(sequence), 'NO_COLOR');
});

t.test('completion', async (t) => {
  const { cli, url } = await open(t);
  await cli(['apply', '-f', 'lab.yaml']);
  const complete = async (...words: string[]) =>
    (await cli(['__complete', '--', ...words])).out.trim().split('\n');
  t.same(await complete('get', 'subscribers', 'alice', 'b'), ['bob']);
  t.same(await complete('get', 'nothing', ''), [''], 'an error is no answer');
  const bash = await cli(['completion', 'bash']);
  const script = `${bash.out}\nCOMP_WORDS=(chainstitch get subscribers a); COMP_CWORD=3; _chainstitch; echo "\${COMPREPLY[@]}"`;
  const bin = COMMAND.replace(/\/chainstitch$/, '');
  const shell = spawn('bash', ['-c', script], {
    env: { PATH: `${bin}:${process.env['PATH']}`, CHAINSTITCH_URL: url },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let answer = '';
  for await (const chunk of shell.stdout.setEncoding('utf8')) answer += chunk;
  t.equal(answer, 'alice\n', 'in bash itself');
});

t.test('the program finds a Node that can run it, or says that it needs one', async (t) => {
  const dir = t.testdir({ bin: {}, fake: { node: '#!/bin/sh\necho v20.19.0\n' } });
  copyFileSync(COMMAND, `${dir}/bin/chainstitch`);
  chmodSync(`${dir}/fake/node`, 0o755);
  const start = (env: Record<string, string>) =>
    new Promise<{ code: number | null; err: string }>((resolve) => {
      const child = spawn(`${dir}/bin/chainstitch`, ['version'], {
        env: { PATH: `${dir}/fake:/usr/bin:/bin`, ...env },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let err = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        err += text;
      });
      child.once('close', (code) => resolve({ code, err }));
    });
  const lacking = await start({});
  t.equal(lacking.code, 127);
  t.match(lacking.err, /Node 24 or later is needed, and the one on the PATH is: v20.19.0/);
  const given = await start({ CHAINSTITCH_NODE: process.execPath });
  t.match(given.err, /Cannot find module/, 'that one is started, and only lacks the program here');
});

t.test('help needs no controller, and names every command', async (t) => {
  const { out, status } = await run(['--help']);
  t.equal(status, 0);
  const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
  for (const [, name = ''] of page.matchAll(/^## chainstitch (\S+)/gm)) {
    t.match(out, new RegExp(`^  ${name} `, 'm'), name);
    const help = await run([name, '--help']);
    t.match(help, { status: 0, err: '' }, name);
    t.match(help.out, /Examples:/, name);
  }
});

t.test('who calls', async (t) => {
  const { url, dir } = await serve(t, '--auth=token');
  const as = (argv: string[], env: Record<string, string> = {}) =>
    run([...argv, '--server', url], { env, cwd: dir });
  t.equal(status(await as(['get', 'chains'])), 'denied', 'nobody');
  const admin = `${dir}/state/first-token`;
  t.equal((await as(['get', 'chains', '--token-file', admin])).status, 0, 'by a file');
  t.equal((await as(['get', 'chains'], { CHAINSTITCH_TOKEN_FILE: admin })).status, 0);
  t.equal((await as(['get', 'chains'], { CHAINSTITCH_TOKEN: readFileSync(admin, 'utf8') })).status, 0);
  const made = await as(['token', 'create', 'a reader', '--days', '1', '--token-file', admin]);
  t.match(made, { status: 0, err: /^token [0-9a-f]{20}, scope read:\n$/ });
  writeFileSync(`${dir}/reader`, made.out);
  t.equal((await as(['get', 'chains', '--token-file', 'reader'])).status, 0);
  t.equal(status(await as(['token', 'list', '--token-file', 'reader'])), 'denied');
  const listed = await as(['token', 'list', '--token-file', admin]);
  t.match(listed.out, /^ID .*\n.*admin.*\n[0-9a-f]{20} {2}read {3}all {5}\d{4}-.* a reader\n$/);
  t.notOk(listed.out.includes(made.out.trim()), 'the secret is not shown again');
  const [, id = ''] = /^token (\w+)/.exec(made.err) ?? [];
  t.equal((await as(['token', 'revoke', id, '--token-file', admin])).status, 0);
  t.equal(status(await as(['get', 'chains', '--token-file', 'reader'])), 'denied', 'at once');
  t.equal(status(await as(['get', 'chains', '--token-file', 'none'])), 'usage');
  t.equal(status(await as(['get', 'chains'], { CHAINSTITCH_TOKEN: 'two words' })), 'usage');
  t.equal(status(await as(['token', 'create', 'x', '--days', 'many', '--token-file', admin])), 'usage');
});

t.test('serve is the controller', async (t) => {
  const { url, child } = await serve(t);
  t.match(await run(['get', 'functions', '--server', url]), { status: 0, out: /firewall/ });
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  t.equal(code, 0, 'ended in good order');
  t.match((await run(['serve', '--help'])).out, /--api-port/, 'with the settings of the controller');
  t.match(await run(['serve', '--api-prot=1']), {
    status: EXITS.usage.status,
    err: /did you mean --api-port/,
  });
  const refused = await run([
    'serve',
    '--api-port=0',
    '--openflow-port=0',
    `--run-dir=/tmp/${'x'.repeat(100)}`,
    `--state-dir=${t.testdir()}`,
  ]);
  t.match(refused, { status: EXITS.usage.status, err: /too long/ }, 'it does not hold on to what it began');
});

t.test('what happened and what happens', async (t) => {
  const { cli, url } = await open(t);
  const child = spawn(COMMAND, ['events', '-w', '-o', 'json', '--server', url], {
    env: { PATH: process.env['PATH'] ?? '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  let heard = '';
  const until = (pattern: RegExp) =>
    new Promise<void>((resolve) => {
      const look = (): void => {
        if (pattern.test(heard)) resolve();
      };
      child.stdout.on('data', look);
      look();
    });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    heard += text;
  });
  // It hears from when it listens on: something happens until it does.
  let stop = false;
  const busy = (async () => {
    for (let i = 0; !stop; i++) {
      await cli(['apply', '-f', '-'], { input: LAB.replace('plan: gold', `plan: p${i}`) });
    }
  })();
  await until(/"kind":"subscribers","name":"alice"/);
  stop = true;
  await busy;
  child.kill('SIGTERM');
  const told = await cli(['events']);
  t.match(told.out, /^\S+Z 1 switches\/s1 created generation 1 by local\n/);
  t.match((await cli(['events', '--kind', 'uplink', '-o', 'json'])).out, /^\{"seq":2,.*"name":"core".*\}\n$/);
  t.equal((await cli(['events', '--types', 'deleted'])).out, '');
  t.equal(status(await cli(['events', '--types', 'x'])), 'refused');
  t.equal(status(await cli(['events', '-w', '--after', '999999', '--kind', 'no'])), 'usage');
  t.equal(status(await run(['events', '-w', '--server', 'http://127.0.0.1:1'])), 'unreachable');
});
