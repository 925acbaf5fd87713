/**
 * Import this first in a test file that needs the userspace datapath, TAPs or veths: the file is started
 * again inside a network namespace of its own, with `lo` up. One namespace has room for only one userspace
 * datapath (its device is always called `ovs-netdev`), and what a test leaves behind in a namespace of its
 * own goes away with it. Needs root; without it the file is skipped in TAP's words.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { inPrivateNamespace, NAMESPACE_MARK } from './ovs-namespace.ts';

/** Starts the running script again in a namespace of its own, and ends with its exit status. */
function reenter(): never {
  // unshare execs, so the process that asks has the pid that this shell writes down.
  const again = ['sh', '-c', `${NAMESPACE_MARK}=$$ exec "$@"`, 'sh', process.execPath, ...process.execArgv];
  const { status, error } = spawnSync(
    'setpriv',
    ['--pdeathsig', 'TERM', 'unshare', '--net', ...again, ...process.argv.slice(1)],
    { stdio: 'inherit' },
  );
  if (error !== undefined) throw error;
  process.exit(status ?? 1);
}

if (!inPrivateNamespace()) {
  if (process.getuid?.() !== 0) {
    process.stdout.write('TAP version 14\n1..0 # SKIP needs root for a network namespace\n');
    process.exit(0);
  }
  reenter();
}
execFileSync('ip', ['link', 'set', 'lo', 'up']);
