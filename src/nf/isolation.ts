/**
 * What a guest is kept in: a virtual machine, or a process that has confined itself. Pure.
 */
import type { Isolation, OwnFunctionSpec } from '../model/declared.ts';
import type { WantedInstance } from '../model/desired.ts';
import { type Accelerator, instanceArguments, type LaunchFiles, type LaunchOptions } from './argv.ts';
import { foreignArguments } from './foreign-argv.ts';
import { sandboxArguments } from './sandbox.ts';

/** A program and its arguments. */
export type Launch = { readonly program: string; readonly args: readonly string[] };

/** Undefined when it depends on whether the host has an accelerator that works. */
export function isolationGiven({ isolation, sandbox, boot }: OwnFunctionSpec): Isolation | undefined {
  if (boot) return 'vm';
  return isolation ?? (sandbox === undefined ? 'vm' : undefined);
}

/**
 * Without an accelerator a virtual machine is emulated, and QEMU's makers do not count its emulation as a
 * boundary: then the process is the better fence, and the quicker and smaller one. docs/decisions/ tells why.
 */
export const isolationWith = (accelerator: Accelerator): Isolation =>
  accelerator === 'kvm' ? 'vm' : 'process';

/** The file of the image directory that the guest is made of. */
export const imageOf = ({ image, sandbox }: OwnFunctionSpec, isolation: Isolation): string =>
  isolation === 'vm' ? image : (sandbox ?? image);

/** How a guest is started. */
export function launchOf(
  isolation: Isolation,
  instance: WantedInstance,
  revision: number,
  files: LaunchFiles,
  options: LaunchOptions & { readonly qemu: string },
): Launch {
  const { boot } = instance.function;
  if (boot) return { program: options.qemu, args: foreignArguments(instance, boot, files, options) };
  return isolation === 'vm'
    ? { program: options.qemu, args: instanceArguments(instance, revision, files, options) }
    : { program: files.image, args: sandboxArguments(instance, revision, files, options) };
}
