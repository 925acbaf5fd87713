import t from 'tap';
import { compile } from '../../../src/compiler/compile.ts';
import type { Traffic } from '../../../src/compiler/demand.ts';
import { flowText } from '../../../src/compiler/flow.ts';
import { nextDeadline, planSteering } from '../../../src/compiler/plan.ts';
import type { Declared, OnDemandSpec } from '../../../src/model/declared.ts';
import type { InstanceFact } from '../../../src/model/facts.ts';
import type { PathId } from '../../../src/model/ids.ts';
import { doorOf, EMPTY_STEERING, type Steering, sleepersOf } from '../../../src/model/steering.ts';
import { chain, DPID, declare, factsOf, hop } from '../world.ts';

const DRAIN = 1000;
const ALL = new Set([1, 2, 3].map((id) => id as PathId));
const NONE: ReadonlySet<PathId> = new Set();

type Options = {
  now?: number;
  notReady?: readonly string[];
  traffic?: Partial<Traffic>;
  failed?: boolean;
};

function plan(declared: Declared, steering: Steering, options: Options = {}): Steering {
  const { now = 0, notReady = [], traffic = {}, failed = false } = options;
  const { instances } = factsOf(steering, notReady);
  return planSteering({
    declared,
    steering,
    instances: failed
      ? new Map([...instances].map(([id, fact]) => [id, { ...fact, phase: 'backoff' as const }]))
      : instances,
    confirmed: new Set(steering.paths.keys()),
    settled: true,
    now,
    drainTime: DRAIN,
    traffic: { called: NONE, idle: NONE, isAttached: () => true, ...traffic },
  });
}

const world = (onDemand: OnDemandSpec, more = {}): Declared =>
  declare([chain([hop('firewall', { onDemand, ...more }), hop('counter')])]);
const states = ({ paths }: Steering): string[] =>
  [...paths.values()].map(({ id, state, demand }) => `${id} ${state.phase} ${demand?.phase}`);
const flowsOf = (declared: Declared, steering: Steering, overfull = NONE): string[] => {
  const facts = factsOf(steering, [...sleepersOf(steering)]);
  const input = { declared, steering, facts, interfacePrefix: 'cs', rejected: NONE, overfull };
  return (compile(input).switches.get(DPID)?.flows ?? []).filter(({ owner }) => owner !== 0).map(flowText);
};
const instancesOf = (declared: Declared, steering: Steering): string[] =>
  compile({
    declared,
    steering,
    facts: factsOf(steering),
    interfacePrefix: 'cs',
    rejected: NONE,
  }).instances.map(({ id }) => id);

t.test('a path sleeps until it is called, and sleeps again when it is idle', async (t) => {
  const declared = world({});
  const asleep = plan(declared, EMPTY_STEERING);
  t.strictSame(states(asleep), ['1 current asleep']);
  t.equal(plan(declared, asleep, { traffic: { idle: ALL } }), asleep);
  t.strictSame(instancesOf(declared, asleep), ['i2'], 'only what is not on demand runs');

  const waking = plan(declared, asleep, { traffic: { called: ALL }, notReady: ['i1'] });
  t.strictSame(states(waking), ['1 current waking']);
  t.strictSame(instancesOf(declared, waking), ['i1', 'i2']);
  t.equal(plan(declared, waking, { notReady: ['i1'] }), waking, 'it waits for the instance');
  t.equal(plan(declared, waking, { traffic: { isAttached: () => false } }), waking, 'and for its ports');

  const awake = plan(declared, waking);
  t.strictSame(states(awake), ['1 current awake']);
  t.equal(plan(declared, awake, { traffic: { called: ALL } }), awake);

  const dozing = plan(declared, awake, { now: 5000, traffic: { idle: ALL } });
  t.strictSame(states(dozing), ['1 current dozing']);
  t.equal(nextDeadline(dozing, 0), 6000);
  t.strictSame(instancesOf(declared, dozing), ['i1', 'i2'], 'what is under way may finish');
  t.strictSame(states(plan(declared, dozing, { now: 5500, traffic: { called: ALL } })), ['1 current awake']);
  t.strictSame(states(plan(declared, dozing, { now: 6000 })), ['1 current asleep']);
});

t.test('an instance that cannot be started is a failed hop, which nobody waits for', async (t) => {
  const declared = world({});
  const asleep = plan(declared, EMPTY_STEERING);
  const waking = plan(declared, asleep, { traffic: { called: ALL }, notReady: ['i1'] });
  t.strictSame(states(plan(declared, waking, { failed: true })), ['1 current awake']);
});

t.test('what comes for a path that sleeps goes to the controller and nowhere else', async (t) => {
  const declared = world({}, { onFailure: 'open' });
  const asleep = plan(declared, EMPTY_STEERING);
  const steering = flowsOf(declared, asleep).filter((flow) => flow.includes('table=2'));
  t.equal(steering.length, 2, 'two flows for the path, however many hops it has');
  for (const flow of steering) t.match(flow, /actions=CONTROLLER:65535$/);
  const shut = flowsOf(declared, asleep, new Set(asleep.paths.keys()));
  for (const flow of shut.filter((flow) => flow.includes('table=2'))) t.match(flow, /actions=drop$/);
});

t.test('where the first packets may pass a hop over, its switch calls the controller', async (t) => {
  const declared = world({ firstPacket: 'pass' });
  const asleep = plan(declared, EMPTY_STEERING);
  const entrance = (steering: Steering): string[] =>
    flowsOf(declared, steering).filter((flow) => /table=2.*metadata=0x\w*ff\//.test(flow));
  for (const flow of entrance(asleep)) t.match(flow, /CONTROLLER:64.*goto_table:4/);
  const waking = plan(declared, asleep, { traffic: { called: ALL }, notReady: ['i1'] });
  for (const flow of entrance(waking)) t.notMatch(flow, /CONTROLLER/, 'once is enough');
  t.equal(entrance(waking).length, 2);
});

t.test('a path that takes over from one that runs has to run before', async (t) => {
  const before = plan(world({}), EMPTY_STEERING);
  const two = declare([chain([hop('firewall', { onDemand: {} }), hop('counter'), hop('counter')])]);
  t.strictSame(states(plan(two, plan(two, before))), ['1 draining asleep', '2 current asleep']);
  const awake = plan(world({}), plan(world({}), before, { traffic: { called: ALL } }));
  const staged = plan(two, awake);
  t.strictSame(states(staged), ['1 current awake', '2 staged awake']);
  t.equal(plan(two, staged, { notReady: ['i3'] }), staged);
  t.strictSame(states(plan(two, staged)), ['1 draining awake', '2 current awake']);
});

t.test('hops may be put on demand, and off it, where they stand', async (t) => {
  const always = declare([chain([hop('firewall'), hop('counter')])]);
  const running = plan(always, EMPTY_STEERING);
  t.strictSame(states(running), ['1 current undefined']);
  const awake = plan(world({ firstPacket: 'pass' }), running);
  t.strictSame(states(awake), ['1 current awake']);
  const asleep = plan(world({}), EMPTY_STEERING);
  const [path] = plan(always, asleep).paths.values();
  t.equal(path?.demand, undefined);
  t.equal(path && doorOf(path), 'open');
});

t.test(
  'a path that wakes takes an instance that is booted, and leaves its own to whom that was kept for',
  async (t) => {
    const onDemand = {};
    const blank = { default: 'deny' };
    const spec = chain([hop('firewall', { onDemand, config: { default: 'allow' } })], {}, ['alice', 'bob']);
    const bare = declare([spec]);
    const functions = new Map(
      [...bare.functions].map(([name, one]) => [
        name,
        { ...one, spec: { ...one.spec, blank } as typeof one.spec },
      ]),
    );
    const declared = { ...bare, functions };
    const asleep = plan(declared, EMPTY_STEERING);
    const wanted = (steering: Steering, facts = factsOf({ ...steering, instances: new Map() }), most = 1) =>
      compile({
        ...{ declared, steering, facts, interfacePrefix: 'cs', rejected: NONE },
        warmPool: new Map([['firewall' as never, most]]),
      }).instances.map(({ id, revision, config }) => ({ id, revision, config }));
    t.strictSame(wanted(asleep), [{ id: 'i1', revision: 0, config: blank }]);
    t.strictSame(
      wanted(asleep, undefined, 9).map(({ id }) => id),
      ['i1', 'i2'],
    );

    const all = factsOf(asleep).instances;
    const fact = { ...all.get('i1' as never), revision: 0 } as InstanceFact;
    const booted = new Map([[fact.id, fact]]);
    t.strictSame(
      wanted(asleep, { ...factsOf(asleep), instances: new Map([[fact.id, { ...fact, revision: 1 }]]) }),
      [{ id: 'i2', revision: 0, config: blank }],
      'what has had traffic is nobody else’s',
    );
    const bobs = [...asleep.paths.values()].find(({ subscriber }) => subscriber === 'bob');
    const woken = planSteering({
      ...{ declared, steering: asleep, instances: booted, confirmed: new Set(asleep.paths.keys()) },
      ...{ settled: true, now: 0, drainTime: 0 },
      traffic: { called: new Set([bobs?.id as PathId]), idle: NONE, isAttached: () => true },
    });
    t.strictSame(
      [...woken.paths.values()].map(({ subscriber, hops, demand }) => [
        subscriber,
        hops[0]?.instance,
        demand?.phase,
      ]),
      [
        ['alice', 'i2', 'asleep'],
        ['bob', 'i1', 'waking'],
      ],
    );
    t.match(woken.instances.get('i1' as never), {
      subscriber: 'bob',
      config: { default: 'allow' },
      revision: 1,
    });
    t.match(woken.instances.get('i2' as never), { subscriber: 'alice' });
    t.strictSame(wanted(woken, { ...factsOf(woken), instances: booted }), [
      { id: 'i1', revision: 1, config: { default: 'allow' } },
      { id: 'i2', revision: 0, config: blank },
    ]);
  },
);
