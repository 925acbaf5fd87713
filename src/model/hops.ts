import type {
  Appliance,
  ChainSpec,
  FailPolicy,
  JsonObject,
  OnDemandSpec,
  SubscriberSpec,
} from './declared.ts';
import type { Name } from './ids.ts';
import { tenantOf } from './tenant.ts';

export type OnDemand = Required<OnDemandSpec>;

const IDLE_AFTER_S = 300;

/** A hop with every default filled in. */
export type DedicatedHop = {
  readonly hop: string;
  readonly onFailure: FailPolicy;
  readonly function: Name;
  readonly config: JsonObject;
  readonly onDemand?: OnDemand;
  readonly tap?: true;
  readonly pool?: never;
};
export type SharedHop = {
  readonly hop: string;
  readonly onFailure: FailPolicy;
  readonly pool: Name;
  readonly tap?: true;
};
export type ResolvedHop = DedicatedHop | SharedHop;

/** The hops of a chain; one without a name is called after its pool, or after its function and its ordinal among those. */
export function resolveHops(chain: ChainSpec): readonly ResolvedHop[] {
  const seen = new Map<Name, number>();
  return chain.hops.map((hop) => {
    const tap = hop.tap && { tap: hop.tap };
    if (hop.pool !== undefined)
      return { hop: hop.name ?? hop.pool, pool: hop.pool, onFailure: hop.onFailure ?? 'another', ...tap };
    const ordinal = (seen.get(hop.function) ?? 0) + 1;
    seen.set(hop.function, ordinal);
    return {
      hop: hop.name ?? `${hop.function}-${ordinal}`,
      function: hop.function,
      onFailure: hop.onFailure ?? 'closed',
      config: hop.config ?? {},
      ...tap,
      ...(hop.onDemand && { onDemand: { firstPacket: 'hold', idleAfter: IDLE_AFTER_S, ...hop.onDemand } }),
    };
  });
}

/** Whether a chain is for this subscriber; by labels, for those of its own tenant alone. */
export function selects(chain: ChainSpec, subscriber: SubscriberSpec): boolean {
  if (chain.subscribers) return chain.subscribers.includes(subscriber.name);
  if (tenantOf(chain.name) !== tenantOf(subscriber.name)) return false;
  const labels = subscriber.labels ?? {};
  return Object.entries(chain.selector).every(
    ([key, value]) => Object.hasOwn(labels, key) && labels[key] === value,
  );
}

/** One port or two. */
export const portsOfAppliance = ({ port, left, right }: Appliance): readonly string[] =>
  port === undefined ? [left, right] : [port];
