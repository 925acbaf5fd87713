/**
 * Limits by cgroup v2. Whether the controllers of memory, processor time and tasks can be had depends on the host: where
 * cgroup v1 has them, what is written is looked at in a plain directory, and the rest runs on the host's real cgroup v2,
 * with bounds that need no controller.
 */
import '../harness/ovs-netns.ts';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { InstanceId } from '../../src/model/ids.ts';
import { findCgroups } from '../../src/nf/cgroup.ts';
import { findProcess } from '../../src/nf/process.ts';
import { eventually } from '../harness/ovs-eventually.ts';
import { factOf, makeImages, testInBothWorlds } from './nf-world.ts';

makeImages('counter');
const ID = 'i1' as InstanceId;

/** A cgroup of the host's own hierarchy, for this test alone; it is mounted where nobody else sees it. */
function ownCgroup(t: Test): string {
  const mounted = mkdtempSync(join(tmpdir(), 'cs-cgroup-'));
  execFileSync('mount', ['-t', 'cgroup2', 'none', mounted]);
  const own = join(mounted, `chainstitch-test-${process.pid}`);
  mkdirSync(own);
  t.teardown(() => {
    rmdirSync(own);
    execFileSync('umount', [mounted]);
    rmdirSync(mounted);
  });
  return own;
}

t.test('a program is in its cgroup from its first moment, and goes with it', async (t) => {
  const parent = ownCgroup(t);
  const sample = { 'cgroup.max.descendants': '0' };
  const found = findCgroups(parent, '/run/a', sample);
  if (found.is !== 'there') throw new Error(found.why);
  const { cgroups } = found;
  cgroups.make(ID, sample);
  const { program, args } = cgroups.inside(ID, {
    program: 'sh',
    args: ['-c', 'cat /proc/self/cgroup; sleep 600 & echo up; wait'],
  });
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (bytes) => {
    said += bytes;
  });
  await eventually(t, 'it runs', () => /up/.test(said));
  t.match(said, new RegExp(`^0::.*/chainstitch-test-${process.pid}/instances-[0-9a-f]{8}/i1$`, 'm'));
  t.throws(() => mkdirSync(join(cgroups.directory, ID, 'more')), { code: 'EAGAIN' }, 'the limit is in force');
  cgroups.retain(new Set([ID]));
  t.ok(existsSync(join(cgroups.directory, ID)));
  const ended = once(child, 'exit');
  cgroups.retain(new Set());
  t.match(await ended, [null, 'SIGKILL'], 'what is in it ends, grandchildren too');
  await eventually(t, 'and it goes', () => {
    cgroups.retain(new Set());
    return !existsSync(join(cgroups.directory, ID));
  });
  const other = findCgroups(parent, '/run/b', sample);
  t.ok(other.is === 'there' && other.cgroups.directory !== cgroups.directory);
  if (other.is === 'there') other.cgroups.close();
  cgroups.close();
  t.notOk(existsSync(cgroups.directory));
});

t.test('what a host cannot do is said, and leaves nothing', async (t) => {
  const parent = ownCgroup(t);
  const refused = findCgroups(parent, '/run/a', { 'nothing.max': '1' });
  t.match(refused, {
    is: 'missing',
    why: /cannot give its children the controller nothing: EINVAL/,
    remedy: /cpu and pids/,
  });
  t.match(findCgroups('/nowhere', '/run/a'), { is: 'missing', why: /\/nowhere/ });
});

testInBothWorlds(t, 'an instance is held to what it may have', async (t, world) => {
  const isVm = world.isolation === 'vm';
  const cgroup = mkdtempSync(join(tmpdir(), 'cs-plain-'));
  const running = world.start({ cgroup });
  running.instances.want([world.wanted(1)]);
  await eventually(t, 'it is up', () => factOf(running, 1)?.phase === 'ready');
  const found = findCgroups(cgroup, world.runDir);
  if (found.is !== 'there') throw new Error(found.why);
  const of = (file: string): string => readFileSync(join(found.cgroups.directory, ID, file), 'utf8').trim();
  t.strictSame(['memory.max', 'memory.oom.group', 'cpu.max', 'pids.max'].map(of), [
    String((isVm ? 104 : 17) * 2 ** 20),
    '1',
    isVm ? '200000 100000' : '100000 100000',
    isVm ? '32' : '4',
  ]);
  const pid = Number(of('cgroup.procs'));
  t.match(readFileSync(`/proc/${pid}/cmdline`, 'utf8'), world.runDir, 'what was begun in it is what runs');
  await running.stop('remove');
  t.equal(findProcess(pid), undefined);

  const log = world.log.length;
  const host = world.start();
  const said = world.log.slice(log).map(({ message, fields }) => `${message} ${JSON.stringify(fields)}`);
  t.ok(
    said.every((line) => /no limits.*remedy/.test(line)),
    'where the host has none, the log says why',
  );
  await host.stop('remove');
});
