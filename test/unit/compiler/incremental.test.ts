/** A compilation that begins with the one before comes to the same as one that begins with nothing. */
import fc from 'fast-check';
import t from 'tap';
import { type Compiled, Compiler, compile, viewsOf } from '../../../src/compiler/compile.ts';
import { flowText } from '../../../src/compiler/flow.ts';
import { planSteering } from '../../../src/compiler/plan.ts';
import { Topology } from '../../../src/compiler/route.ts';
import { tablesOf } from '../../../src/compiler/tables.ts';
import type { CompileInput } from '../../../src/compiler/view.ts';
import type { Declared, Kind, Specs } from '../../../src/model/declared.ts';
import type { Facts, PortFact } from '../../../src/model/facts.ts';
import type { Dpid, InstanceId, Mac, OfPort, PathId } from '../../../src/model/ids.ts';
import { emptyDeclared, withObject, withoutObject } from '../../../src/model/object-map.ts';
import { EMPTY_STEERING, type Steering } from '../../../src/model/steering.ts';
import { counter, firewall, name } from '../world.ts';

const SUBSCRIBERS = 5;
const SWITCHES = ['s1', 's2'];
const DRAIN = 10;
const dpidOf = (at: string): Dpid => `000000000000000${at.slice(1)}` as Dpid;

/** What may happen. Numbers are taken modulo what there is. */
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('subscriber' as const),
      n: fc.nat(SUBSCRIBERS - 1),
      at: fc.constantFrom(...SWITCHES),
      plan: fc.constantFrom('gold', 'silver', ''),
      port: fc.nat(1),
      gone: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('chain' as const),
      n: fc.nat(3),
      by: fc.constantFrom('gold', 'silver', 'name'),
      hops: fc.array(fc.constantFrom('own', 'open', 'edge', 'core'), { minLength: 1, maxLength: 3 }),
      service: fc.boolean(),
      gone: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('pool' as const),
      n: fc.nat(1),
      instances: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('uplink' as const),
      at: fc.constantFrom(...SWITCHES),
      gone: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('switch' as const), at: fc.constantFrom(...SWITCHES) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('health' as const), n: fc.nat(20), ready: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('port' as const),
      at: fc.constantFrom(...SWITCHES),
      n: fc.nat(30),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('refuse' as const), n: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('time' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('link' as const),
      state: fc.constantFrom('up' as const, 'stale' as const, 'gone' as const),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class World {
  declared: Declared = emptyDeclared(1);
  steering: Steering = EMPTY_STEERING;
  readonly #down = new Set<string>();
  readonly #without = new Set<string>();
  #rejected: ReadonlySet<PathId> = new Set();
  #uid = 0;
  #now = 0;
  #link: 'up' | 'stale' | 'gone' = 'gone';

  constructor() {
    for (const spec of [firewall, { ...counter, vlanTransparent: true }]) this.put('functions', spec);
    for (const at of SWITCHES) {
      this.put('switches', { name: name(at), dpid: dpidOf(at), unchained: 'normal', ovsdb: 'unix:/db.sock' });
      this.put('uplinks', { name: name(`${at}-up`), attachment: { switch: name(at), port: 'up' } });
    }
    ['edge', 'core'].forEach((pool, i) => {
      this.put('pools', {
        name: name(pool),
        function: counter.name,
        switch: name(SWITCHES[i] ?? ''),
        instances: 2,
      });
    });
  }

  put<K extends Kind>(kind: K, spec: Specs[K]): void {
    const before = this.declared[kind].get(spec.name);
    const at = '2026-01-01T00:00:00.000Z';
    const object = {
      kind,
      uid: before?.uid ?? ++this.#uid,
      generation: (before?.generation ?? 0) + 1,
      createdAt: at,
      updatedAt: at,
      spec,
    };
    this.declared = { ...withObject(this.declared, object as never), revision: this.declared.revision + 1 };
  }

  #dropped(kind: 'subscribers' | 'chains' | 'uplinks', id: string, gone: boolean): boolean {
    if (!gone || !this.declared[kind].has(name(id))) return false;
    this.declared = withoutObject(this.declared, kind, name(id));
    return true;
  }

  apply(one: Step): void {
    switch (one.do) {
      case 'subscriber': {
        const id = `n${one.n}`;
        if (this.#dropped('subscribers', id, one.gone)) return;
        const attachment = { switch: name(one.at), port: `p${2 * one.n + one.port}` };
        const spec = {
          name: name(id),
          attachment,
          mac: `02:00:00:00:00:0${one.n}` as Mac,
          ipv4: [`10.0.0.${one.n + 1}` as never],
          labels: one.plan === '' ? {} : { plan: one.plan },
        };
        this.put('subscribers', spec as never);
        return;
      }
      case 'chain': {
        const id = `c${one.n}`;
        if (this.#dropped('chains', id, one.gone)) return;
        const hops = one.hops.map((hop, i) => {
          if (hop === 'edge' || hop === 'core') return { pool: name(hop), name: `${hop}-${i}` };
          return { function: firewall.name, ...(hop === 'open' ? { onFailure: 'open' } : {}) };
        });
        const whom =
          one.by === 'name' ? { subscribers: [name('n0'), name('n1')] } : { selector: { plan: one.by } };
        // One chain at most takes everything else.
        const service =
          one.n > 0 || one.service
            ? { service: [{ protocol: 'tcp', remotePort: 80 + one.n }], priority: one.n }
            : {};
        this.put('chains', { name: name(id), ...whom, hops, ...service } as never);
        return;
      }
      case 'pool': {
        const pool = [...this.declared.pools.values()][one.n];
        if (pool) this.put('pools', { ...pool.spec, instances: one.instances } as never);
        return;
      }
      case 'uplink': {
        const id = `${one.at}-up`;
        if (this.#dropped('uplinks', id, one.gone)) return;
        this.put('uplinks', {
          name: name(id),
          attachment: { switch: name(one.at), port: 'up' },
        } as never);
        return;
      }
      case 'switch': {
        const spec = this.declared.switches.get(name(one.at))?.spec;
        if (spec)
          this.put('switches', {
            ...spec,
            unchained: spec.unchained === 'normal' ? 'drop' : 'normal',
          } as never);
        return;
      }
      case 'health':
        if (one.ready) this.#down.delete(`i${one.n}`);
        else this.#down.add(`i${one.n}`);
        return;
      case 'port': {
        const ports = [
          ...this.#ports(one.at).keys(),
          ...[...this.#without].filter((key) => key.startsWith(one.at)).map((key) => key.slice(3)),
        ];
        const key = `${one.at} ${ports[one.n % ports.length]}`;
        if (!this.#without.delete(key)) this.#without.add(key);
        return;
      }
      case 'refuse': {
        const id = [...this.steering.paths.keys()][one.n];
        this.#rejected = new Set(id === undefined ? [] : [id]);
        return;
      }
      case 'link':
        this.#link = one.state;
        return;
      case 'time':
        this.#now += DRAIN;
    }
  }

  #ports(at: string): ReadonlyMap<string, PortFact> {
    const index = SWITCHES.indexOf(at);
    const names = ['up', 'link', at, ...Array.from({ length: 2 * SUBSCRIBERS }, (_, i) => `p${i}`)];
    const records = [...this.steering.instances.values()].filter((record) => record.switch === at);
    for (const { id } of records) names.push(`cs${id.slice(1)}l`, `cs${id.slice(1)}r`);
    const fact = (port: string): [string, PortFact] => {
      const ofport =
        port === at
          ? 0xfffffffe
          : 1 +
            index * 1000 +
            (port === 'up' || port === 'link'
              ? port.length
              : port.startsWith('p')
                ? 5 + Number(port.slice(1))
                : 2 * Number.parseInt(port.slice(2), 10) + 20 + (port.endsWith('r') ? 1 : 0));
      return [port, { name: port, ofport: ofport as OfPort, mac: '00:00:00:00:01:00' as Mac, linkUp: true }];
    };
    return new Map(names.filter((port) => !this.#without.has(`${at} ${port}`)).map(fact));
  }

  #links(): Facts['links'] {
    const [a, b] = SWITCHES.map((at) => ({ dpid: dpidOf(at), port: 'link' }));
    return this.#link === 'gone' || !a || !b ? [] : [{ a, b, state: this.#link, since: 0 }];
  }

  facts(): Facts {
    const switches = SWITCHES.map(
      (at) =>
        [
          dpidOf(at),
          { dpid: dpidOf(at), connection: 'connected' as const, ports: this.#ports(at), rejections: [] },
        ] as const,
    );
    const instances = [...this.steering.instances.values()].map(
      ({ id, revision }) =>
        [
          id,
          {
            id,
            phase: this.#down.has(id) ? 'starting' : 'ready',
            revision,
            ports: { left: '', right: '' },
            restarts: 1,
          },
        ] as const,
    );
    return {
      switches: new Map(switches),
      instances: new Map<InstanceId, never>(instances as never),
      links: this.#links(),
    };
  }

  turn(): CompileInput {
    const facts = this.facts();
    this.steering = planSteering({
      declared: this.declared,
      topology: new Topology({ declared: this.declared, facts, isGuarded: () => true }),
      steering: this.steering,
      instances: facts.instances,
      settled: true,
      confirmed: new Set(this.steering.paths.keys()),
      now: this.#now,
      drainTime: DRAIN,
    });
    return {
      declared: this.declared,
      steering: this.steering,
      facts: this.facts(),
      interfacePrefix: 'cs',
      rejected: this.#rejected,
    };
  }
}

const textOf = ({ switches, instances }: Compiled): string =>
  JSON.stringify([
    [...switches.values()].map(({ dpid, parts }) => [
      dpid,
      [...parts].map(([key, { flows, groups, isolated }]) => [
        key,
        flows.map((flow) => [flow.owner, flowText(flow), flow.counts]),
        groups,
        [...isolated],
      ]),
    ]),
    instances,
  ]);
const asSet = (flows: readonly Parameters<typeof flowText>[0][]): string =>
  flows.map(flowText).sort().join('\n');

/** Says what is wrong after a step, if anything is. */
function difference(compiler: Pick<Compiler, 'compile'>, input: CompileInput): string | undefined {
  const grown = compiler.compile(input);
  if (textOf(grown) !== textOf(compile(input))) return 'what has grown is not what is compiled from nothing';
  for (const view of viewsOf(input)) {
    const whole = tablesOf(view);
    const of = grown.switches.get(view.spec.dpid);
    if (of === undefined || asSet(of.flows) !== asSet(whole.flows))
      return `the parts of ${view.spec.name} are not the whole`;
    if (JSON.stringify([...of.isolated]) !== JSON.stringify([...whole.isolated]))
      return `the parts of ${view.spec.name} isolate other ports`;
    const places = new Set(of.flows.map((flow) => flowText({ ...flow, cookie: 0n, instructions: [] })));
    if (places.size !== of.flows.length) return `two parts of ${view.spec.name} have one flow`;
  }
  return undefined;
}

function firstFault(
  steps: readonly Step[],
  compiler: Pick<Compiler, 'compile'> = new Compiler(),
): string | undefined {
  const world = new World();
  for (const one of steps) {
    world.apply(one);
    const fault = difference(compiler, world.turn());
    if (fault !== undefined) return fault;
  }
  return undefined;
}

const steps = fc.array(step, { minLength: 1, maxLength: 30, size: 'max' });

t.test('whatever happens, in whatever order', async (t) => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  t.comment(`seed ${seed}`);
  fc.assert(
    fc.property(steps, (list) => {
      const fault = firstFault(list);
      if (fault !== undefined) throw new Error(fault);
    }),
    { numRuns: 25, seed },
  );
  t.pass();
});

t.test('a compiler that overlooks a change is found out', async (t) => {
  const inner = new Compiler();
  let last: CompileInput | undefined;
  // It does not see what becomes of instances.
  const blind = {
    compile(input: CompileInput): Compiled {
      const instances = last?.facts.instances ?? input.facts.instances;
      last = { ...input, facts: { ...input.facts, instances } };
      return inner.compile(last);
    },
  };
  const chained: Step[] = [
    { do: 'subscriber', n: 0, at: 's1', plan: 'gold', port: 0, gone: false },
    { do: 'chain', n: 0, by: 'gold', hops: ['own'], service: false, gone: false },
    { do: 'health', n: 1, ready: true },
  ];
  t.equal(firstFault(chained), undefined);
  t.match(firstFault(chained, blind), /grown/);
});

t.test('what nothing has changed on is the same object', async (t) => {
  const world = new World();
  const compiler = new Compiler();
  for (const n of [0, 1, 2])
    world.apply({ do: 'subscriber', n, at: 's1', plan: 'gold', port: 0, gone: false });
  world.apply({ do: 'chain', n: 0, by: 'gold', hops: ['edge'], service: false, gone: false });
  const first = compiler.compile(world.turn());
  t.equal(compiler.compile(world.turn()).switches.get(dpidOf('s1')), first.switches.get(dpidOf('s1')));
  world.apply({ do: 'subscriber', n: 3, at: 's1', plan: 'gold', port: 0, gone: false });
  const second = compiler.compile(world.turn());
  const [before, after] = [first, second].map(({ switches }) => switches.get(dpidOf('s1'))?.parts);
  const changed = [...(after?.keys() ?? [])].filter((key) => before?.get(key) !== after?.get(key));
  t.strictSame(changed, ['subscriber n3'], 'and one subscriber more is one part more');
});
