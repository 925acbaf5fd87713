/**
 * No bypass, and the way back after any fault: numbered frames flow both ways while a seeded hand edits the
 * chain and breaks what can be broken.
 */
import '../harness/ovs-netns.ts';
import t, { type Test } from 'tap';
import { eventually } from '../harness/ovs-eventually.ts';
import { ENDS, HOSTS, Site, UPLINK } from '../harness/site.ts';
import {
  Dice,
  FAULTS,
  firewallConfig,
  type Hop,
  SAID_OF_FAULTS,
  STRANGERS,
  seedOf,
  someHops,
  versionsOf,
} from '../harness/site-faults.ts';
import { arrivals, doubled, missing, strays } from '../harness/site-judge.ts';
import {
  ALLOWED,
  ALLOWED_DOWN,
  ALLOWED_UP,
  BOBS,
  DENIED,
  DENIED_DOWN,
  DENIED_UP,
  InForce,
  NOT_FOR_ALICE,
  type Versions,
  wired,
} from '../harness/site-traffic.ts';
import { type Report, type Stream, Wire } from '../harness/site-wire.ts';

const CHAIN = 'protected';
const OUTSIDE = /^out s1-|s1$/;
const AT_ALICE = /^out s1-eth1$/;
const INSTANCE = /^out ct/;

const chain = (hops: readonly Hop[]) => ({ name: CHAIN, subscribers: ['alice'], hops });

/** A network in which Alice has a chain and everybody sends. */
class World {
  readonly site: Site;
  readonly wire: Wire;
  readonly dice: Dice;
  /** Every version of the chain that there was. */
  readonly versions: Versions = [];
  readonly inForce = new InForce();
  #hops: readonly Hop[] = [];

  private constructor(site: Site, wire: Wire, dice: Dice) {
    this.site = site;
    this.wire = wire;
    this.dice = dice;
  }

  static async open(t: Test): Promise<World> {
    const seed = seedOf(t);
    const site = await Site.open(t);
    const wire = await Wire.open(t, ENDS);
    const world = new World(site, wire, new Dice(seed));
    await site.declareLab(t);
    await wire.send(...BOBS, ...NOT_FOR_ALICE, ...ALLOWED_UP, ...ALLOWED_DOWN, ...DENIED_UP, ...DENIED_DOWN);
    return world;
  }

  get declared(): object {
    return chain(this.#hops);
  }

  /** A version that is accepted; what it takes to be in force is waited for by whoever needs it. */
  async #declare(method: 'POST' | 'PUT', hops: readonly Hop[]): Promise<void> {
    this.versions.push(...versionsOf(hops));
    this.#hops = hops;
    const path = method === 'POST' ? '/v1/chains' : `/v1/chains/${CHAIN}`;
    const { status, body } = await this.site.call(method, path, chain(hops));
    if (status !== (method === 'POST' ? 201 : 200)) throw new Error(JSON.stringify(body));
  }

  /** From the barrier on, with or without instances, the chain is in force. */
  async post(t: Test, hops = someHops(this.dice)): Promise<void> {
    await this.#declare('POST', hops);
    await eventually(t, 'the flows of the new chain are installed', async () => {
      const { body } = await this.site.call('GET', `/v1/chains/${CHAIN}`);
      const { conditions } = body['status'] as { conditions: { type: string; status: boolean }[] };
      return conditions.some(({ type, status }) => type === 'FlowsInstalled' && status);
    });
    this.inForce.begin(await this.wire.look());
  }

  put = async (): Promise<void> => this.#declare('PUT', someHops(this.dice));

  async #edit(edit: (hops: Hop[]) => readonly Hop[]): Promise<void> {
    await this.#declare('PUT', edit([...this.#hops]));
  }

  readonly edits: Readonly<Record<string, (t: Test) => Promise<void>>> = {
    'new hops': () => this.put(),
    'new hops, and others at once': async () => {
      await this.put();
      await this.put();
    },
    'new hops, and the controller is killed on the way': async () => {
      for (let i = 0; i < 3; i++) {
        await this.put();
        // Anywhere between the answer and the end of the old path.
        await new Promise((resolve) => setTimeout(resolve, this.dice.below(400)));
        await this.site.kill();
        await this.site.start();
      }
    },
    'the other way round': () => this.#edit((hops) => hops.toReversed()),
    'one hop more': () =>
      this.#edit((hops) => [
        { name: 'another', function: 'counter' },
        ...hops.filter(({ name }) => name !== 'another'),
      ]),
    'another config': () =>
      this.#edit((hops) => hops.map((hop) => ({ ...hop, ...someConfigOf(hop, this.dice) }))),
    'deleted and posted again': async (t) => {
      await this.settled(t);
      // What was sent before the deletion has been judged once something later is in the first hop.
      const last = await this.wire.look();
      for (const { name } of [...DENIED_UP, ...DENIED_DOWN].slice(0, 1)) {
        await this.wire.until('the last frames in the chain', (look) =>
          Object.entries(look[name]?.latest ?? {}).some(
            ([place, number]) => INSTANCE.test(place) && number > (last[name]?.next ?? 0),
          ),
        );
      }
      const down = DENIED_DOWN[0];
      if (down) await this.wire.reaches(down, INSTANCE);
      this.inForce.end(last);
      await this.site.call('DELETE', `/v1/chains/${CHAIN}`);
      await this.post(t);
    },
    'the switch starts again': async () => {
      await this.site.ovs.stopVswitchd(false);
      await this.#startSwitch();
    },
    'the switch crashes': async () => {
      process.kill(this.site.ovs.pids.vswitchd, 'SIGKILL');
      await this.site.ovs.stopVswitchd();
      await this.#startSwitch();
    },
  };

  async #startSwitch(): Promise<void> {
    await this.site.ovs.startVswitchd();
    // It waits until the switch has done all that is in the database.
    await this.site.ovs.vsctl('set', 'open_vswitch', '.', `external_ids:started=${Date.now()}`);
  }

  /** All is well: the chain is in force, and whoever may get through does. */
  async settled(t: Test): Promise<void> {
    await eventually(t, 'the chain is active', async () => (await this.site.phase(CHAIN)) === 'active');
    await this.site.equal(t);
    for (const stream of ALLOWED_UP) await this.wire.reaches(stream, `out ${UPLINK}`);
    for (const stream of ALLOWED_DOWN) await this.wire.reaches(stream, 'out s1-eth1');
    const [up, down] = BOBS;
    if (up) await this.wire.reaches(up, `out ${UPLINK}`);
    if (down) await this.wire.reaches(down, 'out s1-eth2');
  }

  /** What was anywhere that it must not have been. */
  bypasses(report: Report): readonly string[] {
    const within = this.inForce.ranges;
    const along = [
      ...[...DENIED_UP, ...ALLOWED_UP].map((of) => wired(of, 'alice', 'upstream', this.versions, within)),
      ...[...DENIED_DOWN, ...ALLOWED_DOWN].map((of) =>
        wired(of, 'alice', 'downstream', this.versions, within),
      ),
    ];
    return [
      ...along.flatMap((of) => strays(report, of, this.site.stations)),
      ...[...DENIED_UP, ...DENIED_DOWN].flatMap(({ name }) =>
        arrivals(report, name, OUTSIDE, within.get(name)),
      ),
      ...NOT_FOR_ALICE.flatMap(({ name }) => arrivals(report, name, AT_ALICE, within.get(name))),
      ...[...BOBS, ...NOT_FOR_ALICE].flatMap(({ name }) => arrivals(report, name, INSTANCE)),
    ];
  }
}

function someConfigOf({ function: of, config }: Hop, dice: Dice): { config?: object } {
  if (of !== 'firewall') return {};
  const { rules, ...rest } = config as { rules: object[] };
  return {
    config: { ...rest, rules: [...rules, { allow: { protocol: 'udp', port: 6000 + dice.below(9) } }] },
  };
}

/**
 * Who gives a port back to NORMAL has it so until the controller sees it: that is no promise's matter. Frames
 * that pass a device which was deleted and made anew are not watched for here.
 */
const {
  'a port is given back to NORMAL': _given,
  'a device of an instance is deleted': _deleted,
  ...strangers
} = STRANGERS;
const HANDS: Readonly<Record<string, (site: Site, dice: Dice) => Promise<string>>> = {
  ...FAULTS,
  ...strangers,
};

t.test(
  'no bypass: no frame gets around a hop of an accepted chain, whatever is edited or breaks',
  async (t) => {
    const world = await World.open(t);
    const { site, wire, dice } = world;
    await world.post(t);
    await world.settled(t);
    for (const name of dice.shuffled([...Object.keys(world.edits), ...Object.keys(HANDS)])) {
      const edit = world.edits[name];
      const detail = edit ? await edit(t) : await HANDS[name]?.(site, dice);
      t.comment(`${name} ${detail ?? ''}`);
      // Sometimes the next one comes before all is well again.
      if (dice.below(2) === 0) await world.settled(t);
    }
    await world.settled(t);
    const report = await wire.report();
    t.strictSame(world.bypasses(report), [], 'no frame was where it must not be');
    t.strictSame(doubled(report), [], 'no frame was anywhere twice');
    for (const { name } of [...DENIED_UP, ...DENIED_DOWN]) {
      t.not(arrivals(report, name, INSTANCE).length, 0, `${name}: it was in the chain`);
    }
    await site.equal(t);
    await site.clean(t, SAID_OF_FAULTS);
  },
);

type Plant = {
  readonly what: string;
  /** What a foreign flow takes, above all of the controller's, and what it does with it. */
  readonly flow: (ports: Record<string, string>) => string;
  /** Where that brings frames of a stream. */
  readonly brings: { readonly stream: Stream | undefined; readonly to: string | RegExp };
  readonly found: (world: World, report: Report) => readonly string[];
  readonly says: RegExp;
};

const bypasses = (world: World, report: Report): readonly string[] => world.bypasses(report);
const PLANTS: readonly Plant[] = [
  {
    what: 'denied frames around the chain, upstream',
    flow: () => `in_port=1,udp,tp_dst=${DENIED},actions=output:3`,
    brings: { stream: DENIED_UP[0], to: 'out s1-eth3' },
    found: bypasses,
    says: /^alice to the server, 9 .*: in s1-eth1, out s1-eth3$/,
  },
  {
    what: 'denied frames around the chain, downstream',
    flow: () => `in_port=3,udp,nw_dst=10.0.0.1,tp_dst=${DENIED},actions=output:1`,
    brings: { stream: DENIED_DOWN[0], to: 'out s1-eth1' },
    found: bypasses,
    says: /^the server to alice, 9 .*: in s1-eth3, out s1-eth1$/,
  },
  {
    what: 'frames that would have been allowed around the chain',
    flow: () => `in_port=1,udp,tp_dst=${ALLOWED},actions=output:3`,
    brings: { stream: ALLOWED_UP[0], to: 'out s1-eth3' },
    found: bypasses,
    says: /^alice to the server, 4000 .*: in s1-eth1, out s1-eth3$/,
  },
  {
    what: 'frames around the second hop',
    flow: ({ ct1r }) => `in_port=${ct1r},udp,actions=output:3`,
    brings: { stream: ALLOWED_UP[0], to: 'out s1-eth3' },
    found: bypasses,
    says: /^alice to the server, 4000 .*: in s1-eth1, out ct1l, in ct1r, out s1-eth3$/,
  },
  {
    what: 'frames to everybody to Alice too',
    flow: () => 'in_port=3,udp,dl_dst=ff:ff:ff:ff:ff:ff,actions=output:1',
    brings: { stream: NOT_FOR_ALICE[0], to: 'out s1-eth1' },
    found: bypasses,
    says: /^the server to everybody .*: in s1-eth3, out s1-eth1$/,
  },
  {
    what: "Bob's frames into Alice's instance",
    flow: ({ ct1l }) => `in_port=2,udp,dl_dst=${HOSTS.server.mac},actions=output:${ct1l}`,
    brings: { stream: BOBS[0], to: 'out ct1l' },
    found: bypasses,
    says: /^bob to the server, 9 .*: in s1-eth2, out ct1l/,
  },
  {
    what: 'frames twice',
    flow: () => `in_port=2,udp,dl_dst=${HOSTS.server.mac},actions=output:3,output:3`,
    brings: { stream: BOBS[0], to: 'out s1-eth3' },
    found: (_, report) => doubled(report),
    says: /^bob to the server, 9 .*: in s1-eth2, out s1-eth3, out s1-eth3$/,
  },
  {
    what: 'frames with a tag around the chain',
    flow: () => `in_port=1,udp,tp_dst=${DENIED},actions=push_vlan:0x8100,output:3`,
    brings: { stream: DENIED_UP[0], to: 'out s1-eth3' },
    found: bypasses,
    says: /^alice to the server, 9 .*: in s1-eth1, out s1-eth3$/,
  },
  {
    what: 'frames nowhere',
    flow: () => `in_port=2,udp,dl_dst=${HOSTS.server.mac},actions=drop`,
    brings: { stream: BOBS[0], to: 'in s1-eth2' },
    found: (_, report) =>
      BOBS.slice(0, 1).flatMap(({ name }) =>
        missing(report, name, `out ${UPLINK}`).map((number) => `${name} ${number}`),
      ),
    says: /^bob to the server, 9 \d+$/,
  },
];

t.test('the watch for bypasses sees each one that is planted', async (t) => {
  const world = await World.open(t);
  const { site, wire } = world;
  const hop = (name: string): Hop => ({ name, function: 'firewall', config: firewallConfig([]) });
  await world.post(t, [hop('first'), hop('second')]);
  await world.settled(t);
  const ports: Record<string, string> = {};
  for (const port of ['ct1l', 'ct1r']) ports[port] = await site.ovs.vsctl('get', 'interface', port, 'ofport');
  for (const { what, flow, brings, found, says } of PLANTS) {
    const [match = '', actions] = flow(ports).split(',actions=');
    const place = `table=0,priority=65535,${match}`;
    const before = found(world, await wire.report()).filter((line) => says.test(line));
    await site.ovs.ofctl('-O', 'OpenFlow15', 'add-flow', 's1', `cookie=0xbad,${place},actions=${actions}`);
    if (brings.stream) {
      await wire.reaches(brings.stream, brings.to);
      await wire.reaches(brings.stream, brings.to);
    }
    await site.ovs.ofctl('-O', 'OpenFlow15', '--strict', 'del-flows', 's1', place);
    const after = found(world, await wire.report()).filter((line) => says.test(line));
    t.notSame(after, before, what);
  }
  await site.equal(t);
  await site.clean(t);
});
