/**
 * The command line of a function that runs as a process. Pure.
 */
import type { WantedInstance } from '../model/desired.ts';
import type { LaunchFiles, LaunchOptions } from './argv.ts';
import { commandLine } from './argv.ts';
import { CONTRACT } from './contract.ts';

export function sandboxArguments(
  instance: WantedInstance,
  revision: number,
  files: LaunchFiles,
  { time, user }: Pick<LaunchOptions, 'time' | 'user'>,
): readonly string[] {
  return [
    ...['--append', commandLine(instance.id, instance.left.mac, instance.right.mac)],
    ...['--left', instance.left.port, '--right', instance.right.port],
    ...['--console', files.console, '--memory', String(instance.function.memoryMiB)],
    ...['--file', `${CONTRACT.CONTRACT_CONFIG_FILE}=${files.config}`],
    ...['--value', `${CONTRACT.CONTRACT_REVISION_FILE}=${revision}`],
    ...['--value', `${CONTRACT.CONTRACT_TIME_FILE}=${time}`],
    ...(files.state === undefined ? [] : ['--file', `${CONTRACT.CONTRACT_STATE_FILE}=${files.state}`]),
    ...(files.data === undefined ? [] : ['--map', `${CONTRACT.CONTRACT_DATA_FILE}=${files.data}`]),
    ...(user === undefined ? [] : ['--user', String(user)]),
  ];
}
