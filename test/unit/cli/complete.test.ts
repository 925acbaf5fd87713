/** What may stand at the end of a command line. */
import t from 'tap';
import { candidates } from '../../../src/cli/complete.ts';
import { createProgram } from '../../../src/cli/program.ts';

t.test('completion', async (t) => {
  const none = async () => Promise.reject(new Error('not here'));
  const program = await createProgram({
    serve: none,
    restore: none,
    offline: none,
    machine: none,
    settings: async () => [{ flags: '--api-port <value>', help: '' }],
  });
  const names = async (word: string) => (word.startsWith('sub') ? ['alice', 'bob'] : []);
  const cases: [string[], string[]][] = [
    [['de'], ['delete', 'describe']],
    [['au'], ['audit']],
    [
      ['get', 'sub'],
      ['sub', 'subscriber', 'subscribers'],
    ],
    [
      ['get', 'subscribers', ''],
      ['alice', 'bob'],
    ],
    [['get', 'subscribers', 'alice', 'b'], ['bob']],
    [
      ['get', 'chains', '--output', ''],
      ['json', 'name', 'table', 'yaml'],
    ],
    [['get', '--sel'], ['--selector']],
    [['--timeout', '5s', 'ver'], ['version']],
    [['--ca'], ['--ca-file']],
    [
      ['completion', ''],
      ['bash', 'fish', 'zsh'],
    ],
    [['token', 'create', '--scope', 'r'], ['read']],
    [['token', 're'], ['revoke']],
    [['plan', '--off'], ['--offline']],
    [['serve', '--api-p'], ['--api-port']],
    [['get', 'nothing', ''], []],
  ];
  for (const [words, expected] of cases)
    t.same(await candidates(program, words, names), expected, words.join(' '));
});
