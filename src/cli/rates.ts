/**
 * Counters as an operator watches them: packets and bits a second, for each instance, or summed up. Pure.
 */
import type { InstanceCounters } from '../model/facts.ts';
import type { InstanceShown } from './kinds.ts';

export const GROUPS = ['instance', 'subscriber', 'chain'] as const;
export type Group = (typeof GROUPS)[number];

export type Sample = {
  /** Milliseconds on a clock that only grows. */
  readonly at: number;
  readonly instances: readonly {
    readonly shown: InstanceShown;
    readonly counters: InstanceCounters | undefined;
  }[];
};

export type RateRow = {
  readonly key: string;
  readonly chain: string;
  readonly subscriber: string;
  readonly hop: string;
  readonly instances: number;
  readonly ready: number;
  /** Upstream is what comes in at the left, from the subscriber; absent without a sample before. */
  readonly rates: { readonly [F in keyof Rates]: number } | undefined;
};
type Rates = { upPackets: number; upBits: number; downPackets: number; downBits: number; dropped: number };

/**
 * One row for each group, the busiest first. Chains and subscribers count each instance on the way, as a packet
 * is work for each.
 */
export function rateRows(now: Sample, before: Sample | undefined, group: Group): readonly RateRow[] {
  const earlier = new Map(before?.instances.map(({ shown, counters }) => [shown.id, counters]));
  const seconds = before === undefined ? 0 : (now.at - before.at) / 1000;
  const rows = new Map<string, RateRow>();
  for (const { shown, counters } of now.instances) {
    const key = group === 'instance' ? shown.id : (shown[group] ?? shown.pool ?? '');
    const was = earlier.get(shown.id);
    const rates = seconds > 0 && counters && was ? ratesOf(counters, was, seconds) : undefined;
    const row: RateRow = {
      key,
      chain: group === 'subscriber' ? '' : (shown.chain ?? ''),
      subscriber: group === 'chain' ? '' : (shown.subscriber ?? ''),
      hop: group === 'instance' ? (shown.hop ?? shown.pool ?? '') : '',
      instances: 1,
      ready: shown.status.phase === 'ready' ? 1 : 0,
      rates,
    };
    const known = rows.get(key);
    rows.set(key, known === undefined ? row : merged(known, row));
  }
  const load = ({ rates }: RateRow): number => (rates ? rates.upBits + rates.downBits : 0);
  return [...rows.values()].sort(
    (a, b) => load(b) - load(a) || a.key.localeCompare(b.key, 'en', { numeric: true }),
  );
}

function merged(a: RateRow, b: RateRow): RateRow {
  return {
    ...a,
    instances: a.instances + b.instances,
    ready: a.ready + b.ready,
    rates: a.rates && b.rates ? sum(a.rates, b.rates) : (a.rates ?? b.rates),
  };
}

const sum = (a: Rates, b: Rates): Rates => ({
  upPackets: a.upPackets + b.upPackets,
  upBits: a.upBits + b.upBits,
  downPackets: a.downPackets + b.downPackets,
  downBits: a.downBits + b.downBits,
  dropped: a.dropped + b.dropped,
});

/** Counters begin again when a guest does; less than before is then all that there was since. */
function ratesOf(now: InstanceCounters, was: InstanceCounters, seconds: number): Rates {
  const per = (later: number, earlier: number): number =>
    (later < earlier ? later : later - earlier) / seconds;
  return {
    upPackets: per(now.left.rxPackets, was.left.rxPackets),
    upBits: 8 * per(now.left.rxBytes, was.left.rxBytes),
    downPackets: per(now.right.rxPackets, was.right.rxPackets),
    downBits: 8 * per(now.right.rxBytes, was.right.rxBytes),
    dropped: per(now.left.dropped + now.right.dropped, was.left.dropped + was.right.dropped),
  };
}

/** Three digits and a unit: `1.25M`. */
export function shortNumber(value: number): string {
  const units = ['', 'k', 'M', 'G', 'T'];
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)}${units[unit]}`;
}
