import { after, lengthFirst, padded, rest, struct, u8, u16, u32, u64 } from '../bytes/codec.ts';
import { row } from '../bytes/tlv.ts';
import { properties } from './properties.ts';

/** ofp_controller_status_prop_type (OpenFlow 1.5.1, 7.4.7) */
export const controllerPropertyTable = { uri: row(0, struct({ data: rest })) } as const;

/** ofp_controller_status: what the switch knows of one of its controllers. */
export const controllerStatus = lengthFirst(
  struct({
    /** 0 if it has none. */
    shortId: u16,
    /** One of roles. */
    role: u32,
    /** 0 request, 1 channel, 2 role, 3 added, 4 removed, 5 short id, 6 experimenter. */
    reason: u8,
    /** 0 up, 1 down. */
    channelStatus: padded(u8, 6),
    properties: properties(controllerPropertyTable),
  }),
);

/** ofp_time: seconds since 1970, and nanoseconds beyond them. */
export const time = struct({ sec: u64, nsec: padded(u32, 4) });

/** ofp_bundle_features_prop_type (OpenFlow 1.5.1, 7.3.5.21) */
export const bundleFeaturePropertyTable = {
  /** How exactly bundles are scheduled and how far from now; `timestamp` is now, as the sender has it. */
  time: row(1, after(4, struct({ accuracy: time, maxFuture: time, maxPast: time, timestamp: time }))),
} as const;

/** ofp_bundle_features_request (OpenFlow 1.5.1, 7.3.5.21). */
export const bundleFeaturesRequest = struct({
  /** Bits: 1 timestamp, 2 scheduling. */
  featureFlags: padded(u32, 4),
  properties: properties(bundleFeaturePropertyTable),
});

export const bundleFeaturesReply = struct({
  /** Bits: 1 atomic, 2 ordered, 4 scheduled. */
  capabilities: padded(u16, 6),
  properties: properties(bundleFeaturePropertyTable),
});
