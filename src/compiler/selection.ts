/** Which chains a subscriber is in, and which of them is asked first. */
import type { Declared, Stored, SubscriberSpec } from '../model/declared.ts';
import { selects } from '../model/hops.ts';
import type { Name } from '../model/ids.ts';
import { ObjectMap } from '../model/object-map.ts';
import { SortedMap } from '../model/sorted-map.ts';

export type Selected = {
  readonly subscriber: SubscriberSpec;
  /** In the order in which a frame asks them: services by priority, then the one for everything else. Never empty. */
  readonly chains: readonly Stored<'chains'>[];
};
/** Each subscriber that is in a chain. */
export type Selection = SortedMap<Name, Selected>;

type Known = {
  readonly subscribers: Declared['subscribers'];
  readonly selected: Selection;
  readonly of: Select;
};
type Select = (subscriber: SubscriberSpec) => Selected | undefined;

/** A snapshot is asked for many times, by planning, compiling and in the next turn of the loop. */
const known = new WeakMap<Declared['chains'], Known>();

export function selection({ chains, subscribers }: Declared): Selection {
  const last = known.get(chains);
  if (last?.subscribers === subscribers) return last.selected;
  const of = last?.of ?? selectBy(chains);
  const selected = (last && grown(last, subscribers)) ?? whole(subscribers, of);
  known.set(chains, { subscribers, selected, of });
  return selected;
}

const members = new WeakMap<Selection, ReadonlyMap<number, readonly SubscriberSpec[]>>();

/** Those whom a declared chain selects, in the order of their names. */
export function selectedBy({ uid }: Stored<'chains'>, declared: Declared): readonly SubscriberSpec[] {
  const all = selection(declared);
  const known = members.get(all);
  if (known) return known.get(uid) ?? [];
  const byChain = new Map<number, SubscriberSpec[]>();
  all.forEach(({ subscriber, chains }) => {
    for (const chain of chains) {
      const others = byChain.get(chain.uid);
      if (others) others.push(subscriber);
      else byChain.set(chain.uid, [subscriber]);
    }
  });
  members.set(all, byChain);
  return byChain.get(uid) ?? [];
}

/** What is declared, with this subscriber alone, of whom it is known what selects it. */
export function withOnly(
  declared: Declared,
  subscriber: Stored<'subscribers'>,
  selected: Selected | undefined,
): Declared {
  const { name } = subscriber.spec;
  const subscribers = new Map([[name, subscriber]]);
  const chains: Declared['chains'] = new Map();
  known.set(chains, {
    subscribers,
    selected: SortedMap.from(selected ? [[name, selected]] : []),
    of: () => selected,
  });
  return { ...declared, chains, subscribers };
}

function whole(subscribers: Declared['subscribers'], of: Select): Selection {
  const found: [Name, Selected][] = [];
  subscribers.forEach(({ spec }) => {
    const selected = of(spec);
    if (selected) found.push([spec.name, selected]);
  });
  return SortedMap.from(found);
}

/** The selection after a change of subscribers alone, which costs as much as the change. */
function grown(
  { subscribers: before, selected, of }: Known,
  now: Declared['subscribers'],
): Selection | undefined {
  if (!(before instanceof ObjectMap) || !(now instanceof ObjectMap)) return undefined;
  const changes = new Map<Name, Selected | undefined>();
  for (const name of now.changedSince(before)) {
    const spec = now.get(name)?.spec;
    changes.set(name, spec && of(spec));
  }
  return selected.withAll(changes);
}

function selectBy(chains: Declared['chains']): Select {
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
  return (subscriber) => {
    const labelled = Object.entries(subscriber.labels ?? {}).flatMap(
      (label) => byLabel.get(labelKey(label)) ?? [],
    );
    const candidates = [
      ...(byName.get(subscriber.name) ?? []),
      ...labelled.filter(({ spec }) => selects(spec, subscriber)),
    ];
    return candidates.length > 0 ? { subscriber, chains: candidates.sort(byPrecedence) } : undefined;
  };
}

const labelKey = ([key, value]: [string, string]): string => `${key}=${value}`;
const rank = ({ spec }: Stored<'chains'>): number => (spec.service ? (spec.priority ?? 0) : -1);
const byPrecedence = (a: Stored<'chains'>, b: Stored<'chains'>): number =>
  rank(b) - rank(a) || compareText(a.spec.name, b.spec.name);
const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
