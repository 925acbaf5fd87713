/**
 * What the controller needs of this machine, each need with a check and with what to do where it is not met.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** `warn` is for what the controller can do without. */
export type Finding = {
  readonly state: 'ok' | 'warn' | 'fail';
  /** What was found. */
  readonly found: string;
  /** What to do; only where something is to be done. */
  readonly remedy?: string;
};

/** What is looked at. */
export type Machine = {
  readonly settings: {
    readonly apiHost: string;
    readonly apiPort: number;
    readonly openflowHost: string;
    readonly openflowPort: number;
    readonly stateDir: string;
    readonly runDir: string;
    readonly imageDir: string;
  };
  /** What a guest runs fastest with here. Takes some seconds. */
  readonly accelerator: () => Promise<'kvm' | 'tcg'>;
  /** Whether the kernel can hold instances to limits. */
  readonly limits: () => 'there' | { readonly why: string; readonly remedy: string };
};

export type Check = {
  readonly title: string;
  readonly needs: string;
  readonly look: (machine: Machine) => Promise<Finding>;
};

const OLDEST_NODE = 24;
const OLDEST_OVS = [2, 17] as const;
const OLDEST_QEMU = [6, 0] as const;
const FREE_BYTES = 256 * 1024 * 1024;
/** A command that takes longer has something wrong with it. */
const COMMAND_WITHIN_MS = 5_000;
const CAP_NET_ADMIN = 12n;

export const CHECKS: Readonly<Record<string, Check>> = {
  node: {
    title: 'Node',
    needs: `Node ${OLDEST_NODE} or later.`,
    look: async () => {
      const found = `Node ${process.versions.node}`;
      if (Number(process.versions.node.split('.')[0]) >= OLDEST_NODE) return ok(found);
      return fail(found, `Install Node ${OLDEST_NODE} or later: https://nodejs.org/en/download`);
    },
  },
  permissions: {
    title: 'Permissions',
    needs: 'The capability CAP_NET_ADMIN, to make network devices.',
    look: async () => {
      const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
      const has = ((BigInt(`0x${effective}`) >> CAP_NET_ADMIN) & 1n) === 1n;
      const who = `user ${process.getuid?.() ?? '?'} ${has ? 'has' : 'does not have'} CAP_NET_ADMIN`;
      return has
        ? ok(who)
        : fail(who, 'Run it as root, or as the service that deploy/chainstitch.service describes.');
    },
  },
  'open-vswitch': {
    title: 'Open vSwitch',
    needs: `ovs-vswitchd, version ${OLDEST_OVS.join('.')} or later.`,
    look: async () => {
      const ran = await command('ovs-vswitchd', '--version');
      const install = 'Install it: apt-get install openvswitch-switch';
      return versionOf(ran, /\(Open vSwitch\) (\d+)\.(\d+)\S*/, OLDEST_OVS, install);
    },
  },
  'open-vswitch-runs': {
    title: 'Open vSwitch runs',
    needs: 'ovsdb-server and ovs-vswitchd, running.',
    look: async () => {
      const ran = await command('ovs-vsctl', '--timeout=3', 'list-br');
      const start =
        'Start it: systemctl start openvswitch-switch, or /usr/share/openvswitch/scripts/ovs-ctl start';
      if (ran.missing) return fail('there is no ovs-vsctl', 'Install it: apt-get install openvswitch-switch');
      if (ran.status !== 0) return fail(firstLine(ran.err) || 'its database does not answer', start);
      const alive = await command('ovs-appctl', '-t', 'ovs-vswitchd', 'version');
      return alive.status === 0
        ? ok(`${firstLine(alive.out)} answers`)
        : fail('its database answers, and ovs-vswitchd does not', start);
    },
  },
  datapaths: {
    title: 'Datapaths',
    needs: 'One that bridges can use: `system` (in the kernel) or `netdev` (in user space).',
    look: async () => {
      const ran = await command('ovs-vsctl', '--timeout=3', 'get', 'Open_vSwitch', '.', 'datapath_types');
      const kinds = ran.status === 0 ? [...ran.out.matchAll(/[a-z_-]+/g)].map(([kind]) => kind) : [];
      if (kinds.length === 0) return fail('none is known', 'Start Open vSwitch first.');
      if (existsSync('/sys/module/openvswitch')) return ok(kinds.join(', '));
      return {
        state: 'warn',
        found: `${kinds.join(', ')}; the kernel's module is not loaded`,
        remedy:
          'modprobe openvswitch for `system`; bridges with datapath_type=netdev work without it, and cost more processor time.',
      };
    },
  },
  emulator: {
    title: 'QEMU',
    needs: `qemu-system-x86_64, version ${OLDEST_QEMU.join('.')} or later, with the machine microvm.`,
    look: async () => {
      const install = 'Install it: apt-get install qemu-system-x86';
      const ran = await command('qemu-system-x86_64', '--version');
      const found = versionOf(ran, /version (\d+)\.(\d+)\S*/, OLDEST_QEMU, install);
      if (found.state !== 'ok') return found;
      const machines = await command('qemu-system-x86_64', '-machine', 'help');
      return /^microvm\b/m.test(machines.out)
        ? found
        : fail(`${found.found} has no machine microvm`, install);
    },
  },
  images: {
    title: 'Images',
    needs: 'The images of the functions.',
    look: async ({ settings: { imageDir } }) => {
      const images = existsSync(imageDir)
        ? readdirSync(imageDir).filter((name) => name.endsWith('.elf'))
        : [];
      if (images.length > 0) return ok(`${images.length} in ${imageDir}`);
      return fail(
        `none in ${imageDir}`,
        'Build them: make -C unikernels; or name their directory with --image-dir.',
      );
    },
  },
  accelerator: {
    title: 'KVM',
    needs: 'Better with it. Whether it is of use is found out by booting a guest with and without it.',
    look: async ({ accelerator }) => {
      const device = '/dev/kvm';
      const slow = 'Functions work, and cost more processor time. ';
      if (!existsSync(device))
        return {
          state: 'warn',
          found: `there is no ${device}`,
          remedy: `${slow}Enable virtualization in the firmware, or let the virtual machine nest.`,
        };
      if (!isAccessible(device, constants.R_OK | constants.W_OK)) {
        return {
          state: 'warn',
          found: `${device} cannot be opened`,
          remedy: `${slow}Add the user to the group kvm.`,
        };
      }
      if ((await accelerator()) === 'kvm') return ok('a guest runs well with it');
      return {
        state: 'warn',
        found: `${device} opens, and a guest does not run well with it`,
        remedy: `${slow}Nested virtualization is often emulated; nothing is to be done then.`,
      };
    },
  },
  limits: {
    title: 'Limits',
    needs:
      'Better with a cgroup v2 to divide, by which each function is held to its memory, processor time and tasks. ' +
      'Whether that works is found out by making one, from where the doctor is run; the log of the controller says it, too.',
    look: async ({ limits }) => {
      const found = limits();
      if (found === 'there') return ok('a cgroup was made, with limits');
      return {
        state: 'warn',
        found: found.why,
        remedy: `Functions work, without limits by the kernel. ${found.remedy}`,
      };
    },
  },
  devices: {
    title: 'TAP devices',
    needs: '/dev/net/tun, and the right to make devices.',
    look: async () => {
      const name = `csdoc${process.pid % 100_000}`;
      const made = await command('ip', 'tuntap', 'add', 'dev', name, 'mode', 'tap');
      if (made.missing) return fail('there is no ip', 'Install it: apt-get install iproute2');
      if (made.status !== 0) {
        return fail(
          firstLine(made.err),
          'Load the module (modprobe tun), and in a container give it /dev/net/tun and CAP_NET_ADMIN.',
        );
      }
      const gone = await command('ip', 'link', 'del', name);
      return gone.status === 0
        ? ok('one was made and removed')
        : fail(`${name} could not be removed`, `Remove it: ip link del ${name}`);
    },
  },
  'api-port': {
    title: 'Port of the API',
    needs: 'Free, or a controller that listens there.',
    look: ({ settings: { apiHost, apiPort } }) => portIsFree(apiHost, apiPort, '--api-port'),
  },
  'openflow-port': {
    title: 'Port for switches',
    needs: 'Free, or a controller that listens there.',
    look: ({ settings: { openflowHost, openflowPort } }) =>
      portIsFree(openflowHost, openflowPort, '--openflow-port'),
  },
  'state-directory': {
    title: 'State directory',
    needs: 'To be written, with some space left.',
    look: async ({ settings: { stateDir } }) => directoryIsUsable(stateDir, '--state-dir'),
  },
  'run-directory': {
    title: 'Run directory',
    needs: 'To be written, with some space left.',
    look: async ({ settings: { runDir } }) => directoryIsUsable(runDir, '--run-dir'),
  },
};

const ok = (found: string): Finding => ({ state: 'ok', found });
const fail = (found: string, remedy: string): Finding => ({ state: 'fail', found, remedy });

type Ran = {
  readonly missing: boolean;
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
};

async function command(program: string, ...argv: readonly string[]): Promise<Ran> {
  const child = spawn(program, argv, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), COMMAND_WITHIN_MS);
  const ended = await new Promise<{ missing: boolean; status: number | null }>((resolve) => {
    child.once('error', () => resolve({ missing: true, status: null }));
    child.once('close', (status) => resolve({ missing: false, status }));
  });
  clearTimeout(timer);
  return { ...ended, out: out.trim(), err: err.trim() };
}

function versionOf(ran: Ran, pattern: RegExp, oldest: readonly [number, number], install: string): Finding {
  if (ran.missing) return fail('it is not installed', install);
  const [all, major = '0', minor = '0'] = pattern.exec(ran.out) ?? [];
  if (all === undefined) return fail(firstLine(ran.err) || 'it does not tell its version', install);
  const isOld = Number(major) < oldest[0] || (Number(major) === oldest[0] && Number(minor) < oldest[1]);
  return isOld ? fail(all, `Version ${oldest.join('.')} or later is needed. ${install}`) : ok(all);
}

async function portIsFree(host: string, port: number, option: string): Promise<Finding> {
  if (port === 0) return ok('any free one is taken');
  const code = await new Promise<string | undefined>((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
  if (code === undefined) return ok(`${host}:${port} is free`);
  if (code !== 'EADDRINUSE')
    return fail(`${host}:${port}: ${code}`, `Choose another address, or another port with ${option}.`);
  return {
    state: 'warn',
    found: `${host}:${port} is taken`,
    remedy: `If it is not a controller that runs already, choose another port with ${option}.`,
  };
}

/** A directory that is not there yet will be made in the nearest one that is. */
function directoryIsUsable(path: string, option: string): Finding {
  let nearest = path;
  while (!existsSync(nearest) && nearest !== dirname(nearest)) nearest = dirname(nearest);
  const remedy = `Make it a directory that the controller may write to, or name another one with ${option}.`;
  if (!statSync(nearest).isDirectory()) return fail(`${nearest} is no directory`, remedy);
  if (!isAccessible(nearest, constants.W_OK | constants.X_OK))
    return fail(`${nearest} cannot be written`, remedy);
  const { bavail, bsize } = statfsSync(nearest);
  const free = bavail * bsize;
  if (free < FREE_BYTES) return fail(`${nearest} has ${Math.floor(free / 1_048_576)} MiB left`, 'Make room.');
  return ok(nearest === path ? path : `${path} can be made`);
}

function isAccessible(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

const firstLine = (text: string): string => text.split('\n')[0] ?? '';

/** Looks at everything. No finding may hang the others. */
export async function examine(machine: Machine, patience = 60_000): Promise<ReadonlyMap<string, Finding>> {
  const found = new Map<string, Finding>();
  for (const [id, { look }] of Object.entries(CHECKS)) {
    const late = new AbortController();
    const gaveUp = sleep(patience, undefined, { signal: late.signal, ref: false }).then(
      () => fail('no answer', 'Look at it by hand.'),
      () => fail('', ''),
    );
    const finding = await Promise.race([
      look(machine).catch((error: Error) => fail(error.message, 'Look at it by hand.')),
      gaveUp,
    ]);
    late.abort();
    found.set(id, finding);
  }
  return found;
}
