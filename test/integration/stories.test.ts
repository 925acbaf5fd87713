/**
 * The stories that strangers are told, as they are told: the commands of the README, and those that the help of the
 * command has, in a shell, on a real switch with a real function. Nothing is changed in them but where things are.
 */
import '../harness/ovs-netns.ts';
import { execFile } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { COMMAND, run } from '../harness/command.ts';
import { Site } from '../harness/site.ts';

const start = promisify(execFile);
const root = new URL('../../', import.meta.url).pathname;
const OVSDB = 'unix:/var/run/openvswitch/db.sock';

/** A directory with the examples, of which the switch is the one of this site, and the command as npx finds it. */
function place(t: Test, site: Site): { dir: string; path: string } {
  const dir = t.testdir({ bin: { npx: '#!/bin/sh\nexec "$@"\n' } });
  cpSync(`${root}chains`, `${dir}/chains`, { recursive: true });
  const lab = readFileSync(`${dir}/chains/lab.yaml`, 'utf8');
  writeFileSync(`${dir}/chains/lab.yaml`, lab.replace(OVSDB, site.ovs.ovsdb));
  mkdirSync(`${dir}/home`);
  writeFileSync(`${dir}/bin/chainstitch`, `#!/bin/sh\nexec ${COMMAND} "$@"\n`);
  for (const name of ['npx', 'chainstitch']) execute(`${dir}/bin/${name}`);
  return { dir, path: `${dir}/bin:${process.env['PATH']}` };
}

const execute = (file: string): void => chmodSync(file, 0o755);

t.test('what the README says', async (t) => {
  t.setTimeout(120_000);
  const site = await Site.open(t);
  const { dir, path } = place(t, site);
  const url = `http://127.0.0.1:${site.apiPort}`;
  const page = readFileSync(`${root}README.md`, 'utf8');
  const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text]) => text ?? '');
  const curls = blocks.filter((block) => block.includes('curl'));
  t.equal(curls.length, 4);
  const script = curls
    .map((block) => `${block}\necho '|' >&2\n`)
    .join('')
    .replace('http://127.0.0.1:8181', url)
    .replace(OVSDB, site.ovs.ovsdb);
  t.ok(script.includes(url) && script.includes(site.ovs.ovsdb));
  const curl = `curl() { command curl -w '%{stderr}%{http_code} ' "$@"; echo; }\n`;
  const env = { PATH: path, HOME: `${dir}/home` };
  const told = await start('bash', ['--norc', '-euc', curl + script], { cwd: dir, env });
  t.same(
    told.stderr.split('|').map((part) => part.trim()),
    ['201 201 201', '200 201', '200 200 200 200', '200 204 204 204 204', ''],
    told.stdout,
  );
  const answers = told.stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
  t.match(answers[3], { dryRun: true, plan: { instances: { start: [{ function: 'firewall' }] } } });
  t.match(answers[4], { status: { phase: 'active' } });
  t.match(answers[6], { hops: [{ hop: 'firewall-1' }], outcome: { kind: 'output', port: 's1-eth3' } });
  t.match(answers[7], { result: 'proven', subscribers: 1 });
  t.match(answers[9], { generation: 2, status: { phase: 'active' } });

  const commands = blocks.find((block) => block.includes('npx chainstitch')) ?? '';
  const cli = await start('bash', ['--norc', '-euc', commands], {
    cwd: dir,
    env: { ...env, CHAINSTITCH_URL: url },
  });
  t.match(cli.stdout, /chains\/alice-protected in force\n/);
  t.match(cli.stdout, /\noutcome: leaves at s1-eth3 of s1\n/);
  await run(['delete', 'chain', 'alice-protected', '--wait'], { env: { CHAINSTITCH_URL: url } });
  await run(['delete', '-f', 'chains/lab.yaml'], { env: { CHAINSTITCH_URL: url }, cwd: dir });

  const help = await run(['--help']);
  const story = help.out.slice(
    help.out.indexOf('The whole story:'),
    help.out.indexOf('The configuration file'),
  );
  const lines = [...story.matchAll(/^ {2}(chainstitch .*?)(?: {2,}.*)?$/gm)].map(([, line]) => line ?? '');
  t.match(lines.slice(0, 2), ['chainstitch doctor', 'chainstitch serve'], 'this one serves already');
  const rest = lines.slice(2);
  t.ok(rest.length >= 9, rest.join('\n'));
  const all = await start('bash', ['--norc', '-euc', rest.map((line) => `${line} || exit 9`).join('\n')], {
    cwd: dir,
    env: { ...env, CHAINSTITCH_URL: url },
  });
  t.equal(all.stderr, '');
  t.match(all.stdout, /switch s1: \d+ flows, then \d+[\s\S]*in force\n[\s\S]*\nproven at /);
  t.match(all.stdout, /nothing of it is left\n[\s\S]*switches\/s1 deleted\n$/);
  await site.clean(t);
});

t.test('the help of apply shows a file that can be applied', async (t) => {
  const { out } = await run(['apply', '--help']);
  const shown = out.slice(out.indexOf('between them:'), out.indexOf('`chainstitch get functions'));
  const yaml = shown.slice(shown.indexOf('\n')).replaceAll(/^ {2}/gm, '');
  const planned = await run(['plan', '--offline', '-f', '-'], { input: yaml });
  t.match(planned, { status: 0, err: '', out: /^\+ switches\/s1\n[\s\S]*\+ chains\/alice-protected\n/ });
});
