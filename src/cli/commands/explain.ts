/** explain: what becomes of a packet. */
import { Option } from '@commander-js/extra-typings';
import { EXPLAIN_SOURCES, type ExplainOutcome, type Explanation } from '../../model/explain.ts';
import type { Around, Program } from '../around.ts';
import type { Client } from '../client.ts';
import { withExamples } from '../examples.ts';
import { Failure } from '../failure.ts';
import { pathOf, type Shown } from '../kinds.ts';
import { printable } from '../output.ts';
import { paint, print } from '../terminal.ts';

type Packet = Readonly<Record<string, string>>;

export function registerExplain(program: Program, { client }: Around): void {
  const command = program
    .command('explain')
    .summary('tell what becomes of a packet')
    .description(
      'Tells what becomes of a packet that comes in at a port: the tables and flows that it meets, and the hops. ' +
        'Fields have the names of ovs-fields(7).',
    )
    .argument('[field=value...]', 'what is in the packet, as in eth_type=0x0800 nw_proto=6 tcp_dst=80')
    .option('--subscriber <name>', 'it comes from this subscriber: at its port, with its addresses')
    .option('--switch <name>', 'it comes in at this switch')
    .option('--port <name>', 'and at this port of it')
    .addOption(
      new Option('--source <tables>', 'whose tables answer: the compiled ones, or those the switch holds now')
        .choices(EXPLAIN_SOURCES)
        .default('compiled' as const),
    )
    .addOption(
      new Option('-o, --output <format>', 'how to write it')
        .choices(['text', 'json'])
        .default('text' as const),
    )
    .action(async (fields, options) => {
      const query = await queryOf(client(), parsePacket(fields), options);
      const { body } = await client().call('POST', `/v1/explain?source=${options.source}`, { body: query });
      print(options.output === 'json' ? JSON.stringify(body, null, 2) : explanationText(body as Explanation));
    });
  withExamples(command, [
    {
      line: 'chainstitch explain --subscriber alice eth_type=0x0800 nw_proto=6 tcp_dst=22',
      does: 'SSH from Alice.',
    },
    {
      line: 'chainstitch explain --switch s1 --port s1-eth3 eth_dst=00:00:00:00:00:01',
      does: 'A frame for Alice that comes from the uplink.',
    },
  ]);
}

function parsePacket(fields: readonly string[]): Packet {
  const pairs = fields.map((field): [string, string] => {
    const [, name, value] = /^([a-z][a-z0-9_]*)=(.+)$/.exec(field) ?? [];
    if (name === undefined || value === undefined) {
      throw new Failure('usage', `this is no field of a packet: ${field}`, {
        remedy: 'Write each as name=value, as in eth_type=0x0800.',
      });
    }
    return [name, value];
  });
  return Object.fromEntries(pairs);
}

async function queryOf(
  client: Client,
  packet: Packet,
  from: {
    readonly subscriber?: string | undefined;
    readonly switch?: string | undefined;
    readonly port?: string | undefined;
  },
): Promise<{ readonly switch: string; readonly port: string; readonly packet: Packet }> {
  if (from.subscriber === undefined) {
    if (from.switch === undefined || from.port === undefined) {
      throw new Failure('usage', 'say where the packet comes in: --subscriber, or --switch and --port');
    }
    return { switch: from.switch, port: from.port, packet };
  }
  if (from.switch !== undefined || from.port !== undefined) {
    throw new Failure('usage', 'name a subscriber, or a switch and a port, not both');
  }
  const { spec } = await client.get<Shown['subscribers']>(pathOf('subscribers', from.subscriber));
  const [source] = spec.ipv4 ?? [];
  const isIpv4 = Number(packet['eth_type']) === 0x0800 && source !== undefined;
  return {
    ...spec.attachment,
    packet: { eth_src: spec.mac, ...(isIpv4 ? { nw_src: source } : {}), ...packet },
  };
}

function explanationText({ passes, hops, outcome, also }: Explanation): string {
  const lines = passes.flatMap(({ switch: at, port, steps }) => [
    paint('bold', `in at ${printable(port)} of ${at}`),
    ...steps.flatMap(({ table, tableName, flow, chain, foreign, does }) => [
      `  table ${table} ${tableName}: ${printable(does)}${chain === undefined ? '' : ` [${chain}]`}${foreign ? ' [foreign]' : ''}`,
      ...(flow === undefined ? [] : [paint('dim', `    ${printable(flow)}`)]),
    ]),
  ]);
  const met = hops
    .map(({ hop, instance, external }) => `${hop} (${instance}${external ? `, as ${external}` : ''})`)
    .join(' > ');
  return [
    ...lines,
    '',
    `hops: ${met || 'none'}`,
    `outcome: ${outcomeText(outcome)}`,
    ...also.map((copy) => `a copy ${outcomeText(copy)}`),
  ].join('\n');
}

function outcomeText(outcome: ExplainOutcome): string {
  switch (outcome.kind) {
    case 'output':
      return `leaves at ${printable(outcome.port)} of ${outcome.switch}`;
    case 'normal':
      return 'is switched as a learning bridge does';
    case 'flood':
      return 'leaves at every port';
    case 'controller':
      return 'goes to the controller';
    case 'unknown':
      return `cannot be followed: ${printable(outcome.what)}`;
    case 'drop':
      return `is dropped: ${printable(outcome.reason)}`;
  }
}
