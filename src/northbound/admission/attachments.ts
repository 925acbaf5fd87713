/**
 * Switches, uplinks and subscribers: who is where, and told apart how.
 */
import type { SubscriberSpec, SwitchSpec, UplinkSpec } from '../../model/declared.ts';
import { selects } from '../../model/hops.ts';
import type { Name } from '../../model/ids.ts';
import { ipv4Objection, ipv6Objection } from '../addresses.ts';
import { contentionOf } from './services.ts';
import { type Objections, objectsOf, othersOf, requireSwitch, uplinkOf, type World } from './world.ts';

export function admitSwitch(world: World, spec: SwitchSpec, objections: Objections): void {
  for (const other of othersOf(world, 'switches', spec.name)) {
    if (other.dpid === spec.dpid)
      objections.add('conflict', '/dpid', `switch ${other.name} has this datapath id`);
  }
}

export function admitUplink(world: World, spec: UplinkSpec, objections: Objections): void {
  const { attachment } = spec;
  requireSwitch(world, attachment.switch, '/attachment/switch', objections);
  for (const other of othersOf(world, 'uplinks', spec.name)) {
    if (other.attachment.switch !== attachment.switch) continue;
    objections.add(
      'conflict',
      '/attachment/switch',
      `uplink ${other.name} is on this switch, and a switch has one`,
    );
  }
  for (const { spec: subscriber } of objectsOf(world, 'subscribers').values()) {
    if (!isSamePlace(subscriber.attachment, attachment)) continue;
    objections.add('conflict', '/attachment/port', `subscriber ${subscriber.name} is attached to this port`);
  }
  const before = world.declared.uplinks.get(spec.name)?.spec;
  if (before !== undefined && before.attachment.switch !== attachment.switch) {
    for (const { chain, subscriber } of chainsThatNeedUplinkOf(world, before.attachment.switch)) {
      const where = before.attachment.switch;
      objections.add(
        'conflict',
        '/attachment/switch',
        `chain ${chain} needs the uplink of ${where} for ${subscriber}`,
      );
    }
  }
}

export function admitSubscriber(world: World, spec: SubscriberSpec, objections: Objections): void {
  const { attachment } = spec;
  requireSwitch(world, attachment.switch, '/attachment/switch', objections);
  checkAddresses(spec, objections);
  for (const { spec: uplink } of objectsOf(world, 'uplinks').values()) {
    if (!isSamePlace(uplink.attachment, attachment)) continue;
    objections.add('conflict', '/attachment/port', `uplink ${uplink.name} is on this port`);
  }
  for (const other of othersOf(world, 'subscribers', spec.name)) {
    if (other.attachment.switch !== attachment.switch) continue;
    // All that comes in at a port is its subscriber's, so it can have only one.
    if (isSamePlace(other.attachment, attachment))
      objections.add('conflict', '/attachment/port', `subscriber ${other.name} is attached to this port`);
    checkTellsApart(spec, other, objections);
  }
  checkChains(world, spec, objections);
}

/** Chains that name a subscriber on this switch, and the first that each names. */
export function* chainsThatNeedUplinkOf(
  world: World,
  switchName: Name,
): Generator<{ readonly chain: Name; readonly subscriber: Name }> {
  for (const { spec } of objectsOf(world, 'chains').values()) {
    const subscriber = spec.subscribers?.find(
      (name) => world.declared.subscribers.get(name)?.spec.attachment.switch === switchName,
    );
    if (subscriber !== undefined) yield { chain: spec.name, subscriber };
  }
}

function checkAddresses(spec: SubscriberSpec, objections: Objections): void {
  if (spec.mac === '00:00:00:00:00:00') objections.add('invalid-body', '/mac', 'is no address of a device');
  for (const [index, address] of (spec.ipv4 ?? []).entries()) {
    const objection = ipv4Objection(address);
    if (objection !== undefined) objections.add('invalid-body', `/ipv4/${index}`, objection);
  }
  for (const [index, address] of (spec.ipv6 ?? []).entries()) {
    const objection = ipv6Objection(address);
    if (objection !== undefined) objections.add('invalid-body', `/ipv6/${index}`, objection);
  }
}

/** What comes down from the uplink is told apart by its addresses alone, whatever the ports are. */
function checkTellsApart(spec: SubscriberSpec, other: SubscriberSpec, objections: Objections): void {
  if (other.mac === spec.mac)
    objections.add('conflict', '/mac', `subscriber ${other.name} of this switch has it`);
  for (const family of ['ipv4', 'ipv6'] as const) {
    const theirs: readonly string[] = other[family] ?? [];
    for (const [index, address] of (spec[family] ?? []).entries()) {
      if (!theirs.includes(address)) continue;
      objections.add('conflict', `/${family}/${index}`, `subscriber ${other.name} of this switch has it`);
    }
  }
}

function checkChains(world: World, spec: SubscriberSpec, objections: Objections): void {
  const chains = [...objectsOf(world, 'chains').values()]
    .map((chain) => chain.spec)
    .filter((chain) => selects(chain, spec));
  for (const [index, chain] of chains.entries()) {
    for (const other of chains.slice(0, index)) {
      if (contentionOf(chain, other) === undefined) continue;
      const why = 'which can want the same frames; give one another `priority`, or a `service` that differs';
      objections.add(
        'conflict',
        '/labels',
        `it would be in the chains ${other.name} and ${chain.name}, ${why}`,
      );
    }
  }
  const naming = chains.find((chain) => chain.subscribers !== undefined);
  if (naming !== undefined && uplinkOf(world, spec.attachment.switch) === undefined) {
    const detail = `chain ${naming.name} names it, and ${spec.attachment.switch} has no uplink; declare one first`;
    objections.add('conflict', '/attachment/switch', detail);
  }
}

function isSamePlace(a: UplinkSpec['attachment'], b: UplinkSpec['attachment']): boolean {
  return a.switch === b.switch && a.port === b.port;
}
