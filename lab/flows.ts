/**
 * The flows of the lab's switch as ovs-ofctl sees them: a second opinion that is not the controller's.
 */
import { COOKIE_MARK, COOKIE_MARK_MASK } from '../src/model/desired.ts';
import { until } from './observe.ts';
import { must } from './processes.ts';

export const BRIDGE = 's1';

export type SeenFlow = {
  readonly table: number;
  readonly cookie: bigint;
  /** Seconds since the flow was put there. */
  readonly duration: number;
  readonly packets: number;
  /** Priority and match as ovs-ofctl writes and reads them. */
  readonly match: string;
  readonly actions: string;
};

const FLOW =
  /^ cookie=(?<cookie>0x[0-9a-f]+), duration=(?<duration>[\d.]+)s, table=(?<table>\d+), n_packets=(?<packets>\d+), n_bytes=\d+, (?:(?:idle_age|hard_age)=\d+, |(?:reset_counts|send_flow_rem) )*(?<match>\S*) actions=(?<actions>.*)$/;

export function parseFlow(line: string): SeenFlow | undefined {
  const groups = FLOW.exec(line)?.groups;
  if (groups === undefined) return undefined;
  const { cookie = '', duration = '', table = '', packets = '', match = '', actions = '' } = groups;
  return {
    table: Number(table),
    cookie: BigInt(cookie),
    duration: Number(duration),
    packets: Number(packets),
    match,
    actions,
  };
}

const OFCTL = ['ovs-ofctl', '-O', 'OpenFlow13', '--timeout=5'];

export async function allFlows(): Promise<readonly SeenFlow[]> {
  const lines = (await must([...OFCTL, 'dump-flows', BRIDGE])).split('\n');
  return lines
    .filter((line) => line.startsWith(' cookie='))
    .map((line) => {
      const flow = parseFlow(line);
      if (flow === undefined) throw new Error(`ovs-ofctl printed a flow that is not understood: ${line}`);
      return flow;
    });
}

/** Those that carry the controller's mark. */
export async function ourFlows(): Promise<readonly SeenFlow[]> {
  return (await allFlows()).filter((flow) => (flow.cookie & COOKIE_MARK_MASK) === COOKIE_MARK);
}

/** What a flow is, without how old it is and what it has counted. */
export function identity(flow: SeenFlow): string {
  return `cookie=0x${flow.cookie.toString(16)} table=${flow.table} ${flow.match} actions=${flow.actions}`;
}

export async function addFlow(flow: string): Promise<void> {
  await must([...OFCTL, 'add-flow', BRIDGE, flow]);
}

/** Deletes exactly this flow. */
export async function deleteFlow(flow: SeenFlow): Promise<void> {
  const which = [`cookie=0x${flow.cookie.toString(16)}/-1`, `table=${flow.table}`, flow.match].join(',');
  await must([...OFCTL, '--strict', 'del-flows', BRIDGE, which]);
}

/** Longer than a replaced path is left to drain. */
const QUIET = 1_500;

/** Our flows once they have stopped changing. */
export async function settledFlows(): Promise<readonly SeenFlow[]> {
  let before = '';
  let since = performance.now();
  return until('the flows of the switch settling', async () => {
    const flows = await ourFlows();
    const now = flows.map(identity).sort().join('\n');
    if (now !== before) {
      before = now;
      since = performance.now();
    }
    return performance.now() - since > QUIET ? flows : undefined;
  });
}

/** Names of the ports of the bridge. */
export async function bridgePorts(): Promise<readonly string[]> {
  const lines = await must(['ovs-vsctl', '--timeout=5', 'list-ports', BRIDGE]);
  return lines.split('\n').filter((line) => line !== '');
}
