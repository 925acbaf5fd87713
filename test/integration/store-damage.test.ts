/** A full disk, and files that were torn by a loss of power: a clear error or an older state, never a wrong one. */
import { execFile } from 'node:child_process';
import { copyFileSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { ChainstitchError } from '../../src/model/errors.ts';
import type { Store } from '../../src/model/interfaces.ts';
import { openStore } from '../../src/store/store.ts';
import { ALICE } from '../unit/northbound/support.ts';

const run = promisify(execFile);
const filler = fileURLToPath(new URL('store-filler.ts', import.meta.url));

t.test('a full disk is told, loses nothing, and can be mended', async (t) => {
  const directory = t.testdir({ disk: {} });
  const script = `mount -t tmpfs -o size=4m tmpfs "$1" && exec "$2" --no-warnings "$3" "$1"`;
  const words = ['-m', 'sh', '-c', script, 'sh', `${directory}/disk`, process.execPath, filler];
  const { stdout } = await run('unshare', words);
  const { code, message, written, shown, stored, pairs, after, newest } = JSON.parse(stdout);
  t.equal(code, 'store-unusable');
  t.match(message, /the store could not be written: .*full/);
  t.ok(written > 10, `${written} were written`);
  t.equal(shown, written * 2, 'what failed is not shown');
  t.equal(stored, written * 2 + 1);
  t.ok(pairs, 'and what was answered is there');
  t.ok(after, 'with room again it goes on');
  t.equal(newest, stored, 'the journal tells of each');
});

function write(store: Store, from: number, count: number): void {
  for (let i = from; i < from + count; i++) {
    store.create('subscribers', { ...ALICE, name: `s${i}` } as never);
  }
}

/** A store whose last writes are in the log only, as a crash leaves it: the main file has the first 20. */
function crashed(directory: string): string {
  const store = openStore(`${directory}/live.db`);
  write(store, 0, 20);
  store.close();
  const open = openStore(`${directory}/live.db`);
  write(open, 20, 20);
  for (const end of ['', '-wal']) copyFileSync(`${directory}/live.db${end}`, `${directory}/torn.db${end}`);
  open.close();
  return `${directory}/torn.db`;
}

/** How many of s0, s1, ... there are, if there are no holes; -1 otherwise. */
function prefix(file: string): number {
  const store = openStore(file);
  const { subscribers, revision } = store.declared();
  const { size } = subscribers;
  const isWhole = Array.from({ length: size }, (_, i) => subscribers.has(`s${i}` as never)).every(Boolean);
  const isSame = revision === size && store.journal.newest === size;
  store.close();
  return isWhole && isSame ? size : -1;
}

t.test('a torn end of the log costs at most what is in it', async (t) => {
  const whole = crashed(t.testdir());
  t.equal(prefix(whole), 40);
  const { size } = statSync(`${crashed(t.testdir())}-wal`);
  const seen = new Set<number>();
  for (let cut = 1; cut < size; cut += 7919) {
    const file = crashed(t.testdir());
    truncateSync(`${file}-wal`, size - cut);
    const count = prefix(file);
    seen.add(count);
    if (count < 20) t.fail(`cut by ${cut}: ${count}`);
  }
  t.ok(seen.size > 3, `states ${[...seen].sort((a, b) => a - b).join(', ')}`);
});

t.test('a torn last page of the log is noticed', async (t) => {
  const file = crashed(t.testdir());
  const bytes = readFileSync(`${file}-wal`);
  bytes.fill(0xa5, bytes.length - 2048);
  writeFileSync(`${file}-wal`, bytes);
  const count = prefix(file);
  t.ok(count >= 20 && count < 40, `${count} of 40`);
});

const specs = (store: Store) => [...store.declared().subscribers.values()].map(({ spec }) => spec);

t.test('a page of the main file that was torn is told, and nothing wrong is shown', async (t) => {
  const pages = statSync(crashed(t.testdir())).size / 4096;
  const live = openStore(crashed(t.testdir()));
  // The log has 20 more.
  const right = specs(live).filter(({ name }) => Number(name.slice(1)) < 20);
  live.close();
  let refused = 0;
  for (let page = 1; page < pages; page++) {
    const file = crashed(t.testdir());
    // The log has no say in it here: what is torn is what a checkpoint had written.
    writeFileSync(`${file}-wal`, '');
    const bytes = readFileSync(file);
    bytes.fill(0xa5, page * 4096 + 1024, (page + 1) * 4096);
    writeFileSync(file, bytes);
    try {
      const store = openStore(file);
      t.same(specs(store), right, `page ${page} holds none of them`);
      store.close();
    } catch (error) {
      if (!(error instanceof ChainstitchError) || error.code !== 'store-unusable') throw error;
      refused++;
    }
  }
  t.ok(refused > 0, `${refused} of ${pages - 1} torn pages were refused`);
});
