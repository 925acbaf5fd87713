/** events: what happened, and with -w what happens. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Option } from '@commander-js/extra-typings';
import type { JournalEntry } from '../../model/store.ts';
import type { Around, Program } from '../around.ts';
import { type Client, failureOf } from '../client.ts';
import { EventParser } from '../event-stream.ts';
import { withExamples } from '../examples.ts';
import { Failure } from '../failure.ts';
import { parseKind } from '../kinds.ts';
import { printable } from '../output.ts';
import { paint, print, remark } from '../terminal.ts';

/** Between two attempts to reach a controller that has gone. */
const AGAIN_AFTER_MS = 1_000;

type Asked = { readonly query: URLSearchParams; readonly format: (entry: JournalEntry) => string };

export function registerEvents(program: Program, { client }: Around): void {
  const command = program
    .command('events')
    .summary('tell what happened')
    .description(
      'Tells what happened, oldest first, as far back as the controller remembers: changes of what is declared and ' +
        'of states. With -w it goes on telling what happens, over restarts of the controller, too.',
    )
    .option('-w, --watch', 'tell what happens from now on, until it is interrupted')
    .option(
      '--after <number>',
      'only what came after the event of this number; with -w also what has happened since',
    )
    .option('--kind <kind>', 'only of this kind')
    .option('--name <name>', 'only of objects of this name')
    .option('--types <types>', 'only created, replaced, deleted or changed, with commas between')
    .addOption(
      new Option('-o, --output <format>', 'how to write it; json is one object a line')
        .choices(['text', 'json'])
        .default('text' as const),
    )
    .action(async ({ watch, after, kind, name, types, output }) => {
      const query = new URLSearchParams();
      if (after !== undefined) query.set('after', after);
      if (kind !== undefined) query.set('kind', parseKind(kind));
      if (name !== undefined) query.set('name', name);
      if (types !== undefined) query.set('types', types);
      const asked: Asked = { query, format: output === 'json' ? JSON.stringify : entryText };
      if (watch === true) await follow(client(), asked);
      else await tell(client(), asked);
    });
  withExamples(command, [
    { line: 'chainstitch events -w', does: 'Everything, as it happens.' },
    { line: 'chainstitch events --kind chain --name alice-protected', does: 'The history of a chain.' },
    {
      line: 'chainstitch events -w --types changed -o json | jq .data',
      does: 'States alone, for a program.',
    },
  ]);
}

async function tell(client: Client, { query, format }: Asked): Promise<void> {
  for (;;) {
    const page = await client.get<{ items: readonly JournalEntry[]; next: number }>(`/v1/events?${query}`);
    for (const entry of page.items) print(format(entry));
    if (page.next === Number(query.get('after') ?? -1) || page.items.length === 0) return;
    query.set('after', String(page.next));
  }
}

async function follow(client: Client, { query, format }: Asked): Promise<void> {
  let hasBegun = false;
  for (;;) {
    try {
      await listen(
        client,
        query,
        (entry) => print(format(entry)),
        () => {
          hasBegun = true;
        },
      );
    } catch (error) {
      // At the beginning a controller that is not there is a mistake; later it is one that restarts.
      const isGone = error instanceof Failure && ['unreachable', 'server-failed'].includes(error.exit);
      if (!hasBegun || !isGone) throw error;
    }
    await sleep(AGAIN_AFTER_MS);
  }
}

/** Listens until the stream ends; `query` is then where to go on. */
async function listen(
  client: Client,
  query: URLSearchParams,
  hear: (entry: JournalEntry) => void,
  begun: () => void,
): Promise<void> {
  const stop = new AbortController();
  try {
    const response = await client.open(
      'GET',
      `/v1/events?${query}`,
      { accept: 'text/event-stream' },
      stop.signal,
    );
    if (response.statusCode !== 200) throw await failureOf(response);
    begun();
    const parser = new EventParser();
    for await (const piece of response.setEncoding('utf8')) {
      for (const { name, data } of parser.take(piece as string)) {
        if (name === 'gone') {
          remark('Some events are lost: the controller does not remember so far back.');
          query.delete('after');
          return;
        }
        const entry = JSON.parse(data) as JournalEntry;
        hear(entry);
        query.set('after', String(entry.seq));
      }
    }
  } catch (error) {
    throw error instanceof Failure ? error : client.unreachable(error);
  } finally {
    stop.abort();
  }
}

function entryText({ at, seq, type, kind, name, generation, cause, data }: JournalEntry): string {
  const { phase, reason, message } = (type === 'changed' ? data : {}) as Record<string, string | undefined>;
  const what = [phase, reason, message].filter((one) => one !== undefined).join(', ');
  const who = cause.actor === undefined ? '' : ` by ${cause.actor}`;
  const version = generation > 0 ? ` generation ${generation}` : '';
  return `${at} ${seq} ${kind}/${name} ${paint('bold', type)}${version}${who}${what === '' ? '' : `: ${printable(what)}`}`;
}
