/**
 * TAP devices: persistent, so that they and their port numbers outlive the emulator that opens them.
 */
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { ChainstitchError } from '../model/errors.ts';
import type { InstanceId } from '../model/ids.ts';
import { IpBatch } from './ip-batch.ts';

/** Linux's IFNAMSIZ without its terminating zero. */
const MAX_DEVICE_NAME = 15;

export type DeviceOwner = { readonly runDir: string; readonly id: InstanceId };

/** Says in a device's alias whose it is, so that one whose instance is forgotten can still be found. */
const aliasOf = ({ runDir, id }: DeviceOwner): string => `chainstitch ${id} ${runDir}`;

/** The devices of this host's network namespace. */
export class Taps {
  readonly #batch = new IpBatch();

  /**
   * Makes devices and brings them up; one that is there already is kept, with its port number. They carry
   * nothing until an emulator opens them.
   *
   * @throws ChainstitchError `host-failed`
   */
  async make(names: readonly string[], owner: DeviceOwner, mtu: number): Promise<void> {
    const odd = names.find((name) => !/^[A-Za-z0-9_-]+$/.test(name) || name.length > MAX_DEVICE_NAME);
    if (odd !== undefined)
      throw new ChainstitchError('host-failed', `"${odd}" cannot be the name of a network device`);
    const missing = names.filter((name) => !exists(name));
    if (missing.length < names.length) await checkOwner(names, owner);
    const commands = names.flatMap((name) => [
      ...(missing.includes(name) ? [`tuntap add dev ${name} mode tap`] : []),
      // Without ARP the host does not answer for its own addresses when its kernel sees the guest's frames too.
      `link set dev ${name} alias "${aliasOf(owner)}"`,
      `link set dev ${name} mtu ${mtu} arp off up`,
    ]);
    await this.#run(commands, `TAP devices ${names.join(' and ')} cannot be made`);
    for (const name of names) silence(name);
  }

  /**
   * Removes devices that were made for this run directory's instances; one that is gone already is no error,
   * and one of somebody else's stays.
   *
   * @throws ChainstitchError `host-failed`
   */
  async remove(names: readonly string[], runDir: string): Promise<void> {
    if (!names.some(exists)) return;
    const owners = await listTaps();
    const ours = names.filter((name) => owners.get(name)?.runDir === runDir);
    if (ours.length === 0) return;
    try {
      const commands = ours.map((name) => `link delete dev ${name}`);
      await this.#run(commands, `TAP devices ${ours.join(' and ')} cannot be removed`);
    } catch (error) {
      if (ours.some(exists)) throw error;
    }
  }

  close(): void {
    this.#batch.close();
  }

  async #run(commands: readonly string[], failure: string): Promise<void> {
    await this.#batch.run(commands).catch((error: Error) => {
      throw new ChainstitchError('host-failed', `${failure}: ${error.message}`, { cause: error });
    });
  }
}

async function checkOwner(names: readonly string[], { runDir, id }: DeviceOwner): Promise<void> {
  const owners = await listTaps();
  for (const name of names.filter(exists)) {
    const found = owners.get(name);
    if (found?.id === id && found.runDir === runDir) continue;
    throw new ChainstitchError(
      'host-failed',
      `the network device ${name} exists and is not this instance's; ` +
        `remove it with "ip link delete ${name}" or choose another interface prefix`,
    );
  }
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

/** By /proc/sys, which shows the network namespace of who asks; /sys shows that of who mounted it. */
export function exists(name: string): boolean {
  return existsSync(`/proc/sys/net/ipv4/conf/${name}`);
}

/**
 * The TAP devices that were made for instances, of any run directory, by name.
 *
 * @throws ChainstitchError `host-failed`
 */
export async function listTaps(): Promise<ReadonlyMap<string, DeviceOwner>> {
  const text = await ip(['-json', 'link', 'show', 'type', 'tun'], 'TAP devices cannot be listed');
  const devices: readonly { ifname: string; ifalias?: string }[] = JSON.parse(text || '[]');
  return new Map(
    devices.flatMap(({ ifname, ifalias }) => {
      const [mark, id, runDir] = (ifalias ?? '').split(' ');
      if (mark !== 'chainstitch' || id === undefined || runDir === undefined) return [];
      return [[ifname, { id: id as InstanceId, runDir }] as const];
    }),
  );
}

function ip(args: readonly string[], failure: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (detail: string, cause?: unknown): void =>
      reject(new ChainstitchError('host-failed', `${failure}: ${detail}`, { cause }));
    const child = spawn('ip', args, { stdio: 'pipe' });
    let answer = '';
    let complaint = '';
    child.stdout.on('data', (bytes: Buffer) => {
      answer += bytes.toString('utf8');
    });
    child.stderr.on('data', (bytes: Buffer) => {
      complaint = `${complaint}${bytes.toString('utf8')}`.slice(0, 1000);
    });
    child.on('error', (error) => fail(`"ip" cannot be run, install iproute2: ${error.message}`, error));
    child.on('close', (code) => {
      if (code === 0) resolve(answer);
      else fail(complaint.trim().replaceAll('\n', '; ') || `"ip" ended with status ${code}`);
    });
  });
}
