/**
 * One text for all ways to say the same thing: a switch stores matches and instructions in its own order and
 * with its own masks, so they cannot be compared as they were sent.
 */
import { type Action, fullMask, type Instruction, type Match, type MatchField, ports } from 'ts-openflow';

/** Equal for matches that match the same packets. */
export function matchKey(match: Match): string {
  return match
    .map(fieldKey)
    .filter((key) => key !== undefined)
    .sort()
    .join(',');
}

function fieldKey(entry: MatchField): string | undefined {
  if (entry.field === 'unknown') return `?${stable(entry)}`;
  const full = fullMask(entry.field);
  const mask = (entry.mask === undefined ? full : BigInt(entry.mask)) & full;
  // No bit counts: as good as absent.
  if (mask === 0n) return undefined;
  const value = BigInt(entry.value) & mask;
  return mask === full ? `${entry.field}=${value}` : `${entry.field}=${value}/${mask}`;
}

/** The order in which instructions are carried out, whatever order they came in (OpenFlow 1.5.1, section 5.5). */
const ORDER: readonly string[] = ['meter', 'applyActions', 'clearActions', 'writeActions', 'writeMetadata'];

/** Equal for instructions that do the same. */
export function instructionsKey(instructions: readonly Instruction[]): string {
  return instructions
    .filter((instruction) => instruction.type !== 'applyActions' || instruction.actions.length > 0)
    .map((instruction) => [rank(instruction.type), instructionKey(instruction)] as const)
    .sort(([a, left], [b, right]) => a - b || (left < right ? -1 : 1))
    .map(([, key]) => key)
    .join(';');
}

const rank = (type: string): number => {
  const at = ORDER.indexOf(type);
  return at < 0 ? ORDER.length : at;
};

function instructionKey(instruction: Instruction): string {
  switch (instruction.type) {
    case 'writeMetadata': {
      const { value, mask } = instruction;
      return `writeMetadata=${value & mask}/${mask}`;
    }
    case 'applyActions':
    case 'writeActions':
      return `${instruction.type}(${instruction.actions.map(actionKey).join(',')})`;
    default:
      return stable(instruction);
  }
}

function actionKey(action: Action): string {
  // How much of a packet the controller gets says nothing for another port.
  if (action.type === 'output' && action.port !== ports.controller) return `output=${action.port}`;
  if (action.type === 'setField') return `setField(${fieldKey(action.field) ?? ''})`;
  return stable(action);
}

/** JSON with sorted members, for values of the library: numbers, bigints, bytes, lists. */
function stable(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return `[${value.map(stable).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'undefined';
  const members = Object.entries(value)
    // The header that a field was read with is another spelling of the same field.
    .filter(([name, member]) => member !== undefined && name !== 'form')
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${name}:${stable(member)}`).join(',')}}`;
}
