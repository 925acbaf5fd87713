/**
 * Metrics for Prometheus. What is told (`Meters`) is counted at once; what can be read is read when somebody asks,
 * so that a gauge is never older than the answer that it stands in.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type Declared, KINDS } from '../model/declared.ts';
import type { DesiredSwitch } from '../model/desired.ts';
import { INSTANCE_PHASES, type SwitchFact } from '../model/facts.ts';
import type { Dpid, Name } from '../model/ids.ts';
import { type InstanceView, shownPhase } from '../model/interfaces.ts';
import type { Meters } from '../model/meters.ts';
import type { ChainStatus } from '../model/status.ts';
import type { Steering } from '../model/steering.ts';
import { METRIC_NAMES, METRICS, type MetricEntry, type MetricName } from './metrics-table.ts';

/** What is read when somebody asks. */
export type Observed = {
  readonly declared: Declared;
  readonly steering: Steering;
  readonly chains: (name: Name) => ChainStatus | undefined;
  readonly instances: readonly InstanceView[];
  readonly switches: ReadonlyMap<Dpid, SwitchFact>;
  readonly desired: readonly DesiredSwitch[];
  readonly waiting: number;
};

export type Metrics = {
  readonly meters: Meters;
  /** From now on gauges are read from there. */
  observe(read: () => Observed): void;
  /** In the text format of Prometheus 0.0.4. */
  expose(): Promise<{ readonly contentType: string; readonly text: string }>;
  readonly registry: Registry;
};

type NamesOf<T extends MetricEntry['type']> = {
  [N in MetricName]: (typeof METRICS)[N]['type'] extends T ? N : never;
}[MetricName];

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const CHAIN_PHASES = ['pending', 'active', 'updating', 'degraded', 'rejected'] as const;
const PATH_PHASES = ['staged', 'current', 'draining'] as const;
const PHASES = [...INSTANCE_PHASES, 'asleep', 'unknown'] as const;

export function createMetrics({ version }: { readonly version: string }): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const made = new Map<MetricName, Counter | Gauge | Histogram>();
  for (const name of METRIC_NAMES) made.set(name, make(name, METRICS[name], registry));
  const counter = (name: NamesOf<'counter'>): Counter => made.get(name) as Counter;
  const gauge = (name: NamesOf<'gauge'>): Gauge => made.get(name) as Gauge;
  const histogram = (name: NamesOf<'histogram'>): Histogram => made.get(name) as Histogram;

  let read: (() => Observed) | undefined;
  /** Flows of ours at the last look. Only declared switches are ever shown. */
  const held = new Map<Dpid, number>();
  const changes = new Map<Dpid, { news: number; repair: number }>();
  gauge('chainstitch_info').set({ version }, 1);

  const meters: Meters = {
    turned({ all, compile }) {
      histogram('chainstitch_loop_seconds').observe(all / 1000);
      histogram('chainstitch_compile_seconds').observe(compile / 1000);
    },
    stored: (ms) => histogram('chainstitch_store_write_seconds').observe(ms / 1000),
    answered({ method, route, status, ms }) {
      const known = METHODS.has(method) ? method : 'other';
      counter('chainstitch_api_requests_total').inc({ method: known, route, status: String(status) });
      histogram('chainstitch_api_request_seconds').observe({ method: known }, ms / 1000);
    },
    looked(dpid, { held: count, changes: made, why }) {
      held.set(dpid, count);
      const before = changes.get(dpid) ?? { news: 0, repair: 0 };
      changes.set(dpid, { ...before, [why]: before[why] + made });
    },
    bundled: (ms, outcome) => histogram('chainstitch_bundle_seconds').observe({ outcome }, ms / 1000),
    packetInsDropped: (count) => counter('chainstitch_packet_ins_dropped_total').inc(count),
    held(released, dropped) {
      counter('chainstitch_held_packets_total').inc({ outcome: 'released' }, released);
      counter('chainstitch_held_packets_total').inc({ outcome: 'dropped' }, dropped);
    },
    booted: (ms, kind) => histogram('chainstitch_instance_boot_seconds').observe({ kind }, ms / 1000),
  };

  /** Sets every gauge anew, so that nothing stays of what is gone. */
  function refresh(observed: Observed): void {
    const { declared, steering, instances, desired } = observed;
    gauge('chainstitch_store_revision').set(declared.revision);
    for (const kind of KINDS) gauge('chainstitch_objects').set({ kind }, declared[kind].size);
    const phases = [...declared.chains.keys()].map((name) => observed.chains(name)?.phase ?? 'pending');
    setCounts(gauge('chainstitch_chains'), CHAIN_PHASES, phases);
    const paths = [...steering.paths.values()].map(({ state }) => state.phase);
    setCounts(gauge('chainstitch_paths'), PATH_PHASES, paths);
    const states = instances.map(shownPhase);
    setCounts(gauge('chainstitch_instances'), PHASES, states);
    const restarts = instances.reduce((sum, { fact }) => sum + (fact?.restarts ?? 0), 0);
    gauge('chainstitch_instance_restarts').set(restarts);
    gauge('chainstitch_api_waiting').set(observed.waiting);
    const connected = [...observed.switches.values()].filter(({ connection }) => connection === 'connected');
    gauge('chainstitch_switch_sessions').set(connected.length);
    refreshSwitches(observed, new Map(desired.map((one) => [one.dpid, one])));
  }

  function refreshSwitches(
    { declared, switches }: Observed,
    desired: ReadonlyMap<Dpid, DesiredSwitch>,
  ): void {
    for (const name of METRIC_NAMES) {
      const labels: readonly string[] = (METRICS[name] as MetricEntry).labels ?? [];
      if (labels.includes('switch')) made.get(name)?.reset();
    }
    const dpids = new Set<Dpid>();
    for (const { spec } of declared.switches.values()) {
      const label = { switch: spec.name };
      const fact = switches.get(spec.dpid);
      const wanted = desired.get(spec.dpid);
      const isInForce = wanted !== undefined && fact?.applied?.digest === wanted.digest;
      dpids.add(spec.dpid);
      gauge('chainstitch_switch_connected').set(label, fact?.connection === 'connected' ? 1 : 0);
      gauge('chainstitch_switch_in_force').set(label, isInForce ? 1 : 0);
      gauge('chainstitch_switch_flows_wanted').set(label, wanted?.flows.length ?? 0);
      gauge('chainstitch_switch_flows_held').set(label, held.get(spec.dpid) ?? 0);
      gauge('chainstitch_switch_rejections').set(label, fact?.rejections.length ?? 0);
      const count = changes.get(spec.dpid) ?? { news: 0, repair: 0 };
      for (const why of ['news', 'repair'] as const) {
        counter('chainstitch_switch_changes_total').inc({ ...label, why }, count[why]);
      }
    }
    for (const dpid of held.keys()) if (!dpids.has(dpid)) held.delete(dpid);
    for (const dpid of changes.keys()) if (!dpids.has(dpid)) changes.delete(dpid);
  }

  return {
    meters,
    observe(from) {
      read = from;
    },
    async expose() {
      if (read !== undefined) refresh(read());
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
    registry,
  };
}

function make(name: MetricName, entry: MetricEntry, registry: Registry): Counter | Gauge | Histogram {
  const { help, labels = [], buckets = [] } = entry;
  const common = { name, help, labelNames: [...labels], registers: [registry] };
  switch (entry.type) {
    case 'counter':
      return new Counter(common);
    case 'gauge':
      return new Gauge(common);
    case 'histogram':
      return new Histogram({ ...common, buckets: [...buckets] });
  }
}

/** Every value that there may be, those that nothing is in among them: a line that vanishes looks like a fault. */
function setCounts(gauge: Gauge, values: readonly string[], found: readonly string[]): void {
  for (const phase of values) gauge.set({ phase }, found.filter((one) => one === phase).length);
}
