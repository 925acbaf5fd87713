/** top: the traffic through the functions, live. */
import { Option } from '@commander-js/extra-typings';
import type { InstanceCounters } from '../../model/facts.ts';
import type { Around, Program } from '../around.ts';
import { type Client, Refusal } from '../client.ts';
import { withExamples } from '../examples.ts';
import { type InstanceShown, pathOf } from '../kinds.ts';
import { table } from '../output.ts';
import { GROUPS, type Group, type RateRow, rateRows, type Sample, shortNumber } from '../rates.ts';
import { parseDuration } from '../session.ts';
import { paint, print } from '../terminal.ts';
import { listOf } from './get.ts';

/** Requests that are under way at the same time. */
const AT_ONCE = 16;
/** q, Q, Ctrl-C and Ctrl-D, as a terminal in raw mode sends them. */
const QUIT_KEYS: ReadonlySet<number> = new Set([0x71, 0x51, 0x03, 0x04]);
const CLEAR = '\x1b[H\x1b[2J';

export function registerTop(program: Program, { client }: Around): void {
  const command = program
    .command('top')
    .summary('watch the traffic through the functions')
    .description('Shows packets and bits a second through every instance, the busiest first. q ends it.')
    .addOption(new Option('--by <what>', 'a line for each').choices(GROUPS).default('instance' as const))
    .option('--interval <time>', 'between two looks', '2s')
    .option('--once', 'look twice, show what was between, and end; so does a pipe')
    .action(async ({ by, interval, once }) => {
      const pause = parseDuration(interval, 'the interval');
      if (once === true || !process.stdout.isTTY) await showOnce(client(), by, pause);
      else await watch(client(), by, pause);
    });
  withExamples(command, [
    { line: 'chainstitch top', does: 'Every instance, again every two seconds.' },
    { line: 'chainstitch top --by chain --interval 5s', does: 'Summed up for each chain.' },
    { line: 'chainstitch top --once | head -5', does: 'The busiest, once.' },
  ]);
}

async function showOnce(client: Client, by: Group, pause: number): Promise<void> {
  const before = await look(client);
  await new Promise((resolve) => setTimeout(resolve, pause));
  print(text(rateRows(await look(client), before, by), by));
}

async function watch(client: Client, by: Group, pause: number): Promise<void> {
  const quit = new AbortController();
  const restore = listenForQuit(() => quit.abort());
  try {
    let before: Sample | undefined;
    while (!quit.signal.aborted) {
      const now = await look(client);
      const lines = text(rateRows(now, before, by), by)
        .split('\n')
        .slice(0, Math.max(3, process.stdout.rows - 3));
      print(`${CLEAR}${client.server}, ${now.instances.length} instances; q ends\n\n${lines.join('\n')}`);
      before = now;
      await Promise.race([
        new Promise((resolve) => setTimeout(resolve, pause).unref()),
        aborted(quit.signal),
      ]);
    }
  } finally {
    restore();
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** Calls on q, Ctrl-C and Ctrl-D; gives what puts the keyboard back as it was. */
function listenForQuit(quit: () => void): () => void {
  const { stdin } = process;
  if (!stdin.isTTY) {
    process.once('SIGINT', quit);
    return () => process.removeListener('SIGINT', quit);
  }
  const hear = (keys: Buffer): void => {
    if (keys.some((key) => QUIT_KEYS.has(key))) quit();
  };
  stdin.setRawMode(true).on('data', hear);
  return () => {
    stdin.removeListener('data', hear).setRawMode(false);
    stdin.pause();
  };
}

async function look(client: Client): Promise<Sample> {
  const at = performance.now();
  const shown = await listOf(client, 'instances');
  const instances: { shown: InstanceShown; counters: InstanceCounters | undefined }[] = [];
  for (let i = 0; i < shown.length; i += AT_ONCE) {
    const some = shown.slice(i, i + AT_ONCE);
    instances.push(
      ...(await Promise.all(
        some.map(async (one) => ({ shown: one, counters: await counters(client, one) })),
      )),
    );
  }
  return { at, instances };
}

/** Undefined where the instance cannot be asked now, or is gone. */
async function counters(
  client: Client,
  { id, status }: InstanceShown,
): Promise<InstanceCounters | undefined> {
  if (status.phase !== 'ready') return undefined;
  try {
    return await client.get<InstanceCounters>(`${pathOf('instances', id)}/counters`);
  } catch (error) {
    if (error instanceof Refusal && error.status < 500) return undefined;
    throw error;
  }
}

function text(rows: readonly RateRow[], by: Group): string {
  if (rows.length === 0) return 'There are no instances: no chain needs one.';
  const columns: readonly (readonly [string, (row: RateRow) => string])[] = [
    [by.toUpperCase(), ({ key }) => key],
    ...(by === 'instance'
      ? ([
          ['CHAIN', ({ chain }: RateRow) => chain],
          ['SUBSCRIBER', ({ subscriber }: RateRow) => subscriber],
          ['HOP', ({ hop }: RateRow) => hop],
        ] as const)
      : []),
    ['READY', ({ ready, instances }) => `${ready}/${instances}`],
    ['UP pkt/s', ({ rates }) => (rates ? shortNumber(rates.upPackets) : '-')],
    ['UP bit/s', ({ rates }) => (rates ? shortNumber(rates.upBits) : '-')],
    ['DOWN pkt/s', ({ rates }) => (rates ? shortNumber(rates.downPackets) : '-')],
    ['DOWN bit/s', ({ rates }) => (rates ? shortNumber(rates.downBits) : '-')],
    ['DROPPED/s', ({ rates }) => (rates ? shortNumber(rates.dropped) : '-')],
  ];
  const cells = rows.map((row) => columns.map(([, of]) => of(row)));
  const shown = table(
    columns.map(([title]) => title),
    cells,
  );
  return rows.some(({ ready, instances }) => ready < instances)
    ? `${shown}\n${paint('yellow', 'Not every instance is ready.')}`
    : shown;
}
