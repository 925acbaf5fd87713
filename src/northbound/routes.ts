/**
 * Which paths there are, to tell a wrong method (405) from a wrong path (404), and which query parameters each takes.
 */

export type Route = {
  readonly path: string;
  readonly methods: readonly string[];
  /** The query parameters of each method. */
  readonly query: Readonly<Record<string, readonly string[]>>;
};

export class RouteTable {
  readonly #methods = new Map<string, Map<string, readonly string[]>>();

  add(path: string, method: string | readonly string[], query: readonly string[]): void {
    const methods = this.#methods.get(path) ?? new Map<string, readonly string[]>();
    for (const each of [method].flat()) methods.set(each, query);
    this.#methods.set(path, methods);
  }

  routes(): readonly Route[] {
    return [...this.#methods].map(([path, methods]) => ({
      path,
      methods: [...methods.keys()].sort(),
      query: Object.fromEntries(methods),
    }));
  }

  /** The methods that a path has; none where there is no such path. */
  methodsOf(path: string): readonly string[] {
    const found = this.routes().find((route) => matches(route.path, path));
    return found?.methods ?? [];
  }
}

/** `/v1/chains/:name` stands for one more segment, whatever it is. */
function matches(pattern: string, path: string): boolean {
  const expected = pattern.split('/');
  const found = path.split('/');
  return (
    expected.length === found.length &&
    expected.every((segment, index) =>
      segment.startsWith(':') ? found[index] !== '' : segment === found[index],
    )
  );
}
