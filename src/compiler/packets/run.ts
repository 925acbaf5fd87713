/**
 * Sends packets through flow tables as a switch does (OpenFlow 1.5.1, sections 5.1 to 5.12; ovs-actions(7)),
 * all packets of a set at once: where flows treat them differently the set is divided. What an action does
 * that is not known here is said to be unknown, never guessed.
 */
import {
  type Action,
  type FieldName,
  fullMask,
  groupTypes,
  type Instruction,
  ports,
  printAction,
  vlanPresent,
} from 'ts-openflow';
import { type Bits, exactly } from './cube.ts';
import { type AnyFlow, type Entry, type FlowTables, standardActions } from './flow-table.ts';
import type { Exclusion, Packets } from './packets.ts';

export type Hit<F> = {
  readonly table: number;
  /** Undefined on a miss, which drops. */
  readonly flow: F | undefined;
  /** After the flow has written it; bits that are not known are 0. */
  readonly metadata: bigint;
};

export type Effect =
  /** A port number, OFPP_LOCAL among them. */
  | { readonly kind: 'output'; readonly port: number }
  /** Switched as a learning bridge does. */
  | { readonly kind: 'normal' }
  /** Out of every port, or every port that floods. */
  | { readonly kind: 'flood' }
  | { readonly kind: 'controller' }
  /** Nothing at all was done with them. */
  | { readonly kind: 'drop' }
  /** An action, a match or a group of which nothing is known here; in ovs-ofctl's words. */
  | { readonly kind: 'unknown'; readonly what: string };

export type Event<F> = {
  readonly effect: Effect;
  /** As they are at this moment, headers rewritten. */
  readonly packets: Packets;
  /** What is known of the tags beneath their outer one, the outermost last. */
  readonly tags: readonly (Bits | undefined)[];
  /** The flows that they have met, in order. */
  readonly hits: readonly Hit<F>[];
  /** Only while a port that a fast failover group watches is not live. */
  readonly failedOver: boolean;
};

/**
 * Open vSwitch gives up at 64 levels of resubmit and 4096 lookups of one packet. A set is divided by the flows
 * that there are; what needs many times more than those is divided again and again by the same ones.
 */
const MAX_DEPTH = 64;
const MAX_LOOKUPS = 4096;
const LOOKUPS_PER_FLOW = 16;

export type Run<F> = {
  /** All that is done with packets, in order. */
  readonly events: readonly Event<F>[];
  /** The flows that they have met in the end; one list for each way through the tables. */
  readonly ways: readonly (readonly Hit<F>[])[];
};

/** All that happens to packets that come in at the port which is their `in_port`, with these tags beneath the outer one. */
export function run<F extends AnyFlow>(
  tables: FlowTables<F>,
  packets: Packets,
  tags: readonly (Bits | undefined)[] = [],
): Run<F> {
  const runner = new Runner(tables);
  const start: State<F> = {
    packets,
    hits: [],
    later: new Map(),
    acted: false,
    tags,
    depth: 0,
    failedOver: false,
  };
  const states = runner.table(start, 0);
  for (const state of states) runner.end(state);
  return { events: runner.events, ways: states.map(({ hits }) => hits) };
}

type State<F> = {
  readonly packets: Packets;
  readonly hits: readonly Hit<F>[];
  /** The action set, by the kind of action that it has one of. */
  readonly later: ReadonlyMap<string, Action>;
  readonly acted: boolean;
  /** What was known of VLAN tags that lie beneath those that were pushed. */
  readonly tags: readonly (Bits | undefined)[];
  readonly depth: number;
  readonly failedOver: boolean;
  readonly exited?: true;
};

class Runner<F extends AnyFlow> {
  readonly events: Event<F>[] = [];
  readonly #tables: FlowTables<F>;
  #lookups = 0;

  constructor(tables: FlowTables<F>) {
    this.#tables = tables;
  }

  /** The states after a table and those that it goes on to. `as` is the port that the lookup is done for. */
  table(state: State<F>, id: number, as?: number): readonly State<F>[] {
    const most = MAX_LOOKUPS + (state.packets.isOne ? 0 : LOOKUPS_PER_FLOW * this.#tables.size);
    if (state.depth > MAX_DEPTH || ++this.#lookups > most) return [this.#unknown(state, 'too many lookups')];
    return this.#lookUpAs(state, id, as).flatMap(([entry, packets]) => {
      if (entry === undefined) return [hit({ ...state, packets }, id, undefined)];
      if (!entry.isExact)
        this.#emit(hit({ ...state, packets }, id, entry.flow), {
          kind: 'unknown',
          what: 'a match on fields that are not known here',
        });
      return this.#flow({ ...state, packets }, id, entry.flow);
    });
  }

  /** A resubmit may look up as if from another port; in the flow that it meets the true one counts again. */
  #lookUpAs(state: State<F>, id: number, as: number | undefined) {
    const port = state.packets.cube.get('in_port');
    if (as === undefined || port === undefined) return this.#lookUp(state, id);
    const disguised = state.packets.set('in_port', exactly('in_port', BigInt(as)));
    return this.#lookUp({ ...state, packets: disguised }, id).map(
      ([entry, packets]) => [entry, packets.set('in_port', port)] as const,
    );
  }

  #lookUp(state: State<F>, id: number): readonly (readonly [Entry<F> | undefined, Packets])[] {
    const { packets } = state;
    const table = this.#tables.table(id);
    if (table === undefined) return [[undefined, packets]];
    const near = [...table.near(packets.cube)].sort((a, b) => b.flow.priority - a.flow.priority);
    const above = (priority: number): Exclusion => ({
      mentions: (field) => table.mentions(field),
      *near(cube) {
        for (const { flow, cube: other, isExact } of table.near(cube))
          if (isExact && flow.priority > priority) yield other;
      },
    });
    const found: [Entry<F> | undefined, Packets][] = [];
    for (const entry of near) {
      const admitted = packets.within(entry.cube);
      if (admitted === undefined) continue;
      const reached = packets.isOne ? admitted : admitted.without(above(entry.flow.priority));
      if (!packets.isOne && reached.example() === undefined) continue;
      found.push([entry, reached]);
      // Nothing is left for the flows below one that takes all.
      const takesAll = entry.isExact && admitted.cube === packets.cube;
      if (takesAll && !near.some((other) => other !== entry && other.flow.priority === entry.flow.priority))
        return found;
      if (packets.isOne && entry.isExact) return found;
    }
    const missed = packets.isOne ? packets : packets.without(above(-1));
    if (missed.isOne || missed.example() !== undefined) found.push([undefined, missed]);
    return found;
  }

  #flow(state: State<F>, id: number, flow: F): readonly State<F>[] {
    let states: readonly State<F>[] = [state];
    let next: number | undefined;
    // Written now, so that an effect within has this flow among its hits.
    states = [hit(state, id, flow)];
    for (const instruction of this.#tables.instructionsOf(flow)) {
      if (instruction.type === 'gotoTable') next = instruction.table;
      else states = states.flatMap((one) => (one.exited ? [one] : this.#instruction(one, instruction, id)));
    }
    if (next === undefined) return states;
    const to = next;
    return states.flatMap((one) => {
      if (one.exited) return [one];
      return to > id ? this.table(one, to) : [this.#unknown(one, `goto_table:${to}`)];
    });
  }

  #instruction(state: State<F>, instruction: Instruction, table: number): readonly State<F>[] {
    switch (instruction.type) {
      case 'applyActions':
        return this.#actions(state, instruction.actions, table);
      case 'clearActions':
        return [{ ...state, later: new Map() }];
      case 'writeActions': {
        return [{ ...state, later: new Map([...state.later, ...inSlots(instruction.actions)]) }];
      }
      case 'writeMetadata': {
        const packets = state.packets.set('metadata', instruction);
        return [retold({ ...state, packets })];
      }
      case 'meter':
        return [state];
      default:
        return [this.#unknown(state, `instruction ${instruction.type}`)];
    }
  }

  /** The action set, in the order of OpenFlow 1.5.1, section 5.6; then whether anything was done at all. */
  end(state: State<F>): void {
    for (const one of this.#actionSet(state, state.later)) if (!one.acted) this.#emit(one, { kind: 'drop' });
  }

  #actionSet(state: State<F>, set: ReadonlyMap<string, Action>): readonly State<F>[] {
    const ordered = ORDER.flatMap((slot) => [...set].filter(([name]) => name.startsWith(slot)));
    // Of what ends a set, the first is done alone; Open vSwitch lets a bucket submit a packet again as well.
    const last = ['group', 'output', 'resubmitTable'].filter((name) => set.has(name)).slice(1);
    const actions = ordered.filter(([name]) => !last.includes(name)).map(([, action]) => action);
    return this.#actions({ ...state, later: new Map() }, actions, state.hits.at(-1)?.table ?? 0);
  }

  #actions(state: State<F>, actions: readonly Action[], table: number): readonly State<F>[] {
    let states: readonly State<F>[] = [state];
    for (const action of actions)
      states = states.flatMap((one) => (one.exited ? [one] : this.#action(one, action, table)));
    return states;
  }

  #action(state: State<F>, action: Action, table: number): readonly State<F>[] {
    const { packets } = state;
    switch (action.type) {
      case 'output':
      case 'outputTrunc':
        return [this.#output(state, action.port, action)];
      case 'outputReg': {
        const port = bitsOf(packets, action.src, action.offsetBits);
        return [
          port === undefined ? this.#unknown(state, action) : this.#output(state, Number(port), action),
        ];
      }
      case 'controller':
      case 'controller2':
        return [this.#emit(state, { kind: 'controller' })];
      case 'bundle':
        return [action.members.reduce((one, port) => this.#output(one, port, action), state)];
      case 'group':
        return this.#group(state, action.group, action);
      case 'setField': {
        const { field } = action;
        if (field.field === 'unknown') return [this.#unknown(state, action)];
        const mask = field.mask === undefined ? fullMask(field.field) : BigInt(field.mask);
        return [
          retold({ ...state, packets: packets.set(field.field, { value: BigInt(field.value), mask }) }),
        ];
      }
      case 'copyField': {
        const { src, dst, bits, srcOffset, dstOffset } = action;
        if (src.field === 'unknown' || dst.field === 'unknown') return [this.#unknown(state, action)];
        const value = slice(packets, src.field, srcOffset, bits);
        const mask = ((1n << BigInt(bits)) - 1n) << BigInt(dstOffset);
        const copied =
          value === undefined
            ? packets.forget(dst.field, mask)
            : packets.set(dst.field, { value: value << BigInt(dstOffset), mask });
        return [retold({ ...state, packets: copied })];
      }
      case 'pushVlan': {
        const tags = [...state.tags, packets.cube.get('vlan_vid')];
        return [
          { ...state, tags, packets: packets.set('vlan_vid', exactly('vlan_vid', BigInt(vlanPresent))) },
        ];
      }
      case 'popVlan': {
        const beneath = state.tags.at(-1);
        const bare = packets.forget('vlan_vid').forget('vlan_pcp');
        const untagged = beneath === undefined ? bare : bare.set('vlan_vid', beneath);
        return [{ ...state, tags: state.tags.slice(0, -1), packets: untagged }];
      }
      case 'setTunnel':
      case 'setTunnel64':
        return [{ ...state, packets: packets.set('tun_id', exactly('tun_id', BigInt(action.id))) }];
      case 'setNwTtl':
      case 'decNwTtl':
      case 'decTtlIds':
        return [{ ...state, packets: packets.forget('nw_ttl') }];
      case 'resubmitTable':
        return this.#resubmit(state, action.inPort, action.table === 255 ? table : action.table);
      case 'clone': {
        // What happens to the copy leaves no trace in the original, but that something happened.
        const copies = this.#actions({ ...state, acted: false }, action.actions, table).flatMap((copy) =>
          // The copy's action set is done at once.
          this.#actionSet(copy, copy.later),
        );
        return [{ ...state, acted: state.acted || copies.some(({ acted }) => acted) }];
      }
      case 'exit':
        return [{ ...state, exited: true }];
      case 'meter':
      case 'setQueue':
      case 'popQueue':
      case 'note':
      case 'finTimeout':
      case 'setMplsTtl':
      case 'decMplsTtl':
        return [state];
      default:
        return [this.#unknown(state, action)];
    }
  }

  #output(state: State<F>, port: number, action: Action): State<F> {
    const inPort = state.packets.valueOf('in_port');
    switch (port) {
      case ports.normal:
        return this.#emit(state, { kind: 'normal' });
      case ports.flood:
      case ports.all:
        return this.#emit(state, { kind: 'flood' });
      case ports.controller:
        return this.#emit(state, { kind: 'controller' });
      case ports.inPort:
        return inPort === undefined
          ? this.#unknown(state, action)
          : this.#emit(state, { kind: 'output', port: Number(inPort) });
      case ports.unset:
        return state;
      default:
        if (port > ports.max && port !== ports.local) return this.#unknown(state, action);
        // A packet does not go back to where it came from (section 7.2.6.1).
        return BigInt(port) === inPort ? state : this.#emit(state, { kind: 'output', port });
    }
  }

  /** Of a select or a failover group any bucket may be the one: each is gone through as if it were. */
  #group(state: State<F>, id: number, action: Action): readonly State<F>[] {
    const group = this.#tables.group(id);
    if (group === undefined || state.depth > MAX_DEPTH) return [this.#unknown(state, action)];
    const inside = { ...state, depth: state.depth + 1 };
    const isFailover = group.groupType === groupTypes.fastFailover;
    const through = group.buckets.map(({ actions }, place) => {
      const failedOver = state.failedOver || (isFailover && place > 0);
      // They are done in the order of an action set (section 5.10).
      return this.#actionSet({ ...inside, acted: false, failedOver }, inSlots(standardActions(actions)));
    });
    if (group.groupType === groupTypes.all || group.groupType === groupTypes.indirect) {
      const acted = state.acted || through.flat().some((one) => one.acted);
      return [{ ...state, acted }];
    }
    // A switch may find no bucket of them fit, and drops then.
    for (const one of through.flat()) if (!one.acted && !state.acted) this.#emit(one, { kind: 'drop' });
    return [{ ...state, acted: true }];
  }

  #resubmit(state: State<F>, inPort: number, table: number): readonly State<F>[] {
    const as = inPort === KEEP_IN_PORT ? undefined : inPort;
    return this.table({ ...state, depth: state.depth + 1 }, table, as).map((one) => ({
      ...one,
      depth: state.depth,
    }));
  }

  #unknown(state: State<F>, what: Action | string): State<F> {
    return this.#emit(state, { kind: 'unknown', what: typeof what === 'string' ? what : printAction(what) });
  }

  #emit(state: State<F>, effect: Effect): State<F> {
    const { packets, tags, hits, failedOver } = state;
    this.events.push({ effect, packets, tags, hits, failedOver });
    return { ...state, acted: true };
  }
}

/** `in_port` in a resubmit of 16 bits. */
const KEEP_IN_PORT = 0xfff8;

const metadataOf = (packets: Packets): bigint => packets.cube.get('metadata')?.value ?? 0n;

function hit<F>(state: State<F>, table: number, flow: F | undefined): State<F> {
  return { ...state, hits: [...state.hits, { table, flow, metadata: metadataOf(state.packets) }] };
}

/** The last hit with the metadata as it is now. */
function retold<F>(state: State<F>): State<F> {
  const last = state.hits.at(-1);
  if (last === undefined) return state;
  return { ...state, hits: [...state.hits.slice(0, -1), { ...last, metadata: metadataOf(state.packets) }] };
}

const ORDER = [
  'copyTtlIn',
  'pop',
  'push',
  'copyTtlOut',
  'dec',
  'set',
  'copyField',
  'meter',
  'group',
  'output',
  'resubmitTable',
];

/** Which place of the action set an action takes; settings of different fields have one each. */
function slotOf(action: Action): string {
  if (action.type === 'setField') return `setField ${action.field.field}`;
  return action.type;
}

const inSlots = (actions: readonly Action[]): ReadonlyMap<string, Action> =>
  new Map(actions.map((action) => [slotOf(action), action]));

function slice(packets: Packets, field: FieldName, offset: number, bits: number): bigint | undefined {
  const mask = ((1n << BigInt(bits)) - 1n) << BigInt(offset);
  const known = packets.cube.get(field);
  return known === undefined || (known.mask & mask) !== mask
    ? undefined
    : (known.value & mask) >> BigInt(offset);
}

type Source = Extract<Action, { type: 'outputReg' }>['src'];
const bitsOf = (packets: Packets, { field }: Source, offsetBits: number): bigint | undefined =>
  field === 'unknown' ? undefined : slice(packets, field, offsetBits >> 6, (offsetBits & 63) + 1);
