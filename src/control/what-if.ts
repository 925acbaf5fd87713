/**
 * What would come of other declarations: the same plan and the same compiler as the loop's, run until nothing moves,
 * on facts in which every instance is ready and every switch has confirmed. Pure.
 */
import { type Compiled, compile } from '../compiler/compile.ts';
import { flowText, groupText } from '../compiler/flow.ts';
import { planSteering } from '../compiler/plan.ts';
import { Topology } from '../compiler/route.ts';
import type { UnchainedTree } from '../compiler/tree.ts';
import { OFPP_MAX, portName } from '../compiler/view.ts';
import type { Declared } from '../model/declared.ts';
import type { DesiredFlow, DesiredGroup } from '../model/desired.ts';
import type { Facts, InstanceFact, PortFact, SwitchFact } from '../model/facts.ts';
import { type Dpid, type InstanceId, MAX_PATH_ID, type Mac, type OfPort } from '../model/ids.ts';
import { sameJson } from '../model/json.ts';
import type { Capacity, Plan, Planned, PlannedInstance, SwitchPlan } from '../model/plan.ts';
import { type InstanceRecord, type Steering, sleepersOf } from '../model/steering.ts';
import { chainStatus } from './status.ts';

export type WhatIfInput = {
  /** What is declared now, and what would be. */
  readonly now: Declared;
  readonly next: Declared;
  readonly steering: Steering;
  readonly facts: Facts;
  readonly interfacePrefix: string;
  readonly tree: UnchainedTree;
};

/** Flows of one switch that are listed; of more only the number is told. */
const LISTED = 1_000;
/** A plan needs two or three turns; more would be a defect, and this keeps it from hanging. */
const TURNS = 16;

export function whatIf(input: WhatIfInput): Plan {
  const before = settle(input.now, input.steering, input.facts, input);
  const after = settle(input.next, before.steering, before.facts, input);
  return {
    switches: switchPlans(input, before, after),
    instances: instancePlans(before.steering, after.steering),
    capacity: capacityOf(input, before.steering, after.steering),
    notes: notesOf(input, after),
  };
}

type Settled = { readonly steering: Steering; readonly facts: Facts; readonly compiled: Compiled };

function settle(
  declared: Declared,
  from: Steering,
  facts: Facts,
  { interfacePrefix, tree }: Pick<WhatIfInput, 'interfacePrefix' | 'tree'>,
): Settled {
  let steering = from;
  for (let turn = 0; turn < TURNS; turn++) {
    const next = planSteering({
      declared,
      steering,
      instances: allReady(steering),
      settled: true,
      confirmed: new Set(steering.paths.keys()),
      left: new Set(steering.paths.keys()),
      now: Number.MAX_SAFE_INTEGER,
      drainTime: 0,
      topology: joinedAsNow(declared, facts),
    });
    if (next === steering) break;
    steering = next;
  }
  const assumed: Facts = {
    ...facts,
    switches: withPorts(declared, steering, facts, interfacePrefix),
    instances: allReady(steering),
  };
  const compiled = compile({
    declared,
    steering,
    facts: assumed,
    interfacePrefix,
    rejected: new Set(),
    tree,
  });
  return { steering, facts: assumed, compiled };
}

const joinedAsNow = (declared: Declared, facts: Facts): Topology =>
  new Topology({ declared, facts, isGuarded: () => true });

/** Every instance that is to run. */
const running = (steering: Steering): readonly InstanceRecord[] =>
  [...steering.instances.values()].filter(({ id }) => !sleepersOf(steering).has(id));

function allReady(steering: Steering): ReadonlyMap<InstanceId, InstanceFact> {
  const ports = { left: '', right: '' };
  return new Map(
    running(steering).map(({ id, revision }) => [id, { id, phase: 'ready', revision, ports, restarts: 0 }]),
  );
}

/** The facts with a port for every instance that has none yet, under the next free numbers of its switch. */
function withPorts(
  declared: Declared,
  steering: Steering,
  facts: Facts,
  prefix: string,
): ReadonlyMap<Dpid, SwitchFact> {
  const switches = new Map(facts.switches);
  for (const record of running(steering)) {
    const dpid = declared.switches.get(record.switch)?.spec.dpid;
    const fact = dpid === undefined ? undefined : switches.get(dpid);
    if (dpid === undefined || fact === undefined || fact.ports.size === 0 || record.external) continue;
    const ports = new Map(fact.ports);
    for (const side of ['left', 'right'] as const) {
      const name = portName(prefix, record.id, side);
      if (!ports.has(name)) ports.set(name, assumedPort(name, ports));
    }
    if (ports.size > fact.ports.size) switches.set(dpid, { ...fact, ports });
  }
  return switches;
}

function assumedPort(name: string, ports: ReadonlyMap<string, PortFact>): PortFact {
  const used = [...ports.values()].map(({ ofport }) => ofport).filter((ofport) => ofport < OFPP_MAX);
  const ofport = (Math.max(0, ...used) + 1) as OfPort;
  return { name, ofport, mac: '00:00:00:00:00:00' as Mac, linkUp: true };
}

function switchPlans(
  { next, now, facts }: WhatIfInput,
  before: Settled,
  after: Settled,
): readonly SwitchPlan[] {
  const specs = [...new Map([...now.switches, ...next.switches]).values()].map(({ spec }) => spec);
  return specs.flatMap(({ name, dpid }): SwitchPlan[] => {
    const old = before.compiled.switches.get(dpid);
    const wanted = after.compiled.switches.get(dpid);
    const flows = difference(old?.flows ?? [], wanted?.flows ?? [], keyOf, flowText);
    const groups = difference(old?.groups ?? [], wanted?.groups ?? [], numberOf, groupText);
    const differences = countOf(flows) + countOf(groups);
    if (differences === 0) return [];
    const known = facts.switches.get(dpid)?.ports;
    const assumed = [...(after.facts.switches.get(dpid)?.ports.values() ?? [])].filter(
      ({ name: port }) => known?.has(port) !== true,
    );
    return [
      {
        switch: name,
        flows: listed(flows),
        groups: listed(groups),
        total: { before: old?.flows.length ?? 0, after: wanted?.flows.length ?? 0 },
        differences,
        assumedPorts: assumed.map(({ name: port, ofport }) => ({ name: port, ofport })),
      },
    ];
  });
}

const countOf = ({ added, changed, removed }: Planned): number =>
  added.length + changed.length + removed.length;

const listed = ({ added, changed, removed }: Planned): Planned => ({
  added: added.slice(0, LISTED),
  changed: changed.slice(0, LISTED),
  removed: removed.slice(0, LISTED),
});

function difference<T>(
  old: readonly T[],
  wanted: readonly T[],
  keyOf: (one: T) => string | number,
  text: (one: T) => string,
): Planned {
  const before = new Map(old.map((one) => [keyOf(one), text(one)]));
  const added: string[] = [];
  const changed: { from: string; to: string }[] = [];
  for (const one of wanted) {
    const key = keyOf(one);
    const from = before.get(key);
    const to = text(one);
    before.delete(key);
    if (from === undefined) added.push(to);
    else if (from !== to) changed.push({ from, to });
  }
  return { added, changed, removed: [...before.values()] };
}

/** A switch has one flow at most for a table, a priority and a match (OpenFlow 1.5.1, section 6.4). */
const keyOf = (flow: DesiredFlow): string => flowText({ ...flow, cookie: 0n, instructions: [] });

const numberOf = ({ group }: DesiredGroup): number => group;

function capacityOf({ now, next }: WhatIfInput, before: Steering, after: Steering): Capacity {
  const memory = ({ functions }: Declared, { instances }: Steering): number =>
    [...instances.values()].reduce(
      (sum, record) => sum + (functions.get(record.function)?.spec.memoryMiB ?? 0),
      0,
    );
  const own = ({ functions }: Declared, { instances }: Steering): number =>
    [...instances.values()].filter((record) => functions.get(record.function)?.spec.memoryMiB !== undefined)
      .length;
  return {
    instances: { before: own(now, before), after: own(next, after) },
    memoryMiB: { before: memory(now, before), after: memory(next, after) },
    paths: { before: before.paths.size, after: after.paths.size, most: MAX_PATH_ID },
  };
}

function instancePlans(before: Steering, after: Steering): Plan['instances'] {
  const show = (record: InstanceRecord): PlannedInstance => ({
    id: record.id,
    function: record.function,
    for: record.pool === undefined ? `${record.hop} of ${record.subscriber}` : `pool ${record.pool}`,
  });
  const missing = (from: Steering, other: Steering): readonly PlannedInstance[] => {
    const there = new Set(running(other).map(({ id }) => id));
    return running(from)
      .filter(({ id }) => !there.has(id))
      .map(show);
  };
  const isReconfigured = (record: InstanceRecord): boolean => {
    const old = before.instances.get(record.id);
    return old !== undefined && !sameJson(old.config, record.config);
  };
  return {
    start: missing(after, before),
    stop: missing(before, after),
    reconfigure: [...after.instances.values()].filter(isReconfigured).map(show),
  };
}

/** What keeps chains from being in force that are new or different, as their status would say it. */
function notesOf({ now, next, facts }: WhatIfInput, after: Settled): readonly string[] {
  const notes = new Set<string>();
  for (const { spec } of next.switches.values()) {
    const ports = facts.switches.get(spec.dpid)?.ports;
    if (ports !== undefined && ports.size > 0) continue;
    notes.add(`The ports of switch ${spec.name} are not known, so its flows cannot be foretold.`);
  }
  for (const chain of next.chains.values()) {
    if (now.chains.get(chain.spec.name) === chain) continue;
    const { conditions } = chainStatus(chain, {
      declared: next,
      steering: after.steering,
      facts: after.facts,
      topology: joinedAsNow(next, facts),
      installed: () => true,
      rejected: new Map(),
      lastActive: undefined,
    });
    for (const { status, message } of conditions) if (!status) notes.add(message);
  }
  return [...notes].slice(0, LISTED);
}
