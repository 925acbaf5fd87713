/** What the audit finds on compiled tables and whatever is planted among them, and what explain says of them. */
import { parseFlow } from 'ts-openflow';
import { auditSwitch } from '../../../src/compiler/audit/audit.ts';
import { compile, viewsOf } from '../../../src/compiler/compile.ts';
import { explain } from '../../../src/compiler/explain.ts';
import { flowText } from '../../../src/compiler/flow.ts';
import { FlowTables } from '../../../src/compiler/packets/flow-table.ts';
import type { CompileInput } from '../../../src/compiler/view.ts';
import type { Finding } from '../../../src/model/audit-report.ts';
import type { Explanation } from '../../../src/model/explain.ts';
import type { Name } from '../../../src/model/ids.ts';
import { DPID } from '../world.ts';

export function findingsOf(input: CompileInput, ...planted: readonly string[]): readonly Finding[] {
  const [view] = viewsOf(input);
  const compiled = compile(input).switches.get(DPID);
  if (view === undefined || compiled === undefined) throw new Error('s1 is not known');
  const texts = [...compiled.flows.map(flowText), ...planted];
  const flows = texts.map((text) => ({ ...parseFlow(text), stats: [] }));
  const isolated = [...compiled.isolated]
    .filter(([, isolation]) => isolation === 'all')
    .map(([port]) => port);
  const bridge = { failMode: 'secure', isolated: new Set(isolated), untagged: new Set<never>() } as const;
  const names = { chain: (owner: number) => `chain-${owner}` as Name, hop: (instance: string) => instance };
  const work = auditSwitch(view, { flows, groups: compiled.groups, bridge }, names);
  for (;;) {
    const { done, value } = work.next();
    if (done) return value.findings;
  }
}

/** The hops that a packet meets, and the port where it leaves or what becomes of it otherwise. */
export function explained(
  input: CompileInput,
  port: string,
  packet: Record<string, string>,
): { readonly hops: Explanation['hops']; readonly end: string } {
  const { declared, steering, facts, interfacePrefix } = input;
  const query = { switch: 's1' as Name, port, packet };
  const answer = explain({ query, links: [], declared, steering, interfacePrefix });
  answer.next();
  const compiled = compile(input).switches.get(DPID);
  const { done, value } = answer.next({
    tables: new FlowTables(compiled?.flows ?? [], compiled?.groups),
    ports: facts.switches.get(DPID)?.ports ?? new Map(),
  });
  if (!done) throw new Error('there is one switch');
  const { hops, outcome } = value;
  return { hops, end: outcome.kind === 'output' ? outcome.port : outcome.kind };
}
