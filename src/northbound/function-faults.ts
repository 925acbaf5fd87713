/**
 * What keeps a function from being taken that its schema in openapi/ cannot say.
 */
import type { FunctionSpec } from '../model/declared.ts';
import type { Fault } from '../model/errors.ts';
import { configSchemaFaults } from './config-schema.ts';

export function functionFaults(spec: FunctionSpec): readonly Fault[] {
  const faults = configSchemaFaults(spec.configSchema, '/configSchema');
  if (spec.isolation !== 'process' || spec.sandbox !== undefined) return faults;
  const detail = 'is process, and `sandbox` does not name the file of a function that runs as one';
  return [{ pointer: '/isolation', detail }, ...faults];
}
