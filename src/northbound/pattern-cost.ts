/**
 * How long a regular expression may take at worst.
 *
 * Patterns in a function's configSchema come from outside and are matched by a backtracking engine, where a
 * few characters can mean years. What is counted here is an upper bound of the ways in which the pattern can
 * go through a text of `MAX_TEXT` characters; the engine tries no more than these.
 */

/** Texts longer than this never match a function's pattern. */
export const MAX_TEXT = 256;
/** A few milliseconds on a text that is made to be slow. */
const MAX_WAYS = 300_000;

/** Why a pattern is not taken; undefined where it is. */
export function patternObjection(pattern: string): string | undefined {
  try {
    new RegExp(pattern, 'u');
  } catch (error) {
    return `is no regular expression: ${(error as Error).message}`;
  }
  const reader = new Reader(pattern);
  const ways = reader.alternatives();
  if (reader.objection !== undefined) return reader.objection;
  // Without an anchor every place of the text is tried as a beginning.
  const total = pattern.startsWith('^') && !reader.hasTopLevelAlternatives ? ways : ways * MAX_TEXT;
  if (total <= MAX_WAYS) return undefined;
  return (
    'could take too long to match: anchor it with ^, give repetitions a bound as in {0,16}, ' +
    'and do not repeat what has a repetition in it'
  );
}

/** Walks over a pattern that is known to be well-formed, so it looks only at what matters for the count. */
class Reader {
  readonly #pattern: string;
  #at = 0;
  #depth = 0;
  objection: string | undefined;
  hasTopLevelAlternatives = false;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  /** `a|b`: the ways of each in turn. */
  alternatives(): number {
    let ways = this.#sequence();
    while (this.#pattern[this.#at] === '|') {
      if (this.#depth === 0) this.hasTopLevelAlternatives = true;
      this.#at++;
      ways += this.#sequence();
    }
    return ways;
  }

  #sequence(): number {
    let ways = 1;
    while (this.#at < this.#pattern.length && !'|)'.includes(this.#pattern[this.#at] ?? '')) {
      ways *= this.#repeated(this.#atom());
    }
    return ways;
  }

  #atom(): number {
    const rest = this.#pattern.slice(this.#at);
    if (/^\\(?:[1-9]|k)/.test(rest))
      this.objection = 'has a back reference, which may take too long to match';
    if (/^\(\?(?:=|!|<=|<!)/.test(rest)) this.objection = 'looks ahead or behind, which is not allowed';
    if (rest.startsWith('(')) {
      this.#at += /^\((?:\?(?::|<[^>]*>))?/.exec(rest)?.[0].length ?? 1;
      this.#depth++;
      // A group within a group within a group: enough is enough, and recursion stays shallow.
      if (this.#depth > 16) this.objection = 'is nested too deeply';
      const ways = this.#depth > 16 ? 1 : this.alternatives();
      this.#depth--;
      this.#at = this.objection === undefined ? this.#at + 1 : this.#pattern.length;
      return ways;
    }
    const simple = /^(?:\\[pPuk]\{[^}]*\}|\\.|\[(?:\\.|[^\]\\])*\]|.)/su.exec(rest);
    this.#at += simple?.[0].length ?? 1;
    return 1;
  }

  /** The ways of an atom together with the quantifier that follows it. */
  #repeated(ways: number): number {
    const match = /^(?:([*+?])|\{(\d+)(,(\d*))?\})\??/.exec(this.#pattern.slice(this.#at));
    if (match === null) return ways;
    this.#at += match[0].length;
    const [, sign, from, comma, to] = match;
    const min = sign === undefined ? Number(from) : sign === '+' ? 1 : 0;
    const unbounded = sign === '*' || sign === '+' || (comma !== undefined && to === '');
    const max = sign === '?' ? 1 : unbounded ? MAX_TEXT : comma === undefined ? min : Number(to);
    const most = Math.min(max, MAX_TEXT);
    if (ways === 1) return Math.max(most - min + 1, 1);
    // Fewer times than `min` are gone through as well before the engine finds that they are too few.
    let total = 0;
    for (let times = 0; times <= most; times++) {
      total += ways ** times;
      if (total > MAX_WAYS) return Number.POSITIVE_INFINITY;
    }
    return total;
  }
}
