/**
 * What the switch does by itself when it finds an instance gone: a fast failover group for each side of an instance
 * gives frames to its port while that is live, and else to `passed`, where their path says what becomes of them.
 */
import { type Bucket, groupTypes } from 'ts-openflow';
import { type DesiredFlow, type DesiredGroup, groupNumber } from '../model/desired.ts';
import { SWITCH_OWNER } from '../model/ids.ts';
import { boundInstances, groupOf } from './bound.ts';
import { atPlace, flow, outputTo, resubmitTo, setMetadata } from './flow.ts';
import { encodePlace } from './metadata.ts';
import { PRIORITY } from './pipeline.ts';
import type { PathView, SwitchView } from './view.ts';

/**
 * Each bucket of a fast failover group has to watch something (OpenFlow 1.5.1, section 5.10.1). A group with a bucket that
 * watches nothing is always live. No instance has the number 0.
 */
const ALWAYS = groupNumber(0);

export function failoverGroups(view: SwitchView): readonly DesiredGroup[] {
  const passed: Bucket = {
    bucketId: 1,
    properties: [{ type: 'watchGroup', group: ALWAYS }],
    actions: [resubmitTo('passed')],
  };
  const always: DesiredGroup = {
    owner: SWITCH_OWNER,
    group: ALWAYS,
    groupType: groupTypes.indirect,
    buckets: [{ bucketId: 0, properties: [], actions: [] }],
    properties: [],
  };
  const failing = boundInstances(view).flatMap((of) =>
    (['left', 'right'] as const).flatMap((side): DesiredGroup[] => {
      const [group, port] = [groupOf(of, side), of.hop[side]];
      if (group === undefined || port === undefined) return [];
      const live: Bucket = {
        bucketId: 0,
        properties: [{ type: 'watchPort', port }],
        actions: [outputTo(port)],
      };
      const buckets = [live, passed];
      return [{ owner: of.owner, group, groupType: groupTypes.fastFailover, buckets, properties: [] }];
    }),
  );
  return view.isCommon ? [always, ...failing] : failing;
}

/** A frame that cannot go into a hop which fails open is behind it at once. Of any other hop there is no flow here. */
export function passedFlows(view: SwitchView): readonly DesiredFlow[] {
  return view.paths.flatMap(({ record, hops }: PathView) =>
    (['upstream', 'downstream'] as const).flatMap((direction) =>
      (direction === 'upstream' ? hops : hops.toReversed()).flatMap((hop, hopsDone): DesiredFlow[] => {
        if (!hop.here || !hop.ready || hop.tags !== undefined || hop.onFailure !== 'open') return [];
        const behind = encodePlace({ path: record.id, direction, hopsDone: hopsDone + 1 });
        const actions = [setMetadata(behind), resubmitTo('steer')];
        const at = atPlace({ path: record.id, direction, hopsDone });
        return [flow(record.owner, 'passed', PRIORITY.exact, at, [{ type: 'applyActions', actions }])];
      }),
    ),
  );
}
