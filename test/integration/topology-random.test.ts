/**
 * Random networks of real bridges, random chains over them, and random faults. After each step all switches hold what
 * is wanted, the audit finds nothing, the compiled tables send random packets where Open vSwitch says that it
 * does, and a chain is active exactly where the network, as the test knows it, can carry it.
 */
import t, { type Test } from 'tap';
import type { FieldName } from 'ts-openflow';
import { parseMatch } from 'ts-openflow';
import { FlowTables } from '../../src/compiler/packets/flow-table.ts';
import { type Packet, walk } from '../../src/compiler/walk.ts';
import type { ChainSpec, HopSpec } from '../../src/model/declared.ts';
import type { DesiredFlow } from '../../src/model/desired.ts';
import type { InstanceId, Name } from '../../src/model/ids.ts';
import { dpidOf, Fabric, macOf, switchName, toward } from '../harness/fabric.ts';
import { eventually } from '../harness/ovs-eventually.ts';
import { Dice, seedOf } from '../harness/site-faults.ts';

/** Seconds in which steps begin. More of them, and other seeds, are for longer runs. */
const SECONDS = Number(process.env['CHAINSTITCH_TEST_SECONDS'] ?? 5);
/** Packets that are traced after each step. */
const PACKETS = 12;

type Link = { readonly a: number; readonly b: number };
const keyOf = ({ a, b }: Link): string => `${toward(a, b)} ${toward(b, a)}`;

class World {
  readonly fabric: Fabric;
  readonly dice: Dice;
  readonly switches: readonly number[];
  readonly links: readonly Link[];
  readonly cut = new Set<Link>();
  /** Where each subscriber is, by name. */
  readonly subscribers = new Map<string, number>();
  readonly uplinks = new Set<number>();
  readonly pools = new Map<string, number>();
  readonly failed = new Set<InstanceId>();
  #chains = 0;

  private constructor(fabric: Fabric, dice: Dice, switches: readonly number[], links: readonly Link[]) {
    this.fabric = fabric;
    this.dice = dice;
    this.switches = switches;
    this.links = links;
  }

  static async open(t: Test, dice: Dice): Promise<World> {
    const count = 3 + dice.below(10);
    const switches = Array.from({ length: count }, (_, i) => i + 1);
    const tree = switches.slice(1).map((b): Link => ({ a: 1 + dice.below(b - 1), b }));
    const links = [...tree];
    for (let more = dice.below(count); more > 0; more--) {
      const [a = 1, b = 2] = dice
        .shuffled(switches)
        .slice(0, 2)
        .toSorted((x, y) => x - y);
      if (!links.some((link) => link.a === a && link.b === b)) links.push({ a, b });
    }
    t.comment(`${count} switches, ${links.map(({ a, b }) => `${a}-${b}`).join(' ')}`);
    const fabric = await Fabric.open(t, {
      switches: count,
      links: links.map(({ a, b }) => [a, b] as const),
      unchained: dice.pick(['normal', 'drop']),
      drainTime: 50,
    });
    const world = new World(fabric, dice, switches, links);
    await world.#populate();
    return world;
  }

  async #populate(): Promise<void> {
    const { fabric, dice } = this;
    for (const at of dice.shuffled(this.switches).slice(0, 1 + dice.below(2))) {
      await fabric.uplink(at);
      this.uplinks.add(at);
    }
    for (const [host, who] of ['alice', 'bob', 'carol'].entries()) {
      const at = dice.pick(this.switches);
      await fabric.subscriber(at, who, host + 1);
      this.subscribers.set(who, at);
    }
    for (const called of ['near', 'far']) {
      const at = dice.pick(this.switches);
      const spec = {
        name: called as Name,
        function: 'counter' as Name,
        switch: switchName(at),
        instances: 2,
      };
      fabric.declare('pools', spec);
      this.pools.set(called, at);
    }
    this.declare();
  }

  declare(called = `chain${++this.#chains}`): void {
    const { dice } = this;
    const hops = Array.from({ length: 1 + dice.below(3) }, (_, i): HopSpec => {
      const name = `h${i}` as Name;
      if (dice.below(2) === 0)
        return { name, function: 'counter' as Name, onFailure: dice.pick(['closed', 'open']) };
      const pool = (i === 0 ? 'near' : 'far') as Name;
      return { name, pool, onFailure: dice.pick(['closed', 'open', 'another']) };
    });
    // A chain meets a pool once.
    const once = hops.filter(({ pool }, i) => !pool || hops.findIndex((one) => one.pool === pool) === i);
    const taken = this.chains().flatMap(({ name, subscribers = [] }) => (name === called ? [] : subscribers));
    const free = [...this.subscribers.keys()].filter((who) => !taken.includes(who as Name));
    const chosen = dice.shuffled(free).slice(0, 1 + dice.below(2));
    if (chosen.length > 0) this.fabric.chain(called, chosen, once);
  }

  chains(): readonly ChainSpec[] {
    return [...this.fabric.store.declared().chains.values()].map(({ spec }) => spec);
  }

  isUp(link: Link): boolean {
    return !this.cut.has(link);
  }

  /** The switches that links lead to from one. */
  reach(from: number): ReadonlySet<number> {
    const found = new Set([from]);
    for (const at of found)
      for (const link of this.links) {
        if (!this.isUp(link)) continue;
        if (link.a === at) found.add(link.b);
        if (link.b === at) found.add(link.a);
      }
    return found;
  }

  /** Whether links lead to every hop of a chain. */
  isWhole({ subscribers = [], hops }: ChainSpec): boolean {
    return subscribers.every((who) => {
      const reached = this.reach(this.subscribers.get(who) as number);
      return hops.every(({ pool }) => pool === undefined || reached.has(this.pools.get(pool) as number));
    });
  }

  /** Whether the network, with all switches and instances there, can carry a chain. */
  canCarry({ subscribers = [], hops }: ChainSpec): boolean {
    return subscribers.every((who) => {
      const reached = this.reach(this.subscribers.get(who) as number);
      const needed = hops.flatMap(({ pool, onFailure }) =>
        pool === undefined || onFailure === 'open' ? [] : (this.pools.get(pool) as number),
      );
      return needed.every((at) => reached.has(at)) && [...this.uplinks].some((at) => reached.has(at));
    });
  }

  /** One thing that goes wrong, comes right or is changed. @returns what, in words */
  async step(): Promise<string> {
    const { dice, fabric } = this;
    const steps: (() => Promise<string> | string)[] = [
      () => this.#cutOne(),
      () => this.#joinOne(),
      () => this.#loseOne(),
      () => this.#regainOne(),
      () => this.#disturb(),
      () => this.#failOne(),
      () => this.#healAll(),
      () => {
        this.declare();
        return 'a chain is declared, if somebody is free';
      },
      () => {
        const [chain] = dice.shuffled(this.chains());
        if (chain) this.declare(chain.name);
        return `${chain?.name} is changed`;
      },
      () => {
        const [chain] = dice.shuffled(this.chains());
        if (chain && this.chains().length > 1) fabric.remove('chains', chain.name);
        return `${chain?.name} is deleted, unless it is the last`;
      },
    ];
    return dice.pick(steps)();
  }

  async #cutOne(): Promise<string> {
    const [link] = this.dice.shuffled(this.links.filter((one) => this.isUp(one)));
    if (!link) return this.#joinOne();
    this.cut.add(link);
    await this.fabric.cut(link.a, link.b);
    return `the link ${link.a}-${link.b} goes`;
  }

  async #joinOne(): Promise<string> {
    const [link] = this.dice.shuffled([...this.cut]);
    if (!link) return this.#cutOne();
    this.cut.delete(link);
    await this.fabric.join(link.a, link.b);
    return `the link ${link.a}-${link.b} comes back`;
  }

  async #loseOne(): Promise<string> {
    if (this.fabric.away.size > 0) return this.#regainOne();
    const at = this.dice.pick(this.switches);
    await this.fabric.lose(at);
    return `switch ${at} goes away`;
  }

  async #regainOne(): Promise<string> {
    const [at] = this.fabric.away;
    if (at === undefined) return this.#loseOne();
    await this.fabric.regain(at);
    return `switch ${at} comes back`;
  }

  async #disturb(): Promise<string> {
    const at = this.dice.pick(this.switches);
    const what = this.dice.pick([
      '',
      'table=0',
      'table=2',
      'table=4',
      'cookie=0xc5c5000000000000/0xffff000000000000',
    ]);
    await this.fabric.ovs.ofctl('-O', 'OpenFlow15', 'del-flows', switchName(at), ...(what ? [what] : []));
    return `a stranger deletes the flows ${what} of switch ${at}`;
  }

  #failOne(): string {
    const [instance] = this.dice.shuffled(this.fabric.instances());
    if (!instance) return this.#healAll();
    this.failed.add(instance.id);
    this.fabric.turn(instance.id, 'backoff');
    return `instance ${instance.id} fails`;
  }

  #healAll(): string {
    for (const id of this.failed) this.fabric.turn(id, 'ready');
    this.failed.clear();
    return 'instances are there again';
  }

  async mend(): Promise<void> {
    this.#healAll();
    for (const at of [...this.fabric.away]) await this.fabric.regain(at);
    while (this.cut.size > 0) await this.#joinOne();
  }

  /** Whether nothing is under way any more. */
  isCalm(): boolean {
    const { fabric } = this;
    const facts = fabric.control.switchFacts();
    const wanted = new Map(fabric.control.desired().map(({ dpid, digest }) => [dpid, digest]));
    const here = this.switches.filter((at) => !fabric.away.has(at));
    const areEqual = here.every((at) => {
      const { connection, applied } = facts.get(dpidOf(at)) ?? {};
      return connection === 'connected' && applied && applied.digest === wanted.get(dpidOf(at));
    });
    const isAwayKnown = [...fabric.away].every((at) => facts.get(dpidOf(at))?.connection !== 'connected');
    const expected = this.links.filter(
      (link) => this.isUp(link) && !fabric.away.has(link.a) && !fabric.away.has(link.b),
    );
    const seen = fabric.linksSeen();
    const areSeen = expected.map(keyOf).sort().join() === [...seen].join();
    const paths = [...fabric.store.steering().paths.values()];
    const isMoving = fabric.away.size === 0 && paths.some(({ state }) => state.phase === 'draining');
    return areEqual && isAwayKnown && areSeen && !isMoving && fabric.observesAll();
  }
}

/** Where a packet comes out that goes in at a port, by the compiled tables and over patch ports. */
function modelled(
  world: World,
  from: { at: number; port: string },
  packet: Packet,
  watched: 'live' | 'dead',
): readonly string[] {
  const { fabric } = world;
  const facts = fabric.control.switchFacts();
  const desired = new Map(fabric.control.desired().map((one) => [one.dpid, one]));
  const out: string[] = [];
  const peers = new Map(
    world.links
      .filter((link) => world.isUp(link))
      .flatMap(({ a, b }) => [
        [toward(a, b), { at: b, port: toward(b, a) }] as const,
        [toward(b, a), { at: a, port: toward(a, b) }] as const,
      ]),
  );
  const go = (
    at: number,
    port: string,
    one: Packet,
    beneath: Parameters<typeof walk>[2],
    depth: number,
  ): void => {
    const ports = facts.get(dpidOf(at))?.ports;
    const ofport = ports?.get(port)?.ofport;
    const wanted = desired.get(dpidOf(at));
    if (ofport === undefined || wanted === undefined || depth > 60) {
      out.push('?');
      return;
    }
    const arrived = new Map<FieldName, bigint>([...one, ['in_port', BigInt(ofport)]]);
    const groups = wanted.groups.map((group) =>
      watched === 'live' || group.buckets.length < 2 ? group : { ...group, buckets: group.buckets.slice(1) },
    );
    const walked = walk<DesiredFlow>(new FlowTables(wanted.flows, groups), arrived, beneath);
    for (const [i, effect] of walked.effects.entries()) {
      if (effect.kind === 'drop') continue;
      if (effect.kind !== 'output') {
        out.push(effect.kind);
        continue;
      }
      const name = [...(ports?.values() ?? [])].find((fact) => fact.ofport === effect.port)?.name;
      const peer = name === undefined ? undefined : peers.get(name);
      const after = walked.after[i];
      if (name === undefined) continue;
      if (!peer || !after) out.push(name);
      else go(peer.at, peer.port, after.packet, after.beneath, depth + 1);
    }
  };
  go(from.at, from.port, packet, [], 0);
  return out.sort();
}

/** The same, as Open vSwitch says. */
async function traced(world: World, at: number, ofport: number, packet: string): Promise<readonly string[]> {
  const { ovs } = world.fabric;
  const shown = await ovs.appctl('dpif/show');
  const names = new Map(
    [...shown.matchAll(/^ +(\S+) \d+\/(\d+):/gm)].map(([, name = '', number = '']) => [number, name]),
  );
  const trace = await ovs.appctl('ofproto/trace', switchName(at), `in_port=${ofport},${packet}`);
  const [, text = ''] = /Datapath actions: (.*)/.exec(trace) ?? [];
  return [...text.matchAll(/(?:^|,|\()(\d+)(?=,|\)|$)/g)].map(([, n = '']) => names.get(n) ?? `?${n}`).sort();
}

async function compare(t: Test, world: World): Promise<number> {
  const { dice, fabric } = world;
  const told: string[] = [];
  let compared = 0;
  const facts = fabric.control.switchFacts();
  const here = world.switches.filter((at) => !fabric.away.has(at));
  // Over a switch that is away packets go by tables that are not those wanted of it.
  for (let i = 0; i < PACKETS && fabric.away.size === 0; i++) {
    const at = dice.pick(here);
    const ports = [...(facts.get(dpidOf(at))?.ports.values() ?? [])].filter(({ ofport }) => ofport < 0xff00);
    if (ports.length === 0) continue;
    const { name, ofport } = dice.pick(ports);
    const to = dice.pick([macOf(1), macOf(2), macOf(3), macOf(9), 'ff:ff:ff:ff:ff:ff']);
    const tag = dice.pick([
      'vlan_tci=0',
      'vlan_tci=0',
      `vlan_tci=0x${(0x1001 + dice.below(6)).toString(16)}`,
    ]);
    const kind = dice.pick([
      'eth_type=0x0806,arp_op=1,arp_tpa=10.0.0.1',
      'eth_type=0x0806,arp_op=2,arp_tpa=10.0.0.2',
      'eth_type=0x0800,nw_dst=10.0.0.1,nw_proto=17',
      'eth_type=0x88b5',
    ]);
    const text = `dl_src=${macOf(dice.below(5))},dl_dst=${to},${tag},${kind}`;
    const fields = new Map<FieldName, bigint>([['vlan_vid', 0n]]);
    const parts = text.split(',').filter((part) => part !== 'vlan_tci=0');
    for (const one of parseMatch(parts.map((part) => part.replace('vlan_tci', 'vlan_vid'))))
      if (one.field !== 'unknown') fields.set(one.field, BigInt(one.value));
    const ours = modelled(world, { at, port: name }, fields, 'live');
    // What NORMAL has learned is known to the switch alone.
    if (ours.includes('normal')) continue;
    const real = await traced(world, at, ofport, text);
    compared++;
    // Whether the checks of a stand-in's port are heard is known to the switch alone.
    const otherwise = modelled(world, { at, port: name }, fields, 'dead');
    if (![ours, otherwise].some((one) => one.join() === real.join()))
      told.push(`s${at} ${name} ${text}: real ${real} ours ${ours}`);
  }
  t.strictSame(told, [], `${compared} packets go where Open vSwitch sends them`);
  return compared;
}

/** Both ways, by the tables that the switches hold: along the hops of a path of the chain, and to its end. */
async function wires(t: Test, world: World): Promise<void> {
  const { fabric } = world;
  for (const chain of world.chains())
    for (const who of chain.subscribers ?? []) {
      if (!world.canCarry(chain)) continue;
      const at = world.subscribers.get(who) as number;
      const from = { switch: switchName(at), port: who as string };
      const up = await fabric.control.explain({ ...from, packet: { eth_type: '0x88b5' } }, 'switch');
      const reached = world.reach(at);
      const paths = fabric.control.chainStatus(chain.name)?.paths ?? [];
      const expected = paths
        .filter(({ subscriber = who }) => subscriber === who)
        .map(({ hops }) => {
          const met: string[] = [];
          for (const { instance, onFailure, hop } of hops) {
            const pool = chain.hops.find(({ name }) => name === hop)?.pool;
            const isThere = pool === undefined || reached.has(world.pools.get(pool) as number);
            const isReady = !world.failed.has(instance) && isThere;
            if (!isReady && onFailure !== 'open') return [...met, 'drop'].join();
            if (isReady) met.push(instance);
          }
          return [...met, 'uplink'].join();
        });
      const wentTo = up.outcome.kind === 'output' ? 'uplink' : up.outcome.kind;
      const went = [...up.hops.map(({ instance }) => instance), wentTo].join();
      if (!expected.includes(went)) t.fail(`${who} upstream: ${went}`, { expected, explanation: up });
      if (up.outcome.kind !== 'output') continue;
      t.match(up.outcome.port, /^core/, `${who} gets out by ${went}`);
      const { outcome, hops } = await fabric.control.explain(
        {
          switch: up.outcome.switch,
          port: up.outcome.port,
          packet: { eth_type: '0x88b5', eth_dst: macOf([...world.subscribers.keys()].indexOf(who) + 1) },
        },
        'switch',
      );
      t.match(outcome, { kind: 'output', port: who });
      t.strictSame(hops.toReversed(), up.hops, 'and back through the same');
    }
}

async function judge(t: Test, world: World): Promise<number> {
  const { fabric } = world;
  await eventually(t, 'all is calm', () => world.isCalm());
  await fabric.equal(t);
  const { result, findings, unproven } = await fabric.control.audit();
  t.strictSame(findings, [], 'the audit finds nothing');
  if (fabric.away.size === 0) t.strictSame([result, unproven], ['proven', []]);
  if (fabric.away.size === 0 && world.failed.size === 0)
    for (const chain of world.chains()) {
      const can = world.canCarry(chain) && world.isWhole(chain);
      const is = (): boolean => (fabric.phase(chain.name) === 'active') === can;
      await eventually(t, `${chain.name} is ${can ? '' : 'not '}active`, is);
    }
  if (fabric.away.size === 0) await wires(t, world);
  return compare(t, world);
}

t.test('after any faults in any network the tables are right', async (t) => {
  const dice = new Dice(seedOf(t));
  const world = await World.open(t, dice);
  const { fabric } = world;
  let compared = await judge(t, world);
  const end = Date.now() + SECONDS * 1000;
  for (let n = 1; Date.now() < end; n++) {
    t.comment(`${n}: ${await world.step()}`);
    compared += await judge(t, world);
    if (!t.passing()) return;
  }
  await world.mend();
  await judge(t, world);
  t.ok(compared > 0, `${compared} packets were compared`);
  for (const { name } of world.chains()) fabric.remove('chains', name);
  await eventually(t, 'all of it goes', () => fabric.store.steering().paths.size === 0);
  await judge(t, world);
});

t.test('the judges can tell a way around a hop behind a link, and tables that are others', async (t) => {
  const fabric = await Fabric.open(t, { switches: 2, links: [[1, 2]], unchained: 'drop' });
  await fabric.uplink(2);
  await fabric.subscriber(1, 'alice', 1);
  await eventually(t, 'the link is there', () => fabric.linksSeen().length === 1);
  fabric.chain('one', ['alice'], [{ function: 'counter' as Name }]);
  await fabric.active(t, 'one');
  const numberOf = (at: number, port: string): number =>
    fabric.control.switchFacts().get(dpidOf(at))?.ports.get(port)?.ofport ?? 0;
  const audited = async (): Promise<string> => (await fabric.control.audit()).result;
  t.equal(await audited(), 'proven');
  const [crossing] = [...fabric.store.steering().paths.values()].flatMap(
    ({ route }) => route?.legs.flat() ?? [],
  );
  if (!crossing) throw new Error('the path crosses no link');
  const planted: readonly (readonly [string, number, string])[] = [
    [
      'from the link to the subscriber, past the hop',
      1,
      `in_port=${numberOf(1, 's1to2')},dl_vlan=${crossing.downstream},actions=pop_vlan,output:${numberOf(1, 'alice')}`,
    ],
    [
      'from the uplink on to the path at the wrong place',
      2,
      `in_port=${numberOf(2, 'core2')},actions=push_vlan:0x8100,set_field:${4096 + crossing.downstream + 1}->vlan_vid,output:${numberOf(2, 's2to1')}`,
    ],
    [
      'from the subscriber on to the link, past the hop',
      1,
      `in_port=${numberOf(1, 'alice')},actions=push_vlan:0x8100,set_field:${4096 + crossing.upstream}->vlan_vid,output:${numberOf(1, 's1to2')}`,
    ],
  ];
  for (const [what, at, flow] of planted) {
    await fabric.ovs.ofctl('-O', 'OpenFlow15', 'add-flow', switchName(at), `cookie=1,priority=60000,${flow}`);
    t.equal(await audited(), 'violated', what);
    await fabric.ovs.ofctl('-O', 'OpenFlow15', 'del-flows', switchName(at), 'cookie=1/-1');
  }
  t.equal(await audited(), 'proven');
});
