/**
 * The operator's command as a process, with nothing of the developer's own environment.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

export const COMMAND = fileURLToPath(new URL('../../bin/chainstitch', import.meta.url));

/** What is compiled once is kept for the other runs of this test. */
const CACHE = mkdtempSync(`${tmpdir()}/cs-cache-`);
process.once('exit', () => rmSync(CACHE, { recursive: true, force: true }));

export type Ran = { readonly status: number | null; readonly out: string; readonly err: string };
export type RunOptions = {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
};

export async function run(argv: readonly string[], { input, env = {}, cwd }: RunOptions = {}): Promise<Ran> {
  const child = spawn(COMMAND, argv, {
    env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', NODE_COMPILE_CACHE: CACHE, ...env },
    stdio: 'pipe',
    ...(cwd === undefined ? {} : { cwd }),
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  const [out, err, status] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    new Promise<number | null>((resolve) => child.once('close', resolve)),
  ]);
  return { status, out, err };
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += chunk;
  return text;
}

export type Served = {
  readonly url: string;
  readonly child: ChildProcess;
  /** Where its state and run directories are. */
  readonly dir: string;
  /** Every line of its log. */
  readonly log: readonly string[];
};

/** `chainstitch serve` on free ports, with a state of its own; ended with the test. */
export async function serve(t: Test, ...settings: readonly string[]): Promise<Served> {
  // Names of sockets are short.
  const dir = mkdtempSync(`${tmpdir()}/cs-serve-`);
  const argv = [
    'serve',
    '--api-port=0',
    '--openflow-port=0',
    `--state-dir=${dir}/state`,
    `--run-dir=${dir}/run`,
  ];
  const child = spawn(COMMAND, [...argv, ...settings], {
    env: { PATH: process.env['PATH'] ?? '' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  t.teardown(async () => {
    child.kill('SIGKILL');
    await ended;
    rmSync(dir, { recursive: true, force: true });
  });
  const log: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', () => reject(new Error(`the controller ended: ${log.join('\n')}`)));
    createInterface(child.stderr).on('line', (line) => {
      log.push(line);
      const { api } = line.startsWith('{') ? (JSON.parse(line) as { api?: string }) : {};
      if (api !== undefined) resolve(api);
    });
  });
  return { url, child, dir, log };
}
