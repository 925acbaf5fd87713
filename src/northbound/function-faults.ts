/**
 * What keeps a function from being taken that its schema in openapi/ cannot say.
 */
import type { FunctionSpec } from '../model/declared.ts';
import type { Fault } from '../model/errors.ts';
import { configFaults, configSchemaFaults } from './config-schema.ts';

export function functionFaults(spec: FunctionSpec): readonly Fault[] {
  if (spec.external) return externalFaults(spec);
  const schemaFaults = configSchemaFaults(spec.configSchema, '/configSchema');
  const blankFaults =
    spec.blank === undefined || schemaFaults.length > 0 ? [] : configFaults(spec, spec.blank, '/blank');
  const faults = [...rewritingFaults(spec), ...schemaFaults, ...blankFaults];
  if (spec.isolation !== 'process' || spec.sandbox !== undefined) return faults;
  const detail = 'is process, and `sandbox` does not name the file of a function that runs as one';
  return [{ pointer: '/isolation', detail }, ...faults];
}

function rewritingFaults({
  transparent,
  rewrites,
}: Pick<FunctionSpec, 'transparent' | 'rewrites'>): readonly Fault[] {
  if (transparent === (rewrites === undefined)) return [];
  return transparent
    ? [
        {
          pointer: '/transparent',
          detail: 'is true, and `rewrites` says that frames are changed; let it be false',
        },
      ]
    : [
        {
          pointer: '/transparent',
          detail: 'is false, and `rewrites` does not say by which address it is known',
        },
      ];
}

/** What says how the controller is to run it has no meaning. */
function externalFaults(spec: FunctionSpec): readonly Fault[] {
  const own = [
    'image',
    'sandbox',
    'isolation',
    'contract',
    'memoryMiB',
    'lists',
    'sends',
    'configSchema',
    'rewrites',
    'blank',
  ] as const;
  const faults = own
    .filter((member) => spec[member] !== undefined)
    .map((member) => ({ pointer: `/${member}`, detail: 'does not go with `external`' }));
  if (spec.vlanTransparent !== true || !spec.transparent) {
    const pointer = spec.transparent ? '/vlanTransparent' : '/transparent';
    faults.push({
      pointer,
      detail: 'has to be true with `external`: frames come back with the tag that tells whose they are',
    });
  }
  return faults;
}
