/**
 * What the controller must find again after a crash: a directory per instance with what is wanted of it, the
 * process that runs it, and the socket of its console.
 */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import type { Isolation, JsonObject } from '../model/declared.ts';
import type { WantedInstance } from '../model/desired.ts';
import { ChainstitchError } from '../model/errors.ts';
import type { InstanceId } from '../model/ids.ts';
import type { Accelerator } from './argv.ts';
import { commandLine, findByArgument, isAlive, type ProcessRef } from './process.ts';

/** sockaddr_un has 108 bytes, the last one is a zero. */
export const MAX_SOCKET_PATH = 107;
const ID_PATTERN = /^[a-z0-9][a-z0-9.-]{0,63}$/;
const LONGEST_ID = 'i4294967295';

export type Configuration = { readonly revision: number; readonly config: JsonObject };

/** What instance.json holds. */
export type InstanceFile = {
  readonly version: 1;
  readonly wanted: WantedInstance;
  readonly restarts: number;
  readonly process?: ProcessRef | undefined;
  readonly accelerator?: Accelerator | undefined;
  readonly isolation?: Isolation | undefined;
  /** Whom its guests run as. */
  readonly user?: number | undefined;
  /** The last configuration that a guest has confirmed; it is what a guest boots with while a newer one is refused. */
  readonly lastGood?: Configuration | undefined;
};

/** What an earlier run has left behind. */
export type Found = {
  readonly id: InstanceId;
  /** Absent when the file is lost or not readable. */
  readonly file: InstanceFile | undefined;
  /** Present when its guest is running. */
  readonly process: ProcessRef | undefined;
};

export class RunDir {
  readonly path: string;
  readonly #instances: string;
  #lock: number | undefined;

  /** @throws ChainstitchError `bad-setting` when sockets in it would have too long a path */
  constructor(path: string) {
    this.path = resolve(path);
    this.#instances = join(this.path, 'instances');
    const longest = this.console(LONGEST_ID as InstanceId);
    if (Buffer.byteLength(longest) > MAX_SOCKET_PATH)
      throw new ChainstitchError(
        'bad-setting',
        `the run directory ${this.path} is too long: the socket ${longest} has more than ${MAX_SOCKET_PATH} bytes`,
      );
    if (!/^[\x21-\x7e]+$/.test(this.path) || /["'\\#]/.test(this.path))
      throw new ChainstitchError(
        'bad-setting',
        `the run directory ${this.path} has characters that other programs would misread: use letters, digits and -_./`,
      );
  }

  /**
   * Keeps other controllers away until `unlock` or the end of this process: two would end each other's guests.
   *
   * @throws ChainstitchError `bad-setting` when another one has it, `host-failed`
   */
  lock(): void {
    const file = this.#io(() => {
      mkdirSync(this.path, { recursive: true, mode: 0o700 });
      return openSync(join(this.path, 'lock'), 'a', 0o600);
    });
    // Node has no flock(2). What a child locks on our open file stays locked as long as we have the file open.
    const { status, error } = spawnSync('flock', ['--nonblock', '3'], {
      stdio: ['ignore', 'ignore', 'ignore', file],
    });
    if (status === 0) {
      this.#lock = file;
      return;
    }
    closeSync(file);
    if (error)
      throw new ChainstitchError(
        'host-failed',
        `"flock" cannot be run, install util-linux: ${error.message}`,
      );
    throw new ChainstitchError(
      'bad-setting',
      `the run directory ${this.path} is in use by another controller`,
    );
  }

  unlock(): void {
    if (this.#lock !== undefined) closeSync(this.#lock);
    this.#lock = undefined;
  }

  /** An empty directory. @throws ChainstitchError `host-failed` */
  empty(): string {
    const path = join(this.path, 'empty');
    this.#io(() => mkdirSync(path, { recursive: true, mode: 0o555 }));
    return path;
  }

  directory(id: InstanceId): string {
    return join(this.#instances, id);
  }

  console(id: InstanceId): string {
    return join(this.directory(id), 'console.sock');
  }

  config(id: InstanceId): string {
    return join(this.directory(id), 'config.json');
  }

  /** What guests of this instance have saved for the next one. */
  state(id: InstanceId): string {
    return join(this.directory(id), 'state');
  }

  log(id: InstanceId): string {
    return join(this.directory(id), 'log');
  }

  /**
   * Makes the directory of an instance. Nobody else may enter: who reaches a console commands the guest.
   *
   * @throws ChainstitchError `host-failed`
   */
  make(id: InstanceId): void {
    if (!ID_PATTERN.test(id) || Buffer.byteLength(this.console(id)) > MAX_SOCKET_PATH)
      throw new ChainstitchError('host-failed', `"${id}" cannot be the name of an instance's directory`);
    this.#io(() => mkdirSync(this.directory(id), { recursive: true, mode: 0o700 }));
  }

  /** Writes the configuration that the guest is to boot with. */
  writeConfig(id: InstanceId, text: string | Uint8Array): void {
    this.#io(() => writeFileSync(this.config(id), text, { mode: 0o600 }));
  }

  write(id: InstanceId, file: InstanceFile): void {
    this.#replace(join(this.directory(id), 'instance.json'), JSON.stringify(file));
  }

  writeState(id: InstanceId, text: string): void {
    this.#replace(this.state(id), text);
  }

  hasState(id: InstanceId): boolean {
    return existsSync(this.state(id));
  }

  /** In one step: a crash leaves the old file or the new one. */
  #replace(path: string, text: string): void {
    this.#io(() => {
      writeFileSync(`${path}.new`, text, { mode: 0o600 });
      renameSync(`${path}.new`, path);
    });
  }

  /** Removes all but what guests have saved for the next one. */
  rest(id: InstanceId): void {
    if (!this.hasState(id)) {
      this.remove(id);
      return;
    }
    const rest = this.#io(() => readdirSync(this.directory(id)).filter((name) => name !== 'state'));
    for (const name of rest) this.#io(() => rmSync(join(this.directory(id), name), { force: true }));
  }

  remove(id: InstanceId): void {
    this.#io(() => rmSync(this.directory(id), { recursive: true, force: true }));
  }

  /** Removes what is left of the tree when no instance is. */
  removeTree(): void {
    this.#io(() => rmSync(this.#instances, { recursive: true, force: true }));
  }

  /** Everything of earlier runs: directories, and guests whose directory is lost. */
  discover(): readonly Found[] {
    const running = this.#guests();
    const directories = this.#list().map((id) => {
      const file = this.#read(id);
      const recorded = file?.process;
      const own = recorded && isAlive(recorded) && this.#idOf(recorded) === id ? recorded : undefined;
      return { id, file, process: own ?? running.get(id) };
    });
    const known = new Set(directories.map(({ id }) => id));
    const strays = [...running].filter(([id]) => !known.has(id));
    return [...directories, ...strays.map(([id, process]) => ({ id, file: undefined, process }))];
  }

  #list(): readonly InstanceId[] {
    try {
      return readdirSync(this.#instances).filter((name) => ID_PATTERN.test(name)) as InstanceId[];
    } catch {
      return [];
    }
  }

  #read(id: InstanceId): InstanceFile | undefined {
    try {
      const file: InstanceFile = JSON.parse(readFileSync(join(this.directory(id), 'instance.json'), 'utf8'));
      // Written by this program alone; what is checked tells another version's file.
      return file.version === 1 && file.wanted.id === id ? file : undefined;
    } catch {
      return undefined;
    }
  }

  /** Guests that have a console in this directory: also one that was started and then not written down. */
  #guests(): ReadonlyMap<InstanceId, ProcessRef> {
    const found = this.#spellings.flatMap(findByArgument);
    return new Map(
      found.flatMap((process) => {
        const id = this.#idOf(process);
        return id === undefined ? [] : [[id, process] as const];
      }),
    );
  }

  #idOf(process: ProcessRef): InstanceId | undefined {
    for (const argument of commandLine(process.pid))
      for (const prefix of this.#spellings) {
        const at = argument.indexOf(prefix);
        const [id, file] = at < 0 ? [] : argument.slice(at + prefix.length).split(/[/,]/);
        if (file === 'console.sock') return id as InstanceId;
      }
    return undefined;
  }

  /** The directory of instances as it stands in a command line: within an option of the emulator's a comma is doubled. */
  get #spellings(): readonly string[] {
    const plain = `${this.#instances}/`;
    return [...new Set([plain, plain.replaceAll(',', ',,')])];
  }

  #io<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw new ChainstitchError(
        'host-failed',
        `the run directory ${this.path} cannot be used: ${(error as Error).message}`,
        { cause: error },
      );
    }
  }
}
