/**
 * No cross-talk, no loop, hitless: three subscribers with chains of their own, of whom one's chain changes.
 */
import '../harness/ovs-netns.ts';
import t, { type Test } from 'tap';
import { ownerOfCookie } from '../../src/model/desired.ts';
import { type OwnerId, SWITCH_OWNER } from '../../src/model/ids.ts';
import { eventually } from '../harness/ovs-eventually.ts';
import { ENDS, HOSTS, Site, UPLINK } from '../harness/site.ts';
import {
  Dice,
  FAULTS,
  FlowMonitor,
  firewallConfig,
  type Hop,
  namesOf,
  SAID_OF_FAULTS,
  seedOf,
  someHops,
  versionsOf,
} from '../harness/site-faults.ts';
import { arrivals, doubled, missing, strays } from '../harness/site-judge.ts';
import { downOf, storm, upOf, type Versions, wired } from '../harness/site-traffic.ts';
import { type Report, type Stream, Wire } from '../harness/site-wire.ts';

type Subscriber = 'alice' | 'bob' | 'carol';
const SUBSCRIBERS = ['alice', 'bob', 'carol'] as const;

const firewall = (name: string, ...ports: readonly number[]): Hop => ({
  name,
  function: 'firewall',
  onFailure: 'closed',
  config: firewallConfig(ports),
});
const COUNTER: Hop = { name: 'count', function: 'counter' };

/** Three subscribers, each with a chain that is named after them. */
class World {
  readonly site: Site;
  readonly wire: Wire;
  readonly versions: Record<Subscriber, Versions> = { alice: [], bob: [], carol: [] };
  readonly #t: Test;

  private constructor(t: Test, site: Site, wire: Wire) {
    this.#t = t;
    this.site = site;
    this.wire = wire;
  }

  /** @param chained those who have a chain from the beginning */
  static async open(t: Test, ...chained: readonly Subscriber[]): Promise<World> {
    const site = await Site.open(t);
    const world = new World(t, site, await Wire.open(t, ENDS));
    await site.declareLab(t, 'carol');
    for (const name of chained) await world.declare(name, [firewall('wall')]);
    return world;
  }

  /** Waits until it is active. */
  async declare(name: Subscriber, hops: readonly Hop[]): Promise<void> {
    const isNew = this.versions[name].length === 0;
    this.versions[name].push(...versionsOf(hops));
    const path = isNew ? '/v1/chains' : `/v1/chains/${name}`;
    const body = { name, subscribers: [name], hops };
    const answer = await this.site.call(isNew ? 'POST' : 'PUT', `${path}?wait=active&timeout=30s`, body);
    this.#t.match(answer, { body: { status: { phase: 'active' } } }, `${name}: ${namesOf(hops)}`);
  }

  async allActive(): Promise<void> {
    for (const name of SUBSCRIBERS.filter((name) => this.versions[name].length > 0)) {
      await eventually(
        this.#t,
        `the chain of ${name} is active`,
        async () => (await this.site.phase(name)) === 'active',
      );
    }
    await this.site.equal(this.#t);
  }

  /** Frames that are sent from now on come to where they go. */
  async reached(): Promise<void> {
    for (const name of SUBSCRIBERS) {
      await this.wire.reaches(UP[name], `out ${UPLINK}`);
      await this.wire.reaches(DOWN[name], `out ${HOSTS[name].port}`);
    }
  }

  /** The last frames of streams that were stopped have arrived. */
  async arrived(of: readonly Subscriber[]): Promise<void> {
    const last = await this.wire.look();
    for (const name of of) {
      for (const [stream, place] of [
        [UP[name].name, `out ${UPLINK}`],
        [DOWN[name].name, `out ${HOSTS[name].port}`],
      ] as const) {
        await this.wire.until(
          `the last of ${stream}`,
          (look) => look[stream]?.latest[place] === (last[stream]?.next ?? 0) - 1,
        );
      }
    }
  }

  /** Frames of those who have chains that were not along their own wire. */
  strays(report: Report, of: readonly Subscriber[]): readonly string[] {
    return of.flatMap((name) => [
      ...strays(report, wired(UP[name], name, 'upstream', this.versions[name]), this.site.stations),
      ...strays(report, wired(DOWN[name], name, 'downstream', this.versions[name]), this.site.stations),
    ]);
  }
}

const each = <T>(make: (name: Subscriber) => T): Record<Subscriber, T> => ({
  alice: make('alice'),
  bob: make('bob'),
  carol: make('carol'),
});
const UP = each((name) => upOf(name, 8));
const DOWN = each((name) => downOf(name, 8));
const ALL: readonly Stream[] = [...Object.values(UP), ...Object.values(DOWN)];

/** Whose flows these are, by the port that they take frames from. */
function ownerAt(flows: readonly string[], port: number): OwnerId {
  const flow = flows.find((text) => text.includes(`table=1, priority=100,in_port=${port} `));
  const [, cookie] = /cookie=(0x[0-9a-f]+)/.exec(flow ?? '') ?? [];
  if (cookie === undefined) throw new Error(`no flow for port ${port} in ${flows.join('\n')}`);
  return ownerOfCookie(BigInt(cookie));
}

/** Seconds that each flow has been there, and the packets that it has counted. */
async function ages(site: Site): Promise<ReadonlyMap<string, readonly [number, number]>> {
  const flows = await site.ovs.dumpFlows('s1', { stats: true });
  return new Map(
    flows.map((flow) => [
      flow.replace(/(duration|n_packets|n_bytes|idle_age|hard_age)=\S+ /g, ''),
      [Number(/duration=([\d.]+)s/.exec(flow)?.[1]), Number(/n_packets=(\d+)/.exec(flow)?.[1])],
    ]),
  );
}

const cookieOf = (owner: OwnerId): string => `c5c5${owner.toString(16).padStart(8, '0')}`;

t.test('no cross-talk: changes of one chain touch no flow and no frame of another', async (t) => {
  const dice = new Dice(seedOf(t));
  const world = await World.open(t, 'alice', 'bob', 'carol');
  const { site, wire } = world;
  const storms = storm('bob', 50);
  await wire.send(...ALL, ...storms);
  await world.reached();

  const flows = await site.dump();
  const owners = [2, 4].map((port) => ownerAt(flows, port));
  const monitor = await FlowMonitor.open(t, site);
  const before = await ages(site);
  for (let i = 0; i < 4; i++) await world.declare('alice', someHops(dice));
  const victim = (await site.instances()).find(({ subscriber }) => subscriber === 'alice')?.status.pid;
  if (victim !== undefined) process.kill(victim, 'SIGKILL');
  await world.allActive();
  await site.call('DELETE', '/v1/chains/alice');
  await eventually(t, 'only two instances are left', async () => (await site.instances()).length === 2);
  await site.equal(t);

  const events = await monitor.now(site);
  t.ok(
    events.some(({ cookie }) => ownerOfCookie(cookie) === ownerAt(flows, 1)),
    'changes are heard of',
  );
  const ofOthers = events.filter(({ cookie, text }) => {
    const owner = ownerOfCookie(cookie);
    // The way to Alice's port and the guard of her address belong to the switch and end with her chain.
    const isAlices = new RegExp(`actions=output:1$|in_port=\\d+ |dl_dst=${HOSTS.alice.mac}$`).test(text);
    return owners.includes(owner) || (owner === SWITCH_OWNER && !isAlices);
  });
  t.strictSame(ofOthers, [], 'no flow of another owner was added, changed or deleted');
  const after = await ages(site);
  for (const [flow, [age, packets]] of before) {
    if (!owners.some((owner) => flow.includes(`cookie=0x${cookieOf(owner)}`))) continue;
    const [older, more] = after.get(flow) ?? [-1, -1];
    t.ok(older >= age && more >= packets, `it was there all the time: ${flow}`);
  }
  await wire.stop(...ALL, ...storms);
  await world.arrived(['bob', 'carol']);
  const report = await wire.report();
  t.strictSame(
    [
      ...world.strays(report, ['bob', 'carol']),
      ...storms.flatMap((of) =>
        strays(report, wired(of, 'bob', 'upstream', world.versions.bob), site.stations),
      ),
    ],
    [],
    'frames of the others were at their own instances alone',
  );
  for (const name of ['bob', 'carol'] as const) {
    t.strictSame(missing(report, UP[name].name, `out ${UPLINK}`), [], `${name} lost nothing upstream`);
    t.strictSame(missing(report, DOWN[name].name, `out ${HOSTS[name].port}`), [], 'nor downstream');
  }
  t.strictSame(doubled(report), [], 'no frame was anywhere twice');
  await site.equal(t);
  await site.clean(t, SAID_OF_FAULTS);
});

t.test('no loop: what is sent to everybody is nowhere more than once', async (t) => {
  const dice = new Dice(seedOf(t));
  const world = await World.open(t, 'alice', 'bob');
  const { site, wire } = world;
  const storms = (['alice', 'bob', 'carol', 'server'] as const).map((name) => storm(name, 25));
  await wire.send(...storms.flat());
  for (let i = 0; i < 3; i++) {
    await world.declare(dice.pick(['alice', 'bob']), someHops(dice));
    await FAULTS['break the connection of the switch'](site);
    await world.allActive();
  }
  await FAULTS['kill a guest'](site, dice);
  await world.allActive();
  const [, , [carols] = [], [servers] = []] = storms;
  if (!carols || !servers) throw new Error('no storm');
  // It is about frames that do get through.
  await wire.reaches(carols, `out ${UPLINK}`);
  await wire.reaches(servers, `out ${HOSTS.carol.port}`);
  for (const [of] of storms.slice(0, 2)) if (of) await wire.reaches(of, `out ${UPLINK}`);
  const report = await wire.report();
  t.strictSame(doubled(report), [], 'no frame was anywhere twice');
  t.strictSame(
    [...(storms[2] ?? []), ...(storms[3] ?? [])].flatMap(({ name }) =>
      arrivals(report, name, /^out (ct|s1-eth[12]$)/),
    ),
    [],
    'what no chain owns is not at instances, nor at ports that have chains',
  );
  await site.equal(t);
  await site.clean(t, SAID_OF_FAULTS);
});

t.test('hitless: edits of a chain and another controller lose no frame of anybody', async (t) => {
  const world = await World.open(t, 'alice', 'bob');
  const { site, wire } = world;
  await wire.send(...ALL);
  await world.reached();
  const [wall, second] = [firewall('wall'), firewall('second')];
  const steps: readonly (
    | readonly [string, readonly Hop[]]
    | 'restart the controller'
    | 'kill the controller'
    | 'break the connection of the switch'
  )[] = [
    ['a hop is added', [wall, COUNTER]],
    ['another one, in front', [second, wall, COUNTER]],
    'restart the controller',
    ['they are reordered', [COUNTER, second, wall]],
    ['one config is changed', [COUNTER, second, firewall('wall', 7)]],
    'kill the controller',
    ['two configs are changed', [COUNTER, firewall('second', 8), wall]],
    'break the connection of the switch',
    ['hops are removed', [wall]],
    ['a hop is replaced', [second]],
  ];
  for (const step of steps) {
    if (typeof step === 'string') {
      t.comment(step);
      await FAULTS[step](site);
      await world.allActive();
    } else {
      t.comment(step[0]);
      await world.declare('alice', step[1]);
    }
    await world.reached();
  }
  await wire.stop(...ALL);
  await world.arrived(['alice', 'bob', 'carol']);
  const report = await wire.report();
  for (const name of ['alice', 'bob', 'carol'] as const) {
    for (const [{ name: stream }, place] of [
      [UP[name], `out ${UPLINK}`],
      [DOWN[name], `out ${HOSTS[name].port}`],
    ] as const) {
      t.strictSame(
        missing(report, stream, place),
        [],
        `${stream}: all ${report.sent[stream]} frames arrived`,
      );
    }
  }
  t.strictSame(world.strays(report, ['alice', 'bob']), [], 'each along its own wire');
  t.strictSame(doubled(report), [], 'and each once');
  await site.equal(t);
  await site.clean(t, SAID_OF_FAULTS);
});
