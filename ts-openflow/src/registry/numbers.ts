/** Numbers of the standard that have names. All are values of the wire. */

/** Wire versions. */
export const version13 = 4;
export const version15 = 6;
export type Version = typeof version13 | typeof version15;

/** Experimenter ids. */
export const experimenters = { nicira: 0x00002320, onf: 0x4f4e4600 } as const;

/** Reserved ports (ofp_port_no, 7.2.1.2). Ports of the switch are 1 to 0xffffff00. */
export const ports = {
  max: 0xffffff00,
  unset: 0xfffffff7,
  inPort: 0xfffffff8,
  table: 0xfffffff9,
  normal: 0xfffffffa,
  flood: 0xfffffffb,
  all: 0xfffffffc,
  controller: 0xfffffffd,
  local: 0xfffffffe,
  any: 0xffffffff,
} as const;

/** Reserved groups (ofp_group). */
export const groups = { max: 0xffffff00, all: 0xfffffffc, any: 0xffffffff } as const;

/** Every table, in requests and deletions. */
export const allTables = 0xff;

/** No packet is buffered in the switch. */
export const noBuffer = 0xffffffff;

/** The whole packet, as the max_len of an output to the controller. */
export const wholePacket = 0xffff;

/** vlan_vid: set where a frame has a tag; the VID is the 12 bits below. */
export const vlanPresent = 0x1000;

/** ofp_flow_mod_command */
export const flowCommands = { add: 0, modify: 1, modifyStrict: 2, delete: 3, deleteStrict: 4 } as const;

/** ofp_flow_mod_flags, bits */
export const flowFlags = {
  sendFlowRemoved: 1,
  checkOverlap: 2,
  resetCounts: 4,
  noPacketCounts: 8,
  noByteCounts: 16,
} as const;

/** ofp_flow_removed_reason */
export const flowRemovedReasons = {
  idleTimeout: 0,
  hardTimeout: 1,
  delete: 2,
  groupDelete: 3,
  meterDelete: 4,
  eviction: 5,
} as const;

/** ofp_packet_in_reason */
export const packetInReasons = {
  tableMiss: 0,
  applyAction: 1,
  invalidTtl: 2,
  actionSet: 3,
  group: 4,
  packetOut: 5,
} as const;

/** ofp_port_reason */
export const portReasons = { add: 0, delete: 1, modify: 2 } as const;

/** ofp_port_config, bits */
export const portConfig = { portDown: 1, noRecv: 4, noForward: 32, noPacketIn: 64 } as const;

/** ofp_port_state, bits */
export const portState = { linkDown: 1, blocked: 2, live: 4 } as const;

/** ofp_group_mod_command; the bucket commands came with 1.5 */
export const groupCommands = { add: 0, modify: 1, delete: 2, insertBucket: 3, removeBucket: 5 } as const;

/** ofp_group_type */
export const groupTypes = { all: 0, select: 1, indirect: 2, fastFailover: 3 } as const;

/** Reserved bucket ids of group commands (1.5) */
export const buckets = { max: 0xffffff00, first: 0xfffffffd, last: 0xfffffffe, all: 0xffffffff } as const;

/** ofp_controller_role */
export const roles = { noChange: 0, equal: 1, primary: 2, secondary: 3 } as const;

/** ofp_bundle_ctrl_type */
export const bundleControls = {
  openRequest: 0,
  openReply: 1,
  closeRequest: 2,
  closeReply: 3,
  commitRequest: 4,
  commitReply: 5,
  discardRequest: 6,
  discardReply: 7,
} as const;

/** ofp_bundle_flags, bits */
export const bundleFlags = { atomic: 1, ordered: 2, time: 4 } as const;

/** ofp_multipart_request_flags and ofp_multipart_reply_flags, bits */
export const multipartFlags = { more: 1 } as const;

/** ofp_capabilities, bits */
export const capabilities = {
  flowStats: 1,
  tableStats: 2,
  portStats: 4,
  groupStats: 8,
  ipReassembly: 32,
  queueStats: 64,
  portBlocked: 256,
  bundles: 512,
  flowMonitoring: 1024,
} as const;

/** ofp_config_flags: what is done with IP fragments */
export const configFlags = { fragNormal: 0, fragDrop: 1, fragReassemble: 2, fragMask: 3 } as const;

/** ofp_meter_mod_command */
export const meterCommands = { add: 0, modify: 1, delete: 2 } as const;

/** ofp_meter_flags, bits */
export const meterFlags = { kbps: 1, packetsPerSecond: 2, burst: 4, stats: 8 } as const;

/** Reserved meters (ofp_meter) */
export const meters = {
  max: 0xffff0000,
  slowPath: 0xfffffffd,
  controller: 0xfffffffe,
  all: 0xffffffff,
} as const;
