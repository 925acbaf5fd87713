/**
 * The world of the story: network, controller and observers, brought up together and taken down together.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { parseAllDocuments } from 'yaml';
import type { Kind, Specs } from '../src/model/declared.ts';
import type { Api } from './api.ts';
import { Controller, freePort } from './controller.ts';
import { leftovers, lookAround, type Surroundings } from './leftovers.ts';
import { Logs } from './logs.ts';
import { Network, type RunningPing } from './network.ts';
import { expect, pause } from './observe.ts';
import { MARK, processesOf } from './processes.ts';
import { Wire } from './wire.ts';

export const INTERFACE_PREFIX = 'lab';
/** Milliseconds between two readings of the switch's flows; short, because a story should not drag. */
export const AUDIT_INTERVAL = 1_000;
export const ALL_PROTOCOLS = 'OpenFlow13,OpenFlow15';

export type Declaration = { [K in Kind]: { readonly kind: K; readonly spec: Specs[K] } }[Kind];

const inChains = (file: string): string =>
  readFileSync(new URL(`../chains/${file}`, import.meta.url), 'utf8');

/** The objects in a file of chains/, in its order. */
function declarations(text: string): readonly Declaration[] {
  return parseAllDocuments(text).map((document) => {
    if ('errors' in document && document.errors.length > 0) throw document.errors[0];
    return document.toJS() as Declaration;
  });
}

/** The one chain in a file of chains/, and the file as it is. */
export function chainIn(file: string): { readonly spec: Specs['chains']; readonly text: string } {
  const text = inChains(file);
  const [only, ...others] = declarations(text);
  if (only?.kind !== 'chains' || others.length > 0) throw new Error(`chains/${file} should hold one chain`);
  return { spec: only.spec, text };
}

export class World {
  readonly directory: string;
  readonly #before: Surroundings;
  #controller: Controller | undefined;
  #network: Network | undefined;
  #wire: Wire | undefined;
  #logs: Logs | undefined;
  readonly #pings = new Set<RunningPing>();

  private constructor(directory: string, before: Surroundings) {
    this.directory = directory;
    this.#before = before;
  }

  /** An empty world that can be closed, whatever becomes of opening it. */
  static create(): World {
    const before = lookAround(INTERFACE_PREFIX);
    return new World(mkdtempSync(`${tmpdir()}/chainstitch-lab-`), before);
  }

  /** @param protocols what the switch speaks */
  async open(protocols = ALL_PROTOCOLS): Promise<void> {
    const env = this.#environment();
    const [apiPort, openflowPort] = [await freePort(8181), await freePort(6653)];
    this.#controller = new Controller({
      apiPort,
      openflowPort,
      directory: this.directory,
      interfacePrefix: INTERFACE_PREFIX,
      auditInterval: AUDIT_INTERVAL,
      env,
    });
    // The controller first: a switch that finds nobody waits longer and longer before it tries again.
    await this.#controller.start();
    this.#network = await Network.start(openflowPort, protocols, this.directory, env);
    this.#logs = new Logs(this.#controller.log, this.#network.switchLog, `${this.directory}/run`);
    this.#wire = await Wire.listen(env);
    await this.#declare();
  }

  get controller(): Controller {
    return present(this.#controller);
  }
  get api(): Api {
    return this.controller.api;
  }
  get network(): Network {
    return present(this.#network);
  }
  get wire(): Wire {
    return present(this.#wire);
  }
  get logs(): Logs {
    return present(this.#logs);
  }

  /** From now on somebody plays with the lab: what is on the wire and in the logs is theirs to judge. */
  async stopWatching(): Promise<void> {
    const wire = this.#wire;
    this.#wire = undefined;
    this.#logs = undefined;
    await wire?.close();
  }

  /** Pings on from a host until `work` is done, and ends then in any case. */
  async whilePinging<T>(
    host: 'alice' | 'bob',
    interval: number,
    work: (ping: RunningPing) => Promise<T>,
  ): Promise<T> {
    const ping = this.network.startPing(host, interval);
    this.#pings.add(ping);
    try {
      return await work(ping);
    } finally {
      ping.kill();
      this.#pings.delete(ping);
    }
  }

  /**
   * Takes everything down, as far as it was up.
   *
   * @param keepFiles leaves the directory with the logs where it is, because somebody will want to read them
   * @returns what went wrong meanwhile and what was left behind, in words
   */
  async close(keepFiles: boolean): Promise<readonly string[]> {
    const problems: string[] = [];
    const attempt = async (work: () => Promise<void> | undefined): Promise<void> => {
      try {
        await work();
      } catch (error) {
        problems.push(error instanceof Error ? error.message : String(error));
      }
    };
    for (const ping of this.#pings) ping.kill();
    await attempt(() => this.#controller?.stop());
    // What the controller says while it stops counts; what the switch says while it is taken apart does not.
    for (const { log, line } of this.#logs?.unexpected([]) ?? []) problems.push(`${log}: ${line}`);
    await attempt(() => this.#wire?.close());
    await attempt(() => this.#network?.close());
    if (!keepFiles) rmSync(this.directory, { recursive: true, force: true });
    const found = await this.#settledLeftovers(keepFiles);
    problems.push(...found.map((thing) => `left behind: ${thing}`));
    for (const { pid } of processesOf(this.directory)) kill(pid);
    return problems;
  }

  /** Processes that were told to go may need a moment. */
  async #settledLeftovers(keepFiles: boolean): Promise<readonly string[]> {
    const deadline = performance.now() + 3_000;
    for (;;) {
      const found = leftovers(this.#before, INTERFACE_PREFIX, this.directory).filter(
        (thing) => !(keepFiles && thing === `file ${this.directory}`),
      );
      if (found.length === 0 || performance.now() > deadline) return found;
      await pause(50);
    }
  }

  async #declare(): Promise<void> {
    for (const { kind, spec } of declarations(inChains('lab.yaml'))) {
      // The file names OVSDB's usual socket; the lab may have been told to use another one.
      const adapted = kind === 'switches' ? { ...spec, ovsdb: this.network.ovsdb } : spec;
      expect(kind !== 'chains', 'no chains in chains/lab.yaml', kind);
      await this.api.post(kind, JSON.stringify(adapted));
    }
  }

  #environment(): NodeJS.ProcessEnv {
    // An operator's settings in the environment are for the operator's controller.
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('CHAINSTITCH_'));
    return { ...Object.fromEntries(inherited), [MARK]: this.directory };
  }
}

function present<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('the lab is not up');
  return part;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It went by itself.
  }
}
