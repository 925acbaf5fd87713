import type { DesiredFlow } from '../model/desired.ts';
import type { Member } from '../model/steering.ts';
import { flow, identitiesOf, onPath, output } from './flow.ts';
import { PRIORITY } from './pipeline.ts';
import { identityOf, remembering } from './remembered.ts';
import type { SwitchView } from './view.ts';

/**
 * Only those who are on a path, or were until just now, get what comes down it, so that no function can
 * bring a frame to somebody whose chain it is not on.
 */
export function deliverFlows(view: SwitchView): readonly DesiredFlow[] {
  return view.deliveries.flatMap(({ member, spec, port, paths }) =>
    remembered(member, `${identityOf(spec)} ${port} ${paths.map(({ id }) => id)}`, () =>
      paths.flatMap(({ id, owner }) =>
        identitiesOf(spec).map((identity) =>
          flow(owner, 'deliver', PRIORITY.exact, [...onPath(id, 'downstream'), ...identity], output(port), [
            { owner, subscriber: spec.name, direction: 'downstream', at: { kind: 'left' } },
          ]),
        ),
      ),
    ),
  );
}

const remembered = remembering<Member, readonly DesiredFlow[]>();
