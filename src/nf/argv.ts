/**
 * The emulator's command line. Pure.
 */
import type { WantedInstance } from '../model/desired.ts';
import { CONTRACT } from './contract.ts';

export type Accelerator = 'kvm' | 'tcg';

export type LaunchFiles = {
  readonly image: string;
  readonly config: string;
  /** What an earlier guest has saved, if it has. */
  readonly state?: string | undefined;
  /** What the function looks things up in, if it does. It never changes: guests may have it in their memory. */
  readonly data?: string | undefined;
  readonly console: string;
  /** Of a guest that speaks no contract, where it has one. */
  readonly initrd?: string | undefined;
};

export type LaunchOptions = {
  readonly accelerator: Accelerator;
  /** What the guest's clock begins with: seconds since 1970, UTC. */
  readonly time: number;
  /** User and group that it becomes once it has opened its devices; only root can ask for that. */
  readonly user?: number | undefined;
  /** An empty directory, which the emulator makes its root; only root can ask for that. */
  readonly root?: string | undefined;
};

/** More than any image needs; what is not touched costs nothing. */
const PROBE_MEMORY_MIB = 16;

/** How an instance's guest is started. */
export function instanceArguments(
  instance: WantedInstance,
  revision: number,
  files: LaunchFiles,
  options: LaunchOptions,
): readonly string[] {
  const side = (id: 'left' | 'right', bus: number): readonly string[] => [
    '-netdev',
    // vhost needs a device that the sandbox would have to allow, and gains nothing where the guest is the limit.
    `tap,id=${id},ifname=${option(instance[id].port)},script=no,downscript=no,vhost=off`,
    '-device',
    // The first -device lands on the last slot unless the bus is named, and left and right would be swapped.
    `virtio-net-device,netdev=${id},mac=${instance[id].mac},bus=virtio-mmio-bus.${bus}`,
  ];
  return [
    ...machine(options.accelerator, instance.function.memoryMiB),
    ...guest(instance.id, instance.left.mac, instance.right.mac, files.image),
    ...bootFiles(files, revision, options.time),
    ...side('left', CONTRACT.CONTRACT_BUS_LEFT),
    ...side('right', CONTRACT.CONTRACT_BUS_RIGHT),
    ...console(files.console),
    ...confinement(options),
  ];
}

/** A guest whose network cards lead nowhere, for finding out whether an accelerator works. */
export function probeArguments(id: string, files: LaunchFiles, options: LaunchOptions): readonly string[] {
  const macs = { left: '02:00:00:00:00:01', right: '02:00:00:00:00:02' } as const;
  const side = (name: 'left' | 'right', bus: number): readonly string[] => [
    ...['-netdev', `hubport,id=${name},hubid=${bus}`],
    ...['-device', `virtio-net-device,netdev=${name},mac=${macs[name]},bus=virtio-mmio-bus.${bus}`],
  ];
  return [
    ...machine(options.accelerator, PROBE_MEMORY_MIB),
    ...guest(id, macs.left, macs.right, files.image),
    ...bootFiles(files, 1, options.time),
    ...side('left', CONTRACT.CONTRACT_BUS_LEFT),
    ...side('right', CONTRACT.CONTRACT_BUS_RIGHT),
    ...console(files.console),
    ...confinement(options),
  ];
}

const machine = (accelerator: Accelerator, memoryMiB: number): readonly string[] => [
  ...['-M', 'microvm,acpi=off,pic=off,pit=on,rtc=off,isa-serial=on,auto-kernel-cmdline=off'],
  ...accelerated(accelerator),
  ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
  ...['-m', String(memoryMiB)],
  ...['-global', 'virtio-mmio.force-legacy=false'],
];

/** What a guest is translated into is a part of its memory like any other: by itself QEMU would take up to a GiB. */
export const accelerated = (accelerator: Accelerator): readonly string[] => [
  '-accel',
  accelerator === 'tcg' ? `tcg,tb-size=${TRANSLATED_MIB}` : accelerator,
];
const TRANSLATED_MIB = 64;

const guest = (id: string, left: string, right: string, image: string): readonly string[] => [
  ...['-kernel', image],
  ...['-append', commandLine(id, left, right)],
];

/** What a guest is told of itself. */
export const commandLine = (id: string, left: string, right: string): string =>
  `${CONTRACT.CONTRACT_ARG_ID}${id} ${CONTRACT.CONTRACT_ARG_LEFT}${left} ${CONTRACT.CONTRACT_ARG_RIGHT}${right}`;

const bootFiles = (
  { config, state, data }: LaunchFiles,
  revision: number,
  time: number,
): readonly string[] => [
  ...['-fw_cfg', `name=${CONTRACT.CONTRACT_CONFIG_FILE},file=${option(config)}`],
  ...['-fw_cfg', `name=${CONTRACT.CONTRACT_REVISION_FILE},string=${revision}`],
  ...['-fw_cfg', `name=${CONTRACT.CONTRACT_TIME_FILE},string=${time}`],
  ...(state === undefined ? [] : ['-fw_cfg', `name=${CONTRACT.CONTRACT_STATE_FILE},file=${option(state)}`]),
  ...(data === undefined ? [] : ['-fw_cfg', `name=${CONTRACT.CONTRACT_DATA_FILE},file=${option(data)}`]),
];

export const console = (socket: string): readonly string[] => [
  ...['-chardev', `socket,id=console,path=${option(socket)},server=on,wait=off`],
  ...['-serial', 'chardev:console'],
];

/**
 * What is left to an emulator that its guest has taken over: no new programs, no privileges, no files. The system
 * calls that change the user have to be allowed for -runas; once it is an instance's own user without capabilities
 * and with no_new_privs set, which the sandbox does, they lead nowhere.
 */
export const confinement = ({ user, root }: LaunchOptions): readonly string[] =>
  user !== undefined
    ? [
        ...(root === undefined ? [] : ['-chroot', root]),
        ...['-runas', `${user}:${user}`],
        ...['-sandbox', 'on,obsolete=deny,elevateprivileges=allow,spawn=deny,resourcecontrol=deny'],
      ]
    : ['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'];

/** A value within an option of the emulator's: a comma would end it, two are one. */
export const option = (value: string): string => value.replaceAll(',', ',,');
