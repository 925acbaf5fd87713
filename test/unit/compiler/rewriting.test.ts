/** A function that rewrites: what the tables do with frames for its external address, and what the audit makes of it. */
import t from 'tap';
import type { CompileInput } from '../../../src/compiler/view.ts';
import type { Declared, OwnFunctionSpec } from '../../../src/model/declared.ts';
import { chain, declare, factsOf, firewall, hop, name, planOf } from '../world.ts';
import { explained, findingsOf } from './audited.ts';

const nat: OwnFunctionSpec = {
  ...firewall,
  name: name('nat'),
  transparent: false,
  rewrites: { external: '/address' },
};
const SERVICE = [{ protocol: 'tcp', remotePort: 80 }] as const;

/** Alice: web traffic through nat alone, the rest through the firewall and a nat; bob through his firewall. */
function world(): CompileInput {
  const at = (address: string) => hop('nat', { config: { address } });
  const base = declare([
    chain([hop('firewall'), at('192.0.2.1')], { uid: 1 }),
    chain([at('192.0.2.2')], { uid: 2, more: { name: name('web'), service: SERVICE, priority: 5 } }),
    chain([hop('firewall')], { uid: 3, more: { name: name('bobs') } }, ['bob']),
  ]);
  const stored = { ...base.functions.get(name('firewall')), spec: nat } as never;
  const declared: Declared = { ...base, functions: new Map([...base.functions, [nat.name, stored]]) };
  const steering = planOf(declared);
  return {
    declared,
    steering,
    facts: factsOf(steering),
    interfacePrefix: 'cs',
    rejected: new Set(),
  };
}

function hopsMet(input: CompileInput, packet: Record<string, string>, port = 's1-eth3') {
  const { hops, end } = explained(input, port, packet);
  return [...hops.map((one) => `${one.hop}${one.external ? ` as ${one.external}` : ''}`), end];
}

const BOB = '00:00:00:00:00:02';
const ALICE = '00:00:00:00:00:01';

t.test('frames for an external address go down its chain, whoever else they seem to be for', async (t) => {
  const input = world();
  const rest = ['nat-1 as 192.0.2.1', 'firewall-1', 's1-eth1'];
  const web = ['nat-1 as 192.0.2.2', 's1-eth1'];
  for (const eth_dst of ['02:c5:00:00:00:07', ALICE, BOB]) {
    const to = (nw_dst: string) => ({ eth_dst, eth_type: '0x0800', nw_dst, nw_proto: '6', tcp_src: '80' });
    t.strictSame(hopsMet(input, to('192.0.2.1')), rest, `to ${eth_dst}`);
    t.strictSame(hopsMet(input, to('192.0.2.2')), web, `to ${eth_dst}`);
    const about = { eth_dst, eth_type: '0x0806' };
    t.strictSame(hopsMet(input, { ...about, arp_tpa: '192.0.2.1' }), rest, `ARP to ${eth_dst}`);
    t.strictSame(hopsMet(input, { ...about, arp_tpa: '192.0.2.2' }), web, `ARP to ${eth_dst}`);
  }
  const up = { eth_dst: 'ff:ff:ff:ff:ff:ff', eth_type: '0x0800', nw_proto: '17' };
  t.strictSame(hopsMet(input, up, 's1-eth1'), ['firewall-1', 'nat-1 as 192.0.2.1', 's1-eth3']);
  t.strictSame(hopsMet(input, { eth_dst: BOB, eth_type: '0x0800', nw_dst: '10.0.0.2' }), [
    'firewall-1',
    's1-eth2',
  ]);
  // At a port that is not the uplink the address means nothing.
  t.strictSame(hopsMet(input, { ...up, nw_dst: '192.0.2.1' }, 's1-eth2'), ['firewall-1', 's1-eth3']);
});

t.test('the audit has nothing to say of it, and finds what goes elsewhere', async (t) => {
  const input = world();
  t.strictSame(findingsOf(input), []);
  for (const actions of ['output:1', 'output:2', 'output:10', 'output:41'])
    for (const match of ['ip,nw_dst=192.0.2.1', 'arp,arp_tpa=192.0.2.1', 'ip']) {
      const found = findingsOf(
        input,
        `cookie=0xbad,table=1,priority=9999,in_port=3,${match},actions=${actions}`,
      );
      t.ok(
        found.some(
          ({ detail, flows }) => flows.some((one) => one.includes('0xbad')) && /address/.test(detail),
        ),
        `${match} to ${actions}`,
      );
    }
  // Its own way in, by another flow, is no bypass.
  t.strictSame(
    findingsOf(
      input,
      'cookie=0xbad,table=1,priority=9999,in_port=3,ip,nw_dst=192.0.2.1,actions=output:31',
    ).filter(({ detail }) => /address/.test(detail)),
    [],
  );
});
