import { canonicalMatch } from '../flow/canonical-match.ts';
import type { Flow } from '../flow/flow.ts';
import { flowFlags } from '../registry/numbers.ts';
import { TextError } from './error.ts';
import { parseMatch, printMatch } from './match.ts';
import { parseInstructions } from './parse-actions.ts';
import { printInstructions } from './print-actions.ts';
import { splitOutside } from './split.ts';
import { parseInteger } from './values.ts';

const flagWords: readonly (readonly [string, number])[] = [
  ['send_flow_rem', flowFlags.sendFlowRemoved],
  ['check_overlap', flowFlags.checkOverlap],
  ['reset_counts', flowFlags.resetCounts],
  ['no_packet_counts', flowFlags.noPacketCounts],
  ['no_byte_counts', flowFlags.noByteCounts],
];

const defaultPriority = 32768;

/** The flags of a flow, each with a blank behind it. */
export function printFlowFlags(flags: number): string {
  return flagWords.map(([word, bit]) => (flags & bit ? `${word} ` : '')).join('');
}

/** Timeouts, flags and importance, as far as they are not what they are anyhow. */
export function printSettings(flow: Flow): string {
  return [
    flow.idleTimeout === 0 ? '' : `idle_timeout=${flow.idleTimeout}, `,
    flow.hardTimeout === 0 ? '' : `hard_timeout=${flow.hardTimeout}, `,
    printFlowFlags(flow.flags),
    flow.importance === 0 ? '' : `importance=${flow.importance}, `,
  ].join('');
}

/** Priority and match with a blank behind them; empty for all packets at the usual priority. */
export function printSelector(flow: Pick<Flow, 'priority' | 'match'>): string {
  const match = printMatch(canonicalMatch(flow.match));
  const priority = flow.priority === defaultPriority ? '' : `priority=${flow.priority}`;
  const selector = [priority, match].filter((part) => part !== '').join(',');
  return selector && `${selector} `;
}

/** A flow as `ovs-ofctl --no-stats dump-flows` prints it, without the blank that begins its lines. */
export function printFlow(flow: Flow): string {
  const cookie = flow.cookie === 0n ? '' : `cookie=0x${flow.cookie.toString(16)}, `;
  const table = flow.table === 0 ? '' : `table=${flow.table}, `;
  const actions = printInstructions(flow.instructions);
  return `${cookie}${table}${printSettings(flow)}${printSelector(flow)}actions=${actions}`;
}

type Setting = (flow: { -readonly [K in keyof Flow]: Flow[K] }, text: string) => void;

const settings: Readonly<Record<string, Setting>> = {
  cookie(flow, text) {
    flow.cookie = parseInteger(text);
  },
  table(flow, text) {
    flow.table = Number(parseInteger(text));
  },
  priority(flow, text) {
    flow.priority = Number(parseInteger(text));
  },
  idle_timeout(flow, text) {
    flow.idleTimeout = Number(parseInteger(text));
  },
  hard_timeout(flow, text) {
    flow.hardTimeout = Number(parseInteger(text));
  },
  importance(flow, text) {
    flow.importance = Number(parseInteger(text));
  },
};

/** What a switch counts is no part of the flow. */
const counters = new Set(['duration', 'n_packets', 'n_bytes', 'idle_age', 'hard_age']);

/**
 * A flow from the syntax of ovs-ofctl (ovs-ofctl(8), Flow Syntax): what add-flow takes, and what dump-flows
 * prints, counters left out. Throws a TextError that names what it does not know.
 */
export function parseFlow(text: string): Flow {
  const at = text.indexOf('actions=');
  if (at < 0) throw new TextError(`no actions= in: ${text}`);
  const flow = {
    table: 0,
    priority: defaultPriority,
    cookie: 0n,
    idleTimeout: 0,
    hardTimeout: 0,
    flags: 0,
    importance: 0,
    match: [],
    instructions: parseInstructions(text.slice(at + 'actions='.length).trim()),
  };
  const fields: string[] = [];
  for (const part of splitOutside(text.slice(0, at), ', ')) {
    const [key = '', value] = part.split('=');
    const flag = flagWords.find(([word]) => word === key);
    if (flag) flow.flags |= flag[1];
    else if (value !== undefined && settings[key]) settings[key](flow, value);
    else if (!counters.has(key)) fields.push(part);
  }
  return { ...flow, match: parseMatch(fields) };
}
