/** backup and restore: the store of the controller. */
import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import type { Around, Program } from '../around.ts';
import { type Client, failureOf } from '../client.ts';
import { withExamples } from '../examples.ts';
import { Failure } from '../failure.ts';
import { print, remark } from '../terminal.ts';

/** Time between two pieces of a backup. */
const PIECE_WITHIN_MS = 60_000;

export function registerBackup(program: Program, { client, host }: Around): void {
  const backup = program
    .command('backup')
    .summary('save the store of the running controller')
    .description(
      'Saves what is declared and what the controller has to remember, as it is at one moment, while the controller ' +
        'runs. It holds the addresses of subscribers and the hashes of tokens: keep it as you keep those.',
    )
    .argument('<file>', 'where to; - is the standard output')
    .option('--force', 'replace the file if it is there')
    .action(async (file, { force }) => {
      const bytes = await save(client(), file, force === true ? 'replace' : 'new');
      remark(`${bytes} bytes saved`);
    });
  withExamples(backup, [
    { line: 'chainstitch backup /srv/backup/chainstitch.db', does: 'The whole file, or none.' },
    { line: 'chainstitch backup - | gzip > chainstitch.db.gz', does: 'Into a pipe.' },
  ]);
  const restore = program
    .command('restore')
    .summary('put a backup in the place of the store')
    .description(
      'Puts a backup in the place of the store on this host, all at once. The controller must not run. The backup is ' +
        'checked first, and one of a newer version is refused. The store that was there is kept beside it; its ' +
        'tokens stay in force.',
    )
    .argument('<file>', 'the backup')
    .option('--state-dir <directory>', 'where the store is; otherwise as `chainstitch serve` finds it')
    .action(async (file, { stateDir }) => {
      const { revision, objects, before, notes } = await host.restore(file, stateDir);
      print(`restored: ${objects} objects, revision ${revision}`);
      if (before !== undefined) print(`the store that was there is ${before}`);
      for (const note of notes) remark(note);
    });
  withExamples(restore, [
    { line: 'systemctl stop chainstitch', does: 'First.' },
    {
      line: 'chainstitch restore /srv/backup/chainstitch.db',
      does: 'Then this; start the controller again afterwards.',
    },
  ]);
}

async function save(client: Client, file: string, mode: 'replace' | 'new'): Promise<number> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), PIECE_WITHIN_MS);
  const part = `${file}.${process.pid}.part`;
  const to = file === '-' ? process.stdout.fd : openPart(part);
  try {
    const response = await client.open(
      'GET',
      '/v1/backup',
      { accept: 'application/vnd.sqlite3' },
      stop.signal,
    );
    if (response.statusCode !== 200) throw await failureOf(response);
    let length = 0;
    for await (const chunk of response) {
      timer.refresh();
      const bytes = chunk as Buffer;
      for (let at = 0; at < bytes.length; ) at += writeSync(to, bytes, at);
      length += bytes.length;
    }
    if (length !== Number(response.headers['content-length'])) {
      throw new Failure('unreachable', `the backup broke off after ${length} bytes`);
    }
    if (file !== '-') finish(to, part, file, mode);
    return length;
  } catch (error) {
    if (error instanceof Failure) throw error;
    if (stop.signal.aborted)
      throw new Failure('unreachable', 'the controller did not go on sending the backup');
    const { syscall } = error as NodeJS.ErrnoException;
    if (syscall === 'write' || syscall === 'fsync') {
      throw new Failure('input', `${file} cannot be written: ${(error as Error).message}`);
    }
    throw client.unreachable(error);
  } finally {
    clearTimeout(timer);
    if (file !== '-') rmSync(part, { force: true });
  }
}

function openPart(part: string): number {
  try {
    return openSync(part, 'wx', 0o600);
  } catch (error) {
    throw new Failure('input', `${part} cannot be written: ${(error as Error).message}`);
  }
}

/** The name comes last: a file of this name is a whole one. */
function finish(file: number, part: string, name: string, mode: 'replace' | 'new'): void {
  fsyncSync(file);
  closeSync(file);
  try {
    if (mode === 'replace') renameSync(part, name);
    else linkSync(part, name);
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST';
    throw new Failure(
      'input',
      isThere ? `${name} is there already` : `${name} cannot be written: ${(error as Error).message}`,
      {
        remedy: isThere ? 'Choose another name, or say --force.' : undefined,
      },
    );
  }
}
