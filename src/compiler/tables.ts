/** The tables of a switch, or of a part of it. Pure. */
import type { DesiredFlow, Isolation } from '../model/desired.ts';
import type { PortFact } from '../model/facts.ts';
import { type OfPort, SWITCH_OWNER } from '../model/ids.ts';
import type { DesiredPart } from '../model/parts.ts';
import { classifyFlows } from './classify.ts';
import { deliverFlows } from './deliver.ts';
import { egressFlows } from './egress.ts';
import { failoverGroups, passedFlows } from './failover.ts';
import { drop, flow, goTo, normal } from './flow.ts';
import { ingressFlows } from './ingress.ts';
import { PIPELINE, PRIORITY, TABLE_NAMES, type TableSpec } from './pipeline.ts';
import { steerFlows } from './steer.ts';
import { unchainedFlows } from './unchained.ts';
import { OFPP_MAX, type SwitchView } from './view.ts';

/** The tables that a view says. */
export function tablesOf(view: SwitchView): DesiredPart {
  return {
    flows: [
      ...(view.isCommon ? missFlows(view) : []),
      ...ingressFlows(view),
      ...classifyFlows(view),
      ...steerFlows(view),
      ...unchainedFlows(view),
      ...egressFlows(view),
      ...deliverFlows(view),
      ...passedFlows(view),
    ],
    groups: failoverGroups(view),
    isolated: isolation(view),
  };
}

/** Every table says what a miss does, so that nothing hangs on a switch's own default. */
function missFlows({ spec }: SwitchView): readonly DesiredFlow[] {
  const instructionsOf = (miss: TableSpec['miss']): DesiredFlow['instructions'] => {
    if (miss === 'drop') return drop;
    if (miss === 'declared') return spec.unchained === 'normal' ? normal : drop;
    return goTo(miss);
  };
  return TABLE_NAMES.map((name) =>
    flow(SWITCH_OWNER, name, PRIORITY.miss, [], instructionsOf(PIPELINE[name].miss)),
  );
}

function isolation(view: SwitchView): ReadonlyMap<OfPort, Isolation> {
  const chained = new Set(view.chained.map(({ port }) => port));
  const isClosed = ({ ofport, name }: PortFact): boolean =>
    chained.has(ofport) ||
    view.linkPorts.get(name) === 'closed' ||
    (ofport === view.uplink && !view.isUplinkOpen);
  const outside = view.outsidePorts
    .filter(({ ofport }) => ofport < OFPP_MAX)
    .map((port): readonly [OfPort, Isolation] => {
      if (isClosed(port)) return [port.ofport, 'all'];
      return [port.ofport, view.linkPorts.has(port.name) ? 'tagged' : 'none'];
    });
  const own = view.paths.flatMap(({ hops, taps }) => [
    ...hops.filter(({ tags }) => tags === undefined),
    ...taps,
  ]);
  const instances = [...own, ...view.pooled]
    .flatMap(({ left, right }) => [left, right])
    .filter((port) => port !== undefined)
    .map((port) => [port, 'all'] as const);
  return new Map([...outside, ...instances].sort(([a], [b]) => a - b));
}
