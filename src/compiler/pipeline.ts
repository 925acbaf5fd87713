/**
 * The flow tables as one constant: what each is for, what may be matched in it, where a frame may go from
 * it, and what a miss does. The table builders, `explain`, the tests and docs/pipeline.md all read it here.
 */

export type TableSpec = {
  readonly id: number;
  readonly does: string;
  /** The fields that a flow of this table may match, by their ovs-ofctl names. */
  readonly matches: readonly string[];
  /** The tables that a flow of this table may send a frame on to. */
  readonly goesTo: readonly TableName[];
  /** What happens to a frame that no flow matches; `declared` is what the switch declares for such traffic. */
  readonly miss: 'drop' | 'declared' | TableName;
};
export type TableName = 'ingress' | 'classify' | 'steer' | 'unchained' | 'egress' | 'deliver' | 'passed';

export const PIPELINE = {
  ingress: {
    id: 0,
    does: 'Tells by the port where a frame comes from: an instance or another switch, which puts it back at its place on its path, or the outside; a tag tells paths apart that share the instance or the link',
    matches: ['in_port', 'vlan_vid', 'eth_dst', 'eth_type'],
    goesTo: ['classify', 'steer'],
    miss: 'drop',
  },
  classify: {
    id: 1,
    does: "Finds whose a frame is and which of that subscriber's chains it belongs to, once: upstream by the subscriber's port, downstream by identity at the uplink",
    matches: [
      'in_port',
      'eth_dst',
      'eth_type',
      'arp_tpa',
      'nw_proto',
      'icmpv6_type',
      'nd_target',
      'vlan_vid',
      'ip_dscp',
      'ip_src',
      'ip_dst',
      'ipv6_src',
      'ipv6_dst',
      'tcp_src',
      'tcp_dst',
      'udp_src',
      'udp_dst',
      'sctp_src',
      'sctp_dst',
      'ip_frag',
    ],
    goesTo: ['steer', 'unchained', 'egress'],
    miss: 'unchained',
  },
  steer: {
    id: 2,
    does: 'Picks the next hop from the path, the direction and the service index',
    matches: ['metadata'],
    goesTo: ['egress', 'deliver'],
    miss: 'drop',
  },
  unchained: {
    id: 3,
    does: "Treats traffic that no chain owns by the switch's declared default, but keeps it off chained subscribers and instances",
    matches: ['eth_dst', 'vlan_vid'],
    goesTo: [],
    miss: 'declared',
  },
  egress: {
    id: 4,
    does: 'Maps a next hop to the port that it is at now, by a group where the switch is to see whether it is live',
    matches: ['metadata', 'in_port'],
    goesTo: ['passed'],
    miss: 'drop',
  },
  deliver: {
    id: 5,
    does: 'Ends a path that many share: what has come down it goes to the subscriber of that path that it is for',
    matches: ['metadata', 'eth_dst', 'eth_type', 'arp_tpa', 'nw_proto', 'icmpv6_type', 'nd_target'],
    goesTo: [],
    miss: 'drop',
  },
  passed: {
    id: 6,
    does: 'Takes what cannot go into an instance whose port is not live past a hop that fails open, and submits it to `steer` anew',
    matches: ['metadata'],
    goesTo: [],
    miss: 'drop',
  },
} as const satisfies Record<TableName, TableSpec>;

export const TABLE_NAMES = Object.keys(PIPELINE) as readonly TableName[];

export const tableName = (id: number): TableName | undefined =>
  TABLE_NAMES.find((name) => PIPELINE[name].id === id);

/** Priorities, the same in every table: a guard goes before the exact, the exact before the wide, the last before a miss. */
export const PRIORITY = { guard: 300, exact: 200, wide: 100, last: 50, miss: 0 } as const;

/** Before all services: an address that a function is known by at the uplink is its own and nobody else's. */
export const EXTERNAL_PRIORITY = 3000;

/**
 * Where chains for services stand, in the order of their own priorities (0 to 999): before all that is for
 * whole subscribers. Each has two: the lower is for fragments of which no match says whose they are.
 */
export const SERVICE_PRIORITY = { lowest: 1000, highest: 2999 } as const;
export const servicePriority = (priority: number) => {
  const fragments = SERVICE_PRIORITY.lowest + 2 * priority;
  return { fragments, matches: fragments + 1 };
};
