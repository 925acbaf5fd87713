/**
 * Compares what the host and its bridges have with what instances there are: what is missing is put back,
 * what belongs to no instance is removed. It finds what an earlier run has left as well as what a stranger
 * has taken away.
 */

import type { InstanceId } from '../model/ids.ts';
import type { BridgePorts, ManagedBridge } from '../model/interfaces.ts';
import type { Log } from './log.ts';
import type { Supervisor } from './supervisor.ts';
import { type DeviceOwner, exists, listTaps, type Taps } from './tap.ts';

export type AuditScope = {
  readonly runDir: string;
  readonly ports: BridgePorts;
  readonly taps: Taps;
  readonly log: Log;
  /** Bridges that carry or have carried our ports. */
  readonly bridges: readonly ManagedBridge[];
  readonly supervisors: ReadonlyMap<InstanceId, Supervisor>;
};

/** One round. True when everything could be asked and nothing of nobody's is left. */
export async function audit(scope: AuditScope): Promise<boolean> {
  try {
    const devices = await listTaps();
    const bridges = await Promise.all(scope.bridges.map((bridge) => auditBridge(bridge, devices, scope)));
    // A device must not go before its port: the switch would look for it again and again.
    if (!bridges.every(Boolean)) return false;
    await auditDevices(devices, scope);
    return true;
  } catch (error) {
    scope.log.warn({ problem: (error as Error).message }, 'the network devices cannot be compared');
    return false;
  }
}

async function auditBridge(
  bridge: ManagedBridge,
  devices: ReadonlyMap<string, DeviceOwner>,
  scope: AuditScope,
): Promise<boolean> {
  try {
    const present = new Set(await scope.ports.list(bridge));
    const taken = portNames(scope);
    // A port whose device another run directory's controller has made is that one's to remove.
    const isOurs = (port: string): boolean => (devices.get(port)?.runDir ?? scope.runDir) === scope.runDir;
    const orphans = [...present].filter((port) => !taken.has(port) && isOurs(port));
    if (orphans.length > 0) {
      scope.log.info({ bridge: bridge.dpid, ports: orphans }, 'removing ports that belong to no instance');
      await scope.ports.remove(bridge, orphans);
    }
    await putBack(bridge, present, scope);
    return true;
  } catch (error) {
    const problem = (error as Error).message;
    scope.log.warn({ bridge: bridge.dpid, problem }, 'the ports of the bridge cannot be compared');
    return false;
  }
}

async function putBack(
  bridge: ManagedBridge,
  present: ReadonlySet<string>,
  { supervisors, log }: AuditScope,
): Promise<void> {
  for (const supervisor of supervisors.values()) {
    const { wanted, ready } = supervisor;
    if (!ready || wanted.bridge.dpid !== bridge.dpid) continue;
    if (present.has(wanted.left.port) && present.has(wanted.right.port)) continue;
    log.info({ instance: wanted.id }, 'putting ports back on the bridge');
    await supervisor.addPorts();
  }
}

async function auditDevices(devices: ReadonlyMap<string, DeviceOwner>, scope: AuditScope): Promise<void> {
  for (const supervisor of scope.supervisors.values()) {
    const { left, right } = supervisor.wanted;
    const gone = [left.port, right.port].find((name) => !exists(name));
    if (gone !== undefined && supervisor.ready)
      supervisor.fail(`somebody has removed the network device ${gone}`);
  }
  const taken = portNames(scope);
  const ours = [...devices].filter(([, { runDir }]) => runDir === scope.runDir);
  const orphans = ours.map(([name]) => name).filter((name) => !taken.has(name));
  if (orphans.length === 0) return;
  scope.log.info({ devices: orphans }, 'removing TAP devices that belong to no instance');
  await scope.taps.remove(orphans, scope.runDir);
}

const portNames = ({ supervisors }: AuditScope): ReadonlySet<string> =>
  new Set([...supervisors.values()].flatMap(({ wanted }) => [wanted.left.port, wanted.right.port]));
