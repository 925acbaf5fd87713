/**
 * A backup made while the store is written is the store at one moment; a restore is all or nothing.
 */
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import { EXITS } from '../../src/cli/exits.ts';
import type { SubscriberSpec, SwitchSpec } from '../../src/model/declared.ts';
import type { Store } from '../../src/model/store.ts';
import { createNorthbound } from '../../src/northbound/index.ts';
import { openStore } from '../../src/store/store.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { run, serve } from '../harness/command.ts';
import { StubControl, SWITCH } from '../unit/northbound/support.ts';

const subscriber = (n: number): SubscriberSpec =>
  ({
    name: `s${n}`,
    attachment: { switch: 's1', port: `p${n}` },
    mac: `00:00:00:00:${(n >> 8).toString(16).padStart(2, '0')}:${(n & 255).toString(16).padStart(2, '0')}`,
    // So that there are many pages to be copied.
    labels: Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`l${i}`, 'x'.repeat(60)])),
  }) as unknown as SubscriberSpec;

async function open(
  t: Test,
): Promise<{ store: Store; file: string; dir: string; url: string; stop: () => Promise<void> }> {
  const dir = t.testdir();
  const file = `${dir}/chainstitch.db`;
  const store = openStore(file);
  const introspection = new StubControl(store);
  const onChange = (): void => undefined;
  const northbound = createNorthbound({ store, introspection, builtIns: [], log: silentLog(), onChange });
  const stop = async (): Promise<void> => {
    await northbound.close();
    store.close();
  };
  t.teardown(stop);
  const url = await northbound.listen({ host: '127.0.0.1', port: 0 });
  return { store, file, dir, url, stop };
}

const restore = (file: string, stateDir: string) => run(['restore', file, '--state-dir', stateDir]);

t.test('there and back, under writes', async (t) => {
  const { store, dir, url, stop } = await open(t);
  store.create('switches', SWITCH as SwitchSpec);
  let written = 0;
  for (; written < 500; written++) store.create('subscribers', subscriber(written));
  const backups: Promise<unknown>[] = [];
  let isDone = false;
  for (const name of ['a', 'b', 'c']) {
    // One at a time; between them and while they are made, the store is written.
    const made = run(['backup', `${dir}/${name}.db`, '--server', url]).then((ran) => {
      t.match(ran, { status: 0, err: /^\d+ bytes saved\n$/ }, name);
      isDone = true;
    });
    backups.push(made);
    isDone = false;
    while (!isDone) {
      store.create('subscribers', subscriber(written++));
      await new Promise(setImmediate);
    }
  }
  await Promise.all(backups);
  await stop();
  for (const name of ['a', 'b', 'c']) {
    const state = `${dir}/state-${name}`;
    t.match(await restore(`${dir}/${name}.db`, state), {
      status: 0,
      out: /^restored: \d+ objects, revision \d+\n$/,
    });
    const restored = openStore(`${state}/chainstitch.db`);
    const { revision, subscribers } = restored.declared();
    t.equal(
      subscribers.size,
      revision - 1,
      `${name}: all that was written up to revision ${revision}, and no more`,
    );
    t.ok(revision > 500 && revision < written + 1, 'it was made while the store was written');
    t.ok(subscribers.has(`s${revision - 2}` as never));
    restored.close();
  }
  t.equal(statSync(`${dir}/a.db`).mode & 0o777, 0o600);
});

t.test('a file that is there is not written over, and half of one is never left', async (t) => {
  const { dir, url, store } = await open(t);
  writeFileSync(`${dir}/mine`, 'mine');
  const refused = await run(['backup', `${dir}/mine`, '--server', url]);
  t.equal(refused.status, EXITS.input.status);
  t.match(refused.err, /is there already\n.*--force/);
  t.equal(readFileSync(`${dir}/mine`, 'utf8'), 'mine');
  t.match(await run(['backup', `${dir}/mine`, '--force', '--server', url]), { status: 0 });
  t.match(readFileSync(`${dir}/mine`, 'latin1').slice(0, 15), 'SQLite format 3');
  store.close();
  const failed = await run(['backup', `${dir}/other`, '--server', url]);
  t.equal(failed.status, EXITS['server-failed'].status, failed.err);
  t.equal(
    (await run(['backup', `${dir}/other`, '--server', 'http://127.0.0.1:1'])).status,
    EXITS.unreachable.status,
  );
  t.equal((await run(['backup', `${dir}/none/x`, '--server', url])).status, EXITS.input.status);
  t.notOk(readdirSync(dir).some((name) => name.includes('other') || name.includes('part')));
});

t.test('numbers go on and tokens stay', async (t) => {
  const { store, dir, file, url, stop } = await open(t);
  store.create('switches', SWITCH as SwitchSpec);
  store.tokens.insert({ id: 'old', scope: 'admin' } as never);
  t.match(await run(['backup', `${dir}/b.db`, '--server', url]), { status: 0 });
  for (let n = 0; n < 5; n++) store.create('subscribers', subscriber(n));
  store.saveSteering({ ...store.steering(), nextPath: 70, nextInstance: 80, nextOwner: 90 });
  store.tokens.remove('old');
  store.tokens.insert({ id: 'new', scope: 'admin' } as never);
  const { revision } = store.declared();
  const { newest } = store.journal;
  await stop();
  const ran = await restore(`${dir}/b.db`, dir);
  t.equal(
    ran.out,
    `restored: 1 objects, revision ${revision + 1}\nthe store that was there is ${file}.before-restore\n`,
  );
  const restored = openStore(file);
  t.match(restored.steering(), { nextPath: 70, nextInstance: 80, nextOwner: 90 });
  t.same([...restored.tokens.all().keys()], ['new'], 'what was revoked stays revoked');
  t.equal(restored.create('subscribers', subscriber(9)).uid, 7, 'a uid of its own');
  t.ok(restored.journal.newest > newest);
  restored.close();
  const before = openStore(`${file}.before-restore`);
  t.equal(before.declared().revision, revision, 'what was there is kept, whole');
  before.close();
});

t.test('what is no backup is refused, and nothing is changed', async (t) => {
  const { store, dir, file, url, stop } = await open(t);
  store.create('switches', SWITCH as SwitchSpec);
  for (let n = 0; n < 200; n++) store.create('subscribers', subscriber(n));
  t.match(await run(['backup', `${dir}/good.db`, '--server', url]), { status: 0 });
  const running = await restore(`${dir}/good.db`, dir);
  t.equal(running.status, EXITS.input.status);
  t.match(running.err, /is in use: a controller has it open; stop it first/);
  await stop();
  const stored = readFileSync(file);

  const variant = (name: string, sql: string): string => {
    copyFileSync(`${dir}/good.db`, `${dir}/${name}`);
    const db = new DatabaseSync(`${dir}/${name}`);
    db.exec(sql);
    db.close();
    return `${dir}/${name}`;
  };
  const bytes = readFileSync(`${dir}/good.db`);
  writeFileSync(`${dir}/cut`, bytes.subarray(0, bytes.length / 2));
  writeFileSync(`${dir}/text`, 'not a database at all, and long enough to be looked at'.repeat(100));
  const torn = Buffer.from(bytes);
  torn.fill(0xff, 8192, 12_288);
  writeFileSync(`${dir}/torn`, torn);
  const cases: [string, RegExp][] = [
    [`${dir}/none`, /there is no such file/],
    [`${dir}/text`, /not a database/],
    [`${dir}/cut`, /damaged|malformed/],
    [`${dir}/torn`, /damaged|malformed/],
    [
      variant('newer', 'PRAGMA user_version = 999'),
      /has schema version 999 and this program knows versions up to/,
    ],
    [variant('other', 'PRAGMA application_id = 1'), /a database of some other program/],
  ];
  for (const [path, says] of cases) {
    const ran = await restore(path, dir);
    t.equal(ran.status, EXITS.input.status, path);
    t.match(ran.err, says, path);
    t.ok(readFileSync(file).equals(stored), 'the store is as it was');
    t.notOk(existsSync(`${file}.restoring`), 'nothing is left');
  }
});

t.test('in place of a store that cannot be read', async (t) => {
  const { store, dir, file, url, stop } = await open(t);
  store.create('switches', SWITCH as SwitchSpec);
  t.match(await run(['backup', `${dir}/good.db`, '--server', url]), { status: 0 });
  await stop();
  writeFileSync(file, 'x'.repeat(9000));
  writeFileSync(`${file}-wal`, 'y'.repeat(9000));
  const ran = await restore(`${dir}/good.db`, dir);
  t.match(ran, { status: 0, err: /could not be read .*the tokens are those of the backup/ });
  const restored = openStore(file);
  t.equal(restored.declared().switches.size, 1, 'and no log of the old one is replayed on it');
  restored.close();
});

t.test('of a controller that asks who calls, administrators only', async (t) => {
  const { url, dir } = await serve(t, '--auth=token');
  const file = `${t.testdir()}/b.db`;
  t.equal((await run(['backup', file, '--server', url])).status, EXITS.denied.status);
  t.notOk(existsSync(file));
  t.match(await run(['backup', file, '--server', url, '--token-file', `${dir}/state/first-token`]), {
    status: 0,
  });
});
