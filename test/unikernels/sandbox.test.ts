/** What a function that runs as a process is left with, and what becomes of one that wants more. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

import t, { type Test } from 'tap';

import { findProcess } from '../../src/nf/process.ts';
import {
  buildImages,
  DEVICES,
  Machine,
  type MachineOptions,
  placeTaps,
  type Running,
  startMachine,
} from './machine.ts';
import { ethernet, type Side, Wire } from './wire.ts';

buildImages();

const TRIAL: MachineOptions = { isolation: 'process', function: 'trial', config: {} };
const SIGSYS = 31;

const start = (t: Test, options: MachineOptions = {}): Promise<Running> =>
  startMachine(t, { ...TRIAL, ...options });

/** A frame that makes the function ask the kernel for this. */
function systemCall(number: number, ...args: readonly number[]): Buffer {
  const words = Buffer.alloc(20);
  for (const [i, word] of [number, ...args].entries()) words.writeUInt32BE(word >>> 0, 4 * i);
  return ethernet(0x88b5, Buffer.concat([Buffer.from('y.'), words, Buffer.alloc(24)]));
}

const [READ, WRITE, CLOSE, CLOCK_GETTIME, ACCEPT4] = [0, 1, 3, 228, 288];

/** By number: names differ between machines, these are x86's. */
const forbidden: readonly (readonly [string, number, ...number[]])[] = [
  ['open', 2],
  ['openat', 257],
  ['stat', 4],
  ['socket', 41],
  ['connect', 42],
  ['execve', 59],
  ['execveat', 322],
  ['fork', 57],
  ['clone', 56],
  ['clone3', 435],
  ['mmap', 9],
  ['mprotect', 10],
  ['brk', 12],
  ['ptrace', 101],
  ['kill', 62],
  ['ioctl on a TAP', 16, 0],
  ['fcntl', 72],
  ['dup2', 33],
  ['setns', 308],
  ['unshare', 272],
  ['mount', 165],
  ['bpf', 321],
  ['io_uring_setup', 425],
  ['prctl', 157],
  ['memfd_create', 319],
  ['perf_event_open', 298],
  ['keyctl', 250],
  ['read of another descriptor', READ, 9],
  ['write to another descriptor', WRITE, 2],
  ['close of a TAP', CLOSE, 0],
  ['accept on the connection', ACCEPT4, 3, 0, 0, 0o2004000],
  ['accept of who is there', ACCEPT4, 2, 1, 1, 0o2004000],
  ['accept without its flags', ACCEPT4, 2, 0, 0, 0],
  ['the time of another clock', CLOCK_GETTIME, 0],
  ['a call that does not exist', 9999],
  ['a call of the 32-bit kind', 0x4000_0000 + 39],
];

t.test('a system call that is not on the list ends it, and it is said', async (t) => {
  const namespace = placeTaps(t);
  const wire = await Wire.open(t, namespace);
  for (const [name, ...call] of forbidden) {
    const machine = new Machine(namespace, TRIAL);
    const console = await machine.connect();
    await machine.introduction(console);
    wire.send('left', systemCall(...(call as [number, ...number[]])));
    t.equal(await machine.exit(), 128 + SIGSYS, name);
    t.equal(
      machine.complaints,
      'the function was ended by SIGSYS: it tried a system call that its sandbox forbids\n',
    );
    await console.close();
    await machine.kill();
  }
});

t.test('what is on the list goes on', async (t) => {
  const { machine, namespace } = await start(t);
  const wire = await Wire.open(t, namespace);
  for (const call of [
    systemCall(READ, 0, 0, 0),
    systemCall(WRITE, 3, 0, 0),
    systemCall(ACCEPT4, 2, 0, 0, 0o2004000),
  ]) {
    wire.send('left', call);
    t.strictSame(await wire.arrivals(), [{ side: 'left' satisfies Side, frame: call }]);
  }
  t.equal(machine.complaints, '');
});

t.test('code is not written to, nothing is at address zero', async (t) => {
  for (const isolation of ['process', 'vm'] as const) {
    const { machine, namespace, console } = await start(t, { isolation });
    const wire = await Wire.open(t, namespace);
    wire.send('left', ethernet(0x88b5, Buffer.from('c'.padEnd(46))));
    if (isolation === 'vm') t.match(await console.lines.next('panic'), /^panic exception 14 error 0x3 /);
    await machine.exit();
    if (isolation === 'process') t.equal(machine.complaints, 'the function was ended by SIGSEGV\n');
  }
});

t.test('what it is left with', async (t) => {
  const { machine } = await start(t);
  const [keeper, pid] = machine.pids();
  t.ok(keeper !== undefined && pid !== undefined);

  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const field = (name: string): string => new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(status)?.[1] ?? '';
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
    t.match(field(set), /^0+$/, `${set} is empty`);
  t.equal(field('NoNewPrivs'), '1');
  t.equal(field('Seccomp'), '2', 'a filter is on');
  t.equal(field('Groups').trim(), '');
  const users = new Set([...field('Uid').split('\t'), ...field('Gid').split('\t')]);
  t.equal(users.size, 1);
  t.ok(Number([...users][0]) >= 1_900_000_000, 'a user of its own');
  t.equal(field('Threads'), '1');

  for (const space of ['user', 'pid', 'mnt', 'net', 'ipc', 'uts', 'cgroup'])
    t.not(readlinkSync(`/proc/${pid}/ns/${space}`), readlinkSync(`/proc/self/ns/${space}`), space);
  t.strictSame(readdirSync(`/proc/${pid}/root/`), [], 'its root is empty');
  t.match(readFileSync(`/proc/${pid}/mounts`, 'latin1'), /^empty \/ tmpfs ro,nosuid,nodev,noexec[^\n]*\n$/);
  t.match(
    execFileSync('nsenter', ['-t', String(pid), '-n', 'ip', '-brief', 'link'], { encoding: 'utf8' }),
    /^lo +DOWN [^\n]*\n$/,
    'no network but its TAPs',
  );

  const open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  t.strictSame(open.slice(0, 2), ['/dev/net/tun', '/dev/net/tun']);
  t.match(open.slice(2), [/^socket:/, /^socket:/]);
  t.equal(open.length, 4);

  const maps = readFileSync(`/proc/${pid}/maps`, 'latin1').trim().split('\n');
  const writableCode = maps.filter((line) => /^\S+ .wx/.test(line));
  t.strictSame(writableCode, [], 'nothing is both written and executed');
  t.equal(readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ''), '', 'no path of the host');

  for (const line of ['Max processes +0', 'Max file size +0', 'Max core file size +0', 'Max open files +4'])
    t.match(readFileSync(`/proc/${pid}/limits`, 'latin1'), new RegExp(line));

  const waiting = readFileSync(`/proc/${keeper}/status`, 'latin1');
  t.match(waiting, /^Seccomp:\s2$/m, 'its keeper has a filter too');
  t.match(waiting, /^CapEff:\s0+$/m);
});

t.test('dies with its keeper', async (t) => {
  const { machine } = await start(t);
  const pid = machine.pids()[1] ?? 0;
  await machine.kill();
  for (let i = 0; i < 100 && findProcess(pid); i++) await setTimeout(10);
  t.equal(findProcess(pid), undefined);
});

t.test('says what it cannot start with', async (t) => {
  const namespace = placeTaps(t);
  for (const [extra, complaint] of [
    [['--left', 'nosuchtap'.repeat(2)], /^cannot open the TAP nosuchtapnosuchtap: File name too long\n$/],
    [['--user', '0'], /^a function does not run as root: --user is missing\n$/],
    [['--user', '-1'], /^this option needs a number in its range: --user\n$/],
    [['--memory', '0'], /^needed: /],
    [['--memory', '1e3'], /^this option needs a number in its range: --memory\n$/],
    [['--file', 'a=/no/such/file'], /^cannot open \/no\/such\/file: No such file or directory\n$/],
    [['--file', 'a'], /^this option needs name=value/],
    [['--console', `/${'x'.repeat(200)}`], /^cannot listen at .*: File name too long\n$/],
    [['--console', '/no/such/console'], /^cannot listen at .*: No such file or directory\n$/],
    [['--append', 'x'.repeat(1024)], /^--append is too long\n$/],
  ] as const) {
    const machine = new Machine(namespace, { ...TRIAL, extra });
    t.equal(await machine.exit(), 1);
    t.match(machine.complaints, complaint);
    await machine.kill();
  }
});

t.test('a device that goes away ends it', async (t) => {
  const { machine, namespace, console } = await start(t);
  execFileSync('ip', ['-n', namespace, 'link', 'delete', DEVICES.right]);
  t.equal(await console.lines.next('panic'), 'panic the right device is gone');
  t.equal(await machine.exit(), 0);
});
