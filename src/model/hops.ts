import type { ChainSpec, FailPolicy, JsonObject, SubscriberSpec } from './declared.ts';
import type { Name } from './ids.ts';

/** A hop with every default filled in. */
export type ResolvedHop = {
  readonly hop: string;
  readonly function: Name;
  readonly onFailure: FailPolicy;
  readonly config: JsonObject;
};

/** The hops of a chain; one without a name is called after its function and its ordinal among those. */
export function resolveHops(chain: ChainSpec): readonly ResolvedHop[] {
  const seen = new Map<Name, number>();
  return chain.hops.map((hop) => {
    const ordinal = (seen.get(hop.function) ?? 0) + 1;
    seen.set(hop.function, ordinal);
    return {
      hop: hop.name ?? `${hop.function}-${ordinal}`,
      function: hop.function,
      onFailure: hop.onFailure ?? 'closed',
      config: hop.config ?? {},
    };
  });
}

/** Whether a chain is for this subscriber. */
export function selects(chain: ChainSpec, subscriber: SubscriberSpec): boolean {
  if (chain.subscribers) return chain.subscribers.includes(subscriber.name);
  const labels = subscriber.labels ?? {};
  return Object.entries(chain.selector).every(
    ([key, value]) => Object.hasOwn(labels, key) && labels[key] === value,
  );
}
