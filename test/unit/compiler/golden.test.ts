/**
 * The flows of small networks, as ovs-ofctl prints them, beside the tests: a change of the compiler shows as
 * a difference of these files. `UPDATE_GOLDEN=1 tap run` on this file writes them again; read what changed.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { parseFlow, printFlow } from 'ts-openflow';
import { compile } from '../../../src/compiler/compile.ts';
import { flowText } from '../../../src/compiler/flow.ts';
import type { Declared } from '../../../src/model/declared.ts';
import type { Steering } from '../../../src/model/steering.ts';
import { alice, bob, chain, DPID, declare, factsOf, hop, planOf, pool, shared } from '../world.ts';

function flowsOf(declared: Declared, steering: Steering, notReady: readonly string[] = []): string[] {
  const facts = factsOf(steering, notReady);
  const compiled = compile({ declared, steering, facts, interfacePrefix: 'cs', rejected: new Set() });
  return (compiled.switches.get(DPID)?.flows ?? []).toSorted((a, b) => a.table - b.table).map(flowText);
}

const nobody = declare([]);
const drops = declare([], { unchained: 'drop' });
const one = declare([chain([hop('firewall')])]);
const dualStack = declare([chain([hop('firewall')])], {
  subscribers: [{ ...alice, ipv6: ['2001:db8::1' as never] }, bob],
});
const two = declare([chain([hop('firewall'), hop('counter', { onFailure: 'open' })])]);
const services = declare([
  chain([hop('firewall')]),
  chain([hop('counter')], {
    uid: 2,
    more: {
      name: 'web' as never,
      priority: 7,
      service: [
        { protocol: 'tcp', remote: '192.0.2.0/24', remotePort: '80-81' },
        { vlan: 5, dscp: 46 },
      ],
    },
  }),
]);
const serviceAlone = declare(
  [
    chain([hop('firewall')], {
      more: { service: [{ protocol: 'udp', remotePort: 53, remote: '2001:db8::/32' }] },
    }),
  ],
  { unchained: 'drop' },
);
const pooled = declare(
  [
    chain([shared('edge')], {}, ['alice', 'bob']),
    chain([hop('firewall'), shared('edge', { onFailure: 'open' })], {
      uid: 2,
      more: { name: 'web' as never, service: [{ protocol: 'tcp', remotePort: 80 }] },
    }),
  ],
  { pools: [pool('edge', 1)] },
);
const pooledPlanned = planOf(pooled);
const onePlanned = planOf(one);
const twoPlanned = planOf(two);

const cases: Record<string, string[]> = {
  'nobody-chained': flowsOf(nobody, planOf(nobody)),
  'nobody-chained-drop': flowsOf(drops, planOf(drops)),
  'one-hop': flowsOf(one, onePlanned),
  'one-hop-closed': flowsOf(one, onePlanned, ['i1']),
  'one-hop-dual-stack': flowsOf(dualStack, planOf(dualStack)),
  'two-hops': flowsOf(two, twoPlanned),
  'two-hops-second-open': flowsOf(two, twoPlanned, ['i2']),
  'second-hop-staged': flowsOf(two, planOf(two, onePlanned)),
  'pool-shared': flowsOf(pooled, pooledPlanned),
  'pool-lost': flowsOf(pooled, pooledPlanned, ['i1']),
  'service-chains': flowsOf(services, planOf(services)),
  'service-alone-drop': flowsOf(serviceAlone, planOf(serviceAlone)),
  'second-hop-flipped': flowsOf(two, planOf(two, planOf(two, onePlanned, 1000), 1000)),
};

for (const [name, flows] of Object.entries(cases)) {
  t.test(name, async (t) => {
    const file = new URL(`golden/${name}.flows`, import.meta.url);
    const text = `${flows.join('\n')}\n`;
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, text);
    t.equal(text, readFileSync(file, 'utf8'));
    for (const flow of flows) t.equal(printFlow(parseFlow(flow)), flow, 'what is printed can be read');
  });
}
