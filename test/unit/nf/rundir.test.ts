import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { InstanceId } from '../../../src/model/ids.ts';
import { findProcess } from '../../../src/nf/process.ts';
import { type InstanceFile, MAX_SOCKET_PATH, RunDir } from '../../../src/nf/rundir.ts';
import { wantedInstance } from './wanted.ts';

const id = 'i1' as InstanceId;
const file: InstanceFile = { version: 1, wanted: wantedInstance(1), restarts: 3 };

function make(t: Test): { path: string; runDir: RunDir } {
  const path = mkdtempSync(join(tmpdir(), 'csnf-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return { path, runDir: new RunDir(path) };
}

/** A process of the test's own one of whose arguments is this. */
async function processWith(t: Test, argument: string): Promise<number> {
  const child = spawn('sh', ['-c', 'read line', 'sh', argument], { stdio: ['pipe', 'ignore', 'ignore'] });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  return child.pid ?? 0;
}

t.test('a path that no socket can have is refused before anything is made', async (t) => {
  const room = MAX_SOCKET_PATH - '/instances/i4294967295/console.sock'.length;
  t.doesNotThrow(() => new RunDir(`/${'x'.repeat(room - 1)}`));
  t.throws(() => new RunDir(`/${'x'.repeat(room)}`), { code: 'bad-setting', message: /too long/ });
  t.throws(() => new RunDir(`/${'ü'.repeat(room / 2)}`), { code: 'bad-setting' }, 'bytes count, not letters');
  for (const path of ['/run/a b', '/run/a"b', '/run/a\nb', '/run/a\\b'])
    t.throws(() => new RunDir(path), { code: 'bad-setting', message: /misread/ }, JSON.stringify(path));
});

t.test('what is written is found again', async (t) => {
  const { runDir } = make(t);
  t.strictSame(runDir.discover(), [], 'nothing in the beginning');
  runDir.make(id);
  t.equal(statSync(runDir.directory(id)).mode & 0o777, 0o700, 'nobody else may enter');
  runDir.write(id, file);
  t.strictSame(runDir.discover(), [{ id, file, process: undefined }]);
  runDir.write(id, { ...file, restarts: 4 });
  t.equal(runDir.discover()[0]?.file?.restarts, 4);
  runDir.remove(id);
  runDir.remove(id);
  t.strictSame(runDir.discover(), []);
});

t.test('an id never leads out of the directory', async (t) => {
  const { runDir } = make(t);
  for (const odd of ['../x', '', '.', '..', 'a/b', 'x'.repeat(65)])
    t.throws(() => runDir.make(odd as InstanceId), { code: 'host-failed' }, odd);
});

t.test('files that cannot be read count as lost', async (t) => {
  const { path, runDir } = make(t);
  const contents = [
    '',
    '{',
    '[]',
    'null',
    '{"version":2}',
    JSON.stringify({ ...file, wanted: wantedInstance(2) }),
  ];
  for (const [number, text] of contents.entries()) {
    mkdirSync(join(path, `instances/x${number}`), { recursive: true });
    writeFileSync(join(path, `instances/x${number}/instance.json`), text);
  }
  mkdirSync(join(path, 'instances/x9'));
  const found = runDir.discover();
  t.equal(found.length, contents.length + 1);
  t.ok(found.every(({ file, process }) => file === undefined && process === undefined));
});

t.test('only an emulator with this console is the instance’s', async (t) => {
  const { runDir } = make(t);
  runDir.make(id);
  const stranger = findProcess(await processWith(t, 'nothing of ours'));
  runDir.write(id, { ...file, process: stranger });
  t.equal(runDir.discover()[0]?.process, undefined, 'a pid that is somebody else’s by now');

  const own = await processWith(t, `socket,id=console,path=${runDir.console(id)},server=on`);
  t.equal(runDir.discover()[0]?.process?.pid, own, 'one that was started and not written down');
  const other = await processWith(
    t,
    `socket,id=console,path=${runDir.console('i7' as InstanceId)},server=on`,
  );
  const lost = runDir.discover().find((found) => found.id === 'i7');
  t.match(lost, { file: undefined, process: { pid: other } }, 'one whose directory is lost');
});

t.test('a crash in the middle of writing leaves the old file', async (t) => {
  const { runDir } = make(t);
  runDir.make(id);
  runDir.write(id, file);
  writeFileSync(join(runDir.directory(id), 'instance.json.new'), '{"version":1,"wan');
  t.strictSame(runDir.discover()[0]?.file, file);
});

t.test('a directory that cannot be written is told', async (t) => {
  const { path } = make(t);
  writeFileSync(join(path, 'file'), '');
  const runDir = new RunDir(join(path, 'file'));
  t.throws(() => runDir.make(id), { code: 'host-failed', message: /file cannot be used: ENOTDIR/ });
});

t.test('the tree goes when the last instance has gone', async (t) => {
  const { path, runDir } = make(t);
  runDir.make(id);
  runDir.writeConfig(id, '{}');
  t.equal(readFileSync(runDir.config(id), 'utf8'), '{}');
  runDir.removeTree();
  t.notOk(existsSync(join(path, 'instances')));
});
