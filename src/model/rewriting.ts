/** Functions that rewrite addresses: by which one they are known at the uplink. */
import type { ChainSpec, FunctionSpec, Json, JsonObject } from './declared.ts';
import type { Ipv4, Name } from './ids.ts';
import { isObject } from './json.ts';

/** What the config has where the function says that its external address is; undefined for one that rewrites nothing. */
export const externalIn = ({ rewrites }: FunctionSpec, config: JsonObject = {}): Json | undefined => {
  if (rewrites === undefined) return undefined;
  const members = rewrites.external.slice(1).split('/');
  return members.reduce<Json | undefined>(memberOf, config);
};

const memberOf = (value: Json | undefined, name: string): Json | undefined =>
  isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;

/** As externalIn, of a config that admission has let pass. */
export const externalAddress = (spec: FunctionSpec, config: JsonObject): Ipv4 | undefined =>
  externalIn(spec, config) as Ipv4 | undefined;

/** The address that a chain is known by at the uplink: of the hop nearest to it that rewrites, if any does. */
export function externalOf(
  { hops }: ChainSpec,
  functionNamed: (name: Name) => FunctionSpec | undefined,
): Ipv4 | undefined {
  const hop = hops.findLast((one) => one.pool === undefined && functionNamed(one.function)?.rewrites);
  const spec = hop?.pool === undefined && hop ? functionNamed(hop.function) : undefined;
  return spec && externalAddress(spec, hop?.config ?? {});
}
