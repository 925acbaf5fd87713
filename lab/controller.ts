/**
 * The controller as a child process: started as an operator starts it, and ended in good order or not.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Api } from './api.ts';
import { expect, Hopeless, until, within } from './observe.ts';
import { ended, stop } from './processes.ts';

export type ControllerOptions = {
  readonly apiPort: number;
  readonly openflowPort: number;
  /** Where its state, its sockets and its log are. */
  readonly directory: string;
  readonly interfacePrefix: string;
  /** Milliseconds. */
  readonly auditInterval: number;
  readonly env: NodeJS.ProcessEnv;
};

export class Controller {
  readonly options: ControllerOptions;
  readonly api: Api;
  readonly log: string;
  #child: ChildProcess | undefined;

  constructor(options: ControllerOptions) {
    this.options = options;
    this.api = new Api(`http://127.0.0.1:${options.apiPort}`);
    this.log = `${options.directory}/controller.log`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts it and waits until its API answers. */
  async start(): Promise<void> {
    const { apiPort, openflowPort, directory, interfacePrefix, auditInterval, env } = this.options;
    const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
    const settings = [
      `--api-port=${apiPort}`,
      `--openflow-port=${openflowPort}`,
      `--state-dir=${directory}/state`,
      `--run-dir=${directory}/run`,
      `--interface-prefix=${interfacePrefix}`,
      `--audit-interval=${auditInterval}`,
      '--on-stop=remove',
    ];
    const log = openSync(this.log, 'a');
    // Whatever becomes of the lab, its controller ends with it.
    const argv = ['--pdeathsig', 'TERM', process.execPath, '--no-warnings=ExperimentalWarning', main];
    const child = spawn('setpriv', [...argv, ...settings], {
      env,
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    this.#child = child;
    await until(
      "the controller's API answering",
      async () => {
        if (child.exitCode !== null || child.signalCode !== null) {
          const said = readFileSync(this.log, 'utf8')
            .trim()
            .split('\n')
            .slice(-10)
            .join('\n                ');
          throw new Hopeless('the controller running', `it ended and said: ${said}`);
        }
        await this.api.get('/v1/switches');
        return true;
      },
      { timeout: 15_000 },
    );
  }

  /** kill -9. */
  async kill(): Promise<void> {
    const child = this.#running();
    child.kill('SIGKILL');
    await within(5_000, 'the end of the controller', ended(child));
    this.#child = undefined;
  }

  /** As a service manager stops it. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    await stop(child, 'SIGTERM', 20_000);
    expect(child.exitCode === 0, 'the controller ending with 0', `${child.exitCode ?? child.signalCode}`);
  }

  #running(): ChildProcess {
    if (this.#child === undefined) throw new Error('the controller does not run');
    return this.#child;
  }
}

/** The preferred port if it is free on loopback, else any that is. */
export async function freePort(preferred: number): Promise<number> {
  for (const port of [preferred, 0]) {
    const server = createServer();
    const got = await new Promise<number | undefined>((resolve) => {
      server.once('error', () => resolve(undefined));
      server.listen(port, '127.0.0.1', () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : undefined);
      });
    });
    if (got !== undefined) {
      await new Promise((resolve) => server.close(resolve));
      return got;
    }
  }
  throw new Error('no TCP port is free');
}
