import { readFileSync } from 'node:fs';
import t from 'tap';
import { cliMarkdown } from '../../../src/cli/document.ts';
import { EXITS, exitOf } from '../../../src/cli/exits.ts';
import { ENVIRONMENT } from '../../../src/cli/session.ts';
import { loadSettings } from '../../../src/config/settings.ts';
import { ERRORS } from '../../../src/model/errors.ts';

t.test('docs/cli.md is what the program says', async (t) => {
  const page = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8');
  t.equal(page, await cliMarkdown(), 'node src/cli/document.ts > docs/cli.md');
});

t.test('every status is another one', async (t) => {
  const statuses = Object.values(EXITS).map(({ status }) => status);
  t.equal(new Set(statuses).size, statuses.length);
});

t.test('every error of the API has its own end', async (t) => {
  const seen = Object.entries(ERRORS).map(([code, { status }]) => exitOf(status, code));
  t.notOk(seen.some((exit) => ['done', 'defect', 'usage', 'input'].includes(exit)));
  t.equal(exitOf(504, 'wait-timeout'), 'not-in-force');
  t.equal(exitOf(418, 'unheard-of'), 'refused');
});

t.test('the controller ignores the variables of the command', async (t) => {
  const env = Object.fromEntries(Object.keys(ENVIRONMENT).map((name) => [name, 'x']));
  t.doesNotThrow(() => loadSettings([], env));
});
