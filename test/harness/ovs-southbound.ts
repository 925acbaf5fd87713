/** A southbound of its own for a test, and desired flows to feed it. */
import type { Test } from 'tap';
import type { Instruction, Match } from 'ts-openflow';
import {
  COOKIE_MARK,
  type DesiredFlow,
  type DesiredGroup,
  type DesiredSwitch,
  type Isolation,
} from '../../src/model/desired.ts';
import type { SwitchFact } from '../../src/model/facts.ts';
import type { Dpid, OfPort, OwnerId } from '../../src/model/ids.ts';
import { COMMON_PART } from '../../src/model/parts.ts';
import { SortedMap } from '../../src/model/sorted-map.ts';
import {
  createSouthbound,
  type Log,
  type Southbound,
  type SouthboundOptions,
} from '../../src/southbound/index.ts';

export type FlowText = {
  readonly owner?: number;
  readonly table?: number;
  readonly priority?: number;
  readonly match?: Match;
  readonly instructions?: readonly Instruction[];
};

export const outputTo = (port: number): readonly Instruction[] => [
  { type: 'applyActions', actions: [{ type: 'output', port, maxLen: 0 }] },
];

export function desiredFlow({
  owner = 1,
  table = 0,
  priority = 100,
  match = [],
  instructions = [],
}: FlowText): DesiredFlow {
  const cookie = COOKIE_MARK | (BigInt(owner) << 16n) | BigInt(table);
  return { owner: owner as OwnerId, table, priority, cookie, match, instructions };
}

/** What is wanted of one switch; the digest of an owner is the text of its flows. */
export function desiredSwitch(
  dpid: Dpid,
  flows: readonly DesiredFlow[],
  isolated: readonly (readonly [number, Isolation])[] = [],
  groups: readonly DesiredGroup[] = [],
): DesiredSwitch {
  const text = (value: unknown): string =>
    JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}n` : v));
  const owners = new Map<OwnerId, string>();
  for (const { owner } of flows) owners.set(owner, text(flows.filter((flow) => flow.owner === owner)));
  const part = { flows, groups, isolated: new Map(isolated as readonly (readonly [OfPort, Isolation])[]) };
  return {
    dpid,
    digest: text([flows, isolated, groups]),
    owners,
    needs: owners,
    parts: SortedMap.from([[COMMON_PART, part]]),
    ...part,
  };
}

export type LogLine = { readonly level: string; readonly message: string; readonly detail: object };

export type TestSouthbound = Southbound & {
  readonly target: string;
  readonly lines: readonly LogLine[];
  fact(dpid: Dpid): SwitchFact | undefined;
};

export async function startSouthbound(
  t: Pick<Test, 'teardown'>,
  options: Partial<SouthboundOptions> = {},
): Promise<TestSouthbound> {
  const lines: LogLine[] = [];
  const at = (level: string) => (detail: object, message: string) =>
    void lines.push({ level, message, detail });
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  const southbound = await createSouthbound({
    listen: { host: '127.0.0.1', port: 0 },
    identity: 'test',
    auditIntervalMs: 300,
    wake() {},
    log,
    ...options,
  });
  t.teardown(() => southbound.close());
  return {
    ...southbound,
    target: `tcp:127.0.0.1:${southbound.address.port}`,
    lines,
    fact: (dpid) => southbound.switches.facts().get(dpid),
  };
}
