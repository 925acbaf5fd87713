/**
 * /v1/functions: the catalogue. Functions that come with the product are shown beside stored ones and cannot
 * be changed.
 */
import type { FastifyInstance } from 'fastify';
import type { Stored } from '../model/declared.ts';
import type { Name } from '../model/ids.ts';
import { registerCollection } from './collection.ts';
import type { Context } from './context.ts';
import { pagesOf } from './list.ts';
import { showMeta } from './show.ts';

export function registerFunctions(app: FastifyInstance, context: Context): void {
  const { builtIns } = context;
  const show = (stored: Stored<'functions'>) => ({ builtIn: false, ...showMeta(stored), spec: stored.spec });
  const find = (name: Name) => {
    const spec = builtIns.get(name);
    return spec && { builtIn: true, spec };
  };
  registerCollection(app, context, {
    kind: 'functions',
    schema: 'Function',
    show,
    find,
    pages: ({ store }) =>
      pagesOf('functions', {
        after: (name = '') => {
          const stored = [...store.declared().functions.values()].filter(
            ({ spec }) => !builtIns.has(spec.name),
          );
          return [...[...builtIns.values()].map((spec) => ({ builtIn: true, spec })), ...stored.map(show)]
            .filter(({ spec }) => spec.name > name)
            .sort((a, b) => (a.spec.name < b.spec.name ? -1 : 1))
            .map((shown) => [shown.spec.name, shown] as const);
        },
        filters: {},
        show: (shown: unknown) => shown,
        bytes: (shown) => JSON.stringify(shown).length,
      }),
  });
}
