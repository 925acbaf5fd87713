import fc from 'fast-check';
import t from 'tap';
import {
  adoptMachine,
  type Effect,
  type Machine,
  type MachineEvent,
  nextTick,
  startMachine,
  step,
  type Timing,
} from '../../../src/nf/machine.ts';

const timing: Timing = {
  readyWithin: 1000,
  healthEvery: 100,
  answerWithin: 50,
  configWithin: 70,
  backoffFirst: 10,
  backoffMost: 80,
  stableAfter: 5000,
};

/** A machine with a clock and a record of what it asked for. */
class Bench {
  now = 0;
  state: Machine;
  effects: Effect[] = [];

  constructor(state: Machine) {
    this.state = state;
  }

  static started(revision = 1): Bench {
    const { state, effects } = startMachine(revision);
    const bench = new Bench(state);
    bench.effects.push(...effects);
    return bench;
  }

  static ready(revision = 1): Bench {
    const bench = Bench.started(revision);
    bench.happen({ is: 'spawned' }, { is: 'ready', revision });
    bench.take();
    return bench;
  }

  happen(...events: MachineEvent[]): this {
    for (const event of events) {
      const { state, effects } = step(this.state, event, this.now, timing);
      this.state = state;
      this.effects.push(...effects);
    }
    return this;
  }

  /** Lets the time pass until the machine wants to be called, and calls it. */
  tick(): this {
    this.now = nextTick(this.state) ?? this.now;
    return this.happen({ is: 'tick' });
  }

  take(): readonly string[] {
    return this.effects.splice(0).map((effect) => effect.do);
  }
}

t.test('starts, becomes ready, is asked for its health for ever', async (t) => {
  const bench = Bench.started();
  t.strictSame(bench.take(), ['start']);
  t.equal(
    nextTick(bench.state),
    undefined,
    'how long devices and ports take is not the guest’s to answer for',
  );
  bench.now = 7;
  bench.happen({ is: 'spawned' });
  t.equal(nextTick(bench.state), 1007);
  bench.happen({ is: 'ready', revision: 1 });
  t.match(bench.state, { phase: 'ready', confirmed: 1, restarts: 0, problem: undefined });
  for (let round = 0; round < 3; round++) {
    t.strictSame(bench.tick().take(), ['ask-health']);
    bench.now += 5;
    bench.happen({ is: 'healthy' });
    t.equal(nextTick(bench.state), bench.now + timing.healthEvery);
  }
});

t.test('a guest that is not ready in time, or does not answer, is killed', async (t) => {
  const booting = Bench.started().happen({ is: 'spawned' });
  booting.take();
  t.strictSame(booting.tick().take(), ['kill']);
  t.match(booting.state, { phase: 'backoff', problem: /did not become ready in time/ });

  const silent = Bench.ready().tick();
  t.strictSame(silent.take(), ['ask-health']);
  t.strictSame(silent.tick().take(), ['kill']);
  t.match(silent.state.problem, /did not answer in time/);

  const deaf = Bench.ready().happen({ is: 'want', revision: 2 });
  deaf.take();
  t.equal(nextTick(deaf.state), deaf.now + timing.configWithin);
  t.strictSame(deaf.tick().take(), ['kill']);

  const early = Bench.ready().tick();
  early.now = (nextTick(early.state) ?? 0) - 1;
  early.happen({ is: 'tick' });
  t.equal(early.state.phase, 'ready', 'not a moment before');
});

t.test('backs off longer and longer, and forgets after a stable time', async (t) => {
  const bench = Bench.ready();
  const delays: number[] = [];
  const die = () => {
    bench.happen({ is: 'failed', reason: 'it died' });
    delays.push((nextTick(bench.state) ?? 0) - bench.now);
    bench.tick().happen({ is: 'spawned' }, { is: 'ready', revision: 1 });
  };
  for (let death = 0; death < 6; death++) die();
  t.strictSame(delays, [10, 20, 40, 80, 80, 80]);
  t.equal(bench.state.restarts, 6);
  t.equal(bench.state.problem, undefined);
  bench.now += timing.stableAfter;
  die();
  t.equal(delays.at(-1), 10);
});

t.test('a host that cannot start it is no restart', async (t) => {
  const bench = Bench.started();
  for (let attempt = 0; attempt < 3; attempt++) {
    bench.happen({ is: 'failed', reason: 'no TAP' });
    t.match(bench.state, { phase: 'backoff', problem: 'no TAP' });
    bench.tick();
  }
  bench.happen({ is: 'spawned' }, { is: 'ready', revision: 1 });
  t.equal(bench.state.restarts, 0);
});

t.test('a configuration is given once and confirmed', async (t) => {
  const bench = Bench.ready().happen({ is: 'want', revision: 2 });
  t.strictSame(bench.effects, [{ do: 'configure', revision: 2 }]);
  bench.take();
  bench.happen({ is: 'want', revision: 3 }, { is: 'tick' });
  t.strictSame(bench.take(), [], 'one after another');
  bench.happen({ is: 'configured', revision: 2 });
  t.equal(bench.state.confirmed, 2);
  t.strictSame(bench.effects, [{ do: 'configure', revision: 3 }]);
  bench.take();
  bench.happen({ is: 'configured', revision: 3 });
  t.strictSame(bench.take(), []);
  t.strictSame(bench.tick().take(), ['ask-health']);
});

t.test('a refused configuration is told and not offered again, until there is another', async (t) => {
  const bench = Bench.ready().happen({ is: 'want', revision: 2 });
  bench.take();
  bench.happen({ is: 'config-refused', revision: 2, reason: 'no such word' });
  t.match(bench.state, {
    phase: 'ready',
    confirmed: 1,
    problem: 'configuration revision 2 was refused: no such word',
  });
  t.strictSame(bench.tick().take(), ['ask-health']);
  bench.happen({ is: 'healthy' });
  t.match(bench.state.problem, /was refused/, 'health does not hide it');
  bench.happen({ is: 'failed', reason: 'it died' });
  bench.tick().happen({ is: 'spawned' }, { is: 'ready', revision: 1 });
  t.match(bench.state.problem, /was refused/, 'nor does a restart with what was good');
  bench.take();
  bench.happen({ is: 'want', revision: 3 });
  t.equal(bench.state.problem, undefined);
  t.strictSame(bench.take(), ['configure']);
  bench.happen({ is: 'configured', revision: 3 });
  t.match(bench.state, { confirmed: 3, problem: undefined });
});

t.test('a guest that refuses to begin does not wait once it has another configuration', async (t) => {
  const bench = Bench.started().happen({ is: 'spawned' }, { is: 'refused', revision: 1, reason: 'no rules' });
  t.match(bench.state, { phase: 'backoff', problem: 'the guest refused to start: no rules' });
  bench.take();
  bench.happen({ is: 'want', revision: 2 });
  t.equal(nextTick(bench.state), bench.now);
  t.strictSame(bench.tick().take(), ['start']);
});

t.test('another guest takes its place: the old one goes first and is no restart', async (t) => {
  const bench = Bench.ready().happen({ is: 'replace' });
  t.strictSame(bench.take(), ['kill', 'start']);
  bench.happen({ is: 'spawned' }, { is: 'ready', revision: 1 });
  t.match(bench.state, { phase: 'ready', restarts: 0 });
});

t.test('an adopted guest owes its name', async (t) => {
  const bench = new Bench(adoptMachine(4, 2, 0, timing));
  t.match(bench.state, { phase: 'starting', restarts: 2 });
  bench.happen({ is: 'ready', revision: 3 });
  t.equal(bench.state.restarts, 2);
  t.strictSame(
    bench.effects,
    [{ do: 'configure', revision: 4 }],
    'what was under way when its controller died',
  );
  const silent = new Bench(adoptMachine(4, 2, 0, timing)).tick();
  t.strictSame(silent.take(), ['kill']);
  silent.tick().happen({ is: 'spawned' });
  t.equal(silent.state.restarts, 3);
});

t.test('stopping is the end, and is tried until it works', async (t) => {
  const bench = Bench.ready().happen({ is: 'stop' }, { is: 'stop' });
  t.strictSame(bench.take(), ['remove']);
  bench.happen({ is: 'failed', reason: 'no OVSDB' });
  t.match(bench.state, { phase: 'stopping', problem: 'no OVSDB' });
  t.strictSame(bench.tick().take(), ['remove']);
  bench.happen({ is: 'failed', reason: 'no OVSDB' }, { is: 'stop' });
  t.strictSame(bench.take(), ['remove'], 'at once when it is said again');
});

const revision = fc.integer({ min: 1, max: 4 });
const event: fc.Arbitrary<MachineEvent> = fc.oneof(
  fc.record({ is: fc.constantFrom('tick', 'spawned', 'healthy', 'replace', 'stop') }),
  fc.record({ is: fc.constantFrom('want', 'ready', 'configured'), revision }),
  fc.record({ is: fc.constantFrom('config-refused', 'refused'), revision, reason: fc.constant('no') }),
  fc.record({ is: fc.constant('failed'), reason: fc.constant('it died') }),
) as fc.Arbitrary<MachineEvent>;

t.test('whatever happens in whatever order', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(event, fc.integer({ min: 0, max: 2000 })), { maxLength: 60 }), (story) => {
      const bench = Bench.started();
      let stopped = false;
      for (const [event, later] of story) {
        const { phase, restarts } = bench.state;
        bench.take();
        bench.now += later;
        bench.happen(event);
        const { state, effects } = bench;
        stopped ||= event.is === 'stop';
        if (stopped) assertThat(state.phase === 'stopping', 'nothing leaves stopping');
        if (effects.some((effect) => effect.do === 'configure' || effect.do === 'ask-health'))
          assertThat(state.phase === 'ready' && state.awaiting !== undefined, 'a question has a deadline');
        if (effects.some((effect) => effect.do === 'start')) assertThat(state.phase === 'starting', 'start');
        if (phase !== 'backoff' && state.phase === 'backoff')
          assertThat(
            effects.some((effect) => effect.do === 'kill'),
            'nobody is left running',
          );
        if (state.phase === 'ready' || state.phase === 'backoff')
          assertThat(nextTick(state) !== undefined, 'ready and backoff never wait for ever');
        if (state.phase === 'backoff') assertThat(state.problem !== undefined, 'and say why');
        assertThat(state.restarts >= restarts, 'restarts only grow');
      }
    }),
  );
  t.pass('the invariants hold');
});

function assertThat(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}
