/**
 * In the workspace `exports` names the sources, so that nothing has to be built in daily work; a package must
 * name what was built. `publish` puts `publishConfig` in force for the time of packing, `restore` undoes it.
 */
import { copyFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

const manifest = new URL('../package.json', import.meta.url);
const kept = new URL('../package.json.kept', import.meta.url);

function publish(): void {
  if (!existsSync(kept)) copyFileSync(manifest, kept);
  const { publishConfig, scripts: _scripts, ...others } = JSON.parse(readFileSync(kept, 'utf8'));
  writeFileSync(manifest, `${JSON.stringify({ ...others, ...publishConfig }, null, 2)}\n`);
}

function restore(): void {
  if (existsSync(kept)) renameSync(kept, manifest);
}

if (process.argv[2] === 'publish') publish();
else if (process.argv[2] === 'restore') restore();
else throw new Error('usage: node scripts/manifest.ts publish|restore');
