import t from 'tap';
import { flowText } from '../../../src/compiler/flow.ts';
import { type Clock, type Control, createControl } from '../../../src/control/control.ts';
import type { ChainSpec, Declared } from '../../../src/model/declared.ts';
import type { DesiredSwitch, WantedInstance } from '../../../src/model/desired.ts';
import type { InstanceFact, PortFact, Rejection, SwitchFact } from '../../../src/model/facts.ts';
import type { Dpid, InstanceId, Mac, OfPort } from '../../../src/model/ids.ts';
import type { Instances, Switches } from '../../../src/model/interfaces.ts';
import { withObject, withoutObject } from '../../../src/model/object-map.ts';
import { openStore } from '../../../src/store/store.ts';
import { alice, bob, chain, counter, DPID, firewall, hop, name } from '../world.ts';

/** A clock that stands still until the test moves it. */
class FakeClock implements Clock {
  #now = 1_000_000;
  #timers: { at: number; then: () => void }[] = [];
  now(): number {
    return this.#now;
  }
  after(ms: number, then: () => void): { cancel(): void } {
    const timer = { at: this.#now + ms, then };
    this.#timers.push(timer);
    return { cancel: () => (this.#timers = this.#timers.filter((other) => other !== timer)) };
  }
  advance(ms: number): void {
    this.#now += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#now);
    this.#timers = this.#timers.filter(({ at }) => at > this.#now);
    for (const { then } of due) then();
  }
}

/** A switch and a host that do what they are told when the test says so. */
class FakeNetwork {
  wantedSwitches: readonly DesiredSwitch[] = [];
  wantedInstances: readonly WantedInstance[] = [];
  touched = 0;
  readonly #switch = new Map<Dpid, SwitchFact>();
  readonly #instances = new Map<InstanceId, InstanceFact>();

  readonly switches: Switches = {
    facts: () => new Map(this.#switch),
    want: (wanted) => {
      this.touched++;
      this.wantedSwitches = wanted;
    },
    manage: () => {},
    reconcile: async () => ({ changes: 0, rejections: [] }),
    counters: () => ({ counted: [] }),
    retainCounters: () => {},
    putBack: () => {},
    countedAt: () => new Map(),
    read: async () => ({ flows: [], groups: [], bridge: undefined }),
    links: () => [],
  };
  readonly instances: Instances = {
    facts: () => new Map(this.#instances),
    want: (wanted) => {
      this.wantedInstances = wanted;
      for (const id of this.#instances.keys())
        if (!wanted.some((w) => w.id === id)) this.#instances.delete(id);
    },
    counters: async () => {
      throw new Error('no guest here');
    },
  };

  connect(): void {
    const names = ['s1-eth1', 's1-eth2', 's1-eth3', 'cs1l', 'cs1r', 'cs2l', 'cs2r'];
    const ports = new Map(
      names.map((port, i): [string, PortFact] => [
        port,
        { name: port, ofport: (i + 1) as OfPort, mac: '00:00:00:00:01:00' as Mac, linkUp: true },
      ]),
    );
    this.#switch.set(DPID, { dpid: DPID, connection: 'connected', ports, rejections: [] });
  }

  /** The switch answers the barrier of all that is wanted. */
  confirm(): void {
    this.#set((wanted, fact) => ({
      ...fact,
      applied: { digest: wanted.digest, owners: wanted.owners, needs: wanted.needs },
      rejections: [],
    }));
  }

  refuse(owner: number): void {
    this.#set((wanted, fact) => {
      const rejection: Rejection = {
        owner: owner as never,
        digest: wanted.owners.get(owner as never) ?? '',
        reason: 'OFPBAC_BAD_OUT_PORT',
        flow: 'table=4',
      };
      return { ...fact, rejections: [rejection] };
    });
  }

  #set(change: (wanted: DesiredSwitch, fact: SwitchFact) => SwitchFact): void {
    const [wanted] = this.wantedSwitches;
    const fact = this.#switch.get(DPID);
    if (!wanted || !fact) throw new Error('nothing is wanted of the switch');
    this.#switch.set(DPID, change(wanted, fact));
  }

  instance(id: string, phase: InstanceFact['phase'], problem?: string): void {
    const wanted = this.wantedInstances.find((w) => w.id === id);
    if (!wanted) throw new Error(`instance ${id} is not wanted`);
    this.#instances.set(wanted.id, {
      id: wanted.id,
      phase,
      ...(phase === 'ready' ? { revision: wanted.revision } : {}),
      ...(problem ? { problem } : {}),
      ports: { left: wanted.left.port, right: wanted.right.port },
      restarts: 0,
    });
  }
}

const attachment = { switch: name('s1'), port: 's1-eth3' };

function world(store = openStore(':memory:')) {
  const network = new FakeNetwork();
  const clock = new FakeClock();
  const control = createControl({
    store,
    switches: network.switches,
    instances: network.instances,
    builtIns: [firewall, counter],
    interfacePrefix: 'cs',
    drainTime: 1000,
    settleTime: 5000,
    clock,
    log: { info() {}, warn() {} },
  });
  return { store, network, clock, control };
}

function declareLab({ store }: ReturnType<typeof world>): void {
  store.create('switches', { name: name('s1'), dpid: DPID, unchained: 'normal', ovsdb: 'unix:/db.sock' });
  store.create('uplinks', { name: name('core'), attachment });
  store.create('subscribers', alice);
  store.create('subscribers', bob);
}

const oneHop = chain([hop('firewall')]).spec;
const twoHops = chain([hop('firewall'), hop('counter')]).spec;
const status = (control: Control) => control.chainStatus(oneHop.name);

async function settle(control: Control): Promise<void> {
  control.wake();
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

t.test('active means that the guest is ready and the switch has answered', async (t) => {
  const lab = world();
  const { network, control, store } = lab;
  declareLab(lab);
  network.connect();
  store.create('chains', oneHop);
  await settle(control);
  t.match(status(control), { phase: 'pending', observedGeneration: 1 });
  network.instance('i1', 'starting');
  network.confirm();
  await settle(control);
  t.match(status(control), {
    phase: 'pending',
    conditions: [{ status: true }, { status: true }, { reason: 'InstanceStarting' }],
  });
  network.instance('i1', 'ready');
  await settle(control);
  t.match(status(control), {
    phase: 'pending',
    conditions: [{}, {}, { status: true }, { reason: 'BarrierPending' }],
  });
  network.confirm();
  await settle(control);
  t.match(status(control), { phase: 'active', paths: [{ subscriber: 'alice', hops: [{ instance: 'i1' }] }] });

  network.instance('i1', 'backoff', 'the emulator ended by SIGKILL');
  await settle(control);
  t.match(status(control), {
    phase: 'degraded',
    conditions: [{}, {}, { message: /SIGKILL/ }],
    switches: [{ switch: 's1', connection: 'connected' }],
    paths: [{ hops: [{ phase: 'backoff', problem: 'the emulator ended by SIGKILL' }] }],
  });
  network.instance('i1', 'waiting', 'the host has no room for it');
  await settle(control);
  t.match(status(control), {
    phase: 'degraded',
    conditions: [
      {},
      {},
      { status: false, reason: 'NoRoom', message: /i1 .* is waiting: the host has no room/ },
    ],
    paths: [{ hops: [{ phase: 'waiting' }] }],
  });
  control.close();
});

t.test('what is foretold is what comes', async (t) => {
  const lab = world();
  const { network, control, store, clock } = lab;
  declareLab(lab);
  network.connect();
  await settle(control);
  const flows = (): string[] => (control.desired()[0]?.flows ?? []).map(flowText).sort();
  const next = (kind: 'chains', spec: ChainSpec | undefined): Declared => {
    const declared = store.declared();
    if (spec === undefined) return withoutObject(declared, kind, oneHop.name);
    const old = declared.chains.get(spec.name);
    const stored = { kind, uid: 99, generation: 1, createdAt: '', updatedAt: '', ...old, spec };
    return withObject(declared, stored);
  };
  const otherConfig = chain([hop('firewall', { config: { n: 1 } }), hop('counter')]).spec;
  const open = chain([hop('firewall', { config: { n: 1 } }), hop('counter', { onFailure: 'open' })]).spec;
  const seen: unknown[] = [];
  for (const spec of [oneHop, twoHops, otherConfig, open, undefined]) {
    const before = flows();
    const steering = store.steering();
    const plan = control.whatIf(next('chains', spec));
    t.equal(store.steering(), steering, 'asking decides nothing');
    t.same(flows(), before);

    if (spec === undefined) store.remove('chains', oneHop.name);
    else if (store.declared().chains.has(spec.name)) store.replace('chains', spec);
    else store.create('chains', spec);
    for (let turn = 0; turn < 4; turn++) {
      await settle(control);
      for (const { id } of network.wantedInstances) network.instance(id, 'ready');
      network.confirm();
      clock.advance(1000);
    }
    await settle(control);
    const [planned] = plan.switches;
    const gone = new Set([
      ...(planned?.flows.removed ?? []),
      ...(planned?.flows.changed ?? []).map((c) => c.from),
    ]);
    const come = [...(planned?.flows.added ?? []), ...(planned?.flows.changed ?? []).map((c) => c.to)];
    t.same(
      [...before.filter((flow) => !gone.has(flow)), ...come].sort(),
      flows(),
      JSON.stringify(spec?.hops) ?? 'none',
    );
    t.equal(planned?.total.after ?? flows().length, flows().length);
    const ofGroups = Object.values(planned?.groups ?? {}).flat().length;
    const ofFlows = gone.size + come.length - (planned?.flows.changed.length ?? 0);
    t.equal(planned?.differences ?? 0, ofFlows + ofGroups);
    const { start, stop, reconfigure } = plan.instances;
    seen.push([start, stop, reconfigure].map((list) => list.map(({ id }) => id)));
    t.same(plan.notes, []);
  }
  t.same(seen, [
    [['i1'], [], []],
    [['i2'], [], []],
    [[], [], ['i1']],
    [[], [], []],
    [[], ['i1', 'i2'], []],
  ]);
  control.close();
});

t.test('a plan says what it takes for granted, and what it cannot know', async (t) => {
  const lab = world();
  const { network, control, store } = lab;
  declareLab(lab);
  const stored = { kind: 'chains' as const, uid: 99, generation: 1, createdAt: '', updatedAt: '' };
  const three = chain([hop('firewall'), hop('counter'), hop('counter')]).spec;
  const unknown = control.whatIf(withObject(store.declared(), { ...stored, spec: three }));
  t.match(unknown, { switches: [], instances: { start: { length: 3 } } });
  t.same(unknown.capacity, {
    instances: { before: 0, after: 3 },
    memoryMiB: { before: 0, after: 6 },
    paths: { before: 0, after: 1, most: 16_777_215 },
  });
  t.match(unknown.notes, [/ports of switch s1 are not known/, /Switch s1 is not connected/]);
  network.connect();
  const known = control.whatIf(withObject(store.declared(), { ...stored, spec: three }));
  t.same(known.switches[0]?.assumedPorts, [
    { name: 'cs3l', ofport: 8 },
    { name: 'cs3r', ofport: 9 },
  ]);
  t.ok(known.switches[0]?.flows.added.some((flow) => flow.includes('output:9')));
  control.close();
});

t.test('an update goes by way of staging, flip and drain', async (t) => {
  const lab = world();
  const { network, control, store, clock } = lab;
  declareLab(lab);
  network.connect();
  store.create('chains', oneHop);
  await settle(control);
  network.instance('i1', 'ready');
  await settle(control);
  network.confirm();
  await settle(control);
  store.replace('chains', twoHops);
  await settle(control);
  t.match(status(control), { phase: 'updating', observedGeneration: 2, paths: [{ path: 1 }] });
  network.instance('i2', 'ready');
  await settle(control);
  t.match(status(control), { paths: [{ path: 1 }] }, 'the flows of the new path are not confirmed yet');
  network.confirm();
  await settle(control);
  t.match(
    status(control),
    { phase: 'updating', paths: [{ path: 2 }] },
    'the flip itself is not confirmed yet',
  );
  network.confirm();
  await settle(control);
  t.match(status(control), { phase: 'active', paths: [{ path: 2 }] });
  t.equal(store.steering().paths.size, 2);
  clock.advance(1000);
  await settle(control);
  t.equal(store.steering().paths.size, 1, 'the old path has drained');
  control.close();
});

t.test('a refused flow marks its own chain and is not tried again until the chain is edited', async (t) => {
  const lab = world();
  const { network, control, store } = lab;
  declareLab(lab);
  network.connect();
  store.create('chains', oneHop);
  store.create('chains', { name: name('other'), subscribers: [name('bob')], hops: oneHop.hops });
  await settle(control);
  network.instance('i1', 'ready');
  network.instance('i2', 'ready');
  await settle(control);
  network.refuse(1);
  await settle(control);
  t.match(status(control), {
    phase: 'rejected',
    conditions: [{}, {}, {}, { message: /OFPBAC_BAD_OUT_PORT/ }],
  });
  network.confirm();
  await settle(control);
  t.match(status(control), { phase: 'rejected' });
  t.match(control.chainStatus(name('other')), { phase: 'active' });
  store.replace('chains', chain([hop('firewall', { config: { n: 2 } })]).spec);
  await settle(control);
  network.instance('i1', 'ready');
  await settle(control);
  network.confirm();
  await settle(control);
  t.match(status(control), { phase: 'active' });
  control.close();
});

t.test(
  'after a restart no switch is touched until the instances are found again, or had their time',
  async (t) => {
    const first = world();
    declareLab(first);
    first.store.create('chains', oneHop);
    first.network.connect();
    await settle(first.control);
    first.network.instance('i1', 'ready');
    await settle(first.control);
    const flows = first.network.wantedSwitches[0]?.digest;
    first.control.close();

    const second = world(first.store);
    second.network.connect();
    await settle(second.control);
    t.equal(second.network.touched, 0);
    second.network.instance('i1', 'ready');
    await settle(second.control);
    t.equal(
      second.network.wantedSwitches[0]?.digest,
      flows,
      'and then what is wanted is what was wanted before',
    );
    second.control.close();

    const third = world(first.store);
    third.network.connect();
    await settle(third.control);
    t.equal(third.network.touched, 0);
    third.clock.advance(5000);
    await settle(third.control);
    t.equal(third.network.touched > 0, true);
    third.control.close();
  },
);

t.test('whoever waits for a change is woken, or let go', async (t) => {
  const { control } = world();
  const waiting = control.changed(new AbortController().signal);
  control.wake();
  await waiting;
  const abort = new AbortController();
  const letGo = control.changed(abort.signal);
  abort.abort();
  await letGo;
  await control.changed(abort.signal);
  t.pass('all three came back');
  control.close();
});
