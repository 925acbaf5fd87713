/**
 * What keeps a function from being taken that its schema in openapi/ cannot say.
 */

import { isPlaceholder, placeholdersOf } from '../model/boot.ts';
import type { FunctionSpec } from '../model/declared.ts';
import type { Fault } from '../model/errors.ts';
import { configFaults, configSchemaFaults } from './config-schema.ts';

export function functionFaults(spec: FunctionSpec): readonly Fault[] {
  if (spec.external) return externalFaults(spec);
  const schemaFaults = configSchemaFaults(spec.configSchema, '/configSchema');
  const blankFaults =
    spec.blank === undefined || schemaFaults.length > 0 ? [] : configFaults(spec, spec.blank, '/blank');
  const faults = [...rewritingFaults(spec), ...schemaFaults, ...blankFaults, ...bootFaults(spec)];
  if (spec.isolation !== 'process' || spec.sandbox !== undefined) return faults;
  const detail = 'is process, and `sandbox` does not name the file of a function that runs as one';
  return [{ pointer: '/isolation', detail }, ...faults];
}

/** What a guest that speaks no contract can be told is told by its command line. */
function bootFaults({ boot, sandbox, isolation, blank }: FunctionSpec): readonly Fault[] {
  if (boot === undefined) return [];
  const others = { sandbox, isolation, blank };
  const faults = Object.entries(others)
    .filter(([, value]) => value !== undefined)
    .map(([member]) => ({ pointer: `/${member}`, detail: 'does not go with `boot`' }));
  const unknown = placeholdersOf(boot).find((name) => !isPlaceholder(name));
  if (unknown === undefined) return faults;
  const detail = `has \${${unknown}}; there are \${id}, \${left}, \${right} and \${config.x} for a member x of the config`;
  return [...faults, { pointer: '/boot/commandLine', detail }];
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
    'boot',
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
