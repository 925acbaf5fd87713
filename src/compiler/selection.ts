/** Which chains a subscriber is in, and which of them is asked first. */
import type { Declared, Stored, SubscriberSpec } from '../model/declared.ts';
import { selects } from '../model/hops.ts';
import type { Name } from '../model/ids.ts';

export type Selected = {
  readonly subscriber: SubscriberSpec;
  /** In the order in which a frame asks them: services by priority, then the one for everything else. Never empty. */
  readonly chains: readonly Stored<'chains'>[];
};

/** A snapshot is asked for many times, by planning, compiling and in the next turn of the loop. */
const known = new WeakMap<
  Declared['chains'],
  { readonly subscribers: Declared['subscribers']; readonly selected: readonly Selected[] }
>();

/** Each subscriber that is in a chain, in the order of the names. */
export function selection({ chains, subscribers }: Declared): readonly Selected[] {
  const last = known.get(chains);
  if (last?.subscribers === subscribers) return last.selected;
  const selected = select(chains, subscribers);
  known.set(chains, { subscribers, selected });
  return selected;
}

function select(chains: Declared['chains'], subscribers: Declared['subscribers']): readonly Selected[] {
  const byName = new Map<Name, Stored<'chains'>[]>();
  const byLabel = new Map<string, Stored<'chains'>[]>();
  const put = <K>(index: Map<K, Stored<'chains'>[]>, key: K, chain: Stored<'chains'>): void => {
    const others = index.get(key);
    if (others) others.push(chain);
    else index.set(key, [chain]);
  };
  for (const chain of chains.values()) {
    for (const name of chain.spec.subscribers ?? []) put(byName, name, chain);
    // One of its labels is enough to find it by; the others are looked at then.
    for (const label of Object.entries(chain.spec.selector ?? {}).slice(0, 1))
      put(byLabel, labelKey(label), chain);
  }
  const found: Selected[] = [];
  for (const { spec: subscriber } of subscribers.values()) {
    const labelled = Object.entries(subscriber.labels ?? {}).flatMap(
      (label) => byLabel.get(labelKey(label)) ?? [],
    );
    const candidates = [
      ...(byName.get(subscriber.name) ?? []),
      ...labelled.filter(({ spec }) => selects(spec, subscriber)),
    ];
    if (candidates.length > 0) found.push({ subscriber, chains: candidates.sort(byPrecedence) });
  }
  return found.sort((a, b) => compareText(a.subscriber.name, b.subscriber.name));
}

const labelKey = ([key, value]: [string, string]): string => `${key}=${value}`;
const rank = ({ spec }: Stored<'chains'>): number => (spec.service ? (spec.priority ?? 0) : -1);
const byPrecedence = (a: Stored<'chains'>, b: Stored<'chains'>): number =>
  rank(b) - rank(a) || compareText(a.spec.name, b.spec.name);
const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
