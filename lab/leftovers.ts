/**
 * What a lab must not leave behind: processes, network devices, files. Its namespaces have no names and last
 * as long as the processes in them.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { processesOf } from './processes.ts';

export type Surroundings = {
  readonly devices: ReadonlySet<string>;
  readonly files: ReadonlySet<string>;
};

const { OVS_RUNDIR: OVS_RUN_DIR = '/var/run/openvswitch' } = process.env;

export function lookAround(interfacePrefix: string): Surroundings {
  // Others may add devices and files to the machine meanwhile; only those are looked at that a lab makes.
  const device = new RegExp(`^(s1(-eth\\d+)?|(alice|bob|server)-eth\\d+|ovs-netdev|${interfacePrefix}.*)$`);
  return {
    devices: new Set([...devices()].filter((name) => device.test(name))),
    files: new Set([
      ...list(tmpdir())
        .filter((name) => name.startsWith('chainstitch-'))
        .map((name) => `${tmpdir()}/${name}`),
      ...list(OVS_RUN_DIR).map((name) => `${OVS_RUN_DIR}/${name}`),
    ]),
  };
}

/** What is there now, was not there before, and belongs to the lab; in words. */
export function leftovers(
  before: Surroundings,
  interfacePrefix: string,
  directory: string,
): readonly string[] {
  const after = lookAround(interfacePrefix);
  const added = (kind: keyof Surroundings): readonly string[] =>
    [...after[kind]].filter((name) => !before[kind].has(name));
  return [
    ...processesOf(directory).map(({ pid, command }) => `process ${pid} (${command})`),
    ...added('devices').map((name) => `network device ${name}`),
    ...added('files').map((name) => `file ${name}`),
  ];
}

/** Names of the network devices of this namespace; /sys may still show those of another one. */
export function devices(): ReadonlySet<string> {
  const lines = readFileSync('/proc/self/net/dev', 'utf8').split('\n');
  return new Set(lines.flatMap((line) => /^\s*([^\s:]+):/.exec(line)?.[1] ?? []));
}

function list(directory: string): readonly string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}
