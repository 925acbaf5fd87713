/**
 * Users for guests. Each instance runs as one of its own, so that what has broken out of one can neither signal
 * nor look at another.
 */
import { createHash } from 'node:crypto';

/** Above what distributions give to people, services and containers, and below 2^31, which some tools take for a sign. */
const FIRST_USER = 1_900_000_000;
const USERS_PER_CONTROLLER = 65_536;
const CONTROLLERS = 3_000;

export class Users {
  readonly #first: number;
  readonly #taken = new Set<number>();

  /** @param runDir controllers with different run directories have different users */
  constructor(runDir: string) {
    const hash = createHash('sha256').update(runDir).digest().readUInt32BE(0);
    this.#first = FIRST_USER + (hash % CONTROLLERS) * USERS_PER_CONTROLLER;
  }

  /** For a guest that belongs to no instance. */
  get probe(): number | undefined {
    return isRoot() ? this.#first : undefined;
  }

  /** One that nobody has; undefined where guests have to be who we are, since only root can become somebody else. */
  take(): number | undefined {
    if (!isRoot()) return undefined;
    let user = this.#first + 1;
    while (this.#taken.has(user)) user++;
    this.#taken.add(user);
    return user;
  }

  /** One that a guest of an earlier run has. */
  keep(user: number | undefined): void {
    if (user !== undefined) this.#taken.add(user);
  }

  release(user: number | undefined): void {
    if (user !== undefined) this.#taken.delete(user);
  }
}

const isRoot = (): boolean => process.getuid?.() === 0;
