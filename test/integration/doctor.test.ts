/** The doctor on a real Open vSwitch and a real QEMU, and with each thing missing. */
import '../harness/ovs-netns.ts';
import { once } from 'node:events';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import t, { type Test } from 'tap';
import { CHECKS, type Finding } from '../../src/cli/doctor.ts';
import { EXITS } from '../../src/cli/exits.ts';
import { type RunOptions, run } from '../harness/command.ts';
import { startOvs } from '../harness/ovs.ts';

type Findings = Record<string, Finding>;

async function examine(
  t: Test,
  argv: readonly string[] = [],
  env: RunOptions['env'] = {},
): Promise<Findings> {
  const dirs = [`--state-dir=${t.testdirName}/state`, `--run-dir=${t.testdirName}/run`];
  const given = dirs.filter((dir) => !argv.some((one) => one.split('=')[0] === dir.split('=')[0]));
  const ran = await run(['doctor', '-o', 'json', ...given, ...argv], { env });
  const found = JSON.parse(ran.out) as Findings;
  const isBad = Object.values(found).some(({ state }) => state === 'fail');
  t.equal(ran.status, isBad ? EXITS.findings.status : 0, ran.err);
  return found;
}

t.test('nothing is missing where the tests run', async (t) => {
  const ovs = await startOvs();
  t.teardown(() => ovs.stop());
  // This Open vSwitch listens at a place of its own.
  const dir = t.testdir({
    'ovs-appctl': `#!/bin/sh\nshift 2\nexec /usr/bin/ovs-appctl -t ${ovs.dir}/vswitchd.ctl "$@"\n`,
  });
  chmodSync(`${dir}/ovs-appctl`, 0o755);
  const env = { OVS_RUNDIR: ovs.dir, PATH: `${dir}:${process.env['PATH']}` };
  const found = await examine(t, [], env);
  t.same(Object.keys(found), Object.keys(CHECKS), 'every check has an answer');
  for (const [id, { state, found: what }] of Object.entries(found)) t.not(state, 'fail', `${id}: ${what}`);
  const text = await run(['doctor'], { env });
  t.match(text.out, /^ok {4}Node: Node \d+/);
  await ovs.vsctl('--no-wait', 'clear', 'Open_vSwitch', '.', 'datapath_types');
  t.match(await examine(t, [], env), { datapaths: { state: 'fail', found: 'none is known' } });
});

t.test('what is missing is named, with what to do', async (t) => {
  const dir = t.testdir();
  // A PATH with nothing on it but what starts the program.
  mkdirSync(`${dir}/bin`);
  for (const tool of ['sh', 'dirname', 'readlink']) symlinkSync(`/usr/bin/${tool}`, `${dir}/bin/${tool}`);
  const bare = await examine(t, [], { PATH: `${dir}/bin` });
  t.match(bare, {
    'open-vswitch': { state: 'fail', remedy: /apt-get install openvswitch-switch/ },
    'open-vswitch-runs': { state: 'fail' },
    datapaths: { state: 'fail' },
    emulator: { state: 'fail', remedy: /apt-get install qemu-system-x86/ },
    devices: { state: 'fail', remedy: /iproute2/ },
  });
  const tool = (name: string, says: string): void => {
    writeFileSync(`${dir}/bin/${name}`, `#!/bin/sh\necho '${says}'\n`);
    chmodSync(`${dir}/bin/${name}`, 0o755);
  };
  tool('ovs-vswitchd', 'ovs-vswitchd (Open vSwitch) 2.5.0');
  tool('qemu-system-x86_64', 'QEMU emulator version 9.0.0');
  const old = await examine(t, [`--image-dir=${dir}`, `--run-dir=${dir}/bin/sh/x`], { PATH: `${dir}/bin` });
  t.match(old, {
    'open-vswitch': { state: 'fail', found: /2\.5\.0/, remedy: /Version 2\.17 or later/ },
    emulator: { state: 'fail', found: /no machine microvm/ },
    images: { state: 'fail', remedy: /make -C unikernels/ },
    'run-directory': { state: 'fail', found: /sh is no directory/ },
  });
  const server = createServer().listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  t.match(await examine(t, [`--api-port=${port}`, '--openflow-host=192.0.2.1']), {
    'api-port': { state: 'warn', found: `127.0.0.1:${port} is taken` },
    'openflow-port': { state: 'fail', found: '192.0.2.1:6653: EADDRNOTAVAIL' },
  });
  t.equal((await run(['doctor', '--api-port=many'])).status, EXITS.usage.status);
});
