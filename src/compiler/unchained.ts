import type { SubscriberSpec } from '../model/declared.ts';
import type { DesiredFlow } from '../model/desired.ts';
import { SWITCH_OWNER } from '../model/ids.ts';
import { drop, ethDst, flow, isolationVlan, priorityTag } from './flow.ts';
import { PRIORITY } from './pipeline.ts';
import { remembering } from './remembered.ts';
import type { SwitchView } from './view.ts';

/**
 * NORMAL may have learned where a subscriber is before it was chained, so frames for it are stopped here;
 * what NORMAL floods is kept off its port by isolation, which a frame of the isolating VLAN would undo.
 */
export function unchainedFlows(view: SwitchView): readonly DesiredFlow[] {
  return [...(view.isCommon ? fixed(view) : []), ...view.chained.map(({ spec }) => guardOf(spec))];
}

const fixed = ({ linkPorts }: SwitchView): readonly DesiredFlow[] => [
  flow(SWITCH_OWNER, 'unchained', PRIORITY.guard, [isolationVlan], drop),
  // Sent over a link, it would lose this tag, and one inside would be taken for a label of a chain.
  ...(linkPorts.size === 0 ? [] : [flow(SWITCH_OWNER, 'unchained', PRIORITY.guard, [priorityTag], drop)]),
];

const remembered = remembering<SubscriberSpec, DesiredFlow>();
const guardOf = (spec: SubscriberSpec): DesiredFlow =>
  remembered(spec, '', () => flow(SWITCH_OWNER, 'unchained', PRIORITY.guard, [ethDst(spec.mac)], drop));
