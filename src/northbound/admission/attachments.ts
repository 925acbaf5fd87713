/**
 * Switches, uplinks and subscribers: who is where, and told apart how.
 */
import type { SubscriberSpec, SwitchSpec, UplinkSpec } from '../../model/declared.ts';
import { selects } from '../../model/hops.ts';
import type { Name } from '../../model/ids.ts';
import { ipv4Objection, ipv6Objection } from '../addresses.ts';
import { poolsElsewhere } from './chains.ts';
import { checkExternal } from './rewriting.ts';
import { contentionOf } from './services.ts';
import { type Objections, objectsOf, othersBy, requireSwitch, uplinkOf, type World } from './world.ts';

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
  const where = world.before.uplinks.get(spec.name)?.spec.attachment.switch;
  if (where === undefined || where === attachment.switch) return;
  for (const { chain, subscriber } of chainsThatNeedUplinkOf(world, where)) {
    objections.add(
      'conflict',
      '/attachment/switch',
      `chain ${chain} needs the uplink of ${where} for ${subscriber}`,
    );
  }
}

export function admitSubscriber(world: World, spec: SubscriberSpec, objections: Objections): void {
  const { attachment } = spec;
  requireSwitch(world, attachment.switch, '/attachment/switch', objections);
  checkAddresses(spec, objections);
  for (const { spec: uplink } of objectsOf(world, 'uplinks').by(portKey(attachment))) {
    objections.add('conflict', '/attachment/port', `uplink ${uplink.name} is on this port`);
  }
  // All that comes in at a port is its subscriber's, so it can have only one.
  for (const other of othersBy(world, 'subscribers', portKey(attachment), spec.name)) {
    objections.add('conflict', '/attachment/port', `subscriber ${other.name} is attached to this port`);
  }
  checkTellsApart(world, spec, objections);
  checkExternal(world, spec, objections);
  checkChains(world, spec, objections);
}

/** Chains that name a subscriber on a switch that has no uplink but had this one, and the first that each names. */
export function* chainsThatNeedUplinkOf(
  world: World,
  switchName: Name,
): Generator<{ readonly chain: Name; readonly subscriber: Name }> {
  if (uplinkOf(world, switchName) !== undefined) return;
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
function checkTellsApart(world: World, spec: SubscriberSpec, objections: Objections): void {
  const { attachment, name } = spec;
  const check = (key: string, pointer: string): void => {
    for (const other of othersBy(world, 'subscribers', key, name)) {
      objections.add('conflict', pointer, `subscriber ${other.name} of this switch has it`);
    }
  };
  check(`mac ${attachment.switch}/${spec.mac}`, '/mac');
  for (const family of ['ipv4', 'ipv6'] as const) {
    for (const [index, address] of (spec[family] ?? []).entries()) {
      check(`ip ${attachment.switch}/${address}`, `/${family}/${index}`);
    }
  }
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
  const where = spec.attachment.switch;
  for (const chain of naming) {
    for (const pool of poolsElsewhere(world, chain, where)) {
      const detail = `chain ${chain.name} names it, and its pool ${pool.name} is on ${pool.switch}`;
      objections.add('conflict', '/attachment/switch', detail);
    }
  }
  if (naming[0] !== undefined && uplinkOf(world, spec.attachment.switch) === undefined) {
    const detail = `chain ${naming[0].name} names it, and ${spec.attachment.switch} has no uplink; declare one first`;
    objections.add('conflict', '/attachment/switch', detail);
  }
}

const portKey = ({ switch: where, port }: UplinkSpec['attachment']): string => `port ${where}/${port}`;
