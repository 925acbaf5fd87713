/** Writes docs/registry.md from the tables of the source: `node scripts/docs.ts`. A test holds the two together. */
import { writeFileSync } from 'node:fs';
import { renderRegistry } from './render-registry.ts';

writeFileSync(new URL('../docs/registry.md', import.meta.url), renderRegistry());
