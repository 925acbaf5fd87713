/**
 * Functions that rewrite: a chain with one is known at the uplink by an address, which has to be its own.
 */
import { isIPv4 } from 'node:net';
import type { ChainSpec, FunctionSpec, SubscriberSpec } from '../../model/declared.ts';
import type { Ipv4, Name } from '../../model/ids.ts';
import { externalIn, externalOf } from '../../model/rewriting.ts';
import { ipv4Objection } from '../addresses.ts';
import { functionNamed, type Objections, objectsOf, type World } from './world.ts';

/** Why not. */
export const NOT_IN_POOLS =
  'what comes from the uplink to an address that many share does not say whose it is';

export function checkRewriting(world: World, spec: ChainSpec, objections: Objections): void {
  const rewriting = spec.hops.flatMap((hop, index) => {
    const found = hop.pool === undefined ? functionNamed(world, hop.function) : undefined;
    return hop.pool === undefined && found?.rewrites ? [{ hop, index, found, by: found.rewrites }] : [];
  });
  for (const { hop, index, found, by } of rewriting) {
    const objection = addressObjection(externalIn(found, hop.config));
    if (objection !== undefined) {
      const detail = `${objection}; it is the address by which ${found.name} is known at the uplink`;
      objections.add('invalid-config', `/hops/${index}/config${by.external}`, detail);
    }
    if (hop.onFailure === 'open') {
      const detail = `${found.name} rewrites addresses: passed over, it would let out packets that nobody can answer`;
      objections.add('conflict', `/hops/${index}/onFailure`, detail);
    }
  }
  const address = externalOf(spec, (name) => functionNamed(world, name));
  const last = rewriting.at(-1);
  if (address === undefined || last === undefined) return;
  if (spec.subscribers?.length !== 1) {
    const detail = `hop ${last.index} is known at the uplink by ${address}, and each subscriber has an instance of its own; name one subscriber`;
    objections.add('conflict', spec.subscribers ? '/subscribers' : '/selector', detail);
  }
  const pointer = `/hops/${last.index}/config${last.by.external}`;
  for (const other of chainsKnownBy(world, address, spec.name))
    objections.add('conflict', pointer, `chain ${other} is known at the uplink by ${address} too`);
  for (const { spec: subscriber } of objectsOf(world, 'subscribers').byBeginning(`ip ${address}/`))
    objections.add('conflict', pointer, `subscriber ${subscriber.name} has the address ${address}`);
}

/** A subscriber may not have the address that a chain is known by. */
export function checkExternal(world: World, { ipv4 = [] }: SubscriberSpec, objections: Objections): void {
  for (const [index, address] of ipv4.entries())
    for (const chain of chainsKnownBy(world, address))
      objections.add('conflict', `/ipv4/${index}`, `chain ${chain} is known at the uplink by it`);
}

/** What chains with hops of it rely on. */
export function checkRewritingKept(world: World, spec: FunctionSpec, objections: Objections): void {
  const before = world.before.functions.get(spec.name)?.spec;
  if (before === undefined || before.rewrites?.external === spec.rewrites?.external) return;
  for (const { spec: chain } of objectsOf(world, 'chains').by(`function ${spec.name}`)) {
    const detail = `chain ${chain.name} has a hop of it, and relies on whether and how it rewrites`;
    objections.add('conflict', '/rewrites', detail);
  }
}

function* chainsKnownBy(world: World, address: Ipv4, but?: Name): Generator<Name> {
  for (const { spec } of objectsOf(world, 'chains').by(`address ${address}`)) {
    if (spec.name !== but && externalOf(spec, (name) => functionNamed(world, name)) === address)
      yield spec.name;
  }
}

function addressObjection(value: unknown): string | undefined {
  if (value === undefined) return 'is missing';
  if (typeof value !== 'string' || !isIPv4(value)) return 'has to be an IPv4 address, such as 192.0.2.1';
  return ipv4Objection(value);
}
