import type { DesiredFlow } from '../model/desired.ts';
import { drop, ethDst, flow } from './flow.ts';
import { PRIORITY } from './pipeline.ts';
import type { SwitchView } from './view.ts';

/**
 * NORMAL may have learned where a subscriber is before it was chained, so frames for it are stopped here;
 * what NORMAL floods is kept off its port by isolation.
 */
export function unchainedFlows(view: SwitchView): readonly DesiredFlow[] {
  return view.chained.map(({ spec, owner }) =>
    flow(owner, 'unchained', PRIORITY.guard, [ethDst(spec.mac)], drop),
  );
}
