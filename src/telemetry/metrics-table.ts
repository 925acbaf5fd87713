/**
 * Every metric of chainstitch's own, in one table: the registry, docs/metrics.md and the check of the dashboard
 * come from it. Labels have few values, all of them ours: kinds, phases, patterns of routes, names of declared
 * switches.
 */

export type MetricEntry = {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels?: readonly string[];
  /** Upper bounds of the buckets of a histogram, in seconds. */
  readonly buckets?: readonly number[];
};

const QUICK = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const SLOW = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export const METRICS = {
  chainstitch_info: { type: 'gauge', help: 'Always 1; the version is in the label.', labels: ['version'] },
  chainstitch_loop_seconds: {
    type: 'histogram',
    help: 'Time of one turn of the control loop: reading, planning, compiling, handing on.',
    buckets: QUICK,
  },
  chainstitch_compile_seconds: {
    type: 'histogram',
    help: 'Time to compile all flows and instances, a part of the turn.',
    buckets: QUICK,
  },
  chainstitch_store_write_seconds: {
    type: 'histogram',
    help: 'Time of one transaction of the store until it is on disk.',
    buckets: QUICK,
  },
  chainstitch_store_revision: {
    type: 'gauge',
    help: 'Revision of the declared objects; grows with every change of one.',
  },
  chainstitch_objects: { type: 'gauge', help: 'Declared objects.', labels: ['kind'] },
  chainstitch_chains: { type: 'gauge', help: 'Chains by phase.', labels: ['phase'] },
  chainstitch_paths: { type: 'gauge', help: 'Paths by phase: staged, current, draining.', labels: ['phase'] },
  chainstitch_instances: { type: 'gauge', help: 'Instances by phase.', labels: ['phase'] },
  chainstitch_instance_restarts: {
    type: 'gauge',
    help: 'Times that the instances that there are now were started again after they had died, summed up.',
  },
  chainstitch_instance_boot_seconds: {
    type: 'histogram',
    help: 'Time from the start of a guest until it is ready: a virtual machine on `kvm` or `tcg`, or a `process`.',
    labels: ['kind'],
    buckets: SLOW,
  },
  chainstitch_switch_sessions: {
    type: 'gauge',
    help: 'Switches that are connected, undeclared ones among them.',
  },
  chainstitch_switch_connected: {
    type: 'gauge',
    help: '1 while the switch is connected.',
    labels: ['switch'],
  },
  chainstitch_switch_in_force: {
    type: 'gauge',
    help: '1 while the switch has confirmed by a barrier all that is wanted of it now.',
    labels: ['switch'],
  },
  chainstitch_switch_flows_wanted: {
    type: 'gauge',
    help: 'Flows that the switch is to hold.',
    labels: ['switch'],
  },
  chainstitch_switch_flows_held: {
    type: 'gauge',
    help: 'Flows of ours that the switch held when it was last read, before anything was changed.',
    labels: ['switch'],
  },
  chainstitch_switch_rejections: {
    type: 'gauge',
    help: 'Owners of flows that the switch refuses.',
    labels: ['switch'],
  },
  chainstitch_switch_changes_total: {
    type: 'counter',
    help: 'Changes made to a switch: for something new (news), or to undo what somebody else did (repair).',
    labels: ['switch', 'why'],
  },
  chainstitch_bundle_seconds: {
    type: 'histogram',
    help: 'Time from the opening of a bundle to the barrier behind it.',
    labels: ['outcome'],
    buckets: QUICK,
  },
  chainstitch_packet_ins_dropped_total: {
    type: 'counter',
    help: 'Packets sent to the controller and thrown away unread, because there were too many.',
  },
  chainstitch_held_packets_total: {
    type: 'counter',
    help: 'Packets that came for a path that slept: let into it when it was awake (released), or thrown away, because there were too many or they had waited for too long (dropped).',
    labels: ['outcome'],
  },
  chainstitch_api_requests_total: {
    type: 'counter',
    help: 'Requests to the API by method, pattern of the path and status.',
    labels: ['method', 'route', 'status'],
  },
  chainstitch_api_request_seconds: {
    type: 'histogram',
    help: 'Time to answer a request, waiting for a state included.',
    labels: ['method'],
    buckets: SLOW,
  },
  chainstitch_api_waiting: { type: 'gauge', help: 'Requests that wait for a state.' },
} as const satisfies Record<string, MetricEntry>;

export type MetricName = keyof typeof METRICS;
export const METRIC_NAMES = Object.keys(METRICS) as readonly MetricName[];
