/**
 * Which links carry traffic that no chain owns. NORMAL floods, so these must be a tree; over the others only
 * labelled frames of chains pass. Pure.
 */
import type { Declared } from '../model/declared.ts';
import type { LinkEnd, LinkFact } from '../model/facts.ts';
import type { Dpid, Name } from '../model/ids.ts';

export type LinkKey = string;
export const endKey = ({ dpid, port }: LinkEnd): string => `${dpid}/${port}`;
export const linkKey = ({ a, b }: Pick<LinkFact, 'a' | 'b'>): LinkKey => `${endKey(a)} ${endKey(b)}`;

/**
 * - `open`: NORMAL may use these
 * - `closing`: it may not any more, which no switch has confirmed yet
 */
export type UnchainedTree = { readonly open: ReadonlySet<LinkKey>; readonly closing: ReadonlySet<LinkKey> };
export const NO_TREE: UnchainedTree = { open: new Set(), closing: new Set() };

/** Sets of switches that are joined, as a forest of which each root stands for its set. */
class Joined {
  readonly #parents = new Map<Dpid, Dpid>();

  root(dpid: Dpid): Dpid {
    let at = dpid;
    for (let up = this.#parents.get(at); up !== undefined; up = this.#parents.get(at)) at = up;
    return at;
  }

  /** False if they were joined already. */
  join(a: Dpid, b: Dpid): boolean {
    const [rootA, rootB] = [this.root(a), this.root(b)];
    if (rootA === rootB) return false;
    this.#parents.set(rootB, rootA);
    return true;
  }
}

/**
 * The first links, in the order of datapath ids and port names, that join what is not joined yet. So the loss
 * of one that is not in the tree changes nothing, and that of one that is opens another and closes none.
 */
function spanningTree(links: readonly LinkFact[]): ReadonlySet<LinkKey> {
  const joined = new Joined();
  return new Set(
    links
      .filter(({ state }) => state !== 'oneWay')
      .map((link) => ({ link, key: linkKey(link) }))
      .sort((one, other) => (one.key < other.key ? -1 : 1))
      .filter(({ link: { a, b } }) => joined.join(a.dpid, b.dpid))
      .map(({ key }) => key),
  );
}

/**
 * The tree after a change. A link is opened only once those that leave the tree are known to be closed: both
 * open at once may be a ring.
 *
 * @param isClosed whether a switch at either end has confirmed that it keeps NORMAL off a link
 */
export function nextTree(
  before: UnchainedTree,
  links: readonly LinkFact[],
  isClosed: (link: LinkFact) => boolean,
): UnchainedTree {
  const target = spanningTree(links);
  const byKey = new Map(links.map((link) => [linkKey(link), link]));
  const leaving = [...before.open].filter((key) => !target.has(key));
  const waiting = [...before.closing].filter((key) => {
    const link = byKey.get(key);
    return link !== undefined && !target.has(key) && !isClosed(link);
  });
  const closing = new Set([...waiting, ...leaving.filter((key) => byKey.has(key))]);
  const open = new Set([...target].filter((key) => before.open.has(key) || closing.size === 0));
  return { open, closing };
}

/**
 * The uplinks that NORMAL may use: of several that are joined by open links the first by name, for what is
 * behind them may be one network.
 */
export function openUplinks(
  declared: Declared,
  links: readonly LinkFact[],
  { open }: UnchainedTree,
): ReadonlySet<Name> {
  const joined = new Joined();
  for (const link of links) if (open.has(linkKey(link))) joined.join(link.a.dpid, link.b.dpid);
  const taken = new Set<Dpid>();
  const names = [...declared.uplinks.keys()].sort();
  return new Set(
    names.filter((name) => {
      const at = declared.uplinks.get(name)?.spec.attachment.switch;
      const dpid = at && declared.switches.get(at)?.spec.dpid;
      if (dpid === undefined || taken.has(joined.root(dpid))) return false;
      taken.add(joined.root(dpid));
      return true;
    }),
  );
}
