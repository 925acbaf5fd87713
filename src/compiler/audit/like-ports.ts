import { fullMask, printInstructions, printMatch } from 'ts-openflow';
import type { OfPort } from '../../model/ids.ts';
import type { AnyFlow } from '../packets/flow-table.ts';

/**
 * One port of each kind: two are alike where flows say the same of both. What is true of packets that come in
 * at the one is true of the other's then.
 */
export function likePorts(flows: readonly AnyFlow[], ports: readonly OfPort[]): readonly OfPort[] {
  const said = new Map<number, string[]>(ports.map((port) => [port, []]));
  for (const { table, priority, match, instructions } of flows) {
    const asked = match.find(({ field }) => field === 'in_port');
    if (asked === undefined || asked.field === 'unknown') continue;
    // Where some bits of a port's number are matched, each port is of its own kind.
    if (asked.mask !== undefined && BigInt(asked.mask) !== fullMask('in_port')) return ports;
    const rest = printMatch(match.filter((field) => field !== asked));
    said.get(Number(asked.value))?.push(`${table},${priority},${rest},${printInstructions(instructions)}`);
  }
  const kinds = new Map<string, OfPort>();
  for (const port of ports) {
    const kind = (said.get(port) ?? []).sort().join('\n');
    if (!kinds.has(kind)) kinds.set(kind, port);
  }
  return [...kinds.values()];
}
