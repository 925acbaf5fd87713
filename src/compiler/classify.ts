import type { DesiredFlow } from '../model/desired.ts';
import { SWITCH_OWNER } from '../model/ids.ts';
import { arpFor, drop, ethDst, flow, inPort, isolationVlan, placeAt, solicitationOf } from './flow.ts';
import { PRIORITY } from './pipeline.ts';
import type { ChainedView, SwitchView } from './view.ts';

/**
 * Upstream the port says whose a frame is, whatever addresses it claims. Downstream its destination does;
 * of what the uplink sends to everybody, a chained subscriber gets the questions about its own addresses.
 */
export function classifyFlows(view: SwitchView): readonly DesiredFlow[] {
  // It stands in `unchained` too: whoever deletes one of the two opens nothing before it is put back.
  const guard = flow(SWITCH_OWNER, 'classify', PRIORITY.last, [isolationVlan], drop);
  const owned = view.chained.flatMap((subscriber) => [
    ...upstream(subscriber),
    ...(view.uplink === undefined ? [] : downstream(subscriber, inPort(view.uplink))),
  ]);
  return [guard, ...owned];
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
