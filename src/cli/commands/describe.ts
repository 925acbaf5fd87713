/** describe: all that there is to know of one object, for people. */
import type { InstanceCounters } from '../../model/facts.ts';
import { selects } from '../../model/hops.ts';
import type { Around, Program } from '../around.ts';
import type { Client } from '../client.ts';
import { withExamples } from '../examples.ts';
import { Failure } from '../failure.ts';
import { parseKind, pathOf, type Shown, type ShownKind } from '../kinds.ts';
import { printable, table, yamlText } from '../output.ts';
import { paint, print } from '../terminal.ts';
import { kindArgument, listOf } from './get.ts';

export function registerDescribe(program: Program, { client }: Around): void {
  const command = program
    .command('describe')
    .summary('tell all that is known of one object')
    .description('Tells all that is known of one object, and of what hangs together with it.')
    .addArgument(kindArgument())
    .argument('<name>', 'its name')
    .action(async (word, name) => {
      const kind = parseKind(word);
      if (kind === 'links') throw new Failure('usage', 'there is no more to a link than `get links` shows');
      print((await describe(client(), kind, name)).join('\n'));
    });
  withExamples(command, [
    {
      line: 'chainstitch describe chain alice-protected',
      does: 'Its conditions, and the path of each subscriber.',
    },
    { line: 'chainstitch describe switch s1', does: 'Its ports, and the flows that it refused.' },
    { line: 'chainstitch describe instance i1', does: 'Its state and counters.' },
  ]);
}

async function describe(
  client: Client,
  kind: Exclude<ShownKind, 'links'>,
  name: string,
): Promise<readonly string[]> {
  const object: unknown = await client.get(pathOf(kind, name));
  return DESCRIBE[kind](object as never, client);
}

const DESCRIBE: {
  readonly [K in Exclude<ShownKind, 'links'>]: (
    object: Shown[K],
    client: Client,
  ) => Promise<readonly string[]>;
} = {
  async chains(chain) {
    const { spec, status } = chain;
    return [
      ...meta(chain),
      ...section('Spec', yamlText(spec)),
      ...section(
        'Status',
        `${paint(status.phase === 'active' ? 'green' : 'yellow', status.phase)}, of generation ${status.observedGeneration}`,
      ),
      ...section(
        'Conditions',
        table(
          ['TYPE', 'HOLDS', 'REASON', 'MESSAGE'],
          status.conditions.map(({ type, status: holds, reason, message }) => [
            type,
            holds ? 'yes' : 'no',
            reason,
            message,
          ]),
        ),
      ),
      ...section(
        'Paths',
        table(
          ['SUBSCRIBER', 'PATH', 'HOP', 'FUNCTION', 'INSTANCE', 'PHASE', 'RESTARTS', 'ON-FAILURE'],
          status.paths.flatMap(({ subscriber, subscribers, path, hops }) =>
            hops.map((hop) => [
              subscriber ?? `${subscribers} of them`,
              String(path),
              hop.hop,
              hop.function,
              hop.instance,
              hop.phase,
              String(hop.restarts),
              hop.onFailure ?? (hop.tap ? 'tap' : '-'),
            ]),
          ),
          new Set(['PHASE']),
        ),
      ),
    ];
  },
  async switches(shown) {
    const { spec, status } = shown;
    return [
      ...meta(shown),
      ...(spec === undefined ? [] : section('Spec', yamlText(spec))),
      ...section(
        'Status',
        [
          `connection: ${status.connection}${status.protocol === undefined ? '' : ` over ${status.protocol}`}`,
          `flows confirmed: ${status.applied ? 'yes' : 'no'}`,
          ...(status.problem === undefined ? [] : [`problem: ${printable(status.problem)}`]),
        ].join('\n'),
      ),
      ...section(
        'Ports',
        table(
          ['PORT', 'NAME', 'MAC', 'LINK'],
          status.ports.map(({ name, ofport, mac, linkUp }) => [
            String(ofport),
            name,
            mac,
            linkUp ? 'up' : 'down',
          ]),
        ),
      ),
      ...(status.rejections.length === 0
        ? []
        : section(
            'Refused flows',
            table(
              ['REASON', 'FLOW'],
              status.rejections.map(({ reason, flow }) => [reason, flow]),
            ),
          )),
    ];
  },
  async subscribers(shown, client) {
    const chains = (await listOf(client, 'chains')).filter(({ spec }) => selects(spec, shown.spec));
    const told = chains.flatMap(({ spec, status }) => {
      const path = status.paths.find(({ subscriber }) => subscriber === shown.spec.name);
      const way = path?.hops.map(({ hop, instance, phase }) => `${hop} (${instance}, ${phase})`).join(' > ');
      return [
        ...section('Chain', `${spec.name}, ${status.phase}`),
        ...(way === undefined ? [] : section('Upstream', way)),
      ];
    });
    return [
      ...meta(shown),
      ...section('Spec', yamlText(shown.spec)),
      ...(told.length === 0 ? section('Chain', 'none') : told),
    ];
  },
  async pools(shown, client) {
    const instances = (await listOf(client, 'instances')).filter(({ pool }) => pool === shown.spec.name);
    return [
      ...meta(shown),
      ...section('Spec', yamlText(shown.spec)),
      ...section(
        'Instances',
        table(
          ['ID', 'MACHINE', 'PHASE', 'RESTARTS'],
          instances.map(({ id, external, status }) => [
            id,
            external?.name ?? '-',
            status.phase,
            String(status.restarts),
          ]),
          new Set(['PHASE']),
        ),
      ),
    ];
  },
  async webhooks(shown) {
    const { delivered, newest, deadLetters } = shown.status;
    return [
      ...meta(shown),
      ...section('Spec', yamlText(shown.spec)),
      ...section('Delivered', `up to event ${delivered} of ${newest}, ${deadLetters} given up`),
    ];
  },
  async uplinks(shown) {
    return [...meta(shown), ...section('Spec', yamlText(shown.spec))];
  },
  async functions(shown) {
    return [
      ...(shown.builtIn ? ['It comes with the product.'] : meta(shown)),
      ...section('Spec', yamlText(shown.spec)),
    ];
  },
  async instances(shown, client) {
    const { status, ...record } = shown;
    const counters =
      status.phase === 'ready'
        ? await client.get<InstanceCounters>(`${pathOf('instances', shown.id)}/counters`)
        : undefined;
    return [
      ...section('Instance', yamlText(record)),
      ...section('Status', yamlText(status)),
      ...(counters === undefined ? [] : section('Counters', yamlText(counters))),
    ];
  },
};

/** A title, and what stands beneath it, indented. */
function section(title: string, text: string): readonly string[] {
  return [
    '',
    paint('bold', title),
    ...text
      .trimEnd()
      .split('\n')
      .map((line) => `  ${line}`),
  ].slice(0);
}

function meta(object: object): readonly string[] {
  const { uid, generation, createdAt, updatedAt } = object as {
    uid?: number;
    generation?: number;
    createdAt?: string;
    updatedAt?: string;
  };
  if (uid === undefined) return ['It is not declared.'];
  return [`uid ${uid}, generation ${generation}, made ${createdAt}, changed ${updatedAt}`];
}
