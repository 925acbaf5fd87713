/** An instance that somebody could want, for tests. */
import type { WantedInstance } from '../../../src/model/desired.ts';
import type { Dpid, InstanceId, Mac, Name } from '../../../src/model/ids.ts';

export function wantedInstance(number: number): WantedInstance {
  return {
    id: `i${number}` as InstanceId,
    function: {
      name: 'firewall' as Name,
      image: 'firewall.elf',
      contract: 1,
      memoryMiB: 4,
      transparent: true,
      configSchema: {},
    },
    config: { a: 1, b: [2] },
    revision: 1,
    bridge: { dpid: '00000000000000f1' as Dpid, ovsdb: 'unix:/run/openvswitch/db.sock' },
    left: { port: `cs${number}l`, mac: `02:00:00:00:0${number}:01` as Mac },
    right: { port: `cs${number}r`, mac: `02:00:00:00:0${number}:02` as Mac },
  };
}
