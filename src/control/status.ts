/** What is said of a chain, from what is decided and what is so. Pure. */
import { switchesOf } from '../compiler/legs.ts';
import { remembering } from '../compiler/remembered.ts';
import type { Topology } from '../compiler/route.ts';
import { selectedBy } from '../compiler/selection.ts';
import type { Declared, Stored, SubscriberSpec } from '../model/declared.ts';
import type { Facts, InstancePhase } from '../model/facts.ts';
import type { InstanceId, Name, OwnerId, PathId } from '../model/ids.ts';
import { shownPhase } from '../model/interfaces.ts';
import type { ChainPhase, ChainStatus, ChainSwitchStatus, Condition, HopStatus } from '../model/status.ts';
import { memberKey, type PathRecord, type Steering, sleepersOf, stationOf } from '../model/steering.ts';
import type { Installed } from './installed.ts';
import { noHost, type RouteFault, routeFault } from './routed.ts';

export type StatusInput = {
  readonly declared: Declared;
  readonly steering: Steering;
  readonly facts: Facts;
  readonly topology: Topology;
  readonly installed: Installed;
  /** Why a switch refused a path. */
  readonly rejected: ReadonlyMap<PathId, string>;
  /** The generation that was last active; undefined where none was. */
  readonly lastActive: number | undefined;
};

const live = remembering<Steering['paths'], ReadonlyMap<OwnerId, readonly PathRecord[]>>();
/** The paths that do not drain, once for all chains. */
const liveByOwner = ({ paths }: Steering): ReadonlyMap<OwnerId, readonly PathRecord[]> =>
  live(paths, '', () =>
    Map.groupBy(
      [...paths.values()].filter(({ state }) => state.phase !== 'draining'),
      ({ owner }) => owner,
    ),
  );

const carriers = remembering<Steering['members'], ReadonlyMap<PathId, number>>();
/** How many subscribers each shared path carries, once for all chains. */
const carriedBy = ({ members }: Steering): ReadonlyMap<PathId, number> =>
  carriers(members, '', () => {
    const carried = new Map<PathId, number>();
    members.forEach(({ path }) => {
      if (path !== undefined) carried.set(path, (carried.get(path) ?? 0) + 1);
    });
    return carried;
  });

export function chainStatus(chain: Stored<'chains'>, input: StatusInput): ChainStatus {
  const owner = input.steering.owners.get(chain.uid);
  const subscribers = selectedBy(chain, input.declared);
  const paths = owner === undefined ? [] : (liveByOwner(input.steering).get(owner) ?? []);
  const current = paths.filter((path) => path.state.phase === 'current');
  const carried = carriedBy(input.steering);
  const conditions = [
    subscribersReady(subscribers, input),
    pathsRouted(paths, subscribers, input),
    instancesReady(owner, paths, subscribers, input),
    flowsInstalled(chain, owner, paths, input),
  ];
  return {
    uid: chain.uid,
    phase: phaseOf(chain, conditions, paths, input),
    observedGeneration: chain.generation,
    conditions,
    switches: switchStatuses(owner, paths, input),
    paths: current.map((path) => ({
      path: path.id,
      ...(path.subscriber === undefined ? {} : { subscriber: path.subscriber }),
      subscribers: path.subscriber === undefined ? (carried.get(path.id) ?? 0) : 1,
      hops: hopsOf(path, input),
    })),
  };
}

/** In the upstream order, the taps where they are. */
function hopsOf({ hops, taps = [] }: PathRecord, { steering, facts }: StatusInput): readonly HopStatus[] {
  const shown = (
    instance: InstanceId,
    own: Pick<HopStatus, 'onFailure' | 'tap'>,
    hop?: string,
  ): HopStatus[] => {
    const record = steering.instances.get(instance);
    const fact = facts.instances.get(instance);
    if (!record) return [];
    return [
      {
        hop: hop ?? stationOf(record),
        function: record.function,
        ...own,
        instance,
        phase: shownPhase({ fact, sleeps: sleepersOf(steering).has(instance) }),
        restarts: fact?.restarts ?? 0,
        ...(fact?.problem === undefined ? {} : { problem: fact.problem }),
      },
    ];
  };
  const tapsBehind = (count: number): readonly HopStatus[] =>
    taps
      .filter(({ after }) => after === count)
      .flatMap(({ instance, hop }) => shown(instance, { tap: true }, hop));
  return [
    ...tapsBehind(0),
    ...hops.flatMap(({ instance, onFailure, shared }, i) => [
      ...shown(instance, { onFailure }, shared?.hop),
      ...tapsBehind(i + 1),
    ]),
  ];
}

function switchStatuses(
  owner: OwnerId | undefined,
  paths: readonly PathRecord[],
  { declared, facts, installed }: StatusInput,
): readonly ChainSwitchStatus[] {
  const names = [...new Set(paths.flatMap(switchesOf))].sort();
  return names.flatMap((name) => {
    const dpid = declared.switches.get(name)?.spec.dpid;
    if (dpid === undefined || owner === undefined) return [];
    const connection = facts.switches.get(dpid)?.connection ?? 'disconnected';
    return [{ switch: name, connection, confirmed: installed(owner, name) }];
  });
}

function phaseOf(
  chain: Stored<'chains'>,
  conditions: readonly Condition[],
  paths: readonly PathRecord[],
  input: StatusInput,
): ChainPhase {
  if (paths.some((path) => input.rejected.has(path.id))) return 'rejected';
  const settled = paths.every((path) => path.state.phase === 'current');
  if (settled && conditions.every((condition) => condition.status)) return 'active';
  if (input.lastActive === undefined) return 'pending';
  return input.lastActive === chain.generation ? 'degraded' : 'updating';
}

const good = (type: Condition['type'], reason: string, message: string): Condition => ({
  type,
  status: true,
  reason,
  message,
});
const bad = (type: Condition['type'], reason: string, message: string): Condition => ({
  type,
  status: false,
  reason,
  message,
});

function subscribersReady(subscribers: readonly SubscriberSpec[], input: StatusInput): Condition {
  const type = 'SubscribersReady';
  if (subscribers.length === 0)
    return good(type, 'NoneSelected', 'The chain selects no subscriber at present.');
  for (const subscriber of subscribers) {
    const fault = attachmentFault(subscriber, input);
    if (fault) return bad(type, fault.reason, fault.message);
  }
  return good(type, 'Attached', `${count(subscribers.length, 'subscriber')} attached.`);
}

/** Whether every path has a way from its subscribers over its hops to an uplink. */
function pathsRouted(
  paths: readonly PathRecord[],
  subscribers: readonly SubscriberSpec[],
  input: StatusInput,
): Condition {
  const type = 'PathsRouted';
  const largest = largestPayloads(subscribers, input);
  for (const path of paths) {
    const fault = routeFault(path, { ...input, largest });
    if (fault) return bad(type, fault.reason, fault.message);
  }
  const crossed = new Set(paths.flatMap(switchesOf));
  return good(type, 'Routed', `${count(paths.length, 'path')} over ${count(crossed.size, 'switch', 'es')}.`);
}

/** What the subscribers of a path can send, by the MTU of their ports. */
function largestPayloads(
  subscribers: readonly SubscriberSpec[],
  { declared, facts }: StatusInput,
): (path: PathRecord) => number | undefined {
  const mtuOf = ({ attachment }: SubscriberSpec): number | undefined => {
    const dpid = declared.switches.get(attachment.switch)?.spec.dpid;
    return dpid === undefined ? undefined : facts.switches.get(dpid)?.ports.get(attachment.port)?.mtu;
  };
  const bySwitch = new Map<Name, number>();
  for (const spec of subscribers) {
    const { switch: at } = spec.attachment;
    const mtu = mtuOf(spec);
    if (mtu !== undefined) bySwitch.set(at, Math.max(bySwitch.get(at) ?? 0, mtu));
  }
  return ({ switch: at, subscriber }) => {
    const alone = subscriber === undefined ? undefined : declared.subscribers.get(subscriber)?.spec;
    return alone ? mtuOf(alone) : bySwitch.get(at);
  };
}

function attachmentFault(
  { name, attachment }: SubscriberSpec,
  { declared, facts }: StatusInput,
): RouteFault | undefined {
  const spec = declared.switches.get(attachment.switch)?.spec;
  const fact = spec && facts.switches.get(spec.dpid);
  if (!fact || fact.connection === 'disconnected') {
    return {
      reason: 'SwitchDisconnected',
      message: `Switch ${attachment.switch} is not connected${fact?.problem ? `: ${fact.problem}` : '.'}`,
    };
  }
  if (fact.ports.has(attachment.port)) return undefined;
  return {
    reason: 'PortMissing',
    message: `Port ${attachment.port}, which subscriber ${name} needs, is not on switch ${attachment.switch}.`,
  };
}

/** Why one that is not ready is not on its way to it, by its phase. */
const HELD_UP: { readonly [phase in InstancePhase]?: string } = {
  backoff: 'InstanceFailed',
  waiting: 'NoRoom',
};

function instancesReady(
  owner: OwnerId | undefined,
  paths: readonly PathRecord[],
  subscribers: readonly SubscriberSpec[],
  input: StatusInput,
): Condition {
  const { steering, facts } = input;
  const type = 'InstancesReady';
  const alone = new Set(paths.map((path) => path.subscriber));
  const isServed = ({ name }: SubscriberSpec): boolean =>
    alone.has(name) ||
    (owner !== undefined && steering.members.get(memberKey(owner, name))?.path !== undefined);
  const unserved = subscribers.find((subscriber) => !isServed(subscriber));
  if (unserved) {
    const fault = noHost(unserved.attachment.switch, input);
    if (fault) return bad(type, fault.reason, fault.message);
    return bad(type, 'NotPlanned', `No path is planned for subscriber ${unserved.name} yet.`);
  }

  const sleeping = sleepersOf(steering);
  // One that a packet has just woken is no loss: nothing is lost by it, and in a moment it is there.
  const waking = new Set(
    paths
      .filter(({ demand }) => demand?.phase === 'waking')
      .flatMap(({ hops }) => hops.filter(({ onDemand }) => onDemand).map(({ instance }) => instance)),
  );
  const all = new Set(paths.flatMap((path) => path.hops.map((hop) => hop.instance)));
  const ids = [...all].filter((id) => !sleeping.has(id));
  for (const id of ids) {
    const record = steering.instances.get(id);
    const fact = facts.instances.get(id);
    if (!record) continue;
    const which = `Instance ${id} (${record.pool === undefined ? `${record.hop} of ${record.subscriber}` : `of pool ${record.pool}`})`;
    const because = fact?.problem ? `: ${fact.problem}` : '.';
    const heldUp = fact && HELD_UP[fact.phase];
    if (waking.has(id) && heldUp === undefined) continue;
    if (fact?.phase !== 'ready') {
      const reason = heldUp ?? 'InstanceStarting';
      return bad(type, reason, `${which} is ${fact?.phase ?? 'not started'}${because}`);
    }
    if (fact.revision !== record.revision) {
      return bad(type, 'ConfigPending', `${which} has not taken its newest configuration${because}`);
    }
  }
  const unready = ids.filter((id) => waking.has(id)).length;
  const ready = `${count(ids.length - unready, 'instance')} ready`;
  const rest = [
    ...(unready === 0 ? [] : [`${unready} being woken`]),
    ...(ids.length === all.size ? [] : [`${all.size - ids.length} asleep`]),
  ];
  return good(type, 'Ready', `${[ready, ...rest].join(', ')}.`);
}

function flowsInstalled(
  chain: Stored<'chains'>,
  owner: OwnerId | undefined,
  paths: readonly PathRecord[],
  input: StatusInput,
): Condition {
  const { rejected, installed } = input;
  const type = 'FlowsInstalled';
  const refused = paths.map((path) => rejected.get(path.id)).find((reason) => reason !== undefined);
  if (refused) return bad(type, 'Rejected', `A switch refused a flow: ${refused}`);
  const switches = [...new Set(paths.flatMap(switchesOf))].sort();
  const pending = switches.filter((name) => owner === undefined || !installed(owner, name));
  if (pending.length > 0) {
    if (areOnlyWaking(chain, paths, input))
      return good(type, 'Confirmed', 'Every switch has confirmed the flows; some paths fall asleep or wake.');
    const those = `${pending.slice(0, LISTED).join(', ')}${pending.length > LISTED ? ' and others' : ''}`;
    const message = `Not every switch has confirmed the flows of this generation: ${those} ${pending.length === 1 ? 'has' : 'have'} not.`;
    return bad(type, 'BarrierPending', message);
  }
  return good(type, 'Confirmed', 'Every switch has confirmed the flows of this generation.');
}

/** Switches that are named at most. */
const LISTED = 5;

/**
 * Paths on demand change their flows with what their subscribers do. A chain whose flows were confirmed once is
 * not said to be without them each time.
 */
function areOnlyWaking(
  { generation }: Stored<'chains'>,
  paths: readonly PathRecord[],
  { lastActive, declared, facts }: StatusInput,
): boolean {
  if (lastActive !== generation || !paths.some(({ demand }) => demand)) return false;
  return paths.flatMap(switchesOf).every((name) => {
    const dpid = declared.switches.get(name)?.spec.dpid;
    return dpid !== undefined && facts.switches.get(dpid)?.applied !== undefined;
  });
}

const count = (n: number, noun: string, plural = 's'): string => `${n} ${noun}${n === 1 ? '' : plural}`;
