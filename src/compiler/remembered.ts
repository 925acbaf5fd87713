/**
 * Parts of a compilation that come out as they did before need not be made again: most subscribers stay as they are
 * while one changes. What is remembered goes with the object that it is remembered for.
 */

/** @returns a function that makes a value for an object anew only where the key is another than the last time */
export function remembering<O extends object, V>(): (of: O, key: string, make: () => V) => V {
  const known = new WeakMap<O, { readonly key: string; readonly value: V }>();
  return (of, key, make) => {
    const last = known.get(of);
    if (last?.key === key) return last.value;
    const value = make();
    known.set(of, { key, value });
    return value;
  };
}

const numbers = new WeakMap<object, number>();
let last = 0;

/** A number that this object has and no other. It depends on what was asked before: only for keys. */
export function identityOf(object: object): number {
  const known = numbers.get(object);
  if (known !== undefined) return known;
  last++;
  numbers.set(object, last);
  return last;
}
