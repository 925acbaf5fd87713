import { loadAsSetField } from '../actions/forms.ts';
import type { Action } from '../actions/index.ts';
import { bytesToHex } from '../bytes/hex.ts';
import type { Instruction } from '../instructions.ts';
import type { MatchField } from '../match.ts';
import { flowFlags, ports } from '../registry/numbers.ts';
import { canonicalMatch, fromBits, matchKey, toBits } from './canonical-match.ts';
import type { Flow } from './flow.ts';

/** A switch's answer to a flow-mod, not a property of the flow that stays. */
const lastingFlags = ~(flowFlags.checkOverlap | flowFlags.resetCounts);

type ActionOf<T extends Action['type']> = Extract<Action, { type: T }>;

function setField(field: MatchField): ActionOf<'setField'> {
  return { type: 'setField', field: field.field === 'unknown' ? field : fromBits(toBits(field)) };
}

/** A header's form and an option's length say how a field was named, not which one it is. */
function withoutForms<T>(value: T): T {
  if (Array.isArray(value)) return value.map(withoutForms) as T;
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  const isField = 'field' in value;
  const entries = Object.entries(value).filter(
    ([name]) => name !== 'form' && !(isField && name === 'length'),
  );
  return Object.fromEntries(entries.map(([name, entry]) => [name, withoutForms(entry)])) as T;
}

/** One action in the form that stands for all its forms. */
function canonicalAction(action: Action): Action {
  switch (action.type) {
    case 'output':
      return action.port === ports.controller ? action : { ...action, maxLen: 0 };
    case 'controller':
      if (action.controllerId !== 0 || action.reason !== 1) return action;
      return { type: 'output', port: ports.controller, maxLen: action.maxLen };
    case 'setField':
    case 'regLoad2':
      return setField(action.field);
    case 'regLoad':
      return loadAsSetField(action) ?? action;
    case 'regMove':
      return withoutForms({ ...action, type: 'copyField' });
    case 'decTtl':
      return { type: 'decNwTtl' };
    case 'resubmit':
      return { type: 'resubmitTable', inPort: action.inPort, table: 255 };
    case 'outputReg2':
      return withoutForms({ ...action, type: 'outputReg' });
    case 'ct':
    case 'clone':
      return withoutForms({ ...action, actions: canonicalActions(action.actions) });
    default:
      return withoutForms(action);
  }
}

/** Two settings of one field that follow each other are one. */
function joined(first: Action | undefined, second: Action): Action | undefined {
  if (first?.type !== 'setField' || second.type !== 'setField') return undefined;
  const [a, b] = [first.field, second.field];
  if (a.field === 'unknown' || b.field === 'unknown' || a.field !== b.field) return undefined;
  const [early, late] = [toBits(a), toBits(b)];
  const value = (early.value & ~late.mask) | late.value;
  return { type: 'setField', field: fromBits({ ...late, value, mask: early.mask | late.mask }) };
}

function canonicalActions(actions: readonly Action[]): readonly Action[] {
  const found: Action[] = [];
  for (const action of actions) {
    const next = canonicalAction(action);
    const both = joined(found.at(-1), next);
    if (both) found[found.length - 1] = both;
    else found.push(next);
  }
  return found;
}

/** Instructions in the order of execution, whatever order they came in; those that do nothing are left out. */
export function canonicalInstructions(instructions: readonly Instruction[]): readonly Instruction[] {
  const meters: Action[] = [];
  const now: Action[] = [];
  const later: Instruction[] = [];
  for (const instruction of instructions) {
    // 1.3's instruction is 1.5's action, and is done first.
    if (instruction.type === 'meter') meters.push({ type: 'meter', meter: instruction.meter });
    else if (instruction.type === 'applyActions') now.push(...instruction.actions);
    else later.push(...canonicalLater(instruction));
  }
  const actions = canonicalActions([...meters, ...now]);
  const apply: Instruction[] = actions.length === 0 ? [] : [{ type: 'applyActions', actions }];
  return [...apply, ...later.sort((a, b) => rank(a) - rank(b))];
}

const order = ['clearActions', 'writeActions', 'writeMetadata', 'gotoTable'];
const rank = ({ type }: Instruction) => (order.indexOf(type) + order.length + 1) % (order.length + 1);

function canonicalLater(instruction: Instruction): readonly Instruction[] {
  if (instruction.type === 'writeActions') {
    const actions = canonicalActions(instruction.actions);
    return actions.length === 0 ? [] : [{ type: 'writeActions', actions }];
  }
  if (instruction.type !== 'writeMetadata') return [instruction];
  const { mask } = instruction;
  return mask === 0n ? [] : [{ type: 'writeMetadata', value: instruction.value & mask, mask }];
}

/**
 * A flow in the form in which equal meaning is equal content: what was sent in a flow-mod and what the
 * switch tells of it come to the same, over 1.3 and 1.5. Fields that are not of a Flow are left out.
 */
export function canonicalFlow(flow: Flow): Flow {
  const { table, priority } = flow;
  return { table, priority, match: canonicalMatch(flow.match), ...canonicalBody(flow) };
}

type Body = Omit<Flow, 'table' | 'priority' | 'match'>;

function canonicalBody(flow: Body): Body {
  return {
    cookie: flow.cookie,
    idleTimeout: flow.idleTimeout,
    hardTimeout: flow.hardTimeout,
    flags: flow.flags & lastingFlags,
    importance: flow.importance,
    instructions: canonicalInstructions(flow.instructions),
  };
}

/** What makes a flow that flow, for a switch: table, priority and match. Equal flows have equal keys. */
export function flowKey(flow: Pick<Flow, 'table' | 'priority' | 'match'>): string {
  return `${flow.table},${flow.priority},${matchKey(flow.match)}`;
}

/** All that a flow is besides its key, as text to compare; the order of an object's names does not matter. */
export function flowBody(flow: Body): string {
  const flags = flow.flags & lastingFlags;
  const head = `${flow.cookie.toString(36)},${flow.idleTimeout},${flow.hardTimeout},${flags},${flow.importance}`;
  const plain = plainInstructions(flow.instructions);
  if (plain !== undefined) return `${head};${plain}`;
  const canonical = canonicalInstructions(flow.instructions);
  return `${head};${plainInstructions(canonical) ?? stable(canonical)}`;
}

/**
 * Instructions of the commonest kinds, at most one of each, in the order of execution; undefined where there is
 * another one, or an action with more than one form. What it gives is never what `stable` gives.
 */
function plainInstructions(instructions: readonly Instruction[]): string | undefined {
  const said = ['', '', ''];
  for (const instruction of instructions) {
    const place = PLAIN_ORDER.indexOf(instruction.type);
    if (place < 0 || said[place] !== '') return undefined;
    const text = plainInstruction(instruction);
    if (text === undefined) return undefined;
    said[place] = text;
  }
  return said.join('');
}

const PLAIN_ORDER: readonly string[] = ['applyActions', 'writeMetadata', 'gotoTable'];

function plainInstruction(instruction: Instruction): string | undefined {
  switch (instruction.type) {
    case 'gotoTable':
      return `goto ${instruction.table}`;
    case 'writeMetadata': {
      const { mask, value } = instruction;
      return mask === 0n ? undefined : `metadata ${(value & mask).toString(36)}/${mask.toString(36)};`;
    }
    case 'applyActions': {
      let text = '';
      for (const action of instruction.actions) {
        if (action.type !== 'output' || action.port === ports.controller) return undefined;
        text += `output ${action.port};`;
      }
      return text === '' ? undefined : text;
    }
    default:
      return undefined;
  }
}

function stable(value: unknown): string {
  if (typeof value === 'bigint') return `0x${value.toString(16)}`;
  if (value instanceof Uint8Array) return `hex:${bytesToHex(value)}`;
  if (Array.isArray(value)) return `[${value.map(stable).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([name, entry]) => `${name}:${stable(entry)}`).join(',')}}`;
}

/** Whether two flows mean the same. */
export function sameFlow(a: Flow, b: Flow): boolean {
  return flowKey(a) === flowKey(b) && flowBody(a) === flowBody(b);
}
