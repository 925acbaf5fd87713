/**
/**
 * Answers what becomes of a packet: table by table, from instance to instance and over links from switch to switch,
 * until it leaves the network. It supposes that every function lets the packet pass, unchanged but for what one that
 * rewrites is known to change; what else a function does is the function's to say.
 */
import { type Instruction, ipv4ToNumber, parseMatch, printAction } from 'ts-openflow';
import type { Attachment, Declared } from '../model/declared.ts';
import { COOKIE_MARK, COOKIE_MARK_MASK, isOurGroup, ownerOfCookie } from '../model/desired.ts';
import { ChainstitchError } from '../model/errors.ts';
import type {
  ExplainHop,
  ExplainOutcome,
  ExplainPass,
  ExplainQuery,
  ExplainStep,
  Explanation,
} from '../model/explain.ts';
import type { LinkFact, PortFact } from '../model/facts.ts';
import { type InstanceId, type Ipv4, MAX_HOPS, type Name, type OwnerId, SWITCH_OWNER } from '../model/ids.ts';
import { externalAddress } from '../model/rewriting.ts';
import { type InstanceRecord, type Steering, stationOf } from '../model/steering.ts';
import { instanceOfGroup } from './bound.ts';
import { CONTROLLER_PORT, flowText, NORMAL_PORT } from './flow.ts';
import { decodePlace, NEXT_HOP_MASK, PLACE_MASK, type Side } from './metadata.ts';
import type { AnyFlow, FlowTables } from './packets/flow-table.ts';
import type { Effect, Hit } from './packets/run.ts';
import { tableName } from './pipeline.ts';
import { portsOf } from './view.ts';
import { type Packet, type Walk, walk } from './walk.ts';

export type ExplainInput = {
  readonly query: ExplainQuery;
  readonly links: readonly LinkFact[];
  readonly declared: Declared;
  readonly steering: Steering;
  readonly interfacePrefix: string;
};

/** What a switch does with packets. */
export type ExplainedSwitch = {
  readonly tables: FlowTables<AnyFlow>;
  readonly ports: ReadonlyMap<string, PortFact>;
};

/**
 * A generator that asks for each switch as the packet gets there; undefined is answered where its tables are not
 * known.
 *
 * @throws ChainstitchError `unknown-reference` for a port or a field that does not exist
 */
export function* explain(input: ExplainInput): Generator<Name, Explanation, ExplainedSwitch | undefined> {
  let packet = parsePacket(input.query.packet);
  let beneath: Walk<AnyFlow>['after'][number]['beneath'] = [];
  const passes: ExplainPass[] = [];
  const hops: ExplainHop[] = [];
  const also: ExplainOutcome[] = [];

  const known = new Map<Name, Here>();
  function* look(name: Name): Generator<Name, Here | undefined, ExplainedSwitch | undefined> {
    const found = yield name;
    if (!found) return undefined;
    const here = { name, ...found, names: new Names(input, name, found.ports) };
    known.set(name, here);
    return here;
  }

  const begin = yield* look(input.query.switch);
  if (!begin) {
    const detail = `The ports of switch ${input.query.switch} are not known.`;
    throw new ChainstitchError('switch-not-connected', detail);
  }
  let here: Here = begin;
  let port = here.ports.get(input.query.port);
  if (!port) {
    throw new ChainstitchError(
      'unknown-reference',
      `Switch ${input.query.switch} has no port ${input.query.port}.`,
      {
        faults: [{ pointer: '/port', detail: `one of: ${[...here.ports.keys()].join(', ')}` }],
      },
    );
  }
  // Each pass but the last ends inside an instance or on a link, of which a leg has one for each switch at most.
  const limit = (MAX_HOPS + 1) * Math.max(1, input.declared.switches.size);
  for (let pass = 0; pass <= limit; pass++) {
    const { names }: Here = here;
    const arrived = new Map([...packet, ['in_port', BigInt(port.ofport)] as const]);
    const walked: Walk<AnyFlow> = walk(here.tables, arrived, beneath);
    passes.push({
      switch: here.name,
      port: port.name,
      steps: walked.hits.map((hit) => describe(hit, names)),
    });
    const outcomes = walked.effects.map((effect, index) => ({
      effect,
      instance: instanceOf(effect, names),
      after: walked.after[index],
    }));
    // The packet is followed into an instance if it goes into one, or else over a link; what else is done is done
    // to copies.
    const followed =
      outcomes.find(
        ({ instance }) => instance && !isTapped(instance.record.id, walked.hits, input.steering),
      ) ??
      outcomes.find(({ effect }) => names.peerOf(effect) !== undefined) ??
      outcomes.find(({ instance }) => instance === undefined) ??
      outcomes[0];
    also.push(
      ...outcomes
        .filter((one) => one !== followed)
        .map(({ effect }) => outcomeOf(effect, walked.hits, names)),
    );
    const instance = followed?.instance;
    const peer = instance || !followed ? undefined : names.peerOf(followed.effect);
    if (followed && peer) {
      const there: Here | undefined = known.get(peer.switch) ?? (yield* look(peer.switch));
      const arrival = there?.ports.get(peer.port);
      if (there && arrival) {
        if (followed.after) ({ packet, beneath } = followed.after);
        here = there;
        port = arrival;
        continue;
      }
    }
    if (!instance) {
      const outcome = outcomeOf(followed?.effect ?? { kind: 'drop' }, walked.hits, names);
      return { passes, hops, outcome, also };
    }
    if (followed.after) ({ packet, beneath } = followed.after);
    const external = externalOf(instance.record, input.declared);
    if (external !== undefined) packet = rewritten(packet, instance.side, external);
    hops.push({
      hop: stationOf(instance.record),
      instance: instance.record.id,
      ...(external === undefined ? {} : { external }),
    });
    const out = here.ports.get(names.portOf(instance.record, instance.side === 'left' ? 'right' : 'left'));
    if (!out) {
      return {
        passes,
        hops,
        outcome: { kind: 'drop', reason: `instance ${instance.record.id} has lost a port` },
        also,
      };
    }
    port = out;
  }
  return { passes, hops, outcome: { kind: 'drop', reason: 'the packet goes round in circles' }, also };
}

/** Whether the path that a packet is on has an instance as a tap. */
const isTapped = (instance: InstanceId, hits: readonly Hit<AnyFlow>[], { paths }: Steering): boolean => {
  const { path } = decodePlace(hits.at(-1)?.metadata ?? 0n);
  return paths.get(path)?.taps?.some((tap) => tap.instance === instance) ?? false;
};

const externalOf = (
  { function: name, config }: InstanceRecord,
  { functions }: Declared,
): Ipv4 | undefined => {
  const spec = functions.get(name)?.spec;
  return spec && externalAddress(spec, config);
};

/** What is known of it behind a function that rewrites: which ports and inner address it chooses is its own matter. */
function rewritten(packet: Packet, into: Side, external: Ipv4): Packet {
  if (packet.get('eth_type') !== 0x0800n) return packet;
  const end = into === 'left' ? 'src' : 'dst';
  const changed: readonly string[] = [`ip_${end}`, `tcp_${end}`, `udp_${end}`, `sctp_${end}`];
  const kept = [...packet].filter(([field]) => !changed.includes(field));
  return new Map(into === 'left' ? [...kept, ['ip_src', BigInt(ipv4ToNumber(external))]] : kept);
}

const PROTOCOLS: ReadonlySet<string> = new Set(['dl_type', 'eth_type', 'nw_proto', 'ip_proto']);

function parsePacket(fields: ExplainQuery['packet']): Packet {
  const headers = new Map<string, bigint>();
  const fault = (name: string, detail: string): ChainstitchError =>
    new ChainstitchError('unknown-reference', `The packet field ${name} is not usable.`, {
      faults: [{ pointer: `/packet/${name}`, detail }],
    });
  const given = Object.entries(fields);
  for (const [name, value] of given) {
    if (/[\s,=/]/.test(`${name}${value}`)) throw fault(name, 'a field name and one value, without a mask');
  }
  // They say which field a name such as tp_dst means.
  const protocols = given.filter(([name]) => PROTOCOLS.has(name)).map(([name, value]) => `${name}=${value}`);
  for (const [name, value] of given) {
    let parsed: ReturnType<typeof parseMatch>;
    try {
      parsed = parseMatch(PROTOCOLS.has(name) ? [`${name}=${value}`] : [...protocols, `${name}=${value}`]);
    } catch (error) {
      throw fault(name, error instanceof Error ? error.message : String(error));
    }
    for (const field of parsed) if (field.field !== 'unknown') headers.set(field.field, BigInt(field.value));
  }
  return headers as Packet;
}

/** The switch where a packet is. */
type Here = ExplainedSwitch & { readonly name: Name; readonly names: Names };

const SIDES = ['left', 'right'] as const;

/** Turns numbers of the tables of a switch back into what people call them. */
class Names {
  readonly at: Name;
  readonly #peers: ReadonlyMap<string, Attachment>;
  readonly #chains: ReadonlyMap<OwnerId, Name>;
  readonly #ports: ReadonlyMap<number, string>;
  readonly #instances: ReadonlyMap<string, { readonly record: InstanceRecord; readonly side: Side }>;
  readonly #prefix: string;

  constructor(input: ExplainInput, at: Name, ports: ExplainedSwitch['ports']) {
    const { declared, steering, interfacePrefix } = input;
    this.at = at;
    this.#peers = peersOf(input, at);
    this.#prefix = interfacePrefix;
    this.#chains = new Map(
      [...declared.chains.values()].flatMap(({ uid, spec }) => {
        const owner = steering.owners.get(uid);
        return owner === undefined ? [] : [[owner, spec.name] as const];
      }),
    );
    this.#ports = new Map([...ports.values()].map(({ ofport, name }) => [ofport, name]));
    this.#instances = new Map(
      [...steering.instances.values()].flatMap((record) =>
        (record.switch === at ? SIDES : []).map(
          (side) => [this.portOf(record, side), { record, side }] as const,
        ),
      ),
    );
  }

  portOf(record: InstanceRecord, side: Side): string {
    return portsOf(this.#prefix, record)[side];
  }

  chain(owner: OwnerId): Name | undefined {
    return owner === SWITCH_OWNER ? undefined : this.#chains.get(owner);
  }

  /** Where a packet arrives that is put out to another switch. */
  peerOf(effect: Effect): Attachment | undefined {
    return effect.kind === 'output' ? this.#peers.get(this.port(effect.port)) : undefined;
  }

  port(ofport: number): string {
    return this.#ports.get(ofport) ?? `port ${ofport}`;
  }

  instanceAt(
    ofport: number | undefined,
  ): { readonly record: InstanceRecord; readonly side: Side } | undefined {
    const name = ofport === undefined ? undefined : this.#ports.get(ofport);
    return name === undefined ? undefined : this.#instances.get(name);
  }
}

/** The far ends of the links of a switch, by the ports at its own. */
function peersOf({ declared, links }: ExplainInput, at: Name): ReadonlyMap<string, Attachment> {
  const names = new Map([...declared.switches.values()].map(({ spec }) => [spec.dpid, spec.name]));
  const peers = new Map<string, Attachment>();
  for (const { a, b, state } of links) {
    if (state === 'oneWay') continue;
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const peer = names.get(to.dpid);
      if (peer !== undefined && names.get(from.dpid) === at)
        peers.set(from.port, { switch: peer, port: to.port });
    }
  }
  return peers;
}

function instanceOf(effect: Effect, names: Names): ReturnType<Names['instanceAt']> {
  return effect.kind === 'output' ? names.instanceAt(effect.port) : undefined;
}

function describe({ table, flow }: Hit<AnyFlow>, names: Names): ExplainStep {
  const isForeign = flow !== undefined && (flow.cookie & COOKIE_MARK_MASK) !== COOKIE_MARK;
  const chain = flow && !isForeign ? names.chain(ownerOfCookie(flow.cookie)) : undefined;
  return {
    table,
    tableName: tableName(table) ?? String(table),
    ...(flow ? { flow: flowText(flow) } : {}),
    ...(chain ? { chain } : {}),
    ...(isForeign ? { foreign: true } : {}),
    does: flow
      ? flow.instructions.map((one) => effect(one, names)).join(', ') || 'drops it'
      : 'no flow matches: drops it',
  };
}

function effect(instruction: Instruction, names: Names): string {
  switch (instruction.type) {
    case 'gotoTable':
      return `goes on to ${tableName(instruction.table) ?? `table ${instruction.table}`}`;
    case 'writeMetadata': {
      if (instruction.mask === NEXT_HOP_MASK) return 'picks the next hop';
      if (instruction.mask !== PLACE_MASK) return 'writes metadata';
      const { path, direction, hopsDone } = decodePlace(instruction.value);
      return `on path ${path} ${direction}, ${hopsDone} ${hopsDone === 1 ? 'hop' : 'hops'} done`;
    }
    case 'applyActions':
      return instruction.actions
        .map((action) => {
          if (action.type === 'pushVlan') return 'puts a tag on';
          if (action.type === 'popVlan') return 'takes the tag off';
          if (action.type === 'setField' && action.field.field === 'vlan_vid')
            return `of VLAN ${Number(action.field.value) & 0xfff}`;
          if (action.type === 'group' && isOurGroup(action.group)) {
            const { instance, side } = instanceOfGroup(action.group);
            return `into instance ${instance} (${side}) while its port is live, else past it or nowhere`;
          }
          if (action.type !== 'output') return printAction(action);
          if (action.port === CONTROLLER_PORT) return 'to the controller';
          if (action.port === NORMAL_PORT) return 'switches it as a learning bridge does';
          const instance = names.instanceAt(action.port);
          return instance
            ? `into ${stationOf(instance.record)} (instance ${instance.record.id}, ${instance.side})`
            : `out of ${names.port(action.port)}`;
        })
        .join(', ');
    default:
      return instruction.type;
  }
}

function outcomeOf(effect: Effect, hits: readonly Hit<AnyFlow>[], names: Names): ExplainOutcome {
  if (effect.kind === 'output') return { kind: 'output', switch: names.at, port: names.port(effect.port) };
  if (effect.kind !== 'drop') return effect;
  const last = hits.at(-1);
  const where = last ? (tableName(last.table) ?? String(last.table)) : 'no table';
  return {
    kind: 'drop',
    reason: last?.flow ? `a flow in ${where} drops it` : `no flow in ${where} matches it`,
  };
}
