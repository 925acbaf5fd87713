/**
 * The emulator's command line for a guest that speaks no contract of ours. Pure.
 */
import { commandLineOf } from '../model/boot.ts';
import type { BootSpec } from '../model/declared.ts';
import type { WantedInstance } from '../model/desired.ts';
import { accelerated, confinement, console, type LaunchFiles, type LaunchOptions, option } from './argv.ts';

/**
 * A guest that takes segments and unfinished checksums from one card and puts them out of another, as a bridge does,
 * hands the other side what that has not agreed to. So the cards offer neither.
 */
const NO_OFFLOADS = [
  ...['csum', 'gso', 'guest_csum', 'guest_tso4', 'guest_tso6', 'guest_ecn', 'guest_ufo'],
  ...['host_tso4', 'host_tso6', 'host_ecn', 'host_ufo'],
]
  .map((offload) => `${offload}=off`)
  .join();

export function foreignArguments(
  instance: WantedInstance,
  boot: BootSpec,
  files: LaunchFiles,
  options: LaunchOptions,
): readonly string[] {
  const { machine = 'pc' } = boot;
  const words = { id: instance.id, left: instance.left.mac, right: instance.right.mac };
  const device = (slot: number): string =>
    machine === 'pc'
      ? `virtio-net-pci,romfile=,bus=pcie.0,addr=${slot + 3}`
      : `virtio-net-device,bus=virtio-mmio-bus.${slot}`;
  const side = (id: 'left' | 'right', slot: number): readonly string[] => [
    ...['-netdev', `tap,id=${id},ifname=${option(instance[id].port)},script=no,downscript=no,vhost=off`],
    ...['-device', `${device(slot)},netdev=${id},mac=${instance[id].mac},${NO_OFFLOADS}`],
  ];
  return [
    ...['-M', machine === 'pc' ? 'q35,smm=off,vmport=off' : 'microvm,isa-serial=on'],
    ...accelerated(options.accelerator),
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
    ...['-m', String(instance.function.memoryMiB)],
    ...['-kernel', files.image],
    ...(files.initrd === undefined ? [] : ['-initrd', files.initrd]),
    ...(boot.commandLine === undefined ? [] : ['-append', commandLineOf(boot, words, instance.config)]),
    ...side('left', 0),
    ...side('right', 1),
    ...console(files.console),
    ...confinement(options),
  ];
}
