import type { DesiredFlow } from '../model/desired.ts';
import { type OfPort, SWITCH_OWNER } from '../model/ids.ts';
import { boundInstances, type EgressInstance, groupOf } from './bound.ts';
import { boundFor, drop, flow, inPort, output, outputBack } from './flow.ts';
import type { NextHop, Side } from './metadata.ts';
import { PRIORITY } from './pipeline.ts';
import type { InstanceView, SwitchView } from './view.ts';

/**
 * The one place where an instance's port stands as a target: an instance that comes or goes changes its own
 * two flows here and no path's. An instance that is not ready gets nothing. Those of a pool are no chain's.
 */
export function egressFlows(view: SwitchView): readonly DesiredFlow[] {
  const ends = new Set<OfPort>(view.isCommon && view.uplink !== undefined ? [view.uplink] : []);
  // Where only services have chains, the rest goes straight from one end to the other.
  const bare = view.chained.filter(({ chains }) => chains.every(({ service }) => service));
  if (view.uplink !== undefined) for (const { port } of bare) if (port !== undefined) ends.add(port);
  for (const { subscriber } of view.paths) if (subscriber !== undefined) ends.add(subscriber);
  const crossed = view.isCommon ? [...view.crossed].map((name) => view.numbers.get(name)) : [];
  const links = new Set(crossed.filter((port) => port !== undefined));
  for (const port of links) ends.add(port);
  // Where a hop behind a link is passed over, a frame may leave by the port that it came in at.
  const returns = [...links]
    .sort((a, b) => a - b)
    .map((port) => {
      const bound = [inPort(port), ...boundFor({ kind: 'port', port })];
      return flow(SWITCH_OWNER, 'egress', PRIORITY.guard, bound, outputBack);
    });
  const exits = [...ends]
    .sort((a, b) => a - b)
    .map((port) =>
      flow(SWITCH_OWNER, 'egress', PRIORITY.exact, boundFor({ kind: 'port', port }), output(port)),
    );

  const entries = boundInstances(view).flatMap((of) =>
    (['left', 'right'] as const).map((side) =>
      flow(of.owner, 'egress', PRIORITY.exact, boundFor(into(of.hop, side)), enter(of, side)),
    ),
  );
  return [...returns, ...exits, ...entries];
}

const into = ({ instance }: InstanceView, side: Side): NextHop => ({ kind: 'instance', instance, side });

function enter(of: EgressInstance, side: Side): DesiredFlow['instructions'] {
  const [port, group] = [of.hop[side], groupOf(of, side)];
  if (group !== undefined) return [{ type: 'applyActions', actions: [{ type: 'group', group }] }];
  return of.hop.ready && port !== undefined ? output(port) : drop;
}
