/**
 * Flows of one table, found by the packets that they admit without looking at all of them.
 */
import {
  type Action,
  canonicalFlow,
  type FieldName,
  type GroupDesc,
  type Instruction,
  type Match,
} from 'ts-openflow';
import { ANYTHING, type Bits, type Cube, cubeOf, exactly, overlap } from './cube.ts';

/** What a desired flow and one that a switch tells of have in common. */
export type AnyFlow = {
  readonly table: number;
  readonly priority: number;
  readonly cookie: bigint;
  readonly match: Match;
  readonly instructions: readonly Instruction[];
};

export type Entry<F> = {
  readonly flow: F;
  /** What it admits; more where it has fields that nobody knows. */
  readonly cube: Cube;
  /** Whether the cube is exactly what it admits. */
  readonly isExact: boolean;
};

/** Indexes of one shape, each as large as the shape. */
const MAX_INDEXES = 32;

/** Flows that match the same bits of the same fields: a hash table for each. */
class Shape<F> {
  readonly #fields: readonly (readonly [FieldName, bigint])[];
  readonly #entries: Entry<F>[] = [];
  readonly #byValues = new Map<string, Entry<F>[]>();
  readonly #byField = new Map<string, ReadonlyMap<bigint, Entry<F>[]>>();

  constructor(cube: Cube) {
    this.#fields = [...cube].map(([field, { mask }]) => [field, mask] as const);
  }

  add(entry: Entry<F>): void {
    this.#entries.push(entry);
    push(this.#byValues, this.#valuesIn(entry.cube) ?? '', entry);
  }

  /** Those that may admit a packet of this cube, and perhaps others: as few as one field can tell. */
  near(cube: Cube): readonly Entry<F>[] {
    const values = this.#valuesIn(cube);
    if (values !== undefined) return this.#byValues.get(values) ?? [];
    let fewest: readonly Entry<F>[] = this.#entries;
    for (const [field, mask] of this.#fields) {
      const known = cube.get(field);
      const common = known === undefined ? 0n : known.mask & mask;
      if (known === undefined || common === 0n) continue;
      const index = this.#indexOf(field, common);
      if (index === undefined) continue;
      const found = index.get(known.value & common) ?? [];
      if (found.length < fewest.length) fewest = found;
      if (fewest.length === 0) break;
    }
    return fewest;
  }

  /** What the cube says of the bits that flows of this shape match; undefined where it leaves some open. */
  #valuesIn(cube: Cube): string | undefined {
    let text = '';
    for (const [field, mask] of this.#fields) {
      const known = cube.get(field);
      if (known === undefined || (known.mask & mask) !== mask) return undefined;
      text += `${(known.value & mask).toString(36)},`;
    }
    return text;
  }

  /** By the bits of a field that a cube knows, of those that the flows match. */
  #indexOf(field: FieldName, bits: bigint): ReadonlyMap<bigint, Entry<F>[]> | undefined {
    const name = `${field}/${bits.toString(36)}`;
    const known = this.#byField.get(name);
    if (known !== undefined) return known;
    // Ever new masks come from a stranger's flows; so many indexes are enough.
    if (this.#byField.size >= MAX_INDEXES) return undefined;
    const index = new Map<bigint, Entry<F>[]>();
    for (const entry of this.#entries) push(index, (entry.cube.get(field) as Bits).value & bits, entry);
    this.#byField.set(name, index);
    return index;
  }
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

export class FlowTable<F extends AnyFlow> {
  readonly #shapes = new Map<string, Shape<F>>();
  readonly #fields = new Set<FieldName>();

  add(flow: F): void {
    const exact = cubeOf(flow.match);
    const known = exact ?? cubeOf(flow.match.filter(({ field }) => field !== 'unknown')) ?? ANYTHING;
    // In one order, so that values of one shape can be compared as text.
    const cube = new Map([...known].sort(([a], [b]) => (a < b ? -1 : 1)));
    for (const field of cube.keys()) this.#fields.add(field);
    const key = [...cube].map(([field, { mask }]) => `${field}/${mask.toString(36)}`).join();
    let shape = this.#shapes.get(key);
    if (shape === undefined) {
      shape = new Shape(cube);
      this.#shapes.set(key, shape);
    }
    shape.add({ flow, cube, isExact: exact !== undefined });
  }

  /** The fields that some flow matches. */
  mentions(field: FieldName): boolean {
    return this.#fields.has(field);
  }

  /** The flows that admit some packet of this cube, in no order. */
  *near(cube: Cube): Generator<Entry<F>> {
    for (const shape of this.#shapes.values())
      for (const entry of shape.near(cube)) if (overlap(cube, entry.cube)) yield entry;
  }
}

/** All tables and groups of a switch. */
export class FlowTables<F extends AnyFlow> {
  readonly #tables = new Map<number, FlowTable<F>>();
  readonly #groups: ReadonlyMap<number, GroupDesc>;
  readonly #readsRegisters: boolean;
  readonly #canonical = new Map<F, readonly Instruction[]>();

  /** How many flows there are. */
  readonly size: number;

  constructor(flows: readonly F[], groups: readonly GroupDesc[] = []) {
    this.size = flows.length;
    for (const flow of flows) {
      let table = this.#tables.get(flow.table);
      if (table === undefined) {
        table = new FlowTable();
        this.#tables.set(flow.table, table);
      }
      table.add(flow);
    }
    this.#readsRegisters = flows.some(readsRegisters) || groups.length > 0;
    this.#groups = new Map(groups.map((group) => [group.group, group]));
  }

  table(id: number): FlowTable<F> | undefined {
    return this.#tables.get(id);
  }

  /** What is true of every packet that has just come in, of the fields that matter to some flow. */
  get fresh(): Cube {
    const tables = [...this.#tables.values()];
    const used = REGISTERS.filter(
      (register) => this.#readsRegisters || tables.some((table) => table.mentions(register)),
    );
    return new Map([...used, 'metadata' as const].map((field) => [field, exactly(field, 0n)]));
  }

  group(id: number): GroupDesc | undefined {
    return this.#groups.get(id);
  }

  /** In the order of execution, each action in its standard form. */
  instructionsOf(flow: F): readonly Instruction[] {
    const known = this.#canonical.get(flow);
    if (known !== undefined) return known;
    const { instructions } = canonicalFlow({ ...BLANK, ...flow });
    this.#canonical.set(flow, instructions);
    return instructions;
  }
}

const REGISTERS = Array.from({ length: 16 }, (_, i) => `reg${i}` as FieldName);

/** Whether a flow has an action that may read a register. */
const readsRegisters = ({ instructions }: AnyFlow): boolean =>
  instructions.some(
    (instruction) => 'actions' in instruction && instruction.actions.some(({ type }) => !isPlain(type)),
  );

const isPlain = (type: Action['type']): boolean =>
  ['output', 'group', 'setField', 'pushVlan', 'popVlan', 'controller'].includes(type);

const BLANK = { idleTimeout: 0, hardTimeout: 0, flags: 0, importance: 0 } as const;

/** Actions in their standard forms. */
export function standardActions(actions: readonly Action[]): readonly Action[] {
  const blank = { ...BLANK, table: 0, priority: 0, cookie: 0n, match: [] };
  const [first] = canonicalFlow({ ...blank, instructions: [{ type: 'applyActions', actions }] }).instructions;
  return first?.type === 'applyActions' ? first.actions : [];
}
