/** token: who may call the controller. */
import { Option } from '@commander-js/extra-typings';
import { SCOPES, type TokenRecord } from '../../model/tokens.ts';
import type { Around, Program } from '../around.ts';
import { type Api, withoutController } from '../client.ts';
import { withExamples } from '../examples.ts';
import { Failure } from '../failure.ts';
import { table } from '../output.ts';
import { print, remark } from '../terminal.ts';

type TokenShown = Omit<TokenRecord, 'hash'>;
const OFFLINE = ['--offline', 'in the store of this host; the controller must not run'] as const;
const STATE_DIR = [
  '--state-dir <directory>',
  'where that store is; otherwise as `chainstitch serve` finds it',
] as const;
type From = { readonly offline?: true | undefined; readonly stateDir?: string | undefined };
const DAY_MS = 86_400_000;

export function registerToken(program: Program, { client, host }: Around): void {
  const command = program
    .command('token')
    .summary('make, list and revoke tokens')
    .description(
      'Makes, lists and revokes the tokens by which the controller knows who calls. It takes one of scope admin, or ' +
        '--offline: then it is done in the store of this host, by who may write it, while no controller runs. That is ' +
        'the way back in where the last token of scope admin is lost.',
    );
  const from = async <T>({ offline, stateDir }: From, work: (api: Api) => Promise<T>): Promise<T> => {
    if (offline === true)
      return withoutController(await host.offline({ store: 'this host', stateDir }), work);
    if (stateDir === undefined) return work(client());
    throw new Failure('usage', '--state-dir goes with --offline');
  };
  withExamples(command, [
    {
      line: "chainstitch token create 'the billing system' --scope operate > billing.token",
      does: 'Makes a token. Only this answer has it: the controller keeps a hash.',
    },
    {
      line: "chainstitch token create 'the way back in' --scope admin --offline > admin.token",
      does: 'On the host of the controller, which is stopped.',
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
    .option('--tenant <name>', 'of this tenant; otherwise of all')
    .option('--days <number>', 'it ends after so many days; otherwise never')
    .option(...OFFLINE)
    .option(...STATE_DIR)
    .action(async (description, { scope, tenant, days, ...options }) => {
      const body = {
        description,
        scope,
        ...(tenant === undefined ? {} : { tenant }),
        ...(days === undefined ? {} : { expiresAt: endOf(days) }),
      };
      const answer = await from(options, (api) => api.call('POST', '/v1/tokens', { body }));
      const { id, token } = answer.body as TokenShown & { token: string };
      remark(`token ${id}, scope ${scope}${tenant === undefined ? '' : ` of tenant ${tenant}`}:`);
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
    .option(...OFFLINE)
    .option(...STATE_DIR)
    .action(async ({ output, ...options }) => print(await from(options, (api) => list(api, output))));
  command
    .command('revoke')
    .summary('revoke tokens')
    .description('Revokes tokens: from then on they are good for nothing.')
    .argument('<id...>', 'their ids')
    .option(...OFFLINE)
    .option(...STATE_DIR)
    .action((ids, options) =>
      from(options, async (api) => {
        for (const id of ids) {
          await api.call('DELETE', `/v1/tokens/${encodeURIComponent(id)}`);
          print(`token ${id} revoked`);
        }
      }),
    );
}

function endOf(days: string): string {
  const count = /^[0-9]{1,5}$/.test(days) ? Number(days) : 0;
  if (count > 0) return new Date(Date.now() + count * DAY_MS).toISOString();
  throw new Failure('usage', `this is no number of days: ${days}`, {
    remedy: 'Write a whole number from 1 on.',
  });
}

async function list(api: Api, output: 'table' | 'json'): Promise<string> {
  const body = (await api.call('GET', '/v1/tokens')).body as { items: readonly TokenShown[] };
  if (output === 'json') return JSON.stringify(body, null, 2);
  return table(
    ['ID', 'SCOPE', 'TENANT', 'EXPIRES', 'LAST USED', 'MADE BY', 'DESCRIPTION'],
    body.items.map(({ id, scope, tenant, expiresAt, lastUsedAt, createdBy, description }) => [
      id,
      scope,
      tenant ?? 'all',
      expiresAt ?? 'never',
      lastUsedAt ?? 'never',
      createdBy,
      description,
    ]),
  );
}
