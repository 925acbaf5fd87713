/** What is said of the ways of paths. Pure. */
import { crossingsOf, isRouted, type RoutedPath, stopsOf, switchesBetween } from '../compiler/legs.ts';
import type { Topology } from '../compiler/route.ts';
import type { Attachment, Declared } from '../model/declared.ts';
import type { Facts } from '../model/facts.ts';
import type { Name } from '../model/ids.ts';
import { type PathRecord, type Steering, stationOf } from '../model/steering.ts';

export type RouteFault = { readonly reason: string; readonly message: string };
export type RouteInput = {
  readonly declared: Declared;
  readonly steering: Steering;
  readonly facts: Facts;
  readonly topology: Topology;
  /** Bytes of the largest payload that the subscribers of a path can send; absent where that is not known. */
  readonly largest?: (path: PathRecord) => number | undefined;
};

/** Why frames of a path do not reach its end; undefined if they do. */
export function routeFault(path: PathRecord, input: RouteInput): RouteFault | undefined {
  const { declared, facts, topology } = input;
  if (!isRouted(path)) return noRoute(path, input);
  const uplink = declared.uplinks.get(path.route.uplink)?.spec.attachment;
  if (topology.standing(path) === 'lost') {
    const lost = topology.faultsOf(path).find(({ standing }) => standing === 'lost')?.crossing;
    const what = lost
      ? `The link between ${place(lost.from)} and ${place(lost.to)}`
      : `Uplink ${path.route.uplink} of chain ${path.chain}`;
    return { reason: 'LinkLost', message: `${what} is gone, and ${otherWay(path, input)}` };
  }
  const at = uplink && declared.switches.get(uplink.switch)?.spec.dpid;
  const ports = at === undefined ? undefined : facts.switches.get(at)?.ports;
  if (uplink && ports && ports.size > 0 && !ports.has(uplink.port)) {
    return {
      reason: 'PortMissing',
      message: `Port ${uplink.port}, which uplink ${path.route.uplink} needs, is not on switch ${uplink.switch}.`,
    };
  }
  return hopLeftOut(path, input) ?? tapAside(path, input) ?? tooSmall(path, uplink, input);
}

/** A hop that fails open is passed over also where no links lead to it. */
function hopLeftOut(path: RoutedPath, input: RouteInput): RouteFault | undefined {
  if (path.hops.length === 0) return undefined;
  const stops = stopsOf(path);
  for (const [i, { instance, shared }] of path.hops.entries()) {
    const at = input.steering.instances.get(instance)?.switch;
    if (at === undefined || at === stops[i + 1]) continue;
    return {
      reason: 'HopUnreachable',
      message: `Hop ${shared?.hop ?? instance} of chain ${path.chain} is passed over: it is at switch ${at}, and no links lead there from switch ${path.switch}${suspects([at], input)}.`,
    };
  }
  return undefined;
}

/** A tap gets copies where the path passes its switch. */
function tapAside(path: RoutedPath, { steering }: RouteInput): RouteFault | undefined {
  for (const { instance, hop, after } of path.taps ?? []) {
    const at = steering.instances.get(instance)?.switch;
    const passed = switchesBetween(path, after);
    if (at === undefined || passed.includes(at)) continue;
    return {
      reason: 'TapAside',
      message: `Tap ${hop} of chain ${path.chain} is at switch ${at}, and at its place between the hops the chain passes ${passed.join(', ')}: let it be at one of these.`,
    };
  }
  return undefined;
}

/** Bytes that an Ethernet port carries if it does not say otherwise (IEEE 802.3, clause 4A.4.2). */
const USUAL_MTU = 1500;
/** Of one VLAN tag (IEEE 802.1Q, clause 9.3). */
const TAG_BYTES = 4;

/**
 * The largest frames of a path have to fit at all of its ports. What is compared is payload: a port takes one VLAN tag
 * besides (IEEE 802.3, clause 3.2.7), so the label of a link needs nothing, but a tag of the subscriber's own
 * beneath it does.
 */
function tooSmall(
  path: RoutedPath,
  uplink: Attachment | undefined,
  { declared, steering, facts, largest }: RouteInput,
): RouteFault | undefined {
  const mtuAt = (at: Attachment | undefined): number | undefined => {
    const dpid = at && declared.switches.get(at.switch)?.spec.dpid;
    return dpid === undefined || !at ? undefined : facts.switches.get(dpid)?.ports.get(at.port)?.mtu;
  };
  const payload = Math.min(largest?.(path) ?? USUAL_MTU, mtuAt(uplink) ?? USUAL_MTU);
  const isTagged = declared.chains.get(path.chain)?.spec.service?.some(({ vlan }) => vlan !== undefined);
  const onLink = payload + (isTagged ? TAG_BYTES : 0);
  for (const { from, to } of crossingsOf(path)) {
    const mtu = Math.min(mtuAt(from) ?? onLink, mtuAt(to) ?? onLink);
    if (mtu >= onLink) continue;
    const tags = isTagged ? " with the subscriber's VLAN tag" : '';
    return {
      reason: 'MtuTooSmall',
      message: `The link between ${place(from)} and ${place(to)} takes ${mtu} bytes beside a label, and frames of chain ${path.chain} have up to ${onLink}${tags}: raise the link's MTU, or lower that of the subscriber's port or the uplink's.`,
    };
  }
  // Instances take what is usual.
  if (payload <= USUAL_MTU) return undefined;
  for (const { instance } of path.hops) {
    const at = steering.instances.get(instance)?.switch;
    const { left, right } = facts.instances.get(instance)?.ports ?? {};
    for (const port of [left, right]) {
      const mtu = at === undefined || port === undefined ? undefined : mtuAt({ switch: at, port });
      if (mtu === undefined || mtu >= payload) continue;
      return {
        reason: 'MtuTooSmall',
        message: `Port ${port} of instance ${instance} takes ${mtu} bytes, and frames of chain ${path.chain} have up to ${payload}: lower the MTU of the subscriber's port or the uplink's.`,
      };
    }
  }
  return undefined;
}

const place = ({ switch: at, port }: Attachment): string => `port ${port} of switch ${at}`;

/** What keeps a path from going another way. */
function otherWay(path: PathRecord, input: RouteInput): string {
  const fault = unreachable(path, input);
  return fault === undefined ? 'another way is being made ready.' : `there is no other way: ${fault}`;
}

function noRoute(path: PathRecord, input: RouteInput): RouteFault {
  const { switch: entry, chain } = path;
  if (input.declared.uplinks.size === 0)
    return {
      reason: 'NoUplink',
      message: `Switch ${entry} has no uplink; declare one, there or on another switch.`,
    };
  const fault = unreachable(path, input);
  if (fault !== undefined) return { reason: 'NoRoute', message: `Chain ${chain} has no way: ${fault}` };
  return {
    reason: 'LabelsExhausted',
    message: `All labels of a link on the way of chain ${chain} from switch ${entry} are taken; more links, or fewer paths over it, would help.`,
  };
}

/** The first switch on a path that no links lead to; undefined where they do to all. */
function unreachable({ switch: entry, hops }: PathRecord, input: RouteInput): string | undefined {
  const { declared, steering, topology } = input;
  const reached = topology.waysFrom(entry);
  for (const { instance, onFailure } of hops) {
    const record = steering.instances.get(instance);
    // A subscriber's own instance can be made elsewhere, and one that fails open is passed over.
    if (!record || record.pool === undefined || onFailure === 'open' || reached.has(record.switch)) continue;
    const what = `switch ${record.switch}, where instance ${instance} of pool ${stationOf(record)} is`;
    return `no links lead from switch ${entry} to ${what}${suspects([record.switch], input)}.`;
  }
  const uplinks = [...declared.uplinks.values()].map(({ spec }) => spec.attachment.switch).sort();
  if (uplinks.some((at) => reached.has(at))) return undefined;
  return `no links lead from switch ${entry} to one with an uplink (${uplinks.join(', ')})${suspects(uplinks, input)}.`;
}

/** Why there is nowhere for instances of a switch's subscribers to run; undefined where there is. */
export function noHost(entry: Name, input: RouteInput): RouteFault | undefined {
  const { declared, topology } = input;
  if (topology.hostFor(entry) !== undefined) return undefined;
  const hosts = [...declared.switches.values()].flatMap(({ spec }) =>
    spec.hostsInstances === false ? [] : [spec.name],
  );
  if (hosts.length === 0)
    return {
      reason: 'NoHost',
      message: 'Instances are to run at no switch: all say `hostsInstances: false`.',
    };
  return {
    reason: 'NoHost',
    message: `No links lead from switch ${entry}, where no instances run, to one where they do (${hosts.sort().join(', ')})${suspects(hosts, input)}.`,
  };
}

/** Listed of what may be at fault; all of a large network would help nobody. */
const LISTED = 5;

/** What is not as it should be, and might lead there if it were. */
function suspects(wanted: readonly Name[], { declared, facts }: RouteInput): string {
  const names = new Map([...declared.switches.values()].map(({ spec }) => [spec.dpid, spec.name]));
  const away = [...names].filter(([dpid]) => facts.switches.get(dpid)?.connection !== 'connected');
  const links = facts.links.filter(({ state }) => state !== 'up');
  const said = [
    ...away
      .map(([, name]) => name)
      .sort((a, b) => Number(wanted.includes(b)) - Number(wanted.includes(a)) || (a < b ? -1 : 1))
      .map((name) => `switch ${name} is not connected`),
    ...links.map(({ a, b, state }) => {
      const [from, to] = [a, b].map(({ dpid, port }) => `${names.get(dpid) ?? dpid}/${port}`);
      return `the link ${from} to ${to} is ${state === 'oneWay' ? 'seen in one direction only' : 'stale'}`;
    }),
  ];
  return said.length === 0 ? '' : `; ${said.slice(0, LISTED).join(', ')}`;
}
