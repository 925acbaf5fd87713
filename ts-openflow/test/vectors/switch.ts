import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A private Open vSwitch with the dummy datapath: no root, no kernel, gone when it is closed. */
export interface PrivateSwitch {
  /** Where ovs-vswitchd listens for OpenFlow: a unix socket. */
  readonly socket: string;
  /** Runs one of the ovs-* commands against this switch; gives what it printed. */
  run(command: string, ...args: string[]): string;
  close(): void;
}

const schema = '/usr/share/openvswitch/vswitch.ovsschema';

function waitFor(what: string, ready: () => boolean): void {
  const deadline = Date.now() + 10_000;
  while (!ready()) {
    if (Date.now() > deadline) throw new Error(`${what} did not come up`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  }
}

function works(run: () => void): boolean {
  try {
    run();
    return true;
  } catch {
    return false;
  }
}

export function startSwitch(bridge: string, ports: readonly string[]): PrivateSwitch {
  const directory = mkdtempSync(join(tmpdir(), 'ofvec-'));
  const env = { ...process.env, OVS_RUNDIR: directory, OVS_LOGDIR: directory, OVS_DBDIR: directory };
  const database = join(directory, 'db.sock');
  const children: ChildProcess[] = [];
  const run = (command: string, ...args: string[]) =>
    execFileSync(command, args, {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 20_000,
    });
  const start = (command: string, ...args: string[]) => {
    children.push(spawn(command, args, { env, stdio: 'ignore' }));
  };
  const vsctl = (...args: string[]) => run('ovs-vsctl', `--db=unix:${database}`, '--timeout=10', ...args);

  run('ovsdb-tool', 'create', join(directory, 'conf.db'), schema);
  start(
    'ovsdb-server',
    `--remote=punix:${database}`,
    `--unixctl=${directory}/db.ctl`,
    join(directory, 'conf.db'),
  );
  waitFor('ovsdb-server', () => works(() => vsctl('--no-wait', 'init')));
  start(
    'ovs-vswitchd',
    '--enable-dummy',
    '--disable-system',
    `--unixctl=${directory}/vs.ctl`,
    `unix:${database}`,
  );
  vsctl(
    'add-br',
    bridge,
    '--',
    'set',
    'bridge',
    bridge,
    'datapath_type=dummy',
    'fail_mode=secure',
    'protocols=OpenFlow10,OpenFlow13,OpenFlow14,OpenFlow15',
    'other-config:datapath-id=00000000000000b7',
  );
  for (const [index, port] of ports.entries())
    vsctl(
      'add-port',
      bridge,
      port,
      '--',
      'set',
      'interface',
      port,
      'type=dummy',
      `ofport_request=${index + 1}`,
    );
  const socket = join(directory, `${bridge}.mgmt`);
  waitFor('the bridge', () => works(() => run('ovs-ofctl', '-O', 'OpenFlow13', 'show', `unix:${socket}`)));
  return {
    socket,
    run: (command, ...args) =>
      command === 'ovs-vsctl'
        ? vsctl(...args)
        : command === 'ovs-appctl'
          ? run(command, '-t', `${directory}/vs.ctl`, ...args)
          : run(command, ...args),
    close() {
      // Not asked to stop but stopped: what ends by itself writes into the directory once more.
      for (const child of children.reverse()) child.kill('SIGKILL');
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

export function writeLines(path: string, lines: readonly object[]): void {
  writeFileSync(path, `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`);
}
