/** The instances that are to exist. Pure. */
import { BLANK_REVISION, type WantedInstance } from '../model/desired.ts';
import type { InstanceId, Mac } from '../model/ids.ts';
import { sleepersOf } from '../model/steering.ts';
import { blanksOf } from './blanks.ts';
import { instanceNumber, type Side } from './metadata.ts';
import { type CompileInput, portName } from './view.ts';

export function wantedInstances(input: CompileInput): readonly WantedInstance[] {
  const { declared, steering, interfacePrefix } = input;
  const sleeping = sleepersOf(steering);
  const blanks = blanksOf(input);
  return [...steering.instances.values()]
    .filter(({ id }) => !sleeping.has(id) || blanks.has(id))
    .sort((a, b) => instanceNumber(a.id) - instanceNumber(b.id))
    .flatMap((record) => {
      const spec = declared.functions.get(record.function)?.spec;
      const bridge = declared.switches.get(record.switch)?.spec;
      // What is somebody else's is there already.
      if (!spec || spec.external || !bridge) return [];
      const wantedInterface = (side: Side) => ({
        port: portName(interfacePrefix, record.id, side),
        mac: instanceMac(record.id, side),
      });
      return {
        id: record.id,
        function: spec,
        ...(blanks.has(record.id)
          ? { config: spec.blank ?? {}, revision: BLANK_REVISION }
          : { config: record.config, revision: record.revision }),
        bridge: { dpid: bridge.dpid, ovsdb: bridge.ovsdb },
        left: wantedInterface('left'),
        right: wantedInterface('right'),
      };
    });
}

/** Locally administered, unicast: 02:c5, then the instance's number and its side in 32 bits. */
function instanceMac(id: InstanceId, side: Side): Mac {
  const tail = ((instanceNumber(id) << 1) | (side === 'right' ? 1 : 0)).toString(16).padStart(8, '0');
  return ['02', 'c5', ...(tail.match(/../g) ?? [])].join(':') as Mac;
}
