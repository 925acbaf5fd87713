/** The links that unchained traffic may use are always a tree, also while it changes. */
import fc from 'fast-check';
import t from 'tap';
import { linkKey, NO_TREE, nextTree, openUplinks, type UnchainedTree } from '../../../src/compiler/tree.ts';
import type { LinkFact } from '../../../src/model/facts.ts';
import type { Dpid } from '../../../src/model/ids.ts';
import { declare } from '../world.ts';

const link = (a: number, b: number, state: LinkFact['state'] = 'up'): LinkFact => {
  const [from, to] = a < b ? [a, b] : [b, a];
  return { a: end(from, to), b: end(to, from), state, since: 0 };
};
const end = (at: number, toward: number) => ({
  dpid: at.toString(16).padStart(16, '0') as Dpid,
  port: `p${toward}`,
});
const keys = (...links: readonly LinkFact[]): string[] => links.map(linkKey).sort();
const open = (tree: UnchainedTree): string[] => [...tree.open].sort();
const never = (): boolean => false;
const always = (): boolean => true;

t.test('a ring is cut at its last link; the loss of another opens it', async (t) => {
  const ring = [link(1, 2), link(2, 3), link(1, 3)];
  const tree = nextTree(NO_TREE, ring, never);
  t.strictSame(open(tree), keys(link(1, 2), link(1, 3)));
  const cut = nextTree(tree, [link(2, 3), link(1, 3)], never);
  t.strictSame(open(cut), keys(link(2, 3), link(1, 3)), 'at once: nothing has to be closed');
});

t.test('a link that returns is opened once the one in its place is closed', async (t) => {
  const before = nextTree(NO_TREE, [link(2, 3), link(1, 3)], never);
  const ring = [link(1, 2), link(2, 3), link(1, 3)];
  const closing = nextTree(before, ring, never);
  t.strictSame(open(closing), keys(link(1, 3)));
  t.strictSame([...closing.closing], keys(link(2, 3)));
  t.strictSame(nextTree(closing, ring, never), closing);
  t.strictSame(open(nextTree(closing, ring, always)), keys(link(1, 2), link(1, 3)));
});

t.test('links that are fit for nothing, and those from a switch to itself, carry nothing', async (t) => {
  const self: LinkFact = { a: end(1, 8), b: end(1, 9), state: 'up', since: 0 };
  t.strictSame(open(nextTree(NO_TREE, [link(1, 2, 'oneWay'), self], always)), []);
  t.strictSame(
    open(nextTree(NO_TREE, [link(1, 2, 'stale')], always)).length,
    1,
    'a stale one may still forward',
  );
});

t.test('whatever comes and goes, what some switch may still have open is no ring', async () => {
  const linkArbitrary = fc
    .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }))
    .filter(([a, b]) => a !== b)
    .map(([a, b]) => link(a, b));
  const stepArbitrary = fc.record({
    links: fc.uniqueArray(linkArbitrary, { selector: linkKey, maxLength: 12 }),
    confirmed: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(stepArbitrary, { maxLength: 12 }), (steps) => {
      let tree = NO_TREE;
      /** Links that a switch may have open: opened once, and not confirmed closed since. */
      const maybeOpen = new Set<string>();
      for (const { links, confirmed } of steps) {
        const there = new Set(links.map(linkKey));
        if (confirmed) for (const key of tree.closing) maybeOpen.delete(key);
        for (const key of maybeOpen) if (!there.has(key)) maybeOpen.delete(key);
        tree = nextTree(tree, links, () => confirmed);
        for (const key of tree.open) maybeOpen.add(key);
        if (hasRing(links.filter((one) => maybeOpen.has(linkKey(one))))) throw new Error('a ring');
      }
    }),
  );
});

function hasRing(links: readonly LinkFact[]): boolean {
  const groups = new Map<string, Set<string>>();
  const groupOf = (dpid: string): Set<string> => {
    const known = groups.get(dpid) ?? new Set([dpid]);
    groups.set(dpid, known);
    return known;
  };
  return links.some(({ a, b }) => {
    const [one, other] = [groupOf(a.dpid), groupOf(b.dpid)];
    if (one === other) return true;
    for (const member of other) {
      one.add(member);
      groups.set(member, one);
    }
    return false;
  });
}

t.test('of joined uplinks one carries unchained traffic', async (t) => {
  const declared = declare([]);
  t.strictSame([...openUplinks(declared, [], NO_TREE)], ['core']);
});
