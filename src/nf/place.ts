/**
 * What an instance takes of the host besides its process: a directory, two devices, two ports on a bridge.
 */
import type { WantedInstance } from '../model/desired.ts';
import { ChainstitchError } from '../model/errors.ts';
import type { BridgePorts } from '../model/interfaces.ts';
import { type Clock, within } from './clock.ts';
import type { RunDir } from './rundir.ts';
import { exists, type Taps } from './tap.ts';

/** OVSDB answers in milliseconds; a connection that hangs must not hold a place among the starts for ever. */
const PORTS_WITHIN_MS = 10_000;

export type PlaceOptions = {
  readonly runDir: RunDir;
  readonly ports: BridgePorts;
  readonly taps: Taps;
  readonly mtu: number;
  readonly clock: Clock;
};

/**
 * Makes the devices. What is there already stays as it is, with its ports, which keep their numbers when a guest dies.
 *
 * @throws ChainstitchError `host-failed`
 */
export async function makeDevices(wanted: WantedInstance, options: PlaceOptions): Promise<void> {
  const owner = { runDir: options.runDir.path, id: wanted.id };
  // A port whose device is gone stays with the socket of the dead one, also when a device of that name comes back.
  const lost = portsOf(wanted).filter((name) => !exists(name));
  if (lost.length > 0) await removePorts(wanted, lost, options);
  await options.taps.make(portsOf(wanted), owner, options.mtu);
}

/** @throws ChainstitchError `host-failed` when it takes too long, or what the ports' keeper throws */
export function addPorts(wanted: WantedInstance, { ports, clock }: PlaceOptions): Promise<void> {
  const work = ports.add(wanted.bridge, portsOf(wanted), wanted.id);
  return inTime(clock, 'adding the ports to the bridge', work);
}

/** @throws ChainstitchError `host-failed` when it takes too long, or what the ports' keeper throws */
export function removePorts(
  wanted: WantedInstance,
  names: readonly string[],
  { ports, clock }: PlaceOptions,
): Promise<void> {
  const work = ports.remove(wanted.bridge, names);
  return inTime(clock, 'removing the ports from the bridge', work);
}

/** @throws ChainstitchError `host-failed` */
export function removeDevices(wanted: WantedInstance, { runDir, taps }: PlaceOptions): Promise<void> {
  return taps.remove(portsOf(wanted), runDir.path);
}

/** The names of its devices, which are those of its ports. */
export const portsOf = ({ left, right }: WantedInstance): readonly string[] => [left.port, right.port];

async function inTime(clock: Clock, what: string, work: Promise<void>): Promise<void> {
  const done = await within(
    clock,
    PORTS_WITHIN_MS,
    work.then(() => true),
  );
  if (!done) throw new ChainstitchError('host-failed', `${what} took longer than ${PORTS_WITHIN_MS} ms`);
}
