/**
 * How the audit grows with the flows of a switch, beside the compiler: `node bench/audit.ts`. Numbers of
 * subscribers may be given as arguments.
 */
import { auditSwitch } from '../src/compiler/audit/audit.ts';
import { compile, viewsOf } from '../src/compiler/compile.ts';
import type { Name, OfPort } from '../src/model/ids.ts';
import { manySubscribers } from './many-subscribers.ts';

const sizes = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [100, 1000, 7600];
const BLANK = { idleTimeout: 0, hardTimeout: 0, flags: 0, importance: 0, stats: [] } as const;

for (const size of sizes) {
  const input = manySubscribers(size);
  const [view] = viewsOf(input);
  const begin = performance.now();
  const [of] = compile(input).switches.values();
  const compiled = performance.now();
  if (of === undefined || view === undefined) throw new Error('nothing was compiled');
  const isolated = new Set([...of.isolated].flatMap(([port, how]) => (how === 'all' ? [port] : [])));
  const held = {
    flows: of.flows.map((flow) => ({ ...flow, ...BLANK })),
    groups: of.groups,
    bridge: { failMode: 'secure', isolated, untagged: new Set<OfPort>() } as const,
  };
  const ready = performance.now();
  let [longest, last] = [0, ready];
  const work = auditSwitch(view, held, { chain: () => 'all' as Name, hop: String });
  for (;;) {
    const { done, value } = work.next();
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (!done) continue;
    const took = now - ready;
    process.stdout.write(
      `${size} subscribers, ${of.flows.length} flows: compiled in ${(compiled - begin).toFixed(0)} ms, audited in ${took.toFixed(0)} ms, ` +
        `${((1000 * took) / of.flows.length).toFixed(0)} us a flow; the longest step ${longest.toFixed(0)} ms; ${value.findings.length} findings\n`,
    );
    break;
  }
}
