import { spawn } from 'node:child_process';
import { once } from 'node:events';
import t from 'tap';
import { systemClock } from '../../../src/nf/clock.ts';
import { awaitEnd, commandLine, findProcess, isAlive, killProcess, signal } from '../../../src/nf/process.ts';

t.test('a process is known by its pid and the time of its start', async (t) => {
  // A name with spaces and parentheses stands in the middle of /proc/<pid>/stat.
  const child = spawn('bash', ['-c', 'exec -a "odd) R 1 (name" sleep 60'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const found = findProcess(child.pid ?? 0);
  if (!found) throw new Error('the process is not found');
  t.ok(isAlive(found));
  t.match(commandLine(found.pid).join(' '), /60/);

  const recycled = { ...found, startTime: found.startTime + 1 };
  t.notOk(isAlive(recycled), 'another start time is another process');
  t.notOk(signal(recycled, 'SIGKILL'));
  await killProcess(recycled, systemClock);
  t.ok(isAlive(found), 'which is not killed');
  t.notOk(await awaitEnd(found, 20, systemClock));

  await killProcess(found, systemClock);
  t.notOk(isAlive(found));
  t.ok(await awaitEnd(found, 0, systemClock));
});

t.test('a zombie has ended', async (t) => {
  // The shell does not wait for its child, which ends at once.
  const shell = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.teardown(() => shell.kill('SIGKILL'));
  const [line] = await once(shell.stdout, 'data');
  const pid = Number(String(line));
  while (findProcess(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
  t.strictSame(commandLine(pid), []);
});

t.test('what does not exist', async (t) => {
  t.equal(findProcess(2 ** 30), undefined);
  t.strictSame(commandLine(2 ** 30), []);
  t.notOk(signal({ pid: 2 ** 30, startTime: 1 }, 'SIGTERM'));
});
