/** Counters as they are asked for, from what the switches have counted. Pure. */
import type {
  ChainCounters,
  Count,
  Counted,
  HopCounters,
  SubscriberCounters,
  WireCounters,
  WireDirection,
} from '../model/counters.ts';
import type { ChainSpec, Declared } from '../model/declared.ts';
import { resolveHops } from '../model/hops.ts';
import type { Name } from '../model/ids.ts';
import type { Steering } from '../model/steering.ts';

export type CountersInput = {
  readonly declared: Declared;
  readonly steering: Steering;
  readonly counted: readonly Counted[];
  /** When the switches were read last. */
  readonly at: string | undefined;
};

/** @returns undefined where there is no such chain */
export function chainCounters(name: Name, input: CountersInput): ChainCounters | undefined {
  const chain = input.declared.chains.get(name);
  if (!chain) return undefined;
  const owner = input.steering.owners.get(chain.uid);
  return wiresOf(
    chain.spec,
    input.at,
    input.counted.filter(({ point }) => point.owner === owner),
  );
}

/** @returns undefined where there is no such subscriber */
export function subscriberCounters(name: Name, input: CountersInput): SubscriberCounters | undefined {
  if (!input.declared.subscribers.has(name)) return undefined;
  const own = Map.groupBy(
    input.counted.filter(({ point }) => point.subscriber === name),
    ({ point }) => point.owner,
  );
  return {
    subscriber: name,
    chains: [...input.declared.chains.values()].flatMap(({ uid, spec }) => {
      const owner = input.steering.owners.get(uid);
      const counted = owner === undefined ? undefined : own.get(owner);
      return counted === undefined ? [] : [wiresOf(spec, input.at, counted)];
    }),
  };
}

function wiresOf(spec: ChainSpec, at: string | undefined, counted: readonly Counted[]): ChainCounters {
  return {
    chain: spec.name,
    ...(at === undefined ? {} : { at }),
    upstream: wireOf('upstream', spec, counted),
    downstream: wireOf('downstream', spec, counted),
  };
}

function wireOf(direction: WireDirection, spec: ChainSpec, counted: readonly Counted[]): WireCounters {
  const here = counted.filter(({ point }) => point.direction === direction);
  const resolved = resolveHops(spec);
  const declared = resolved.map(({ hop }) => hop);
  const taps = new Set(resolved.filter(({ tap }) => tap).map(({ hop }) => hop));
  const met = here.flatMap(({ point: { at } }) => ('hop' in at ? [at.hop] : []));
  const names = new Set([...(direction === 'upstream' ? declared : declared.toReversed()), ...met]);
  const at = (kind: Counted['point']['at']['kind'], hop?: string): Count =>
    sum(
      here.filter(
        ({ point }) => point.at.kind === kind && ('hop' in point.at ? point.at.hop : undefined) === hop,
      ),
    );
  return {
    entered: at('entered'),
    hops: [...names].map((hop): HopCounters => {
      const [into, outOf] = [at('into', hop), at('outOf', hop)];
      // Nothing is to come back from a tap.
      if (taps.has(hop)) return { hop, into, outOf, missing: { packets: 0, bytes: 0 } };
      const missing = {
        packets: Math.max(0, into.packets - outOf.packets),
        bytes: Math.max(0, into.bytes - outOf.bytes),
      };
      return { hop, into, outOf, missing };
    }),
    left: at('left'),
  };
}

const sum = (counts: readonly Count[]): Count => ({
  packets: counts.reduce((total, { packets }) => total + packets, 0),
  bytes: counts.reduce((total, { bytes }) => total + bytes, 0),
});
