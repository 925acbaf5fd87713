import type { DesiredFlow } from '../model/desired.ts';
import { arpFor, drop, ethDst, flow, inPort, placeAt, solicitationOf } from './flow.ts';
import { PRIORITY } from './pipeline.ts';
import type { ChainedView, SwitchView } from './view.ts';

/**
 * Upstream the port says whose a frame is, whatever addresses it claims. Downstream its destination does;
 * of what the uplink sends to everybody, a chained subscriber gets the questions about its own addresses.
 */
export function classifyFlows(view: SwitchView): readonly DesiredFlow[] {
  return view.chained.flatMap((subscriber) => [
    ...upstream(subscriber),
    ...(view.uplink === undefined ? [] : downstream(subscriber, inPort(view.uplink))),
  ]);
}

function upstream({ owner, port, path }: ChainedView): readonly DesiredFlow[] {
  if (port === undefined) return [];
  const enter = path ? placeAt({ path: path.record.id, direction: 'upstream', hopsDone: 0 }) : drop;
  return [flow(owner, 'classify', PRIORITY.wide, [inPort(port)], enter)];
}

function downstream(
  { spec, owner, path }: ChainedView,
  fromUplink: ReturnType<typeof inPort>,
): readonly DesiredFlow[] {
  const enter = path ? placeAt({ path: path.record.id, direction: 'downstream', hopsDone: 0 }) : drop;
  const identities = [
    [ethDst(spec.mac)],
    ...(spec.ipv4 ?? []).map(arpFor),
    ...(spec.ipv6 ?? []).map(solicitationOf),
  ];
  return identities.map((identity) =>
    flow(owner, 'classify', PRIORITY.exact, [fromUplink, ...identity], enter),
  );
}
