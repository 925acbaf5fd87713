/** token: who may call the controller. */
import { Option } from '@commander-js/extra-typings';
import { SCOPES, type TokenRecord } from '../../model/tokens.ts';
import type { Around, Program } from '../around.ts';
import type { Client } from '../client.ts';
import { withExamples } from '../examples.ts';
import { Failure } from '../failure.ts';
import { table } from '../output.ts';
import { print, remark } from '../terminal.ts';

type TokenShown = Omit<TokenRecord, 'hash'>;
const DAY_MS = 86_400_000;

export function registerToken(program: Program, { client }: Around): void {
  const command = program
    .command('token')
    .summary('make, list and revoke tokens')
    .description(
      'Makes, lists and revokes the tokens by which the controller knows who calls. It takes one of scope admin.',
    );
  withExamples(command, [
    {
      line: "chainstitch token create 'the billing system' --scope operate > billing.token",
      does: 'Makes a token. Only this answer has it: the controller keeps a hash.',
    },
    { line: 'chainstitch token list', does: 'All tokens, without their secrets.' },
    { line: 'chainstitch token revoke 4f1d6f8e5d0c4c599c39', does: 'From now on it is good for nothing.' },
  ]);
  command
    .command('create')
    .summary('make a token and print it')
    .description('Makes a token and prints it on the standard output, alone, so that it can go into a file.')
    .argument('<description>', 'what it is for')
    .addOption(
      new Option('--scope <scope>', 'what its holder may do').choices(SCOPES).default('read' as const),
    )
    .option('--days <number>', 'it ends after so many days; otherwise never')
    .action(async (description, { scope, days }) => {
      const expiresAt = days === undefined ? {} : { expiresAt: endOf(days) };
      const body = { description, scope, ...expiresAt };
      const answer = await client().call('POST', '/v1/tokens', { body });
      const { id, token } = answer.body as TokenShown & { token: string };
      remark(`token ${id}, scope ${scope}:`);
      print(token);
    });
  command
    .command('list')
    .summary('list the tokens')
    .description('Lists all tokens, without their secrets.')
    .addOption(
      new Option('-o, --output <format>', 'how to write them')
        .choices(['table', 'json'])
        .default('table' as const),
    )
    .action(async ({ output }) => print(await list(client(), output)));
  command
    .command('revoke')
    .summary('revoke tokens')
    .description('Revokes tokens: from then on they are good for nothing.')
    .argument('<id...>', 'their ids')
    .action(async (ids) => {
      for (const id of ids) {
        await client().call('DELETE', `/v1/tokens/${encodeURIComponent(id)}`);
        print(`token ${id} revoked`);
      }
    });
}

function endOf(days: string): string {
  const count = /^[0-9]{1,5}$/.test(days) ? Number(days) : 0;
  if (count > 0) return new Date(Date.now() + count * DAY_MS).toISOString();
  throw new Failure('usage', `this is no number of days: ${days}`, {
    remedy: 'Write a whole number from 1 on.',
  });
}

async function list(client: Client, output: 'table' | 'json'): Promise<string> {
  const body = await client.get<{ items: readonly TokenShown[] }>('/v1/tokens');
  if (output === 'json') return JSON.stringify(body, null, 2);
  return table(
    ['ID', 'SCOPE', 'EXPIRES', 'LAST USED', 'MADE BY', 'DESCRIPTION'],
    body.items.map(({ id, scope, expiresAt, lastUsedAt, createdBy, description }) => [
      id,
      scope,
      expiresAt ?? 'never',
      lastUsedAt ?? 'never',
      createdBy,
      description,
    ]),
  );
}
