/**
 * The contract in openapi/: its schemas are the ones that requests are validated with.
 */
import { fileURLToPath } from 'node:url';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Json, JsonObject } from '../model/declared.ts';
import type { Fault } from '../model/errors.ts';
import { joinContract } from './contract-files.ts';
import { explainErrors } from './faults.ts';
import { FORMATS } from './formats.ts';

const SCHEMAS = '#/components/schemas/';

type Named = { readonly [name: string]: JsonObject };
type Contract = JsonObject & {
  readonly info: { readonly description: string };
  readonly paths: { readonly [path: string]: Named };
  readonly components: {
    readonly schemas: Named;
    readonly responses: Named;
    readonly examples: Named;
    readonly parameters: Named;
  };
};

/** The whole document, as GET /openapi.json shows it. */
export const contract: Contract = joinContract(
  fileURLToPath(new URL('../../openapi', import.meta.url)),
) as Contract;

// Nothing is coerced, filled in or taken away: what is stored is what was sent.
const ajv = new Ajv2020({
  allErrors: true,
  verbose: true,
  strict: true,
  strictRequired: false,
  allowUnionTypes: true,
  formats: FORMATS,
});
ajv.addKeyword('x-means');
ajv.addSchema({
  $id: 'contract',
  // To ajv the components are definitions of one schema, so references between them stay within it.
  $defs: JSON.parse(
    JSON.stringify(contract.components.schemas).replaceAll(SCHEMAS, '#/$defs/'),
  ) as JsonObject,
});

/** What is wrong with a value that ought to satisfy a schema of the contract. */
export function schemaFaults(schema: string, value: Json, pointer = ''): readonly Fault[] {
  const validate = validator(schema);
  return validate(value) ? [] : explainErrors(validate.errors ?? [], pointer);
}

function validator(schema: string): ValidateFunction {
  const validate = ajv.getSchema(`contract#/$defs/${schema}`);
  if (validate === undefined) throw new Error(`the contract has no schema ${schema}`);
  return validate;
}
