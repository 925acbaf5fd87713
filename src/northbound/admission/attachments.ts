/**
 * Switches, uplinks and subscribers: who is where, and told apart how.
 */
import type { SubscriberSpec, SwitchSpec, UplinkSpec } from '../../model/declared.ts';
import { selects } from '../../model/hops.ts';
import type { Name } from '../../model/ids.ts';
import { ipv4Objection, ipv6Objection } from '../addresses.ts';
import { checkExternal } from './rewriting.ts';
import { contentionOf } from './services.ts';
import {
  heldBy,
  type Objections,
  objectsOf,
  othersBy,
  requireSwitch,
  uplinkOf,
  type World,
} from './world.ts';

export function admitSwitch(world: World, spec: SwitchSpec, objections: Objections): void {
  for (const other of othersBy(world, 'switches', `dpid ${spec.dpid}`, spec.name)) {
    objections.add('conflict', '/dpid', `switch ${other.name} has this datapath id`);
  }
}

export function admitUplink(world: World, spec: UplinkSpec, objections: Objections): void {
  const { attachment } = spec;
  requireSwitch(world, attachment.switch, '/attachment/switch', objections);
  for (const { spec: other } of objectsOf(world, 'uplinks').byBeginning(`port ${attachment.switch}/`)) {
    if (other.name === spec.name) continue;
    objections.add(
      'conflict',
      '/attachment/switch',
      `uplink ${other.name} is on this switch, and a switch has one`,
    );
  }
  for (const { spec: subscriber } of objectsOf(world, 'subscribers').by(portKey(attachment))) {
    objections.add('conflict', '/attachment/port', `subscriber ${subscriber.name} is attached to this port`);
  }
  checkPools(world, attachment, objections);
  const where = world.before.uplinks.get(spec.name)?.spec.attachment.switch;
  if (where === undefined || where === attachment.switch) return;
  for (const detail of mistakenWithoutUplinkOf(world, where))
    objections.add('conflict', '/attachment/switch', detail);
}

export function admitSubscriber(world: World, spec: SubscriberSpec, objections: Objections): void {
  const { attachment } = spec;
  requireSwitch(world, attachment.switch, '/attachment/switch', objections);
  checkAddresses(spec, objections);
  for (const { spec: uplink } of objectsOf(world, 'uplinks').by(portKey(attachment))) {
    objections.add('conflict', '/attachment/port', `uplink ${uplink.name} is on this port`);
  }
  checkPools(world, attachment, objections);
  // All that comes in at a port is its subscriber's, so it can have only one.
  for (const other of othersBy(world, 'subscribers', portKey(attachment), spec.name)) {
    objections.add('conflict', '/attachment/port', `subscriber ${other.name} is attached to this port`);
  }
  checkTellsApart(world, spec, objections);
  checkExternal(world, spec, objections);
  checkChains(world, spec, objections);
}

/** Chains that name a subscriber, and the first that each names, where no uplink is left for any. */
export function* chainsWithoutUplink(
  world: World,
): Generator<{ readonly chain: Name; readonly subscriber: Name }> {
  if (world.declared.uplinks.size > 0) return;
  for (const { spec } of objectsOf(world, 'chains').values()) {
    const subscriber = spec.subscribers?.find((name) => world.declared.subscribers.has(name));
    if (subscriber !== undefined) yield { chain: spec.name, subscriber };
  }
}

/** Subscribers of a switch that has lost its uplink who could be mistaken for others at the one they share now. */
export function* mistakenWithoutUplinkOf(world: World, switchName: Name): Generator<string> {
  for (const { spec } of objectsOf(world, 'subscribers').byBeginning(`port ${switchName}/`)) {
    for (const { other, what } of likeOnes(world, spec)) {
      yield `subscriber ${spec.name} of ${switchName} and ${other.name} of ${other.attachment.switch} have ${what} both, and only the uplinks of their switches tell them apart`;
    }
  }
}

/** A machine of a pool's has its ports to itself, also while what is under way there drains. */
function checkPools(world: World, attachment: UplinkSpec['attachment'], objections: Objections): void {
  const pools = [...objectsOf(world, 'pools').by(portKey(attachment))];
  for (const { spec: pool } of pools)
    objections.add('conflict', '/attachment/port', `a machine of pool ${pool.name} is on this port`);
  const holder = world.holderOf(attachment.switch, attachment.port);
  if (pools.length === 0 && holder) objections.add('conflict', '/attachment/port', heldBy(holder));
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

function checkTellsApart(world: World, spec: SubscriberSpec, objections: Objections): void {
  const here = spec.attachment.switch;
  for (const { other, pointer } of likeOnes(world, spec)) {
    const there = other.attachment.switch;
    const detail =
      there === here
        ? `subscriber ${other.name} of this switch has it`
        : `subscriber ${other.name} of ${there} has it; that can be where ${here} and ${there} have an uplink each`;
    objections.add('conflict', pointer, detail);
  }
}

/**
 * Others who have an address of this one's and may share its uplink: what comes down from there is told apart by
 * its addresses alone. A switch with an uplink of its own uses that.
 */
function* likeOnes(
  world: World,
  spec: SubscriberSpec,
): Generator<{ readonly other: SubscriberSpec; readonly pointer: string; readonly what: string }> {
  const here = spec.attachment.switch;
  const hasOwn = (at: Name): boolean => uplinkOf(world, at) !== undefined;
  const like = function* (key: string): Generator<SubscriberSpec> {
    for (const { spec: other } of objectsOf(world, 'subscribers').byBeginning(`${key}/`)) {
      const there = other.attachment.switch;
      if (other.name !== spec.name && (there === here || !hasOwn(here) || !hasOwn(there))) yield other;
    }
  };
  for (const other of like(`mac ${spec.mac}`)) yield { other, pointer: '/mac', what: spec.mac };
  for (const family of ['ipv4', 'ipv6'] as const)
    for (const [index, address] of (spec[family] ?? []).entries())
      for (const other of like(`ip ${address}`))
        yield { other, pointer: `/${family}/${index}`, what: address };
}

function checkChains(world: World, spec: SubscriberSpec, objections: Objections): void {
  const all = objectsOf(world, 'chains');
  const naming = [...all.by(`subscriber ${spec.name}`)].map((chain) => chain.spec);
  const selecting = [...all.by('selector')]
    .map((chain) => chain.spec)
    .filter((chain) => selects(chain, spec));
  const chains = [...naming, ...selecting];
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
}

const portKey = ({ switch: where, port }: UplinkSpec['attachment']): string => `port ${where}/${port}`;
