/**
 * Keeps a test that brings up a whole lab apart from what else the machine runs: network devices, an Open
 * vSwitch of the machine's own, another lab.
 */

/** The command line that runs a command in network and mount namespaces of its own, which end with it. */
export function isolated(argv: readonly string[]): readonly string[] {
  // Open vSwitch's sockets are looked for at one place; each lab sees a directory of its own there.
  const prepare =
    'ip link set lo up && mkdir -p /run/openvswitch && mount -t tmpfs tmpfs /run/openvswitch && exec "$@"';
  return ['unshare', '--net', '--mount', 'sh', '-c', prepare, 'sh', ...argv];
}
