/**
 * TAP devices: persistent, so that they and their port numbers outlive the emulator that opens them.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { ChainstitchError } from '../model/errors.ts';
import type { InstanceId } from '../model/ids.ts';

/** Linux's IFNAMSIZ without its terminating zero. */
const MAX_DEVICE_NAME = 15;
const DEVICES = '/sys/class/net';

/** Says in a device's alias whose it is, so that one whose instance is forgotten can still be found. */
function aliasOf(runDir: string, id: string): string {
  return `chainstitch ${id} ${runDir}`;
}

/**
 * Makes devices and brings them up; one that is there already is kept, with its port number. They carry
 * nothing until an emulator opens them.
 *
 * @throws ChainstitchError `host-failed`
 */
export async function makeTaps(
  names: readonly string[],
  owner: { readonly runDir: string; readonly id: InstanceId },
  mtu: number,
): Promise<void> {
  for (const name of names) {
    if (!/^[A-Za-z0-9_.-]+$/.test(name) || name.length > MAX_DEVICE_NAME)
      throw new ChainstitchError('host-failed', `"${name}" cannot be the name of a network device`);
  }
  const taken = names.find((name) => exists(name) && ownerOf(name, owner.runDir) !== owner.id);
  if (taken !== undefined)
    throw new ChainstitchError(
      'host-failed',
      `the network device ${taken} exists and is not this instance's; remove it with "ip link delete ${taken}" or set another interface prefix`,
    );
  const commands = names.flatMap((name) => [
    ...(exists(name) ? [] : [`tuntap add dev ${name} mode tap`]),
    // The alias comes first: from then on the device is known as ours, whatever happens. Without ARP the
    // host does not answer for its own addresses when its kernel sees the guest's frames too.
    `link set dev ${name} alias "${aliasOf(owner.runDir, owner.id)}"`,
    `link set dev ${name} mtu ${mtu} arp off up`,
  ]);
  await ip(commands, `TAP devices ${names.join(' and ')} cannot be made`);
  for (const name of names) silence(name);
}

/**
 * Keeps the host's own IPv6 off the device: its router solicitations and multicast reports would enter the
 * chain as if the network had sent them. In time, because a device that nobody has opened carries nothing.
 */
function silence(name: string): void {
  writeSetting(`/proc/sys/net/ipv6/conf/${name}/disable_ipv6`, '1');
  // A guest could send to the device's own MAC address; the host must not route that on.
  writeSetting(`/proc/sys/net/ipv4/conf/${name}/forwarding`, '0');
  writeSetting(`/proc/sys/net/ipv4/conf/${name}/rp_filter`, '1');
}

function writeSetting(path: string, value: string): void {
  try {
    writeFileSync(path, value);
  } catch (error) {
    // A host without IPv6 has nothing to silence.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw new ChainstitchError('host-failed', `${path} cannot be written: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/**
 * Removes devices; those that are gone already are no error.
 *
 * @throws ChainstitchError `host-failed`
 */
export async function removeTaps(names: readonly string[]): Promise<void> {
  const commands = names.filter(exists).map((name) => `link delete dev ${name}`);
  if (commands.length === 0) return;
  try {
    await ip(commands, `TAP devices ${names.join(' and ')} cannot be removed`);
  } catch (error) {
    if (names.some(exists)) throw error;
  }
}

export function exists(name: string): boolean {
  return deviceAlias(name) !== undefined;
}

/** Devices made for instances of this run directory, by name. */
export function findTaps(runDir: string): ReadonlyMap<string, InstanceId> {
  const found = readdirSync(DEVICES).map((name) => [name, ownerOf(name, runDir)] as const);
  return new Map(found.flatMap(([name, id]) => (id === undefined ? [] : [[name, id]])));
}

function ownerOf(name: string, runDir: string): InstanceId | undefined {
  const owner = deviceOwner(name);
  return owner?.runDir === runDir ? owner.id : undefined;
}

/** Whose instance the device was made for; undefined when it is nobody's or does not exist. */
export function deviceOwner(name: string): { readonly id: InstanceId; readonly runDir: string } | undefined {
  const [mark, id, runDir] = (deviceAlias(name) ?? '').split(' ');
  if (mark !== 'chainstitch' || id === undefined || runDir === undefined) return undefined;
  return { id: id as InstanceId, runDir };
}

function deviceAlias(name: string): string | undefined {
  try {
    return readFileSync(`${DEVICES}/${name}/ifalias`, 'utf8').trimEnd();
  } catch {
    return undefined;
  }
}

/** One process for all commands: starting one costs more than what it does. */
function ip(commands: readonly string[], failure: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (detail: string, cause?: unknown): void =>
      reject(new ChainstitchError('host-failed', `${failure}: ${detail}`, { cause }));
    const child = spawn('ip', ['-batch', '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
    let complaint = '';
    child.stderr.on('data', (bytes: Buffer) => {
      complaint = `${complaint}${bytes.toString('utf8')}`.slice(0, 1000);
    });
    child.on('error', (error) => fail(`"ip" cannot be run, install iproute2: ${error.message}`, error));
    child.on('close', (code) => {
      if (code === 0) resolve();
      else fail(complaint.trim().replaceAll('\n', '; ') || `"ip" ended with status ${code}`);
    });
    // It may end before it has read all; its complaint says why.
    child.stdin.on('error', () => {});
    child.stdin.end(`${commands.join('\n')}\n`);
  });
}
